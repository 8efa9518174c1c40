"""`appsplus ledger check|agreement|import|export`: the ledger itself, without a build."""

import json
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from appsplus import jsonl
from appsplus.cli import UsageError
from appsplus.cli.build import kinds
from appsplus.cli.options import AsJson
from appsplus.errors import LedgerError
from appsplus.ledger import REVIEWER_KINDS, Decision, Ledger, argilla, exchange
from appsplus.ledger.agreement import RESAMPLES, Agreement, disagreements, measure
from appsplus.ledger.check import check as run_check

_NAMES = {"cohen_kappa": "Cohen's kappa", "krippendorff_alpha": "Krippendorff's alpha (nominal)"}

app = typer.Typer(
    help="Check, measure, import and export a ledger of decisions.", no_args_is_help=True, rich_markup_mode=None
)
LedgerDir = Annotated[Path, typer.Argument(metavar="LEDGER_DIR", help="A folder with a ledger's *.jsonl files.")]
Format = Annotated[str, typer.Option("--format", help=f"One of {', '.join(exchange.FORMATS)}.")]
User = Annotated[
    list[str] | None,
    typer.Option(help="NAME=ID: a reviewer, and the user's id in Argilla; may be repeated.", show_default=False),
]


@app.command()
def check(folder: LedgerDir, *, as_json: AsJson = False) -> None:
    """Check every line and chain; name file and line of what is broken, and repair nothing. Exit status 1: a finding."""
    found = run_check([folder])
    if as_json:
        findings = [asdict(finding) | {"path": str(finding.path)} for finding in found.findings]
        print(json.dumps({"files": found.files, "decisions": found.decisions, "findings": findings}))
    else:
        for finding in found.findings:
            print(finding)
        words = f"{len(found.findings):,} findings" if found.findings else "lines and chains are whole"
        print(f"{folder}: {found.files:,} files, {kinds(found.decisions)} decisions; {words}")
    if found.findings:
        raise typer.Exit(1)


@app.command()
def agreement(
    folder: LedgerDir,
    *,
    reviewer: Annotated[
        list[str] | None, typer.Option(help="Compare these only; may be repeated.", show_default=False)
    ] = None,
    seed: Annotated[int, typer.Option(help="Of the bootstrap.")] = 0,
    as_json: AsJson = False,
) -> None:
    """Measure how far reviewers agree, and list the disagreements that wait for adjudication."""
    ledger = Ledger.read([folder])
    found = measure(ledger, reviewer or (), seed=seed)
    waiting = disagreements(ledger)
    if as_json:
        queue = [[_decision_json(decision) for decision in own] for own in waiting]
        print(json.dumps(asdict(found) | {"resamples": RESAMPLES, "seed": seed, "disagreements": queue}))
        return
    _print_agreement(found)
    print(f"\n{len(waiting):,} disagreements wait for adjudication" + (":" if waiting else "."))
    for own in waiting:
        print(f"    {own[0].problem_id}")
        for decision in own:
            why = ": ".join(filter(None, (decision.reason, decision.comment)))
            print(f"        {decision.action} by {decision.by}{f' — {why}' if why else ''}")


def _print_agreement(found: Agreement) -> None:
    who = ", ".join(f"{name} ({kind})" for name, kind in found.reviewers.items())
    print(f"{who}: {found.units:,} problems that at least two of them decided")
    value = "not defined, as everybody always said the same" if found.value is None else f"{found.value:.3f}"
    interval = f", 95 % interval {found.interval[0]:.3f} to {found.interval[1]:.3f}" if found.interval else ""
    print(f"{_NAMES[found.statistic]}: {value}{interval} (bootstrap over problems, {RESAMPLES:,} draws)")
    print(f"They say the same in {found.observed:.1%} of the pairs.\n")
    two = len(found.reviewers) == 2
    first, second = tuple(found.reviewers)[:2]
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column(f"{first} ↓  {second} →" if two else "coincidences")
    for value in found.table:
        table.add_column(value, justify="right")
    for value, row in found.table.items():
        table.add_row(value, *(f"{n:g}" for n in row.values()))
    Console().print(table)


def _decision_json(decision: Decision) -> dict[str, Any]:
    names = ("event_id", "reviewer", "reviewer_kind", "problem_id", "action", "reason", "comment")
    return {name: getattr(decision, name) for name in names} | {"time": decision.utc}


@app.command("import")
def import_(
    folder: LedgerDir,
    file: Annotated[Path, typer.Argument(metavar="FILE", help="What to import.")],
    *,
    form: Format = "csv",
    reviewer: Annotated[str, typer.Option(help="For rows that do not name their reviewer.", show_default=False)] = "",
    reviewer_kind: Annotated[
        str, typer.Option(help="For rows that do not say it: human or model.", show_default=False)
    ] = "",
    user: User = None,
    as_json: AsJson = False,
) -> None:
    """Add the decisions of a file: all of them, or none. What is in the ledger already is not added again."""
    if reviewer_kind and reviewer_kind not in REVIEWER_KINDS:
        raise UsageError(f"--reviewer-kind {reviewer_kind} is not known; expected one of: {', '.join(REVIEWER_KINDS)}")
    names = {user_id: name for name, user_id in _users(user).items()}
    found = exchange.import_file(
        file, _known(form), folder, reviewer=reviewer, reviewer_kind=reviewer_kind, users=names
    )
    if as_json:
        print(json.dumps(asdict(found)))
    else:
        print(f"Added {kinds(found.added)} decisions to {folder}; {found.known:,} were there already.")


@app.command()
def export(
    folder: LedgerDir,
    *,
    form: Format = "csv",
    out: Annotated[Path, typer.Option(help="The file to write; it must not be there yet.")],
    user: User = None,
    as_json: AsJson = False,
) -> None:
    """Write the decisions for other tools: CSV, JSON Lines, or records of Argilla."""
    ledger, users = Ledger.read([folder]), _users(user)
    left_out = 0
    if _known(form) == "argilla":
        made = [d for d in exchange.in_order(ledger) if d.event_id not in ledger.undone]
        records, left_out = argilla.records(made, users)
        data, count = jsonl.dumps(records).encode() + b"\n", f"{len(records):,} records"
    else:
        data, count = (exchange.to_csv if form == "csv" else exchange.to_jsonl)(ledger), f"{len(ledger):,} decisions"
    try:
        with out.open("xb") as file:
            file.write(data)
    except OSError as error:
        raise LedgerError(f"{out} cannot be written: {error.strerror}. Choose another file.") from None
    if as_json:
        print(json.dumps({"path": str(out), "decisions": len(ledger), "left_out": left_out}))
        return
    print(f"Wrote {count} to {out}.")
    if left_out:
        print(f"{left_out:,} decisions of further models were left out: Argilla holds one suggestion a question.")


def _known(form: str) -> str:
    if form not in exchange.FORMATS:
        raise UsageError(f"--format {form} is not known; expected one of: {', '.join(exchange.FORMATS)}")
    return form


def _users(given: list[str] | None) -> dict[str, str]:
    pairs = [text.partition("=") for text in given or ()]
    if wrong := [name for name, _, user_id in pairs if not (name and user_id)]:
        raise UsageError(f"--user: got {wrong[0]!r}; expected NAME=ID")
    return {name: user_id for name, _, user_id in pairs}
