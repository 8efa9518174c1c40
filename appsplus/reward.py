"""Verdict -> reward: the one table that the trainer and the integrations share.

The table is the paper's (arXiv:2402.01391, eq. 6): passing all unit tests, failing one, an error while running, an error
while compiling. The paper names no limits; here a program that runs past one (time, memory, output) has not run to its end,
and counts as a run-time error.

A failure of the judge is a SandboxError, which is raised and has no entry here: it is never a reward.
"""

from collections.abc import Mapping
from types import MappingProxyType

from appsplus.errors import InputError
from appsplus.judge import Report
from appsplus.problem import Verdict

REWARDS: Mapping[Verdict, float] = MappingProxyType(
    {
        Verdict.ACCEPTED: 1.0,
        Verdict.WRONG_ANSWER: -0.3,
        Verdict.RUN_TIME_ERROR: -0.6,
        Verdict.TIME_LIMIT_EXCEEDED: -0.6,
        Verdict.MEMORY_LIMIT_EXCEEDED: -0.6,
        Verdict.OUTPUT_LIMIT_EXCEEDED: -0.6,
        Verdict.COMPILE_ERROR: -1.0,
    }
)

VARIANTS = ("verdict", "binary", "pass_rate")
"""`verdict`: the table. `binary`: 1 if accepted, else 0. `pass_rate`: RLTF's adaptive reward (arXiv:2307.04349, eq. 6),
-0.3 + 1.3 x share of unit tests passed, for programs that run; errors keep the table's reward."""


def share_passed(report: Report, unit_tests: int) -> float:
    """Share of the problem's unit tests that passed; one that was not run any more has not passed."""
    if unit_tests < 1:
        raise ValueError(f"a problem has at least one unit test; got {unit_tests}")
    return sum(t.verdict is Verdict.ACCEPTED for t in report.unit_tests) / unit_tests


def reward(report: Report | None, unit_tests: int, variant: str = "verdict") -> float:
    """What a judged program earns; `unit_tests` is how many the problem has. Raises InputError for an unknown variant.

    `report` None: there was no program in the completion, which earns what a program that does not compile earns.
    """
    if variant not in VARIANTS:
        raise InputError(f"the reward {variant!r} is not known; expected one of {', '.join(VARIANTS)}")
    if variant == "binary":
        return float(report is not None and report.verdict is Verdict.ACCEPTED)
    if report is None:
        return REWARDS[Verdict.COMPILE_ERROR]
    if variant == "pass_rate" and report.verdict in (Verdict.ACCEPTED, Verdict.WRONG_ANSWER):
        return -0.3 + 1.3 * share_passed(report, unit_tests)
    return REWARDS[report.verdict]
