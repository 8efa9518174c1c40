"""CodeRL's critic sampling at inference: refine and repair programs by what example tests say (arXiv:2207.01780).

N completions of a problem run on its example tests, its first `--example-tests` unit tests. Those that pass stay. Then

    refine   where one passes, each that fails is written again: from the best prefix of one that passes, the one in which
             the critic sees the highest probability of passing after its last token,
                 t* = argmax over t of softmax(head(h_t))[passed]
             so that token t* is the last that is kept; the passing programs take turns, the critic's favourite first
    repair   where none passes, each is written again by a model that sees the problem, a program that fails and what is wrong
             with it: one of the `--repair-top` programs that the critic finds likeliest to pass (max-pooled), in turns

The critic is that of a run of `--method coderl`.

| choice | origin |
|---|---|
| example tests; cutting where the critic is surest of passing; repairing what it likes best of what fails | the paper's |
| the critic of four outcomes that the training left (they have another one for this, of passed or not) | ours |
| one round; `--repair-top 1`; the first unit tests as examples: the dataset has no others | ours |
| a completion that passes the examples stays (the paper writes all N again) | ours |
| the last token of a program is never kept, or nothing would be written | ours |
| `--repair-model`: the policy, unless told (the paper trains one on programs that fail, with their errors) | ours |

Scores of samples made so are not to be compared with others: the example tests are among those that `appsplus evaluate` asks,
and twice as many completions are written. A program that the judge fails on counts as one that fails, is never cut from, and
is told of no error.
"""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from appsplus.engine import LocalEngine
from appsplus.engine.judging import Judging
from appsplus.errors import InputError, SandboxError
from appsplus.evaluation.backends.padding import left_padded
from appsplus.judge import ISOLATIONS, Report
from appsplus.problem import Problem, Verdict
from stepcoder.config import VALUES_FILE, SftConfig
from stepcoder.data import prompt_ids, token_offsets
from stepcoder.errors import ConfigError
from stepcoder.methods.coderl import OUTCOMES, pooled_logits
from stepcoder.methods.outcome_critic import OutcomeCritic
from stepcoder.policy import load_model
from stepcoder.rollouts import Completion, Decoding, Task, Written, generated, job_of, right_padded
from stepcoder.run import policy_folder

MODES = ("refine", "repair", "both")
_PASSED = OUTCOMES.index("passed")
_SHOWN_CHARS = 200  # of an input, an expected output and what came out


@dataclass(frozen=True, slots=True)
class CriticSampling:
    """How programs are refined and repaired."""

    mode: str  # one of MODES
    example_tests: int = 1
    repair_model: str = ""  # empty: the policy
    repair_top: int = 1
    isolation: str = "strict"

    def __post_init__(self) -> None:
        if self.mode not in MODES:
            raise ConfigError(f"--critic-sampling {self.mode} is not known; expected one of {', '.join(MODES)}")
        if self.isolation not in ISOLATIONS:
            raise ConfigError(f"--isolation {self.isolation} is not known; expected one of {', '.join(ISOLATIONS)}")
        if min(self.example_tests, self.repair_top) < 1:
            raise ConfigError(
                f"--example-tests and --repair-top must be at least 1; got {self.example_tests} and {self.repair_top}"
            )
        if self.repair_model and self.mode == "refine":
            raise ConfigError("--repair-model: --critic-sampling refine repairs nothing; use repair or both")


@dataclass(frozen=True, slots=True)
class Tried:
    """A completion, what the example tests say of it, and what the critic says after each of its tokens."""

    completion: Completion
    report: Report | None  # None: there is no program, or the judge failed on it
    passing: tuple[float, ...]  # probability of passing, a token
    score: float  # the same of the whole

    @property
    def passes(self) -> bool:
        """Whether it passes all example tests."""
        return self.report is not None and self.report.verdict is Verdict.ACCEPTED


def load_critic(run: Path, lm: Any) -> OutcomeCritic:
    """The critic that a run of `--method coderl` left beside its policy. Raises InputError where there is none."""
    from safetensors.torch import load_file

    path = policy_folder(run) / VALUES_FILE
    saved = load_file(str(path)) if path.is_file() else {}
    prefix = "outcomes."
    weights = {name.removeprefix(prefix): t for name, t in saved.items() if name.startswith(prefix)}
    if not weights:
        raise InputError(
            f"{run} has no critic that predicts outcomes; --critic-sampling needs a run of `stepcoder train --method coderl`"
        )
    critic = OutcomeCritic.like(lm)
    critic.load_state_dict(weights)
    return critic.to(next(lm.parameters()).device).eval()


@contextmanager
def critic_sampler(
    lm: Any, tokenizer: Any, run: Path, how: CriticSampling, completions: int, decoding: Decoding
) -> Iterator[Callable[[Sequence[Task]], list[list[Written]]]]:
    """What writes `completions` of each of some tasks. Raises InputError and SandboxError."""
    critic = load_critic(run, lm)
    mender = (lm, tokenizer)
    if how.repair_model:
        mended, its_tokenizer = load_model(how.repair_model, SftConfig())
        mender = (mended.to(next(lm.parameters()).device).eval(), its_tokenizer)

    with LocalEngine(isolation=how.isolation) as engine:

        def write(tasks: Sequence[Task]) -> list[list[Written]]:
            asked = [task for task in tasks for _ in range(completions)]
            first = list(generated(lm, tokenizer, asked, decoding))
            tried = tried_out(first, critic, tokenizer, engine, how.example_tests, workers=engine.workers)
            return [
                rewritten(tried[i : i + completions], lm, tokenizer, mender, how, decoding)
                for i in range(0, len(tried), completions)
            ]

        yield write


