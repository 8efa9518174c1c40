"""Is a ledger what it should be? Every finding names file and line; nothing is repaired here.

What a chain shows: that no line in the middle was changed, added or removed since the next one was written. What it cannot
show: that lines at the end are missing, or that somebody wrote the whole file anew. The history of the repository does.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from appsplus.ledger.accounts import by_kind
from appsplus.ledger.decision import Decision, chain_hash, parse
from appsplus.ledger.files import LINE_ERRORS, bytes_of, ledger_files, numbered, split_torn, torn_message
from appsplus.ledger.standing import may_resolve, may_undo


@dataclass(frozen=True, slots=True)
class Finding:
    """Something in a ledger that is not as it should be."""

    path: Path
    line: int  # 1-based
    text: str

    def __str__(self) -> str:
        return f"{self.path}:{self.line}: {self.text}"


@dataclass(frozen=True, slots=True)
class Checked:
    """What was looked at, and what was found."""

    files: int
    decisions: dict[str, int]  # readable lines, by kind of reviewer
    findings: tuple[Finding, ...]


def check(folders: Sequence[Path]) -> Checked:
    """Check every line of every file. Raises LedgerError where a folder or file cannot be read at all."""
    found: list[tuple[Path, int, Decision]] = []
    findings: list[Finding] = []
    paths = list(ledger_files(folders))
    for path in paths:
        lines, problems = _file(path)
        found += [(path, number, decision) for number, decision in lines]
        findings += problems
    findings += _across(found)
    order = sorted(findings, key=lambda finding: (finding.path, finding.line))
    return Checked(len(paths), by_kind(decision.reviewer_kind for _, _, decision in found), tuple(order))


def _file(path: Path) -> tuple[list[tuple[int, Decision]], list[Finding]]:
    """Lines and chain of one file."""
    data, torn = split_torn(bytes_of(path))
    found: list[tuple[int, Decision]] = []
    findings: list[Finding] = []
    above = None
    for number, line in numbered(data):
        try:
            decision = parse(line, f"{path}:{number}")
        except LINE_ERRORS as error:
            findings.append(
                Finding(path, number, f"not a decision: {error}. Restore the line from the repository's history.")
            )
        else:
            found.append((number, decision))
            wanted = "" if above is None else chain_hash(above)
            if decision.previous_hash != wanted:
                findings.append(Finding(path, number, _broken_chain(decision.previous_hash, wanted)))
        above = line
    if torn:
        number = data.count(b"\n") + 1
        findings.append(Finding(path, number, torn_message(path, number, len(torn)).partition(": ")[2]))
    return found, findings


def _broken_chain(got: str, wanted: str) -> str:
    expected = f"{wanted[:12]}…, the hash of the line above" if wanted else "none, as it is the first line"
    return (
        f"the chain is broken: previous_hash is {got[:12] + '…' if got else 'empty'}, expected {expected}. A line above was "
        "changed, added or removed; restore the file from the repository's history."
    )


def _across(found: list[tuple[Path, int, Decision]]) -> Iterator[Finding]:
    """What only shows when all lines are known."""
    first: dict[str, Decision] = {}
    files: dict[tuple[Path, str], Path] = {}
    kinds: dict[str, Decision] = {}
    owners: dict[Path, str] = {}
    for path, line, d in found:
        if d.event_id in first:
            yield Finding(
                path, line, f"the event {d.event_id!r} is already at {first[d.event_id].where}; remove one of the two"
            )
        first.setdefault(d.event_id, d)
        if kinds.setdefault(d.reviewer, d).reviewer_kind != d.reviewer_kind:
            yield Finding(path, line, f"{d.by} is a {kinds[d.reviewer].reviewer_kind} at {kinds[d.reviewer].where}")
        if owners.setdefault(path, d.reviewer) != d.reviewer:
            yield Finding(
                path, line, f"a decision of {d.reviewer} in the file of {owners[path]}; expected a file a reviewer"
            )
        if files.setdefault((path.parent, d.reviewer), path) != path:
            there = files[path.parent, d.reviewer].name
            yield Finding(path, line, f"{d.reviewer} has a file here already, {there}; expected a file a reviewer")
    undone: set[str] = set()
    for path, line, d in found:
        made = first.get(d.undoes)
        if d.undoes and (made is None or not may_undo(d.reviewer, made) or d.undoes in undone):
            why = "not in this ledger" if made is None else "of another reviewer, an undo itself, or undone already"
            yield Finding(path, line, f"it undoes the event {d.undoes!r}, which is {why}; the undo has no effect")
        if d.undoes:
            undone.add(d.undoes)
        for event in d.resolves:
            named = first.get(event)
            if named is None or named.problem_id != d.problem_id:
                yield Finding(path, line, f"it resolves the event {event!r}, which is no decision about {d.problem_id}")
            elif not may_resolve(d.reviewer_kind, named):
                yield Finding(path, line, f"a model cannot settle the decision {event!r} of a human; a human has to")
