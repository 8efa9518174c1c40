"""`appsplus doctor --engine ray`: every node of a cluster, and whether it may judge."""

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from appsplus.judge import STRICT_RUNGS

if TYPE_CHECKING:
    from appsplus.engine.ray_doctor import NodeReport

_WIDEST = 200  # characters of a line of the table, on any terminal and in a file


def print_nodes(address: str | None, *, as_json: bool) -> None:
    """Say what every node of the cluster is; exit with 1 where one of them cannot judge with strict isolation."""
    from appsplus.engine.ray_doctor import look_at_nodes

    reports = look_at_nodes(address)
    is_strict = bool(reports) and all(report.is_strict for report in reports)
    if as_json:
        print(json.dumps({"strict": is_strict, "nodes": [_row(report) for report in reports]}))
    else:
        _print_table(reports)
    raise typer.Exit(not is_strict)


def _row(report: "NodeReport") -> dict[str, Any]:
    facts = {} if report.facts is None else report.facts.to_json()
    rungs = dict(facts.pop("rungs", {}))
    missing = rungs.pop("missing", {})
    for name in ("pid", "refusal"):
        facts.pop(name, None)
    named = {"name": report.node.name, "node_id": report.node.node_id}
    verdict = {"strict": report.is_strict, "problem": report.why_not, "isolation": rungs, "missing": missing}
    return named | verdict | facts | {"cpus": report.node.cpus}


def _print_table(reports: Sequence["NodeReport"]) -> None:
    console = Console()
    titles = ("node", "strict", "CPUs", "calibration", "memory MiB", "Python", "judge", "kernel")
    table = Table(box=None, pad_edge=False, header_style="bold")
    for title in titles:
        table.add_column(title, justify="right" if title in ("CPUs", "calibration", "memory MiB") else "left")
    for report in reports:
        strict = "[green]✓[/green]" if report.is_strict else "[red]✗[/red]"
        f = report.facts
        told = ["?"] * 5 if f is None else [f"{f.calibration:.2f}", f"{f.memory_mib:,}", f.python, f.judge, f.kernel]
        table.add_row(escape(report.node.name), strict, str(report.node.cpus), *map(escape, told))
    Console(width=_WIDEST).print(table)
    for report in reports:
        for line in _complaints(report):
            console.print(f"{escape(report.node.name)}: {escape(line)}", soft_wrap=True, highlight=False)
    if not reports:
        console.print("no node is up that has a CPU; start one: ray start --address=HOST:PORT", soft_wrap=True)


def _complaints(report: "NodeReport") -> list[str]:
    """What a node cannot do, and why: rungs of strict isolation first."""
    if report.why_not or report.facts is None:
        return [report.why_not]
    rungs = report.facts.rungs
    missing = rungs["missing"]
    lacking = [name for name, holds in rungs.items() if name != "missing" and not holds]
    told = [f"✗ {name}: {missing.get(name, 'not available')}" for name in sorted(lacking, key=_not_strict)]
    return told + [f"! {name}: {why}" for name, why in sorted(missing.items()) if name not in rungs]


def _not_strict(name: str) -> tuple[bool, str]:
    return name not in STRICT_RUNGS, name
