"""What a verdict is worth, by the paper's numbers, and what is never worth anything."""

import pytest

from appsplus.errors import InputError
from appsplus.judge import Report, UnitTestReport
from appsplus.problem import Verdict
from appsplus.reward import REWARDS, VARIANTS, reward, share_passed


def report(*verdicts: str) -> Report:
    tests = tuple(UnitTestReport(Verdict(v), cpu_s=0.0, wall_s=0.0, peak_mib=1.0) for v in verdicts)
    return Report(next((t.verdict for t in tests if t.verdict is not Verdict.ACCEPTED), Verdict.ACCEPTED), tests)


@pytest.mark.parametrize(
    ("verdict", "expected"),
    [
        ("accepted", 1.0),
        ("wrong_answer", -0.3),
        ("run_time_error", -0.6),
        ("time_limit_exceeded", -0.6),
        ("memory_limit_exceeded", -0.6),
        ("output_limit_exceeded", -0.6),
        ("compile_error", -1.0),
    ],
)
def test_a_verdict_earns_what_the_paper_gives_it(verdict: str, expected: float) -> None:
    assert reward(report(verdict), 1) == expected


def test_every_verdict_has_a_reward() -> None:
    assert set(REWARDS) == set(Verdict)


def test_the_first_failure_decides_the_reward_of_a_mixed_report() -> None:
    assert reward(report("accepted", "run_time_error", "wrong_answer"), 3) == -0.6


def test_binary_pays_for_accepted_programs_only() -> None:
    assert [reward(report(v), 1, "binary") for v in REWARDS] == [1, 0, 0, 0, 0, 0, 0]


def test_pass_rate_grows_with_the_share_of_unit_tests_passed() -> None:
    one_of_four = report("accepted", "wrong_answer", "wrong_answer", "wrong_answer")
    assert reward(one_of_four, 4, "pass_rate") == pytest.approx(0.025)  # -0.3 + 1.3 / 4
    assert reward(report("accepted"), 1, "pass_rate") == pytest.approx(1.0)
    assert reward(report("wrong_answer"), 1, "pass_rate") == pytest.approx(-0.3)
    assert reward(report("accepted", "run_time_error"), 2, "pass_rate") == -0.6


def test_a_unit_test_that_was_not_run_has_not_passed() -> None:
    assert share_passed(report("accepted", "time_limit_exceeded"), 10) == 0.1


def test_a_completion_without_a_program_earns_what_does_not_compile() -> None:
    assert [reward(None, 1, variant) for variant in VARIANTS] == [-1.0, 0.0, -1.0]


def test_an_unknown_variant_is_refused_with_the_known_ones() -> None:
    with pytest.raises(InputError, match=r"'shaped' is not known; expected one of verdict, binary, pass_rate"):
        reward(report("accepted"), 1, "shaped")
    assert VARIANTS[0] == "verdict"
