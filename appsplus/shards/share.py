"""Which records a shard takes."""

import re
from dataclasses import dataclass

from appsplus.errors import InputError

_FORM = re.compile(r"(\d{1,9})/(\d{1,9})", re.ASCII)


@dataclass(frozen=True, slots=True, order=True)
class Share:
    """Shard `number` of `of`, from 1."""

    of: int
    number: int

    def __post_init__(self) -> None:
        if not 1 <= self.number <= self.of:
            raise ValueError(f"a shard is one of 1/{self.of} to {self.of}/{self.of}; got {self.number}/{self.of}")

    def __str__(self) -> str:
        return f"{self.number}/{self.of}"

    def holds(self, index: int) -> bool:
        """Whether it takes the record with this number, from 0, in the order of the sources."""
        return index % self.of == self.number - 1

    def size(self, records: int) -> int:
        """How many of so many records it takes."""
        return len(range(self.number - 1, records, self.of))


def parse_share(text: str) -> Share:
    """Read "2/8": shard 2 of 8. Raises InputError."""
    match = _FORM.fullmatch(text)
    number, of = (int(match[1]), int(match[2])) if match else (0, 0)
    if not 1 <= number <= of:
        raise InputError(
            f"--shard {text}: expected I/N with I from 1 to N, e.g. 2/8 for the second of eight. Start one build for"
            " each I, then `appsplus merge` puts their folders together"
        )
    return Share(of, number)
