"""RLTF: which tokens an error is blamed on, the weights of its loss, and the best so far; worked by hand."""

import json
import warnings
from dataclasses import replace
from typing import Any

import pytest

torch = pytest.importorskip("torch", reason="the trainer's tests need torch: pip install torch, then '.[train]'")
pytest.importorskip("accelerate", reason="the trainer's tests need accelerate: pip install '.[train]'")

from appsplus.evaluation.extraction import Program, extract
from appsplus.judge import Report, UnitTestReport
from appsplus.problem import Verdict
from stepcoder.methods.baselines import Baselines
from stepcoder.methods.error_lines import Blame, blame, blamed_tokens
from stepcoder.methods.lines import Lines
from stepcoder.methods.parts import Signals
from stepcoder.methods.rltf import Rltf
from stepcoder.rollouts import Completion, Judged, Task
from tests.stepcoder.conftest import small_problem

TLE, RTE, WA, CE = (
    Verdict.TIME_LIMIT_EXCEEDED,
    Verdict.RUN_TIME_ERROR,
    Verdict.WRONG_ANSWER,
    Verdict.COMPILE_ERROR,
)


def report(verdict: Verdict, error: str = "", line: int = 0, *, passed: int = 0, tests: int = 2) -> Report:
    """Of a program that passes some tests, then fails one, with an exception on a line where there is one."""
    ok = UnitTestReport(Verdict.ACCEPTED, 0.0, 0.0, 1.0)
    traceback = ((1, "<module>"), (line, "f")) if line else ()
    failed = UnitTestReport(verdict, 0.0, 0.0, 1.0, error=error, traceback=traceback)
    return Report(verdict, (ok,) * passed + (failed,) * (tests - passed))


def judged(found: Report | None, text: str, prefix: str = "", **changes: Any) -> Judged:
    task = Task(small_problem(**changes), 1, prefix, (1, 2))
    program = extract(text, prefix, fence_open=True)
    ids = tuple(range(len(text) + 1))
    return Judged(Completion(task, ids, text, program if isinstance(program, Program) else None), found)


def each_character(text: str) -> list[tuple[int, int]]:
    """A token a character, and the end-of-text token."""
    return [*((i, i + 1) for i in range(len(text))), (len(text), len(text))]


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        (report(Verdict.ACCEPTED, passed=2), Blame("ignored")),
        (report(WA), Blame("ignored")),
        (report(TLE), Blame("global")),
        (report(RTE, "RecursionError: maximum recursion depth exceeded (line 2)", 2), Blame("global")),
        (report(RTE, "ZeroDivisionError: division by zero (line 3)", 3), Blame("line", 3)),
        (report(RTE, "IndexError: list index out of range (line 2)", 2, passed=1), Blame("line", 2)),
        (report(RTE, "RuntimeError: mine (line 2)", 2), Blame("ignored")),
        (report(RTE, "exit status 1"), Blame("ignored")),
        (report(Verdict.MEMORY_LIMIT_EXCEEDED), Blame("ignored")),
        (report(Verdict.OUTPUT_LIMIT_EXCEEDED), Blame("ignored")),
        (report(CE, "the compiler died on this program"), Blame("ignored")),
        (None, Blame("ignored")),
    ],
)
def test_the_class_of_an_error_is_that_of_the_table(found: Report | None, expected: Blame) -> None:
    assert blame(found, "a = 1\nb = 2\nc = 3\n") == expected


@pytest.mark.parametrize(
    ("program", "expected"),
    [
        ("a = 1\nb ==== 2\nc = 3\n", Blame("line", 2)),
        ("a = 1\nfor x in y\n    pass\n", Blame("line", 2)),
        ("a = 1\nreturn 2\nc = 3\n", Blame("line", 2)),
        ("a = 1\nif a ==", Blame("global")),
        ("a = 1\nb = 'x\n", Blame("global")),
        ("a = 1\nb = (2,\nc = 3\n", Blame("global")),
        ("a = 1\nif a:\n", Blame("global")),
        ("def f():\n    a = 1\n        return a\n", Blame("line", 3)),
        ("a = 1\nb = 2 \\ 3\n", Blame("line", 2)),
        ("a = '''x\nb\n", Blame("ignored")),
        ("def f(a, a):\n    pass\n", Blame("ignored")),
        ("if 1:\n        a = 1\n    b = 2\n", Blame("ignored")),
        ("if 1:\n\ta = 1\n        b = 2\n", Blame("ignored")),
    ],
)
def test_the_messages_of_this_python_fall_into_the_classes(program: str, expected: Blame) -> None:
    """The messages are the compiler's own, put as the judge puts them."""
    with warnings.catch_warnings(action="ignore"), pytest.raises(SyntaxError) as raised:
        compile(program, "program", "exec")
    message = f"{type(raised.value).__name__}: {raised.value.msg} (line {raised.value.lineno})"
    assert blame(report(CE, message), program) == expected


