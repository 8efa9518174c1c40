"""`appsplus stats`, `show` and `explain`: look at a dataset, one problem of it, or one problem's way into it."""

import json
from collections.abc import Iterator
from dataclasses import asdict
from typing import Any

from rich.console import Console, Group
from rich.markup import escape
from rich.panel import Panel
from rich.rule import Rule
from rich.syntax import Syntax
from rich.table import Table
from rich.text import Text

from appsplus.cli.build import print_funnel
from appsplus.cli.options import AsJson, DatasetDir, ProblemId
from appsplus.ledger.standing import AGREEING, BROKEN, DISPUTED, IN_FORCE, NOTED, REPLACED, STALE, UNDONE
from appsplus.pipeline import STAGES
from appsplus.problem import Problem, Rejection, Review
from appsplus.release import RejectedProblem, data_hash, find_problem, folder_hash, load_rejected, read_manifest
from appsplus.release.error_rates import audit_sentences, submission_remarks, submission_rows

_SHOWN_UNIT_TESTS = 3
_EXCERPT = 400
_EFFECT_WORDS = {
    IN_FORCE: "in force",
    AGREEING: "agrees with the decision in force",
    DISPUTED: "not applied: reviewers disagree, and nobody has settled it yet",
    REPLACED: "not applied: another decision took its place",
    STALE: "not applied: made on other content than there is now",
    BROKEN: "not applied: its patch does not fit the content",
    UNDONE: "not applied: the reviewer undid it",
    NOTED: "noted",
}


def stats(folder: DatasetDir, *, as_json: AsJson = False) -> None:
    """Say what a dataset holds: problems, splits, funnel, sources, and the hash of the folder."""
    manifest = read_manifest(folder)
    if as_json:
        facts = {"hash": folder_hash(folder), "data_hash": data_hash(folder), "counts": manifest.counts}
        print(json.dumps({**facts, "funnel": manifest.to_json()["funnel"]}))
        return
    counts = manifest.counts
    console = Console()
    splits = ", ".join(f"{split} {count:,}" for split, count in counts["splits"].items())
    console.print(f"[bold]{escape(str(folder))}[/bold]  built by appsplus {manifest.appsplus}")
    console.print(f"{counts['problems']:,} problems ({splits}), {counts['rejected']:,} rejected\n")
    for name in ("difficulty", "io_format"):
        console.print(_by_split_table(name, counts[name]))
        console.print()
    print_funnel(manifest)
    for line in _error_lines(counts):
        console.print(f"\n{line}", soft_wrap=True, highlight=False)
    console.print(f"\nhash {folder_hash(folder)}\nof its problems {data_hash(folder)}", soft_wrap=True)


def _error_lines(counts: dict[str, Any]) -> Iterator[str]:
    yield " ".join(audit_sentences(counts))
    for row in submission_rows(counts):
        yield (
            f"Submissions {row['when']} verification: of {row['wrong']} wrong ones the unit tests accept"
            f" {row['false_positives']}, of {row['right']} right ones they refuse {row['false_negatives']}."
        )
    yield from submission_remarks(counts)


def _by_split_table(name: str, rows: dict[str, dict[str, int]]) -> Table:
    splits = list(next(iter(rows.values()), {}))
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column(name, min_width=14)
    for split in splits:
        table.add_column(split, justify="right")
    for row, by_split in rows.items():
        table.add_row(row, *(f"{by_split[split]:,}" for split in splits))
    return table


def show(folder: DatasetDir, problem_id: ProblemId, *, as_json: AsJson = False) -> None:
    """Show one problem: text, canonical solution with coverage and split points, unit tests."""
    problem = find_problem(folder, problem_id)
    if as_json:
        print(json.dumps({**asdict(problem), "content_hash": problem.content_hash}))
        return
    Console().print(Group(*_problem_parts(problem)))


def _problem_parts(problem: Problem) -> Iterator[Any]:
    facts = f"{problem.difficulty} · {problem.split} · {problem.io_format}"
    if problem.entry_point:
        facts += f" {problem.entry_point}()"
    facts += f" · {len(problem.unit_tests)} unit tests · {len(problem.solutions)} solutions"
    yield Panel(Text(problem.description.strip()), title=escape(problem.problem_id), subtitle=escape(facts))
    yield Text(f"{problem.source}  {problem.license}  {problem.url}", style="dim")
    if problem.starter_code:
        yield Rule("starter code", align="left")
        yield Syntax(problem.starter_code.rstrip("\n"), "python", background_color="default")
    yield Rule("canonical solution: unit tests that execute each line, split points", align="left")
    yield _code_table(problem)
    yield Rule("unit tests", align="left")
    for number, unit_test in enumerate(problem.unit_tests[:_SHOWN_UNIT_TESTS]):
        yield Text.assemble((f"{number} in   ", "dim"), _excerpt(unit_test.input))
        yield Text.assemble((f"{number} out  ", "dim"), _excerpt(unit_test.output))
    if len(problem.unit_tests) > _SHOWN_UNIT_TESTS:
        yield Text(f"... and {len(problem.unit_tests) - _SHOWN_UNIT_TESTS} more", style="dim")
    for change in problem.changes:
        yield Text(f"changed by {change.by}: {change.what}: {change.detail}", style="yellow")


def _excerpt(text: str) -> str:
    text = text.rstrip("\n").replace("\n", "\n         ")
    return text if len(text) <= _EXCERPT else f"{text[:_EXCERPT]} ... ({len(text):,} characters)"


