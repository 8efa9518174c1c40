"""What must not be published: tokens of well-known shapes, private keys, and paths of the machine that made the files.

A token is one wherever it stands. A path below a home directory counts in whatever our own code wrote (card, manifest,
figures, evidence, comments). In texts that the sources had before us, such as descriptions and solutions, other people's
home paths are theirs and public already; there only the paths of the user who publishes count. What is not covered:
secrets without a shape of their own (passwords, keys that are plain hexadecimal), names and addresses of people, and
files that are neither text nor Parquet nor safetensors.
"""

import json
import re
import struct
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import pyarrow as pa
import pyarrow.parquet as pq

from appsplus import jsonl

_NAME = r"[A-Za-z0-9_]"
_ESCAPED = r"(?<=\\[nrtfb])"  # texts in JSON are searched as they are written: a line break ends in a letter there
_FREE, _END = rf"(?:(?<!{_NAME})|{_ESCAPED})", rf"(?!{_NAME})"


class _Shape(NamedTuple):
    what: str
    anchor: bytes  # a text without this has none; searching for it is fast
    pattern: re.Pattern[str]


def _token(what: str, anchor: str, rest: str) -> _Shape:
    return _Shape(what, anchor.encode(), re.compile(_FREE + re.escape(anchor) + rest + _END))


_TOKENS = (
    _token("a token of Hugging Face", "hf_", r"[A-Za-z0-9]{30,}"),
    *(_token("a token of GitHub", f"gh{kind}_", r"[A-Za-z0-9]{36,}") for kind in "pousr"),
    _token("a token of GitHub", "github_pat_", r"[A-Za-z0-9_]{60,}"),
    _token("a token of GitLab", "glpat-", r"[A-Za-z0-9_-]{20,}"),
    _token("a key of OpenAI", "sk-proj-", r"[A-Za-z0-9_-]{40,}"),
    _token("a key of OpenAI", "sk-", r"[A-Za-z0-9]{20}T3BlbkFJ[A-Za-z0-9]{20}"),
    _token("a key of Anthropic", "sk-ant-", r"[A-Za-z0-9_-]{40,}"),
    _token("a key of AWS", "AKIA", r"[A-Z2-7]{16}"),
    _token("a key of AWS", "ASIA", r"[A-Z2-7]{16}"),
    _token("a key of Google", "AIza", r"[A-Za-z0-9_-]{35}"),
    *(_token("a token of Slack", f"xox{kind}-", r"[A-Za-z0-9-]{20,}") for kind in "abprs"),
    _token("a key of Stripe", "sk_live_", r"[A-Za-z0-9]{20,}"),
    _token("a token of npm", "npm_", r"[A-Za-z0-9]{36}"),
    _token("a token of PyPI", "pypi-AgE", r"[A-Za-z0-9_-]{50,}"),
    _token("a key of Weights & Biases", "wandb_v1_", r"[A-Za-z0-9_]{30,}"),
    _Shape("a private key", b"PRIVATE KEY-----", re.compile(r"-----BEGIN (?:[A-Z]+ )*PRIVATE KEY-----")),
)
_PART = r"[A-Za-z0-9._-]+"
# a path in an address, such as https://example.org/home/ada, is none of a machine
_BEFORE = rf"(?:(?<![A-Za-z0-9._/~-])|{_ESCAPED})"
_HOMES = (
    _Shape("a path of a machine", b"/home/", re.compile(rf"{_BEFORE}/home/{_PART}")),
    _Shape("a path of a machine", b"/Users/", re.compile(rf"{_BEFORE}/Users/{_PART}")),
    _Shape("a path of a machine", b"/root/", re.compile(rf"{_BEFORE}/root/{_PART}")),
    _Shape("a path of a machine", b":\\", re.compile(rf"(?<![A-Za-z])[A-Za-z]:\\+Users\\+{_PART}")),
)

_QUOTED_COLUMNS = frozenset(
    "description starter_code canonical_solution other_solutions unit_tests checker prompt prefix remainder url".split()
)
_QUOTED_KEYS = frozenset({"record", "proposal", "patch"})  # in a worklist item and a decision: what the source said
_QUOTED_FILES = frozenset(
    {"tokenizer.json", "vocab.json", "merges.txt"}
)  # words of the texts a tokenizer was made from
_BATCH_ROWS = 64


@dataclass(frozen=True, slots=True)
class Finding:
    """Why a folder is not published."""

    file: str  # relative to the folder
    reason: str

    def __str__(self) -> str:
        return f"{self.file}: {self.reason}"


