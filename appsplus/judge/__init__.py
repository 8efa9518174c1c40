"""Run untrusted programs on unit tests and say what they are worth. Usable alone: `from appsplus.judge import Judge`.

    with Judge() as judge:
        report = judge.run(Job(program, IOFormat.STDIN, (UnitTest("2\\n", "4\\n"),)))

Read `job` (what is asked and answered), `client`, `rounds` and `verdicts` (the parent, which decides), then `worker`,
`isolation`, `root`, `template`, `begin`, `process` and `compiler` (the sandbox, which is not believed); the rest is detail.

Covered:

- Expected outputs: they never enter the process of a program. Its answers are plain data, of bounded size, compared here.
- The host: other processes, files, devices and the network cannot be seen, reached or signalled; nothing is written
  outside a private /tmp, which is empty for every run.
- Time: CPU seconds are the kernel's, read from outside; a program can neither stop that clock nor set it back. A module's
  own code counts with the first unit test of its process. A verdict near a limit is confirmed alone, limits follow the
  speed of the machine (`calibration`), and wall seconds in which a program has only waited for a CPU do not count
  (`waiting`). A program whose wall time is over though it has used hardly any CPU time is run once more: a machine may
  stand still, too.
- Resources: CPU and wall time, memory, output, threads, open files and file sizes per program; memory and processes per
  worker in a control group, where one may be made. No program starts processes; nothing outlives its run.
- Neighbours: unit tests do not see each other's module state or files where that would change a verdict.
- The parent: nothing that a program writes can crash, block or fool it. Faults of ours are SandboxError, never a verdict; so
  is the end of a program that the host has killed within its limits, twice (it is out of memory).

Not covered:

- Flaws of the kernel, and side channels between programs that run at the same time (timing, caches).
- Verdicts of a job with coverage, which has twenty times its limits; `appsplus.engine.verdict_and_lines` has both.
- A program's own coverage: it can find the buffer and write lines into it that it never ran.
- Which of its unit tests a program of the call format spends its time on: one that finds the inputs of the others may work
  ahead while cheaper ones are on the clock. All together it has no more time than they have.
- Memory of the parent while it reads an answer: 16 MiB of empty lists are a few hundred MiB of objects, for that moment.
- Peak memory of the call format: a program's own process tells it. It is never said to be above what the limit allows.
- Without a control group: memory that is not address space (page cache, 16 MiB of /tmp, the output), per worker.
- A unit test that passes only because an earlier one left state behind in the same process, in a program whose code does
  not show that it keeps state (`state`, `kept`); those that fail are run again alone.
- Flaws of CPython's compiler. It runs locked down and apart from every program, but one process serves many of them: a
  text that took it over could hand other code to the programs that the same worker judges later.
- Another process that keeps the machine busy while a verdict near the limit is confirmed; `near_limit` tells.
- A program that prints a right answer by chance, or knows the unit tests by heart.
- Time spent waiting for a CPU, where the host's /proc is hidden: it counts as wall time there.
- With `isolation="best-effort"`: whatever `Judge.rungs` says is missing; without a root of its own, also how much of the
  host's disk a program fills while it runs.
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
