"""Where completions end, how they are judged meanwhile, and what a failing judge does to a run."""

import threading
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import Future
from dataclasses import replace
from typing import Any

import pytest

torch = pytest.importorskip("torch", reason="the trainer's tests need torch: pip install torch, then '.[train]'")
pytest.importorskip("transformers", reason="the trainer's tests need transformers: pip install '.[train]'")

from appsplus.errors import SandboxError
from appsplus.evaluation.backends.padding import left_padded
from appsplus.evaluation.extraction import Program, extract
from appsplus.judge import Report
from appsplus.problem import Checker, Limits, Problem, Verdict
from stepcoder.batch import keep_of, reward_of
from stepcoder.config import SftConfig
from stepcoder.data import new_tokenizer, token_offsets, tokenizer_texts
from stepcoder.errors import TrainingError
from stepcoder.generation import EndOfBlock, chosen, written
from stepcoder.policy import Policy, new_model
from stepcoder.rollouts import Completion, Decoding, Judged, Judgements, Task, collect, generate, job_of
from tests.stepcoder.conftest import StandInJudge


@pytest.fixture
def tokenizer(problems: list[Problem]) -> Any:
    return new_tokenizer(tokenizer_texts(problems), 400)


@pytest.fixture
def lm(tokenizer: Any) -> Any:
    torch.manual_seed(3)
    sizes = SftConfig(hidden_size=32, layers=1, heads=2, max_prompt_tokens=64, max_completion_tokens=64)
    return Policy(new_model(sizes, tokenizer)).lm.eval()


def ended_at(tokenizer: Any, prompt: str, completion: str) -> int:
    """After how many tokens of a completion EndOfBlock stops; 0: it does not."""
    start, ids = tokenizer(prompt)["input_ids"], tokenizer(completion)["input_ids"]
    ends = EndOfBlock(tokenizer, torch.device("cpu"))
    return next((n for n in range(1, len(ids) + 1) if ends(torch.tensor([[*start, *ids[:n]]]), n).item()), 0)


PROMPT = "text\n```python\n"


def test_a_completion_ends_with_the_line_that_closes_its_block(tokenizer: Any) -> None:
    n = ended_at(tokenizer, PROMPT, "x = 1\n```\nand more")
    assert tokenizer.decode(tokenizer("x = 1\n```\nand more")["input_ids"][:n]).startswith("x = 1\n```")
    assert len(tokenizer("x = 1\n```")["input_ids"]) <= n <= len(tokenizer("x = 1\n```\n")["input_ids"])


@pytest.mark.parametrize("completion", ["x = '```'", "x = 1  # `", "print(2)\n\n", "``"])
def test_backticks_inside_a_line_do_not_end_a_completion(tokenizer: Any, completion: str) -> None:
    assert ended_at(tokenizer, PROMPT, completion) == 0


def test_a_fence_may_follow_the_prefix_at_once(tokenizer: Any) -> None:
    assert ended_at(tokenizer, PROMPT + "x = 1\n", "```") > 0
    assert ended_at(tokenizer, PROMPT + "if x:\n    ", "```") > 0


def test_the_end_of_text_token_ends_a_completion(tokenizer: Any) -> None:
    start = tokenizer(PROMPT)["input_ids"]
    ends = EndOfBlock(tokenizer, torch.device("cpu"))
    two = torch.tensor([[*start, 5, 6], [*start, 5, tokenizer.eos_token_id]])
    assert ends(two, 2).tolist() == [False, True]


def test_a_plain_loop_writes_what_the_generate_of_transformers_writes(
    tokenizer: Any, lm: Any, problems: list[Problem]
) -> None:
    """Also where rows end early and leave the batch: the end of text is made a token that some rows write, and soon."""
    tasks = [Task.of(p, (8 * i, 0), 1, tokenizer) for i, p in enumerate(problems)]
    lm = lm.double()  # so that no likeliest token hangs on the order of additions
    with torch.no_grad():
        for p in lm.model.layers.parameters():
            p.normal_(generator=torch.Generator().manual_seed(5))

    def theirs() -> list[list[int]]:
        prompts = [torch.tensor([task.ids]) for task in tasks]
        options: dict[str, Any] = {"do_sample": False, "max_new_tokens": 40, "eos_token_id": tokenizer.eos_token_id}
        made = [lm.generate(input_ids=ids, attention_mask=torch.ones_like(ids), **options) for ids in prompts]
        return [out[0, ids.shape[1] :].tolist() for out, ids in zip(made, prompts, strict=True)]

    endless = theirs()
    by_rows = Counter(token for row in endless for token in set(row[:30]))
    end = next(token for token, rows in by_rows.items() if 1 <= rows < len(tasks))
    tokenizer.eos_token = tokenizer.convert_ids_to_tokens(end)
    expected = theirs()
    assert len({len(row) for row in expected}) > 1
    ours = generate(lm, tokenizer, tasks, max_tokens=40, temperature=0.0, top_p=1.0)
    assert [list(completion.ids) for completion in ours] == expected