def _code_table(problem: Problem) -> Table:
    """The code, line by line, with how many unit tests execute it ("-": none, blank: not executable) and its cuts."""
    assert problem.annotation is not None
    note = problem.annotation
    executable = set(note.executable_lines)
    cuts: dict[int, list[str]] = {}
    for point in note.split_points:
        cuts.setdefault(point.line, []).append(point.kind)
    lines = Syntax("", "python").highlight(problem.canonical_solution).split("\n")
    table = Table(box=None, pad_edge=False, show_header=False)
    table.add_column(justify="right")
    table.add_column(justify="right")
    table.add_column(overflow="fold")
    table.add_column()
    for number, line in enumerate(lines, start=1):
        hits = sum(number in lines_of for lines_of in note.executed_lines)
        gutter = Text("" if number not in executable else str(hits or "-"), style="green" if hits else "red")
        table.add_row(Text(str(number), "dim"), gutter, line, Text(" ".join(cuts.get(number, ())), "cyan"))
    return table


def explain(folder: DatasetDir, problem_id: ProblemId, *, as_json: AsJson = False) -> None:
    """Tell one problem's way through the stages, with the evidence for a rejection and every decision about it."""
    rejected = next((r for r in load_rejected(folder) if r.problem_id == problem_id), None)
    problem = None if rejected else find_problem(folder, problem_id)
    steps = list(_steps(problem, rejected))
    review = rejected.review if rejected else problem.review if problem else None
    if as_json:
        evidence = rejected.rejection.evidence if rejected else None
        told = {"problem_id": problem_id, "kept": rejected is None, "stages": steps, "evidence": evidence}
        print(json.dumps(told | {"review": review and _review_json(review)}))
        return
    console = Console()
    console.print(f"[bold]{escape(problem_id)}[/bold]")
    if review is not None:
        _print_review(console, review)
    for step in steps:
        _print_step(console, step)
    if rejected is not None:
        _print_evidence(console, rejected.rejection)


def _print_step(console: Console, step: dict[str, str]) -> None:
    mark = "[red]✗[/red]" if step["outcome"] == "rejected" else "[green]✓[/green]"
    console.print(f" {mark} {step['stage']:<11}", escape(step["detail"]), soft_wrap=True)


def _print_evidence(console: Console, rejection: Rejection) -> None:
    if rejection.evidence is not None:
        console.print("\nevidence")
        console.print_json(json.dumps(rejection.evidence))


def _print_review(console: Console, review: Review) -> None:
    """The story of the decisions: what the build said before them, then each with who, when, why, and its effect."""
    if review.before is not None:
        stage, rejection = review.before
        console.print("\nas its source has it")
        _print_step(console, {"stage": stage, "outcome": "rejected", "detail": _rejected_detail(rejection)})
        _print_evidence(console, rejection)
    console.print("\ndecisions")
    for event in review.events:
        why = ": ".join(filter(None, (event.reason, event.comment)))
        extra = ", with override" if event.override else ""
        extra += f", settling {' and '.join(event.resolves)}" if event.resolves else ""
        line = f"{event.time}  {event.action} by {event.reviewer} ({event.reviewer_kind}){extra}"
        console.print(f"   {escape(line)}{escape(f' — {why}' if why else '')}", soft_wrap=True, highlight=False)
        console.print(
            f"     {_EFFECT_WORDS[event.effect]} (event {escape(event.event_id)})", soft_wrap=True, highlight=False
        )
    console.print("\nwith them" if review.changed_something else "\nthe build")


def _review_json(review: Review) -> dict[str, Any]:
    before = None
    if review.before is not None:
        stage, rejection = review.before
        before = {"stage": stage, "detail": _rejected_detail(rejection), "evidence": rejection.evidence}
    return {"before": before, "seen_hash": review.seen_hash, "events": [asdict(event) for event in review.events]}


def _rejected_detail(rejection: Rejection) -> str:
    return f"{rejection.reason}: {rejection.detail}"


def _steps(problem: Problem | None, rejected: RejectedProblem | None) -> Iterator[dict[str, str]]:
    for stage in STAGES:
        if rejected is not None and rejected.stage == stage.name:
            yield {"stage": stage.name, "outcome": "rejected", "detail": _rejected_detail(rejected.rejection)}
            return
        yield {"stage": stage.name, "outcome": "kept", "detail": _kept_detail(stage.name, problem) or stage.why}
    if rejected is not None:  # by `appsplus select`, after the build
        yield {"stage": rejected.stage, "outcome": "rejected", "detail": _rejected_detail(rejected.rejection)}


def _kept_detail(stage: str, problem: Problem | None) -> str:
    """What a stage did to a kept problem, where the dataset records it."""
    if problem is None:
        return ""
    acceptance = problem.review.acceptance if problem.review else None
    match stage:
        case "corrected":
            return "; ".join(f"{c.what} by {c.by}: {c.detail}" for c in problem.changes if c.event_id)
        case "reviewed" if acceptance is not None:
            return f"{acceptance.reviewer} ({acceptance.reviewer_kind}) accepted it"
        case "normalized":
            return "; ".join(f"{c.what}: {c.detail}" for c in problem.changes if not c.event_id)
        case "passing":
            accepted = sum(s.verdict == "accepted" for s in problem.solutions)
            return (
                f"solution {problem.canonical} is the canonical one; {accepted} of {len(problem.solutions)} solutions"
                f" pass {len(problem.unit_tests)} unit tests"
            )
        case "annotated":
            assert problem.annotation is not None
            note = problem.annotation
            reached = {line for lines in note.executed_lines for line in lines}
            return (
                f"{len(note.split_points)} split points, {len(note.subtask_chars)} levels; the unit tests execute"
                f" {len(reached)} of {len(note.executable_lines)} executable lines"
            )
    return ""