def tried_out(
    completions: Sequence[Completion],
    critic: OutcomeCritic,
    tokenizer: Any,
    judging: Judging,
    example_tests: int,
    *,
    workers: int = 1,
) -> list[Tried]:
    """Completions with what their example tests and the critic say."""
    with ThreadPoolExecutor(workers) as pool:
        reports = list(pool.map(lambda c: _report(c, judging, example_tests), completions))
    logits, keep = _read(completions, critic, tokenizer)
    after_each = logits.softmax(-1)[..., _PASSED]
    whole = pooled_logits(logits, keep).softmax(-1)[:, _PASSED]
    return [
        Tried(c, report, tuple(after_each[i, : len(c.ids)].tolist()), float(whole[i]))
        for i, (c, report) in enumerate(zip(completions, reports, strict=True))
    ]


def rewritten(
    tried: Sequence[Tried],
    lm: Any,
    tokenizer: Any,
    mender: tuple[Any, Any],
    how: CriticSampling,
    decoding: Decoding,
) -> list[Written]:
    """The completions of one problem after refinement or repair, in the order given."""
    given = [Written(t.completion.text, len(t.completion.ids)) for t in tried]
    passing = sorted((t for t in tried if t.passes), key=lambda t: -t.score)
    failing = [i for i, t in enumerate(tried) if not t.passes]
    if not failing or how.mode == ("repair" if passing else "refine"):
        return given
    if passing:
        prefixes = [best_prefix(passing[k % len(passing)], tokenizer) for k in range(len(failing))]
        task = tried[0].completion.task
        begun = [replace(task, ids=(*task.ids, *ids)) for ids in prefixes]
        for i, ids, made in zip(failing, prefixes, generated(lm, tokenizer, begun, decoding), strict=True):
            whole = (*ids, *made.ids)[: decoding.max_tokens]
            given[i] = Written(tokenizer.decode(whole, skip_special_tokens=True), len(whole))
        return given
    model, its_tokenizer = mender
    likeliest = sorted(tried, key=lambda t: -t.score)[: how.repair_top]
    asked = [repair_task(likeliest[k % len(likeliest)], its_tokenizer) for k in range(len(failing))]
    for i, made in zip(failing, generated(model, its_tokenizer, asked, decoding), strict=True):
        given[i] = Written(made.text, len(made.ids))
    return given


def best_prefix(tried: Tried, tokenizer: Any) -> tuple[int, ...]:
    """The tokens up to the one after which the critic is surest of passing; the last of the program is never among them."""
    completion = tried.completion
    assert completion.program is not None
    end = completion.program.pieces[-1][1] if completion.program.pieces else 0
    spans = token_offsets(completion.ids, completion.text, tokenizer)
    inside = [i for i, (_, stop) in enumerate(spans) if stop < end]
    best = max(inside, key=lambda i: tried.passing[i], default=-1)
    return completion.ids[: best + 1]


def repair_task(tried: Tried, tokenizer: Any) -> Task:
    """The plain task, with a program that fails and what is wrong with it in the description."""
    task = tried.completion.task
    program = tried.completion.program
    shown = program.text.rstrip("\n") if program else tried.completion.text.rstrip("\n")
    asked = (
        f"{task.problem.description}\n\nThis program is wrong:\n\n```python\n{shown}\n```\n\n"
        f"{what_is_wrong(tried.report, task.problem)}\n\nWrite it again, corrected."
    )
    described = replace(task.problem, description=asked)
    return replace(task, ids=tuple(prompt_ids(described, "", tokenizer)))


def what_is_wrong(report: Report | None, problem: Problem) -> str:
    """The first example test that fails, in words."""
    if report is None or report.first_failure is None:
        return "It could not be run."
    failed = report.unit_tests[report.first_failure]
    if failed.error:
        return failed.error
    test = problem.unit_tests[report.first_failure]
    if report.verdict is not Verdict.WRONG_ANSWER:
        return f"On the input {_shown(test.input)}: {report.verdict}."
    return f"On the input {_shown(test.input)} it gives {_shown(failed.actual)}; expected {_shown(test.output)}."


def _shown(value: Any) -> str:
    text = value if isinstance(value, str) else repr(value)
    return repr(text if len(text) <= _SHOWN_CHARS else text[:_SHOWN_CHARS] + "...")


def _report(completion: Completion, judging: Judging, example_tests: int) -> Report | None:
    if completion.program is None:
        return None
    job = job_of(completion.task.problem, completion.program.text, judging.modules)
    try:
        [found] = judging.judge([replace(job, unit_tests=job.unit_tests[:example_tests])])
    except SandboxError:
        return None
    return found


def _read(completions: Sequence[Completion], critic: OutcomeCritic, tokenizer: Any) -> tuple[Tensor, Tensor]:
    """The critic's logits after each token, and which are tokens. -> (B, T, 4), (B, T)."""
    device = next(critic.parameters()).device
    pad_id = tokenizer.eos_token_id if tokenizer.pad_token_id is None else tokenizer.pad_token_id
    prompts, seen = left_padded([c.task.ids for c in completions], pad_id)
    responses = right_padded([c.ids for c in completions], pad_id, torch.long, width=1)
    keep = right_padded([[1.0] * len(c.ids) for c in completions], 0.0, torch.float32, width=1)
    ids, attention = torch.cat([prompts, responses], 1), torch.cat([seen, keep.long()], 1)
    with torch.no_grad():
        logits = critic(ids.to(device), attention.to(device), responses.shape[1])
    return logits.cpu(), keep
