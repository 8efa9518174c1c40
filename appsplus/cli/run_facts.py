"""What the end of a build says of the run itself: what the judge failed on, and what it cost."""

from collections.abc import Iterator, Sequence
from typing import Any

_SHOWN = 5


def failure_lines(run: dict[str, Any], file: str = "manifest.json") -> Iterator[str]:
    """Which problems the judge failed on, and what to do; nothing where it failed on none.

    `run`: that section of a `file`, a manifest's or a shard's. A merge judges nothing, so it names the shards to build again.
    """
    rejected, not_looked_at = run.get("not_judged", ()), run.get("not_looked_at", ())
    if rejected:
        yield f"The judge failed on {len(rejected):,} problems, again and again. They left as not_judged, without a verdict:"
        yield from _named(rejected, file)
    if not_looked_at:
        yield f"The judge failed on programs about {len(not_looked_at):,} problems; the worklist may lack reasons for them:"
        yield from _named(not_looked_at, file)
    if rejected or not_looked_at:
        shards = [one["shard"] for one in run.get("shards", ()) if one.get("not_judged") or one.get("not_looked_at")]
        again = f"build shard {', '.join(shards)} again, then merge" if shards else "the same command asks again"
        yield f"    That is our fault, not theirs, and nothing of it is remembered: {again}."
        yield f"    Where it fails again, see `appsplus doctor`, and {file} under run."


def _named(entries: Sequence[dict[str, str]], file: str) -> Iterator[str]:
    for entry in entries[:_SHOWN]:
        yield f"    {entry['problem_id']}: {entry['error']}"
    if len(entries) > _SHOWN:
        yield f"    and {len(entries) - _SHOWN:,} more, in {file} under run"
