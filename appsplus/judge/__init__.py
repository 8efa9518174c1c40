"""Run untrusted programs on unit tests and say what they are worth. Usable alone: `from appsplus.judge import Judge`.

    with Judge() as judge:
        report = judge.run(Job(program, IOFormat.STDIN, (UnitTest("2\\n", "4\\n"),)))

Covered. A program cannot read expected outputs (they never enter its process), see other processes or the host's files,
reach a network, start processes, outlive its run, write outside a private /tmp, stop the clock that times it, exceed its
CPU, wall, memory, output, thread and file limits, or crash, block or fool the parent by what it writes.

Not covered. Side channels between programs that run at the same time (timing, caches); flaws of the kernel; memory that
is not address space of the program (page cache, up to 16 MiB of /tmp and the output limit, per worker); a program that
prints a right answer by chance. With `isolation="best-effort"`, whatever `Judge.rungs` says is missing.
"""

from appsplus.judge.client import (
    BEST_EFFORT,
    ISOLATIONS,
    STRICT,
    STRICT_RUNGS,
    Judge,
    available_cpus,
    inspection_from_json,
    version,
)
from appsplus.judge.job import Inspection, Job, Report, UnitTestReport

__all__ = [
    "BEST_EFFORT",
    "ISOLATIONS",
    "STRICT",
    "STRICT_RUNGS",
    "Inspection",
    "Job",
    "Judge",
    "Report",
    "UnitTestReport",
    "available_cpus",
    "inspection_from_json",
    "version",
]