def test_a_row_ends_where_the_model_reads_no_further(tokenizer: Any, problems: list[Problem]) -> None:
    """GPT-2 has learned positions, and none beyond its last. Rows that have ended stay in the batch for a while."""
    from transformers import GPT2Config, GPT2LMHeadModel

    torch.manual_seed(0)
    lengths = [10, 4, 15, 16, 17, 4]
    shape = GPT2Config(vocab_size=len(tokenizer), n_positions=16, n_embd=8, n_layer=1, n_head=1)
    prompts = [list(range(5, 5 + length)) for length in lengths]
    told: list[tuple[int, int]] = []
    ids, attention = left_padded(prompts, tokenizer.pad_token_id)
    rows = written(
        GPT2LMHeadModel(shape).eval(),
        tokenizer,
        ids,
        attention,
        pad_id=tokenizer.pad_token_id,
        max_tokens=20,
        temperature=1.0,
        top_p=1.0,
        ends=lambda found, _count: torch.zeros(len(found), dtype=torch.bool),
        told=lambda row, response: told.append((row, len(response))),
    )
    assert [len(row) for row in rows] == [6, 12, 1, 0, 0, 12]
    assert sorted(told) == list(enumerate(map(len, rows)))


def test_the_nucleus_is_the_smallest_set_that_reaches_its_share() -> None:
    logits = torch.tensor([[0.5, 0.3, 0.15, 0.05]]).log().repeat(4000, 1)
    torch.manual_seed(0)
    for top_p, expected in ((1.0, {0, 1, 2, 3}), (0.81, {0, 1, 2}), (0.79, {0, 1}), (0.2, {0}), (0.0, {0})):
        assert set(chosen(logits, temperature=1.0, top_p=top_p).tolist()) == expected
    drawn = chosen(logits, temperature=1.0, top_p=0.79)
    assert (drawn == 0).float().mean().item() == pytest.approx(0.5 / 0.8, abs=0.03)
    colder = chosen(logits, temperature=0.5, top_p=0.79)  # 25 : 9
    assert (colder == 0).float().mean().item() == pytest.approx(25 / 34, abs=0.03)
    assert chosen(logits, temperature=0.0, top_p=1.0).unique().tolist() == [0]


@pytest.mark.parametrize(("likeliest", "expected"), [(0.9, 1), (0.0, 240)])
def test_a_nucleus_is_whole_whether_few_tokens_hold_it_or_hundreds(likeliest: float, expected: int) -> None:
    """300 tokens: token 7 and 299 alike, of which 0.8 * 300 = 240 make up 0.8."""
    shares = torch.full((300,), (1 - likeliest) / 299)
    shares[7] = likeliest or 1 / 300
    torch.manual_seed(0)
    drawn = chosen(shares.log().repeat(20_000, 1), temperature=1.0, top_p=0.799)
    assert len(drawn.unique()) == expected
    assert likeliest == 0 or drawn.unique().tolist() == [7]


def test_completions_have_their_own_lengths_and_the_same_seed_gives_the_same(
    tokenizer: Any, lm: Any, problems: list[Problem]
) -> None:
    tasks = [Task.of(p, (0,), 1, tokenizer) for p in problems for _ in range(3)]
    runs = []
    for _ in range(2):
        torch.manual_seed(11)
        runs.append(generate(lm, tokenizer, tasks, max_tokens=12, temperature=1.0, top_p=1.0))
    assert [c.ids for c in runs[0]] == [c.ids for c in runs[1]]
    for completion in runs[0]:
        assert 1 <= len(completion.ids) <= 12
        assert tokenizer.eos_token_id not in completion.ids[:-1]
        assert tokenizer.decode(completion.ids, skip_special_tokens=True) == completion.text
    assert len({c.ids for c in runs[0]}) > 1


