"""What is known of a dataset's errors, in sentences: for the card and the command line, from the manifest's counts only."""

from collections.abc import Iterator
from typing import Any

_WHO = {"human": ("Humans have", ""), "model": ("Models have", ", by the judgement of models, not of humans")}


def audit_sentences(counts: dict[str, Any]) -> Iterator[str]:
    """How often the automatic part of the build is wrong about what it accepts, as far as anybody has looked.

    None where the manifest knows of no audit sample (`counts` of another tool).
    """
    audit = counts.get("audit")
    if audit is None:
        return
    yield (
        f"Of {audit['accepted']:,} problems that the build accepts without the help of reviewers, {audit['sampled']:,} were"
        f" drawn at random ({_percent(audit['share'])}) for an audit."
    )
    if not any(found["decided"] for found in audit["decided"].values()):
        yield "Not audited yet: nobody has decided about any of them, so the error rate of the build is not known."
        return
    for kind, found in audit["decided"].items():
        who, by = _WHO[kind]
        if not found["decided"]:
            yield f"{who} decided about none of them: not audited by {kind}s yet."
        else:
            low, high = found["interval"]
            yield (
                f"{who} decided about {found['decided']:,} of them and rejected or corrected {found['errors']:,}: an"
                f" estimated error rate of {_percent(found['errors'] / found['decided'])}, 95 % interval {_percent(low)} to"
                f" {_percent(high)} (Wilson){by}."
            )


def submission_rows(counts: dict[str, Any]) -> Iterator[dict[str, str]]:
    """False positives and false negatives on submissions whose worth is known, before and after verification."""
    for when in ("before", "after"):
        rates = counts.get("submissions", {}).get(when)
        if rates is not None:
            wrong, right = rates["wrong"], rates["right"]
            yield {
                "when": when,
                "wrong": f"{wrong['judged']:,}",
                "false_positives": _share(wrong["accepted"], wrong["judged"], wrong["interval"]),
                "right": f"{right['judged']:,}",
                "false_negatives": _share(right["refused"], right["judged"], right["interval"]),
            }


def submission_remarks(counts: dict[str, Any]) -> Iterator[str]:
    """What became of the submissions that are in no row."""
    lines = counts.get("submissions", {}).get("lines", {})
    words = {
        "unlabelled": "say that their worth is unknown",
        "unknown_problem": "are for problems that the sources do not have",
        "rejected_problem": "are for problems that the build rejects, with and without the ledger",
        "several_problems": "name a problem that several sources have",
    }
    for name, told in words.items():
        if lines.get(name):
            yield f"{lines[name]:,} submissions {told}, and were not judged."


def _share(hits: int, trials: int, interval: list[float] | None) -> str:
    if interval is None:
        return "none judged"
    low, high = map(_percent, interval)
    return f"{hits:,} ({_percent(hits / trials)}; {low} to {high})"


def _percent(share: float) -> str:
    return f"{100 * share:.1f} %"