def test_the_tokens_of_a_line_are_those_with_a_character_of_it_its_end_included() -> None:
    text = "a = 1\nb = 0\nc = a / b\n```"
    found = judged(report(RTE, "ZeroDivisionError: division by zero (line 3)", 3), text)
    kind, tokens = blamed_tokens(found, each_character(text))
    assert kind == "line"
    assert [i for i, blamed in enumerate(tokens) if blamed] == list(range(12, 22))  # "c = a / b\n"
    two = [(0, 14), (14, 20), (20, 22), (22, 25), (25, 25)]  # the first is on lines 1 to 3
    assert blamed_tokens(found, two) == ("line", [True, True, True, False, False])


def test_lines_of_the_prefix_have_no_token_and_are_not_blamed() -> None:
    prefix, text = "a = 1\nb = 0\n", "c = a / b\nd = 1\n"
    for line, blamed in ((2, 0), (3, 10), (4, 6)):
        kind, tokens = blamed_tokens(judged(report(RTE, "E: e", line), text, prefix), each_character(text))
        assert sum(tokens) == blamed
        assert kind == ("line" if blamed else "ignored")


def test_as_a_reward_the_penalty_is_spread_over_the_tokens_of_the_line() -> None:
    """0.3 over the 10 characters of line 3: -0.03 each; over all 26 tokens where the whole program is blamed."""
    text = "a = 1\nb = 0\nc = a / b\n```"
    some = [judged(report(RTE, "E: e", 3), text), judged(report(TLE), text), judged(report(WA), text)]
    shaping = Lines(0.3)
    line, whole, none = shaping.rewards(some, [each_character(text)] * 3)
    assert line == pytest.approx([0.0] * 12 + [-0.03] * 10 + [0.0] * 4)
    assert whole == pytest.approx([-0.3 / 26] * 26)
    assert none == [0.0] * 26
    assert shaping.numbers(lambda items: items) == {"blamed_line_share": 1 / 3, "blamed_global_share": 1 / 3}


def signals(some: list[Judged], rewards: list[float]) -> Signals:
    spans = [each_character(j.completion.text) for j in some]
    tokens = max(len(s) for s in spans)
    keep = torch.tensor([[float(t < len(s)) for t in range(tokens)] for s in spans])
    zeros, earned = torch.zeros_like(keep), torch.tensor(rewards)
    return Signals(some, earned, zeros, zeros, zeros, keep, torch.zeros(len(some), dtype=torch.long), offsets=spans)


def test_the_weights_are_coarse_plus_adaptive_less_the_penalty_against_the_best_so_far() -> None:
    """Text of 4 + 1 tokens, two unit tests.

    First update, nothing known, so b = 0: wrong with one of two passed: R = -0.3, R_a = -0.3 + 1.3 / 2 = 0.35: 0.05 on all.
    An error on line 1, 2 of the 5 tokens: R = R_a = -0.6; alpha = 5 / 2; -1.2, and -1.2 - 2.5 * 0.3 = -1.95 on the line.
    Second: b = max(-0.3, -0.6) = -0.3, b_a = 0.35; accepted: (1 + 0.3) + (1 - 0.35) = 1.95. Third: b = b_a = 1: 0.
    """
    part = Rltf(Baselines("best", "verdict"), penalty=0.3, adaptive_weight=1.0, paper_alpha=True)
    text = "a\nb\n"
    wrong, error = judged(report(WA, passed=1), text), judged(report(RTE, "E: e", 1), text)
    advantages, returns = part(signals([wrong, error], [-0.3, -0.6]))
    assert torch.allclose(advantages[0], torch.full((5,), 0.05))
    assert torch.allclose(advantages[1], torch.tensor([-1.95, -1.95, -1.2, -1.2, -1.2]))
    assert returns.abs().sum() == 0
    assert part.numbers(lambda items: items) == {"blamed_line_share": 0.5, "blamed_global_share": 0.0}
    resumed = Rltf(Baselines("best", "verdict"), penalty=0.3, adaptive_weight=1.0, paper_alpha=True)
    resumed.load_state_dict(json.loads(json.dumps(part.state_dict())))
    accepted = judged(report(Verdict.ACCEPTED, passed=2), text)
    for one in (part, resumed):
        assert torch.allclose(one(signals([accepted], [1.0]))[0], torch.full((1, 5), 1.95))
        assert torch.allclose(one(signals([accepted], [1.0]))[0], torch.zeros(1, 5))


