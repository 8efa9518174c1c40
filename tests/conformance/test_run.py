"""How cases are put to our judge and to peers, and how what they leave is found."""

import subprocess
import sys
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from appsplus.conformance import (
    CASES,
    Case,
    Group,
    Leftovers,
    Outcome,
    Results,
    ask_peer,
    judge_case,
    read_results,
    run_suite,
    write_results,
)
from appsplus.conformance.run import chosen, needed_rungs
from appsplus.errors import InputError, SandboxError
from appsplus.judge import Job, Judge, Report
from appsplus.problem import IOFormat, Verdict

BY_NAME = {case.name: case for case in CASES}
HONEST, WRONG, HOSTILE = (BY_NAME[n] for n in ("leaves-by-exit-0", "returns-true-for-1", "prints-a-verdict"))


@dataclass(frozen=True)
class Answer:
    accepted: bool | None
    detail: str = "[True]"


@dataclass(frozen=True)
class FakePeer:
    """A peer that always says the same."""

    answer: Answer
    name: str = "apps"
    commit: str = "0123"
    formats: frozenset[IOFormat] = frozenset(IOFormat)

    def judge(self, program: str, *_question: object) -> Answer:
        assert program
        return self.answer


class BrokenJudge:
    """A judge whose sandbox has failed."""

    rungs = dict.fromkeys(("namespaces", "root", "seccomp", "rlimits"), True)

    def run(self, _job: Job) -> Report:
        raise SandboxError("the worker is gone")


def test_a_verdict_that_must_be_is_right_and_another_is_wrong_with_the_evidence(judge: Judge) -> None:
    assert judge_case(judge, HONEST) == Outcome(True, "accepted")
    other = replace(HONEST, verdict=Verdict.RUN_TIME_ERROR)
    assert judge_case(judge, other) == Outcome(False, "accepted", "got '1'")
    assert judge_case(judge, replace(other, also=(Verdict.ACCEPTED,))).right is True


def test_verdicts_of_unit_tests_and_executed_lines_are_compared_where_the_case_states_them(judge: Judge) -> None:
    case = BY_NAME["fails-in-one-unit-test-only"]
    other = replace(case, unit_verdicts=(Verdict.ACCEPTED, Verdict.RUN_TIME_ERROR, Verdict.WRONG_ANSWER))
    assert judge_case(judge, case).right is True
    assert judge_case(judge, other).detail == (
        "unit tests: accepted, run_time_error, accepted; expected accepted, run_time_error, wrong_answer"
    )
    traced = replace(HONEST, executed_lines=(1, 2, 3))
    assert judge_case(judge, traced).detail == "executed lines: (1, 2); expected (1, 2, 3)"


def test_a_failure_of_the_sandbox_is_a_wrong_answer_and_ends_nothing() -> None:
    assert judge_case(BrokenJudge(), HOSTILE) == Outcome(False, "SandboxError", "the worker is gone")  # type: ignore[arg-type]


def test_a_case_is_not_run_where_a_rung_that_it_needs_is_missing() -> None:
    judge = BrokenJudge()
    judge.rungs = {**judge.rungs, "root": False}
    outcome = judge_case(judge, replace(HONEST, harmful=True))  # type: ignore[arg-type]
    assert outcome == Outcome(None, "", "not run: this machine lacks root")
    assert needed_rungs(replace(HONEST, harmful=True, needs=("proc",))) == ("proc", "namespaces", "root", "rlimits")


@pytest.mark.parametrize(
    ("case", "accepted", "outcome"),
    [
        (HONEST, True, Outcome(True, "accepted")),
        (HONEST, False, Outcome(False, "refused", "[True]")),
        (HONEST, None, Outcome(False, "no answer", "[True]")),
        (WRONG, True, Outcome(False, "accepted", "[True]")),
        (WRONG, False, Outcome(True, "refused")),
        (HOSTILE, None, Outcome(False, "no answer", "[True]")),
    ],
)
def test_a_peer_is_right_when_it_accepts_what_must_be_accepted(
    case: Case, accepted: bool | None, outcome: Outcome
) -> None:
    assert ask_peer(FakePeer(Answer(accepted)), case) == outcome