class Leaks:
    """Looks for secrets and local paths in the files of one folder."""

    def __init__(self, own: Iterable[Path] = (), allowed: Collection[str] = ()) -> None:
        """`own`: folders of the user who publishes; one at the top, such as /root, says nothing of anybody and is left out.

        `allowed`: texts that look like a secret or a path, and are none.
        """
        ours = sorted({str(path) for path in own if len(path.parts) > 2})
        mine = tuple(
            _Shape("a path of this machine", text.encode(), re.compile(re.escape(text) + r"(?![A-Za-z0-9_-])"))
            for text in ours
        )
        self._shapes = (*_TOKENS, *mine, *_HOMES)
        self._allowed = frozenset(allowed)

    def in_file(self, name: str, path: Path) -> Iterator[Finding]:
        """What is found in a file that a folder has by this name: each text once, where it is first and how often."""
        found: dict[tuple[str, str], list[str]] = {}
        for place, what, text in self._in_file(path):
            if text not in self._allowed:
                found.setdefault((what, text), []).append(place)
        for (what, text), places in found.items():
            more = f", and {len(places) - 1:,} more" if len(places) > 1 else ""
            yield Finding(name, f"{what} ({_shown(what, text)}){places[0]}{more}")

    def _in_file(self, path: Path) -> Iterator[tuple[str, str, str]]:
        """(where, what, text) of every match; nothing where the file cannot be read, which other checks say."""
        try:
            if path.suffix == ".parquet":
                yield from self._in_parquet(path)
            elif path.suffix == ".jsonl":
                for number, line in enumerate(path.read_bytes().splitlines(), start=1):
                    yield from self._in_value(_decoded(line), f" in line {number}", self._near(line))
            else:
                text = (
                    _safetensors_header(path) if path.suffix == ".safetensors" else path.read_text("utf-8", "replace")
                )
                yield from self._in_value(text, "", self._shapes, quoted=path.name in _QUOTED_FILES)
        except (OSError, pa.ArrowException, struct.error):
            return

    def _in_parquet(self, path: Path) -> Iterator[tuple[str, str, str]]:
        with pq.ParquetFile(path) as file:
            for batch in file.iter_batches(batch_size=_BATCH_ROWS):
                names = batch.schema.names
                ids = batch.column("problem_id").to_pylist() if "problem_id" in names else []
                for column, values in zip(names, batch.columns, strict=True):
                    near = self._near(*(buffer.to_pybytes() for buffer in values.buffers() if buffer is not None))
                    if not near:
                        continue
                    for row, value in enumerate(values.to_pylist()):
                        place = f" in {column} of {ids[row]}" if ids else f" in {column}"
                        value = _decoded(value.encode()) if column == "item" else value  # JSON, of the worklist
                        yield from self._in_value(value, place, near, quoted=column in _QUOTED_COLUMNS)

    def _near(self, *data: bytes) -> list[_Shape]:
        """The shapes that may be in some bytes."""
        return [shape for shape in self._shapes if any(shape.anchor in part for part in data)]

    def _in_value(
        self, value: Any, place: str, shapes: Iterable[_Shape], *, quoted: bool = False
    ) -> Iterator[tuple[str, str, str]]:
        for text, of_others in _texts(value, quoted) if shapes else ():
            for shape in shapes:
                if not (of_others and shape in _HOMES):
                    for match in shape.pattern.finditer(text):
                        yield place, shape.what, match[0]


def _texts(value: Any, quoted: bool) -> Iterator[tuple[str, bool]]:
    """Every text in a value of rows or JSON, and whether it is what the source said."""
    if isinstance(value, str):
        yield value, quoted
    elif isinstance(value, dict):
        for key, item in value.items():
            yield from _texts(item, quoted or key in _QUOTED_KEYS)
    elif isinstance(value, list):
        for item in value:
            yield from _texts(item, quoted)


def _decoded(line: bytes) -> Any:
    try:
        return jsonl.loads(line)
    except (ValueError, RecursionError):
        return line.decode("utf-8", errors="replace")


def _safetensors_header(path: Path) -> str:
    with path.open("rb") as file:
        (size,) = struct.unpack("<Q", file.read(8))
        return file.read(min(size, 100_000_000)).decode("utf-8", errors="replace")


def _shown(what: str, text: str) -> str:
    """A path as it is; of a secret its start, for what is printed ends up in logs."""
    return json.dumps(text) if what.startswith("a path") else f"{text[:8]}..., {len(text)} characters"
