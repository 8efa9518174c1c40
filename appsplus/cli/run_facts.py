"""What the end of a build says of the run itself: what the judge failed on, and what it cost."""

from collections.abc import Iterator, Sequence
from typing import Any

_SHOWN = 5


def failure_lines(run: dict[str, Any]) -> Iterator[str]:
    """Which problems the judge failed on, and what to do; nothing where it failed on none. `run`: of the manifest."""
    rejected, not_looked_at = run.get("not_judged", ()), run.get("not_looked_at", ())
    if rejected:
        yield f"The judge failed on {len(rejected):,} problems, again and again. They left as not_judged, without a verdict:"
        yield from _named(rejected)
    if not_looked_at:
        yield f"The judge failed on programs about {len(not_looked_at):,} problems; the worklist may lack reasons for them:"
        yield from _named(not_looked_at)
    if rejected or not_looked_at:
        yield "    That is our fault, not theirs, and nothing of it is remembered: the same command asks again."
        yield "    Where it fails again, see `appsplus doctor`, and manifest.json under run."


def _named(entries: Sequence[dict[str, str]]) -> Iterator[str]:
    for entry in entries[:_SHOWN]:
        yield f"    {entry['problem_id']}: {entry['error']}"
    if len(entries) > _SHOWN:
        yield f"    and {len(entries) - _SHOWN:,} more, in manifest.json under run"
