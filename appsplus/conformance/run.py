"""Put the cases to a judge: ours, which has verdicts, or a peer's, which accepts or refuses."""

import os
import platform
from collections.abc import Callable, Iterable, Sequence
from importlib import metadata
from typing import Any, Protocol

from appsplus.conformance.aftermath import Leftovers
from appsplus.conformance.case import Case, Group
from appsplus.conformance.cases import CASES
from appsplus.conformance.results import OURS, Outcome, Results, Row
from appsplus.errors import InputError, SandboxError
from appsplus.judge import Judge, Report, available_cpus
from appsplus.judge import version as judge_version
from appsplus.problem import IOFormat, Limits, UnitTest, Verdict

_DETAIL_CHARS = 200
_TAG = '{"$'  # begins a value that is no plain JSON, e.g. a set (appsplus.judge.values)
_CANNOT_SAY = "its input format"  # begins a peer's reason why it could not be asked
Told = Callable[[str, Case, Outcome], None]  # called with a judge's name after each case


class PeerAnswer(Protocol):
    """What a peer says of one program."""

    @property
    def accepted(self) -> bool | None:
        """None: it gave no answer."""

    @property
    def detail(self) -> str:
        """What it returned, or why there is no answer."""


class Peer(Protocol):
    """The judge of another project, as `appsplus.conformance.peers` opens it."""

    @property
    def name(self) -> str:
        """How it is called in tables."""

    @property
    def commit(self) -> str:
        """Of the checkout it runs from."""

    @property
    def formats(self) -> frozenset[IOFormat]:
        """What it can be asked."""

    def judge(
        self,
        program: str,
        io_format: IOFormat,
        unit_tests: Sequence[UnitTest],
        entry_point: str | None,
        limits: Limits,
    ) -> PeerAnswer:
        """Have a program judged."""


def run_suite(judge: Judge, cases: Sequence[Case], peers: Sequence[Peer] = (), tell: Told | None = None) -> Results:
    """Put every case to our judge, then to each peer; after our hostile cases, look for what they left.

    A judge at a time, so that a program of one never runs beside a program of another. Raises InputError for a peer
    that does not work, before its cases or after.
    """
    tell = tell or (lambda _judge, _case, _outcome: None)
    outcomes: dict[str, dict[str, Outcome]] = {case.name: {} for case in cases}

    def note(name: str, case: Case, outcome: Outcome) -> None:
        outcomes[case.name][name] = outcome
        tell(name, case, outcome)

    for case in (case for case in cases if case.group is not Group.HOSTILE):
        note(OURS, case, judge_case(judge, case))
    left = None
    if hostile := [case for case in cases if case.group is Group.HOSTILE]:
        before = Leftovers(judge)
        for case in hostile:
            note(OURS, case, judge_case(judge, case))
        left = before.find()
    for peer in peers:
        check_peer(peer)
        for case in cases:
            note(peer.name, case, ask_peer(peer, case))
        check_peer(peer)
    rows = tuple(Row(case.name, case.group, str(case.verdict), outcomes[case.name]) for case in cases)
    return Results(machine_facts(judge), {peer.name: peer.commit for peer in peers}, rows, left)


def judge_case(judge: Judge, case: Case) -> Outcome:
    """Put a case to our judge. A SandboxError is a wrong answer here: no program may cause one."""
    if lacking := [rung for rung in needed_rungs(case) if not judge.rungs.get(rung)]:
        return Outcome(None, "", f"not run: this machine lacks {', '.join(lacking)}")
    try:
        report = judge.run(case.job)
    except SandboxError as error:
        return Outcome(False, "SandboxError", _shortened(str(error)))
    complaint = _complaint(case, report)
    return Outcome(not complaint, str(report.verdict), _shortened(complaint))


def needed_rungs(case: Case) -> tuple[str, ...]:
    """The rungs of isolation without which a case is not run."""
    return tuple(dict.fromkeys((*case.needs, *(("namespaces", "root", "rlimits") if case.harmful else ()))))


def _complaint(case: Case, report: Report) -> str:
    """What is wrong with a report, with its evidence; nothing where it is as it must be."""
    seen = report.unit_tests[report.first_failure or 0]
    evidence = seen.error or f"got {seen.actual.strip()!r}"
    if report.verdict not in case.fair_verdicts:
        return evidence
    got = tuple(t.verdict for t in report.unit_tests)
    if case.unit_verdicts and got != case.unit_verdicts:
        return f"unit tests: {', '.join(got)}; expected {', '.join(case.unit_verdicts)}"
    if case.executed_lines is not None and report.unit_tests[0].executed_lines != case.executed_lines:
        return f"executed lines: {report.unit_tests[0].executed_lines}; expected {case.executed_lines}"
    return ""


def check_peer(peer: Peer) -> None:
    """Make sure that a peer works at all, since one that refuses everything would look strict.

    Raises InputError where it does not accept a plain right program.
    """
    for io_format, plain in ((IOFormat.STDIN, "reads-by-input"), (IOFormat.CALL, "defines-a-function")):
        if io_format in peer.formats:
            [case] = [case for case in CASES if case.name == plain]
            outcome = ask_peer(peer, case)
            if not outcome.right:
                raise InputError(
                    f"the judge of {peer.name} does not work here: {outcome.answer} for the plain right program {plain}"
                    f" ({outcome.detail}); run it from a checkout with its dependencies installed beside appsplus"
                )


def ask_peer(peer: Peer, case: Case) -> Outcome:
    """Put a case to a peer: it is right when it accepts exactly what must be accepted."""
    if case.io_format not in peer.formats:
        return Outcome(None, "", f"has no {case.io_format} format")
    if case.checker is not None:
        return Outcome(None, "", "has no checkers")
    if any(_TAG in t.input or _TAG in t.output for t in case.unit_tests if case.io_format is IOFormat.CALL):
        return Outcome(None, "", "has no such values: JSON cannot say them")
    if case.harmful:
        return Outcome(None, "", "not asked: the program would harm the machine")
    answer = peer.judge(case.program, case.io_format, case.unit_tests, case.entry_point, case.limits)
    if answer.accepted is None and answer.detail.startswith(_CANNOT_SAY):
        return Outcome(None, "", answer.detail)
    if answer.accepted is None:
        return Outcome(False, "no answer", _shortened(answer.detail))
    right = answer.accepted is (case.verdict is Verdict.ACCEPTED)
    return Outcome(right, "accepted" if answer.accepted else "refused", "" if right else _shortened(answer.detail))


def machine_facts(judge: Judge) -> dict[str, Any]:
    """What verdicts may depend on."""
    rungs = {name: held for name, held in judge.rungs.items() if name != "missing"}
    return {
        "appsplus": metadata.version("appsplus"),
        "judge": judge_version(),
        "python": platform.python_version(),
        "kernel": platform.release(),
        "architecture": platform.machine(),
        "cpus": available_cpus(),
        "user": "root" if os.geteuid() == 0 else "ordinary",
        "isolation": judge.isolation,
        "rungs": rungs,
    }


def chosen(cases: Iterable[Case], groups: Iterable[str], names: Iterable[str]) -> tuple[Case, ...]:
    """The cases of these groups that bear one of these names; no groups or no names: all."""
    groups, names = set(groups), set(names)
    return tuple(c for c in cases if (not groups or c.group in groups) and (not names or c.name in names))


def _shortened(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= _DETAIL_CHARS else line[: _DETAIL_CHARS - 1] + "…"
