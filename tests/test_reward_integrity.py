"""No program earns a reward that it should not: the hostile programs of the suite, judged and masked as in training.

That is with their lines, `appsplus.engine.verdict_and_lines`. That verdicts are right without is tested in
tests/conformance; of the wrong programs, which do not fight the judge, no more is asked than that.
"""

from collections.abc import Iterator, Sequence

import pytest

from appsplus.conformance import CASES, Case, Group
from appsplus.conformance.run import needed_rungs
from appsplus.engine.verdict_and_lines import verdict_and_lines
from appsplus.evaluation import Program, extract
from appsplus.judge import BEST_EFFORT, Inspection, Job, Judge, Report
from appsplus.problem import Verdict
from appsplus.reward import REWARDS, VARIANTS, reward, share_passed
from stepcoder.executed_tokens import executed_keep, lines_in_loss

AGAINST = [case for case in CASES if case.group is Group.HOSTILE]


class Alone:
    """One judge as an engine."""

    modules: tuple[str, ...] = ()

    def __init__(self, judge: Judge) -> None:
        self._judge = judge

    def judge(self, jobs: Sequence[Job]) -> list[Report]:
        return [self._judge.run(job) for job in jobs]

    def inspect(self, programs: Sequence[str]) -> list[Inspection]:
        raise NotImplementedError


@pytest.fixture(scope="module")
def judge() -> Iterator[Judge]:
    with Judge(isolation=BEST_EFFORT) as worker:
        yield worker


def test_there_is_no_reward_but_of_passing_above_zero() -> None:
    assert {verdict for verdict in Verdict if REWARDS[verdict] > 0} == {Verdict.ACCEPTED}
    assert set(REWARDS) == set(Verdict)


def check(judge: Judge, case: Case) -> None:
    """Judge a case in training's way; its reward is at most that of its best fair verdict, in every variant."""
    if lacking := [rung for rung in needed_rungs(case) if not judge.rungs.get(rung)]:
        pytest.skip(f"this machine lacks {', '.join(lacking)}")
    report = verdict_and_lines(Alone(judge), case.job)  # a SandboxError fails the test: no program may cause one
    count = len(case.unit_tests)
    deserved = max(REWARDS[verdict] for verdict in case.fair_verdicts)
    assert reward(report, count) <= deserved, report.verdict
    if Verdict.ACCEPTED not in case.fair_verdicts:
        assert reward(report, count, "binary") == 0
        assert reward(report, count, "pass_rate") < 1
        assert share_passed(report, count) < 1
    if case.unit_verdicts:
        passed = case.unit_verdicts.count(Verdict.ACCEPTED)
        assert reward(report, count, "pass_rate") <= max(deserved, -0.3 + 1.3 * passed / count)
    completion = f"```python\n{case.program}\n```"
    program = extract(completion)
    if isinstance(program, Program) and program.text == case.program + "\n":  # a fence inside it would end it
        spans = [(i, i + 1) for i in range(len(completion))]
        lines = lines_in_loss(report)
        keep = executed_keep(spans, completion=completion, program=program, executed_lines=lines)
        assert len(keep) == len(completion)
        assert set(keep) <= {0.0, 1.0}


@pytest.mark.parametrize("case", AGAINST, ids=lambda case: case.name)
def test_a_hostile_program_earns_nothing_that_it_should_not(judge: Judge, case: Case) -> None:
    check(judge, case)


def test_every_variant_pays_a_program_that_passes_the_most(judge: Judge) -> None:
    [case] = [case for case in CASES if case.name == "leaves-by-exit-0"]
    report = judge.run(case.job)
    assert [reward(report, len(case.unit_tests), variant) for variant in VARIANTS] == [1.0, 1.0, 1.0]
