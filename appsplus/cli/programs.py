"""`appsplus judge`, `doctor` and `cache`: one program, this machine's sandbox, and what is already known."""

import json
import os
import platform
from dataclasses import asdict, replace
from importlib import metadata
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from appsplus.cli.engines import LOCAL, RAY, Address, EngineName, check_address
from appsplus.cli.nodes import print_nodes
from appsplus.cli.options import AsJson, CacheDir, DatasetDir, Isolation, ProblemId, open_cache
from appsplus.engine import LocalEngine
from appsplus.engine.judging import fair_limits, job_for
from appsplus.engine.verdict_and_lines import verdict_and_lines
from appsplus.errors import InputError, SandboxError
from appsplus.judge import BEST_EFFORT, STRICT, STRICT_RUNGS, Job, Judge, Report, available_cpus
from appsplus.judge import version as judge_version
from appsplus.judge.verdicts import visible
from appsplus.problem import IOFormat, Limits, UnitTest, Verdict
from appsplus.release import find_problem

_PLAIN = Job("print(1)\n", IOFormat.STDIN, (UnitTest("", "1\n"),))
_LIBRARIES = ("datasets", "huggingface-hub", "pyarrow", "tree-sitter", "tree-sitter-python", "datasketch")


def judge(
    folder: DatasetDir,
    problem_id: ProblemId,
    program_file: Annotated[Path, typer.Argument(metavar="PROGRAM_FILE", help="The program to judge.")],
    *,
    coverage: Annotated[
        bool, typer.Option("--coverage", help="Also report the lines each unit test executes.")
    ] = False,
    isolation: Isolation = STRICT,
    allow: Annotated[list[str] | None, typer.Option(help="A package to offer, e.g. numpy; may be repeated.")] = None,
    as_json: AsJson = False,
) -> None:
    """Judge one program on one problem: verdict per unit test, CPU seconds, memory. Exits with 1 if not accepted."""
    problem = find_problem(folder, problem_id)
    try:
        program = program_file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else error
        raise InputError(f"{program_file} cannot be read as a program ({why}); expected UTF-8 text") from None
    canonical = job_for(problem, problem.canonical or 0, tuple(allow or ()), coverage=coverage)
    job = replace(canonical, program=program, limits=fair_limits(problem), stop_after_timeouts=len(problem.unit_tests))
    with LocalEngine(workers=1, isolation=isolation, modules=job.modules) as engine:
        report = verdict_and_lines(engine, job) if coverage else engine.judge([job])[0]
        rungs = dict(engine.rungs)
    if as_json:
        missing = rungs.pop("missing")
        facts = {"judge": judge_version(), "isolation": rungs, "missing": missing}
        print(json.dumps({"problem_id": problem_id, **asdict(report), **facts}))
    else:
        _print_report(report)
    raise typer.Exit(report.verdict is not Verdict.ACCEPTED)


def _print_report(report: Report) -> None:
    console = Console()
    table = Table(box=None, pad_edge=False, header_style="bold")
    for title in ("unit test", "verdict", "cpu ms", "wall ms", "peak MiB", ""):
        table.add_column(title, justify="left" if title in ("verdict", "") else "right")
    for number, t in enumerate(report.unit_tests):
        note = t.error or (visible(t.actual.strip()[:60]) if t.verdict is Verdict.WRONG_ANSWER else "")
        if t.executed_lines is not None:
            note = f"{note}  lines {','.join(map(str, t.executed_lines))}".strip()
        colour = "green" if t.verdict is Verdict.ACCEPTED else "red"
        verdict = f"[{colour}]{t.verdict}[/{colour}]"
        took = (f"{seconds * 1000:.1f}" for seconds in (t.cpu_s, t.wall_s))
        table.add_row(str(number), verdict, *took, f"{t.peak_mib:.0f}", escape(note))
    console.print(table)
    passed = sum(t.verdict is Verdict.ACCEPTED for t in report.unit_tests)
    console.print(f"\n{report.verdict}: {passed} of {len(report.unit_tests)} unit tests passed")


def doctor(*, engine: EngineName = LOCAL, address: Address = None, as_json: AsJson = False) -> None:
    """Say what isolation, limits and libraries are in force here, or on every node of a cluster; judge a program here.

    Exits with 1 if strict isolation is not to be had, or a node cannot judge for this process.
    """
    check_address(engine, address)
    if engine == RAY:
        print_nodes(address, as_json=as_json)
        return
    with Judge(isolation=BEST_EFFORT) as worker:
        rungs, scale = dict(worker.rungs), round(worker.scale, 2)
        report = worker.run(_PLAIN)
    if report.verdict is not Verdict.ACCEPTED:
        raise SandboxError(
            f"a program that prints 1 gets {report.verdict} here: {report.unit_tests[0].error or 'no error'}"
        )
    missing = rungs.pop("missing")
    strict = all(rungs[name] for name in STRICT_RUNGS)
    facts = _machine_facts() | {"calibration": scale}  # CPU limits are multiplied by it
    if as_json:
        print(json.dumps({"strict": strict, "isolation": rungs, "missing": missing, **facts}))
    else:
        _print_doctor(strict, rungs, missing, facts)
    raise typer.Exit(not strict)


def _machine_facts() -> dict[str, Any]:
    memory_mib = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") >> 20
    return {
        "appsplus": metadata.version("appsplus"),
        "judge": judge_version(),
        "python": platform.python_version(),
        "kernel": platform.release(),
        "cpus": available_cpus(),
        "memory_mib": memory_mib,
        "user": "root" if os.geteuid() == 0 else "ordinary",
        "limits": asdict(Limits()),  # of one unit test
        "libraries": {name: metadata.version(name) for name in _LIBRARIES},
    }


def _print_doctor(strict: bool, rungs: dict[str, bool], missing: dict[str, str], facts: dict[str, Any]) -> None:
    console = Console()
    console.print(f"strict isolation: {'[green]available' if strict else '[red]not available[/red], see below'}")
    for name, holds in rungs.items():
        reason = escape(missing.get(name, ""))
        console.print(f"  {'[green]✓[/green]' if holds else '[red]✗[/red]'} {name:<12} {reason}", soft_wrap=True)
    for name in sorted(set(missing) - set(rungs)):
        console.print(f"  [yellow]![/yellow] {name:<12} {escape(missing[name])}", soft_wrap=True)
    for name, value in facts.items():
        shown = ", ".join(f"{n} {v}" for n, v in value.items()) if isinstance(value, dict) else value
        console.print(f"{name:<14} {shown}", soft_wrap=True, highlight=False)


def cache(
    *,
    clear: Annotated[bool, typer.Option("--clear", help="Forget everything the judge has answered.")] = False,
    cache_dir: CacheDir = None,
    as_json: AsJson = False,
) -> None:
    """See, or clear, what the judge already knows."""
    with open_cache(cache_dir) as known:
        cleared = known.clear() if clear else 0
        answers, size = len(known), known.size_bytes()
        path = known.path
    if as_json:
        print(json.dumps({"path": str(path), "answers": answers, "bytes": size, "cleared": cleared}))
    else:
        done = f"cleared {cleared:,} answers; " if clear else ""
        print(f"{path}: {done}{answers:,} answers, {size / 1e6:,.1f} MB")