def test_a_row_does_not_depend_on_the_rows_that_it_is_generated_with(
    tokenizer: Any, lm: Any, problems: list[Problem]
) -> None:
    tasks = [Task.of(p, (len(p.canonical_solution) // 2, 0), 1 + i % 2, tokenizer) for i, p in enumerate(problems)]
    together = generate(lm, tokenizer, tasks, max_tokens=8, temperature=0.0, top_p=1.0)
    for task, completion in zip(tasks, together, strict=True):
        [alone] = generate(lm, tokenizer, [task], max_tokens=8, temperature=0.0, top_p=1.0)
        assert alone.ids == completion.ids


def canonical(problem: Problem, tokenizer: Any, level_chars: int = 0) -> Completion:
    code = problem.canonical_solution
    task = Task.of(problem, (level_chars, 0), 1, tokenizer)
    text = code[level_chars:].rstrip("\n") + "\n```"
    program = extract(text, task.prefix, fence_open=True)
    assert isinstance(program, Program)
    return Completion(task, tuple(tokenizer(text)["input_ids"]), text, program)


def test_the_judge_runs_prefix_and_completion(tokenizer: Any, problems: list[Problem]) -> None:
    with Judgements(StandInJudge(problems), threads=1, coverage=False) as judgements:
        completion = canonical(problems[2], tokenizer, 17)
        report = judgements.submit(completion).result()
    assert report is not None
    assert report.verdict is Verdict.ACCEPTED
    assert completion.program is not None
    assert completion.program.prefix_chars == 17


def test_a_completion_without_a_program_is_not_judged_and_earns_what_a_compile_error_does(
    tokenizer: Any, problems: list[Problem]
) -> None:
    judge = StandInJudge(problems)
    with Judgements(judge, threads=1, coverage=True) as judgements:
        nothing = Completion(Task.of(problems[0], (0,), 1, tokenizer), (4, 5), " \n```", None)
        judged = judgements.collect([(nothing, judgements.submit(nothing))])
    assert judge.asked == judgements.failed == 0
    assert judged[0].outcome == "extraction_failed"
    assert [reward_of(judged[0], variant) for variant in ("verdict", "binary", "pass_rate")] == [-1.0, 0.0, -1.0]
    assert keep_of(judged[0], [(0, 1), (1, 3)], "union") == [1.0, 1.0]


def test_a_program_that_is_written_again_is_not_judged_again(tokenizer: Any, problems: list[Problem]) -> None:
    judge = StandInJudge(problems, lambda n: n == 2)
    with Judgements(judge, threads=1, coverage=False) as judgements:
        one, other = canonical(problems[0], tokenizer), canonical(problems[1], tokenizer)  # the same program
        assert one.program == other.program
        first, second = judgements.submit(one), judgements.submit(one)
        assert first.result() is second.result() is not None
        assert judge.asked == 1
        with pytest.raises(SandboxError):
            judgements.submit(other).result()
        again = judgements.submit(other).result()  # a failure of the judge is no report
        assert (judge.asked, again is None) == (3, False)


def test_a_judge_failure_drops_the_completion_and_is_counted(tokenizer: Any, problems: list[Problem]) -> None:
    with Judgements(StandInJudge(problems, lambda n: n == 2), threads=1, coverage=False) as judgements:
        completions = [canonical(p, tokenizer) for p in problems]
        judged = judgements.collect([(c, judgements.submit(c)) for c in completions])
    assert (len(judged), judgements.failed, judgements.asked) == (5, 1, 6)
    assert problems[1].problem_id not in {j.completion.task.problem.problem_id for j in judged}


def test_more_than_one_in_a_hundred_failures_ends_the_run(tokenizer: Any, problems: list[Problem]) -> None:
    with Judgements(StandInJudge(problems, lambda n: n % 2 == 0), threads=1, coverage=False) as judgements:
        completions = [canonical(p, tokenizer) for p in problems]
        with pytest.raises(TrainingError, match=r"failed on 3 of 6 completions .*the worker is gone.* --resume"):
            judgements.collect([(c, judgements.submit(c)) for c in completions])


@pytest.mark.parametrize(("failed", "of", "ends"), [(2, 3, False), (3, 299, True), (3, 300, False), (4, 300, True)])
def test_the_limit_is_one_in_a_hundred_of_all_so_far_and_two_at_least(
    tokenizer: Any, problems: list[Problem], failed: int, of: int, ends: bool
) -> None:
    completion = canonical(problems[0], tokenizer)

    def answered(count: int, failures: int) -> list[tuple[Completion, Future[Report | None]]]:
        futures: list[Future[Report | None]] = [Future() for _ in range(count)]
        for number, future in enumerate(futures):
            if number < failures:
                future.set_exception(SandboxError("the worker is gone"))
            else:
                future.set_result(None)
        return [(completion, future) for future in futures]

    with Judgements(StandInJudge(problems), threads=1, coverage=False) as judgements:
        judgements.collect(answered(of - failed - 1, 0))  # an update before
        if ends:
            with pytest.raises(TrainingError, match=f"failed on {failed} of {of} completions"):
                judgements.collect(answered(failed + 1, failed))
        else:
            assert len(judgements.collect(answered(failed + 1, failed))) == 1
            assert judgements.failed == failed


def test_a_job_has_the_problem_s_limits_checker_and_unit_tests(problems: list[Problem]) -> None:
    checker, limits = Checker("unordered"), Limits(cpu_s=3.0, memory_mib=77)
    job = job_of(replace(problems[0], checker=checker, limits=limits, reference_cpu_s=None), "x = 1\n", ("numpy",))
    assert (job.checker, job.limits, job.unit_tests) == (checker, limits, problems[0].unit_tests)
    assert (job.program, job.modules, job.entry_point) == ("x = 1\n", ("numpy",), problems[0].entry_point)
    slow = job_of(replace(problems[0], limits=limits, reference_cpu_s=2.0), "x = 1\n", ())
    assert slow.limits.cpu_s > limits.cpu_s  # a program nobody vouched for may need more than the reference


def test_judging_goes_on_while_the_next_completions_are_generated(
    tokenizer: Any, lm: Any, problems: list[Problem]
) -> None:
    """The judge's first job ends only once generation has been asked for more: in sequence, this would wait for ever."""
    second_batch = threading.Event()

    class Slow(StandInJudge):
        def judge(self, jobs: Sequence[Any]) -> list[Report]:
            assert second_batch.wait(60)
            return super().judge(jobs)

    class Watched(type(lm)):  # type: ignore[misc]
        calls = 0

        def forward(self, input_ids: Any, **options: Any) -> Any:
            Watched.calls += input_ids.shape[1] > 1  # a prompt: the start of a batch
            if Watched.calls == 2:
                second_batch.set()
            return super().forward(input_ids, **options)

    lm.__class__ = Watched
    tasks = [Task.of(p, (0,), 1, tokenizer) for p in problems[:4]]
    with Judgements(Slow(problems), threads=1, coverage=False) as judgements:
        got = collect(lm, tokenizer, tasks, judgements, Decoding(1.0, 1.0, max_tokens=4, batch=2))
    assert len(got.judged) == 4
    assert Watched.calls == 2


def test_fgo_keeps_the_tokens_of_executed_lines(tokenizer: Any, problems: list[Problem]) -> None:
    """The stand-in judge says that lines 1 and 2 ran; the completion begins within line 2."""
    problem = problems[3]
    completion = canonical(problem, tokenizer, 17)
    offsets = token_offsets(completion.ids, completion.text, tokenizer)
    [report] = StandInJudge([problem]).judge([_job(problem, completion)])
    keep = keep_of(Judged(completion, report), offsets, "union")
    kept = "".join(completion.text[a:b] for (a, b), k in zip(offsets, keep, strict=True) if k)
    assert kept.startswith("if n > 2:")
    assert kept.endswith("```")  # the fence is no line of the program
    assert "print" not in kept
    assert keep_of(Judged(completion, report), offsets, None) == [1.0] * len(completion.ids)


def _job(problem: Problem, completion: Completion) -> Any:
    assert completion.program is not None
    return replace(job_of(problem, completion.program.text, ()), coverage=True)
