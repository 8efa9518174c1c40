"""How stages reach the judge: in bulk, without knowing where programs run or what is already known."""

import hashlib
from collections.abc import Sequence
from dataclasses import replace
from typing import Protocol

from appsplus.judge import Inspection, Job, Report
from appsplus.problem import Limits, Problem

REFERENCE_MULTIPLE = 4  # a program may take so many times the canonical solution's CPU time, if that is the more


class Judging(Protocol):
    """What an engine offers (`appsplus.engine.LocalEngine`, for one). Both raise SandboxError."""

    modules: tuple[str, ...]  # offered to programs beyond the standard library

    def judge(self, jobs: Sequence[Job]) -> list[Report]:
        """Run jobs; reports in their order."""
        ...

    def inspect(self, programs: Sequence[str]) -> list[Inspection]:
        """Parse programs inside the sandbox; inspections in their order."""
        ...


def fair_limits(problem: Problem) -> Limits:
    """What an unknown program may use: the problem's limits, or a multiple of what the canonical solution needs."""
    needed_s = REFERENCE_MULTIPLE * (problem.reference_cpu_s or 0.0)
    if needed_s <= problem.limits.cpu_s:
        return problem.limits
    return replace(problem.limits, cpu_s=needed_s, wall_s=max(problem.limits.wall_s, REFERENCE_MULTIPLE * needed_s))


def job_for(
    problem: Problem, solution: int, modules: tuple[str, ...] = (), *, hash_seed: int = 0, coverage: bool = False
) -> Job:
    """The job that runs one solution on every unit test. All stages ask this one, so that its answer is cached once."""
    return Job(
        program=problem.solutions[solution].code,
        io_format=problem.io_format,
        unit_tests=problem.unit_tests,
        entry_point=problem.entry_point,
        limits=problem.limits,
        checker=problem.checker,
        hash_seed=hash_seed,
        coverage=coverage,
        modules=modules,
        stop_after_timeouts=len(problem.unit_tests) if coverage else 2,
    )


def program_hash(program: str) -> str:
    """SHA-256 (hex) of a program's text, lone surrogates and all."""
    return hashlib.sha256(program.encode("utf-8", "surrogatepass")).hexdigest()
