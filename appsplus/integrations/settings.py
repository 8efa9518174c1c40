"""How completions are judged inside somebody else's program, which has no options of ours: by its environment.

| variable | is | default |
|---|---|---|
| `APPSPLUS_REWARD` | `verdict`, `binary` or `pass_rate`: see `appsplus.reward` | `verdict` |
| `APPSPLUS_WORKERS` | programs that run at once, in each process | the CPUs, shared among the processes of a launcher |
| `APPSPLUS_ISOLATION` | `strict` or `best-effort` | `strict` |
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self

from appsplus.errors import InputError
from appsplus.judge import ISOLATIONS, STRICT, available_cpus
from appsplus.reward import VARIANTS


@dataclass(frozen=True, slots=True)
class Settings:
    """How completions are judged, and what a verdict is worth. Raises InputError for a value that does not exist."""

    reward: str = "verdict"  # one of `appsplus.reward.VARIANTS`
    workers: int = 1  # programs that run at once
    isolation: str = STRICT

    def __post_init__(self) -> None:
        _one_of("APPSPLUS_REWARD", self.reward, VARIANTS)
        _one_of("APPSPLUS_ISOLATION", self.isolation, ISOLATIONS)

    @classmethod
    def read(cls, environment: Mapping[str, str]) -> Self:
        """What the environment says. `torchrun` and `accelerate` tell how many processes share this machine."""
        processes = environment.get("LOCAL_WORLD_SIZE", "")
        share = available_cpus() // (int(processes) if processes.isdecimal() and int(processes) else 1)
        workers = environment.get("APPSPLUS_WORKERS") or str(max(1, share))
        if not workers.isdecimal() or int(workers) < 1:
            raise InputError(f"APPSPLUS_WORKERS must be a whole number above zero; got {workers!r}")
        return cls(
            reward=environment.get("APPSPLUS_REWARD") or VARIANTS[0],
            workers=int(workers),
            isolation=environment.get("APPSPLUS_ISOLATION") or STRICT,
        )


def _one_of(name: str, value: str, known: tuple[str, ...]) -> None:
    if value not in known:
        raise InputError(f"{name} must be one of {', '.join(known)}; got {value!r}")
