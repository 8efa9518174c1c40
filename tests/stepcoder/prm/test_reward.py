"""The dense reward on numbers worked by hand, and the guard that drops it."""

from collections.abc import Sequence
from typing import Any

import pytest

pytest.importorskip("torch", reason="the trainer's tests need torch: pip install torch, then '.[train]'")
pytest.importorskip("transformers", reason="the trainer's tests need transformers: pip install '.[train]'")

from appsplus.evaluation import Program
from appsplus.judge import Report, UnitTestReport
from appsplus.problem import Verdict
from stepcoder.prm.lines import LineEnd, Lines
from stepcoder.prm.reward import PrmReward, believed, dense_rewards, line_numbers, parted
from stepcoder.rollouts import Completion, Judged, Task
from tests.stepcoder.conftest import small_problem

THREE = Lines(4, 1, (LineEnd(1, 2, True), LineEnd(2, 4, False), LineEnd(4, 7, True)))  # the third has no end of its own


def test_each_line_end_earns_its_score_over_the_number_of_lines() -> None:
    # 2 * 0.8 / 4 = 0.4, 2 * 0.1 / 4 = 0.05, 2 * -0.6 / 4 = -0.3
    found = dense_rewards(THREE, [0.8, 0.1, -0.6], 9, 2.0)
    assert found == pytest.approx([0, 0, 0.4, 0, 0.05, 0, 0, -0.3, 0])


def test_more_lines_of_the_same_worth_earn_no_more() -> None:
    for count in (1, 5, 50):
        lines = Lines(count, 0, tuple(LineEnd(n + 1, n, True) for n in range(count)))
        assert sum(dense_rewards(lines, [0.7] * count, count, 1.0)) == pytest.approx(0.7)


def test_what_is_believed_of_a_program_is_what_its_last_line_of_code_says() -> None:
    found = believed(THREE, [0.8, 0.1, -0.6], passed=False)
    assert found.belief == pytest.approx(0.2)  # (-0.6 + 1) / 2
    assert found.reward == pytest.approx(0.075)  # (0.8 + 0.1 - 0.6) / 4
    assert believed(Lines(0, 0, ()), [], passed=False).belief == 0


def judged(text: str, verdict: Verdict) -> Judged:
    completion = Completion(Task(small_problem(), 1, "", (7,)), tuple(range(len(text))), text, whole(text))
    return Judged(completion, Report(verdict, (UnitTestReport(verdict, 0.0, 0.0, 1.0),)))


def whole(text: str) -> Program:
    return Program(text, 0, ((0, len(text)),))


def letters(text: str) -> list[tuple[int, int]]:
    return [(i, i + 1) for i in range(len(text))]


def shaping(score: float, **changes: Any) -> PrmReward:
    def scores(prompts: Any, responses: Any, ends: Sequence[Sequence[int]]) -> list[list[float]]:
        return [[score] * len(of) for of in ends]

    options = {"weight_passed": 0.5, "weight_failed": 2.0, "drop_gap": 0.0, "gap_updates": 2} | changes
    return PrmReward(scores, **options)


def test_the_weight_is_that_of_the_verdict() -> None:
    two = [judged("a\nb\n", Verdict.ACCEPTED), judged("a\nb\n", Verdict.WRONG_ANSWER)]
    rows = shaping(0.6).rewards(two, [letters("a\nb\n")] * 2)
    assert rows[0] == pytest.approx([0, 0.15, 0, 0.15])  # 0.5 * 0.6 / 2
    assert rows[1] == pytest.approx([0, 0.6, 0, 0.6])  # 2 * 0.6 / 2


def test_the_numbers_tell_programs_that_pass_from_others() -> None:
    made = shaping(0.5)
    made.rewards(
        [judged("a\n", Verdict.ACCEPTED), judged("# c\nb\n", Verdict.WRONG_ANSWER)],
        [letters("a\n"), letters("# c\nb\n")],
    )
    numbers = made.numbers(lambda items: items)
    assert numbers["prm_belief"] == 0.75
    assert numbers["prm_gap"] == 0.25  # believed 0.75, passed a half
    assert (numbers["prm_reward_passed"], numbers["prm_reward_failed"], numbers["prm_used"]) == (0.5, 0.5, 1.0)
    assert (numbers["prm_reward"], numbers["prm_paid"]) == (0.5, 0.75)


@pytest.mark.parametrize(
    ("gaps", "window", "most", "drops"),
    [
        ([0.1, 0.1, 0.35, 0.25], 2, 0.15, True),  # 0.3 - 0.1 = 0.2
        ([0.1, 0.1, 0.25, 0.2], 2, 0.15, False),
        ([0.1, 0.1, 0.9], 2, 0.15, False),  # too early
        ([0.4, 0.5, 0.1, 0.0, 0.1], 2, 0.15, False),  # off from the start, and getting better
        ([0.0, 1.0], 1, 0.0, False),  # never
        ([0.0, 1.0], 1, 0.5, True),
    ],
)
def test_belief_and_pass_rate_have_parted_where_their_gap_has_grown(
    gaps: list[float], window: int, most: float, drops: bool
) -> None:
    assert parted(gaps, window, most) is drops


def test_a_reward_model_that_is_fooled_is_dropped_for_good_and_a_resumed_run_knows() -> None:
    made = shaping(1.0, drop_gap=0.4, gap_updates=1)
    good, bad = judged("a\n", Verdict.ACCEPTED), judged("a\n", Verdict.WRONG_ANSWER)
    used = []
    for one in (good, bad, good):  # believed 1 each time; passed 1, 0, 1
        rows = made.rewards([one], [letters("a\n")])
        used.append((any(rows[0]), made.numbers(lambda items: items)["prm_used"]))
    assert used == [(True, 1.0), (True, 1.0), (False, 0.0)]
    resumed = shaping(1.0, drop_gap=0.4, gap_updates=1)
    resumed.load_state_dict(made.state_dict())
    assert resumed.dropped
    assert resumed.rewards([good], [letters("a\n")]) == [[0.0, 0.0]]


def test_comments_and_lines_are_counted_over_all_completions() -> None:
    assert line_numbers([(4, 1), (6, 4)]) == {"completion_lines": 5.0, "comment_share": 0.5}
    assert line_numbers([(0, 0)]) == {"completion_lines": 0.0, "comment_share": 0.0}


def test_a_reward_that_grows_by_lines_that_do_nothing_is_dropped_too() -> None:
    """The last line is worth as little as before, those above it are believed in: R is -1, then 0.9 nine times and -1."""

    def scores(_prompts: Any, _responses: Any, ends: Sequence[Sequence[int]]) -> list[list[float]]:
        return [[0.9] * (len(of) - 1) + [-1.0] for of in ends]

    made = PrmReward(scores, weight_passed=1.0, weight_failed=1.0, drop_gap=0.4, gap_updates=1)
    seen = []
    for text in ("a\n", "a\n" * 10):
        made.rewards([judged(text, Verdict.WRONG_ANSWER)], [letters(text)])
        numbers = made.numbers(lambda items: items)
        seen.append((numbers["prm_gap"], numbers["prm_paid"]))
    assert seen == [(0.0, 0.0), (0.0, pytest.approx((0.71 + 1) / 2))]
    assert made.dropped
    again = shaping(0.5)
    again.load_state_dict(made.state_dict())
    assert again.state_dict() == made.state_dict()
