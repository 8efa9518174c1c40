"""A folder of work that goes on where it was: begun once with its options, and gone on with only under the same."""

import json
import time
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from appsplus.errors import InputError
from appsplus.jsonl import write_atomically
from stepcoder.config import flag

_MADE_FROM = "made_from"


def begin(
    path: Path,
    document: Mapping[str, Any],
    command: str,
    may_change: Collection[str] = (),
    made_from: Mapping[str, Any] | None = None,
) -> None:
    """Write the options to `path`, in a folder that is made, or go on in it where they are the same.

    `made_from`: by what people call it, what the options lead to, such as hashes of files; it must be the same, too. Raises
    InputError where something is not, where the folder holds something else, or where it cannot be written.
    """
    made_from = dict(made_from or {})
    folder = path.parent
    try:
        if path.is_file():
            begun = json.loads(path.read_text(encoding="utf-8"))
            for name, value in document.items():
                if name not in may_change and begun.get(name) != value:
                    raise InputError(
                        f"{folder} was begun with {flag(name)} {begun.get(name)}, not {value}; go on with the options that it"
                        " was begun with, or name another --out"
                    )
            for name, value in made_from.items():
                if begun.get(_MADE_FROM, {}).get(name) not in (value, ""):  # "": older versions do not say
                    raise InputError(f"{folder} was begun with other {name} than there are now; name another --out")
        elif folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
            raise InputError(f"{folder} is there, and nothing that `{command}` has begun; name another --out")
        folder.mkdir(parents=True, exist_ok=True)
        whole = {**document, _MADE_FROM: made_from} if made_from else dict(document)
        write_atomically(path, (json.dumps(whole, indent=2) + "\n").encode())
    except OSError as error:
        raise InputError(f"{folder} cannot be written ({error.strerror}); name another folder with --out") from None
    except ValueError as error:
        raise InputError(f"{path} cannot be read ({error}); name another --out") from None


@contextmanager
def timed(path: Path) -> Iterator[None]:
    """Add a line with the seconds that it took, whether it ended or was interrupted; what was killed is not counted."""
    began = time.monotonic()
    try:
        yield
    finally:
        with path.open("a", encoding="utf-8") as file:
            file.write(f"{time.monotonic() - began:.1f}\n")


def seconds_of(path: Path) -> float:
    """What `timed` has noted there, in all; 0 where it was killed before it could."""
    return round(sum(map(float, path.read_text(encoding="utf-8").split())), 1) if path.is_file() else 0.0