def test_a_peer_is_not_asked_what_it_cannot_answer_or_what_would_do_harm() -> None:
    peer = FakePeer(Answer(True), formats=frozenset({IOFormat.CALL}))
    assert ask_peer(peer, HONEST) == Outcome(None, "", "has no stdin format")
    checked = BY_NAME["returns-one-of-several-answers-under-the-checker-any-of"]
    assert ask_peer(peer, checked) == Outcome(None, "", "has no checkers")
    tagged = BY_NAME["returns-a-set-where-a-set-is-expected"]
    assert ask_peer(peer, tagged) == Outcome(None, "", "has no such values: JSON cannot say them")
    mute = FakePeer(Answer(None, "its input format has no call without arguments"))
    assert ask_peer(mute, WRONG) == Outcome(None, "", "its input format has no call without arguments")
    assert ask_peer(peer, replace(WRONG, harmful=True)).detail == "not asked: the program would harm the machine"


def test_a_peer_that_refuses_a_plain_right_program_is_not_asked_further(judge: Judge) -> None:
    with pytest.raises(
        InputError, match=r"apps does not work here: refused for the plain .* reads-by-input \(\[-1\]\)"
    ):
        run_suite(judge, [HONEST], [FakePeer(Answer(False, "[-1]"))])


def test_a_run_asks_one_judge_after_the_other_and_looks_for_leftovers_after_hostile_programs(judge: Judge) -> None:
    told: list[tuple[str, str]] = []
    cases = (HOSTILE, HONEST, WRONG)
    peer = FakePeer(Answer(True))
    results = run_suite(judge, cases, [peer], lambda name, case, _: told.append((name, case.name)))
    order = [HONEST.name, WRONG.name, HOSTILE.name]
    assert told == [*(("ours", n) for n in order), *(("apps", c.name) for c in cases)]
    assert [row.name for row in results.rows] == [c.name for c in cases]
    assert (results.leftovers, results.passed, results.judges) == ((), True, ("ours", "apps"))
    assert results.peers == {"apps": "0123"}
    assert [results.count("apps", g) for g in (*Group, None)] == [(1, 1, 0), (0, 1, 0), (0, 1, 0), (1, 3, 0)]
    assert run_suite(judge, [HONEST]).leftovers is None


def test_failures_and_leftovers_both_fail_a_run(results: Results) -> None:
    assert [row.name for row in results.failures()] == ["segfaults"]
    assert not results.passed
    good = tuple(row for row in results.rows if row.name != "segfaults")
    assert not replace(results, rows=good).passed
    assert replace(results, rows=good, leftovers=()).passed
    assert results.count("apps", Group.HOSTILE) == (0, 0, 1)


def test_cases_are_chosen_by_group_and_name() -> None:
    assert chosen(CASES, [], []) == CASES
    assert {case.group for case in chosen(CASES, ["wrong"], [])} == {Group.WRONG}
    assert chosen(CASES, [], [HONEST.name]) == (HONEST,)
    assert chosen(CASES, ["hostile"], [HONEST.name]) == ()


def test_results_survive_their_file_which_has_a_case_a_line(results: Results, tmp_path: Path) -> None:
    write_results(tmp_path / "new" / "a.json", results)
    assert read_results(tmp_path / "new" / "a.json") == results
    lines = (tmp_path / "new" / "a.json").read_text().splitlines()
    assert [sum(row.name in line for line in lines) for row in results.rows] == [1, 1, 1]


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"machine": {}, "peers": {}, "leftovers": null, "cases": [{}]}'])
def test_a_file_that_holds_no_results_is_named_with_what_to_do(content: str, tmp_path: Path) -> None:
    (path := tmp_path / "a.json").write_text(content)
    with pytest.raises(InputError, match=r"a\.json cannot be read as results of the .*write it with: appsplus judge-c"):
        read_results(path)


def test_a_file_and_a_process_that_are_left_are_found(
    judge: Judge, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)  # which is looked at, and not by the tests that run beside this one
    before = Leftovers(judge)
    assert before.find() == ()
    path = tmp_path / "appsplus-conformance-test-of-leftovers"
    path.touch()
    process = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    try:
        assert before.find() == (f"file {path}", "1 more processes than before")
    finally:
        path.unlink()
        process.communicate()
    assert before.find() == ()