def test_what_reward_shaping_gives_in_all_is_part_of_the_reward() -> None:
    """As above, 0.05 and -1.2 on all tokens and -1.95 on the line; 0.5 + 0.1 - 0.2 = 0.4 more, and nothing."""
    part = Rltf(Baselines("best", "verdict"), penalty=0.3, adaptive_weight=1.0, paper_alpha=True)
    wrong, error = judged(report(WA, passed=1), "a\nb\n"), judged(report(RTE, "E: e", 1), "a\nb\n")
    given = signals([wrong, error], [-0.3, -0.6])
    shaped = torch.tensor([[0.5, 0.0, 0.1, 0.0, -0.2], [0.0] * 5])
    advantages, _ = part(replace(given, shaped=shaped))
    assert torch.allclose(advantages[0], torch.full((5,), 0.45))
    assert torch.allclose(advantages[1], torch.tensor([-1.95, -1.95, -1.2, -1.2, -1.2]))


def test_what_reward_shaping_gave_the_best_so_far_is_part_of_what_others_are_compared_with() -> None:
    """The same program, paid 0.4 for its text both times: the second time it is no better than the best, -0.3 + 0.4."""
    part = Rltf(Baselines("best", "verdict"), penalty=0.3, adaptive_weight=0.0, paper_alpha=True)
    given = replace(signals([judged(report(WA), "a\nb\n")], [-0.3]), shaped=torch.tensor([[0.5, 0, 0.1, 0, -0.2]]))
    assert torch.allclose(part(given)[0], torch.full((1, 5), 0.1))
    assert torch.allclose(part(given)[0], torch.zeros(1, 5), atol=1e-6)
    assert part.state_dict() == {"best": [["made/2", 1, pytest.approx(0.1), pytest.approx(-0.3)]]}


def test_the_released_code_s_alpha_is_one() -> None:
    part = Rltf(Baselines("none", "verdict"), penalty=0.3, adaptive_weight=0.0, paper_alpha=False)
    error = judged(report(RTE, "E: e", 1), "a\nb\n")
    assert torch.allclose(part(signals([error], [-0.6]))[0], torch.tensor([[-0.9, -0.9, -0.6, -0.6, -0.6]]))


def test_with_fgo_the_penalty_is_as_large_in_all() -> None:
    """Line 1, 2 of the 5 tokens, failed; of the others none or one was executed, and the loss is a mean over what was."""
    error = judged(report(RTE, "E: e", 1), "a\nb\n")
    part = Rltf(Baselines("none", "verdict"), penalty=0.3, adaptive_weight=0.0, paper_alpha=True)
    for executed, line in (((1.0, 1.0, 0.0, 0.0, 0.0), -0.9), ((1.0, 1.0, 1.0, 0.0, 0.0), -0.6 - 0.3 * 3 / 2)):
        given = replace(signals([error], [-0.6]), executed=torch.tensor([executed]))
        advantages, _ = part(given)
        assert torch.allclose(advantages, torch.tensor([[line, line, -0.6, -0.6, -0.6]]))
        assert float((advantages[0] * given.executed[0]).sum() / given.executed.sum()) == pytest.approx(-0.6 - 0.3)


def test_the_best_so_far_is_kept_for_each_problem_and_level() -> None:
    baselines = Baselines("best", "verdict")
    one, other = judged(report(WA), "a\n"), judged(report(WA), "a\n", number=3)
    baselines.learn([one], [0.0], lambda items: items)
    assert baselines.of(one) == pytest.approx((-0.3, -0.3))
    assert baselines.of(other) == (0.0, 0.0)
    baselines.learn([judged(report(CE), "a\n")], [0.0], lambda items: items)
    assert baselines.of(one) == pytest.approx((-0.3, -0.3))  # a worse one changes nothing
