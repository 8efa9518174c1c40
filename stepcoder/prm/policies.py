"""The policies that a run kept at evenly spaced updates (`stepcoder train --keep-policies N`), to sample from."""

from dataclasses import dataclass
from pathlib import Path

from appsplus.errors import InputError
from stepcoder.checkpoint import KEPT_POLICIES, last_checkpoint, update_of
from stepcoder.config import TrainConfig
from stepcoder.saved_config import read_config


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """A policy of a run."""

    update: int  # after which it was kept
    folder: Path

    @property
    def name(self) -> str:
        """What records and files call it."""
        return f"update-{self.update:06d}"


def policies_of(run: Path) -> list[Checkpoint]:
    """The policies that a run has kept, in order; of a finished run, its final one is the last.

    A run that goes on with more updates still has the final policy of before: that is not its last one.
    """
    found = {update_of(path): path for path in (run / KEPT_POLICIES).glob("update-*") if _is_whole(path)}
    if _is_whole(run / "final"):
        config, _ = read_config(TrainConfig, run)
        last = last_checkpoint(run)
        if last is None or update_of(last) >= config.updates:
            found.setdefault(config.updates, run / "final")
    return [Checkpoint(update, folder) for update, folder in sorted(found.items())]


def evenly_spaced(run: Path, count: int) -> list[Checkpoint]:
    """`count` policies of a run, evenly spaced, the last among them. Raises InputError where there are fewer."""
    found = policies_of(run)
    if len(found) < count:
        names = f" ({', '.join(one.name for one in found)})" if found else ""
        raise InputError(
            f"{run} holds {len(found)} policies of its training{names}; expected at least {count}: train with --keep-policies"
            f" {count}, or ask for fewer with --checkpoints"
        )
    chosen: list[Checkpoint] = []
    first = 0
    for left in reversed(range(count)):  # by updates: a prolonged run has kept more of its beginning than of its end
        wanted = found[-1].update * (count - left) / count
        at = min(range(first, len(found) - left), key=lambda place: abs(found[place].update - wanted))
        chosen.append(found[at])
        first = at + 1
    return chosen


def _is_whole(folder: Path) -> bool:
    return (folder / "config.json").is_file() and any(folder.glob("*.safetensors"))
