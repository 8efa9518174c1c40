"""Samples from a file that anyone made: one `Sample` a completion, whatever the shape of the file.

| a line, or an element of a JSON list | what it holds |
|---|---|
| `{"problem_id", "completion"}` | ours: what a model wrote; the program is looked for in it (`extraction`) |
| `{"task_id", "completion"}` | EvalPlus and HumanEval: the same |
| `{"task_id", "solution"}` | EvalPlus: a program, judged as it is |
| `{"question_id", "code_list"}` | LiveCodeBench: programs, judged as they are; a blank one is no program |
| `{"question_id", "output_list"}` | LiveCodeBench without `code_list`: what a model wrote |

Further keys are ignored; `sample_index` numbers the samples of a problem, which otherwise count in the order of the file.
Beside a file NAME.jsonl, `NAME.meta.json` may say how it was made. Memory holds an index of the file, not its text.
"""

import hashlib
import json
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from appsplus import jsonl
from appsplus.errors import InputError

_ID_KEYS = ("problem_id", "task_id", "question_id")
_TEXT_KEYS = (
    ("solution", True),
    ("completion", False),
    ("code_list", True),
    ("output_list", False),
)  # key, is a program
_NAMED_LINES = 3  # of the bad ones
_MOST_INDEX = 2**53
_EXPECTED = (
    'expected {"problem_id": ..., "completion": ...}, {"task_id": ..., "solution" or "completion": ...} or'
    ' {"question_id": ..., "code_list": [...]}'
)


@dataclass(frozen=True, slots=True)
class Sample:
    """One completion, or one program, for one problem."""

    problem_id: str
    sample_index: int
    text: str
    is_program: bool  # the text is a program already: nothing is extracted from it


@dataclass(frozen=True, slots=True)
class _Place:
    """Where a sample is: its line, and where in the line's list."""

    sample_index: int
    line: int  # from 1; of a JSON list, the element
    offset: int  # in bytes, of the line; of a JSON list, the element from 0
    position: int


class Samples:
    """The samples of a file, read where they are asked for; a context manager."""

    def __init__(self, path: Path) -> None:
        """Read the file once.

        Raises InputError for a file that cannot be read or holds nothing, for lines that are no samples, and for two samples
        of one problem with the same `sample_index`, all with their lines.
        """
        self.path = path
        self._places: dict[str, list[_Place]] = {}
        try:
            self._file = path.open("rb")
        except OSError as error:
            raise InputError(f"{path} cannot be read ({error.strerror}); expected a file of samples") from None
        try:
            self._list = self._json_list()
            self._file.seek(0)
            self.sha256 = hashlib.file_digest(self._file, "sha256").hexdigest()
            self._index()
            self.meta = _meta(path)
        except BaseException:
            self._file.close()
            raise

    def __enter__(self) -> "Samples":
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    @property
    def problem_ids(self) -> list[str]:
        """The problems that there are samples for, in the order of the file."""
        return list(self._places)

    def count(self, problem_id: str) -> int:
        """How many samples a problem has."""
        return len(self._places.get(problem_id, ()))

    def indices(self, problem_id: str) -> list[int]:
        """The `sample_index` of each sample of a problem, ascending."""
        return [place.sample_index for place in self._places.get(problem_id, ())]

    def line(self, problem_id: str) -> int:
        """The line of the first sample of a problem."""
        return min(place.line for place in self._places[problem_id])

    def of(self, problem_id: str) -> list[Sample]:
        """The samples of a problem, by `sample_index`. Raises InputError where the file has changed meanwhile."""
        return [self._sample(problem_id, place) for place in self._places.get(problem_id, ())]

    def _sample(self, problem_id: str, place: _Place) -> Sample:
        try:
            row = self._list[place.offset] if self._list is not None else self._row_at(place.offset)
            found, texts, is_program, _ = _fields(row)
            if found == problem_id:
                return Sample(problem_id, place.sample_index, texts[place.position], is_program)
        except (TypeError, ValueError, IndexError, RecursionError):
            pass
        raise InputError(
            f"{self.path} changed while it was read, at line {place.line}; start again when it is complete"
        )

    def _row_at(self, offset: int) -> Any:
        self._file.seek(offset)
        return jsonl.loads(self._file.readline().decode("utf-8"))

    def _json_list(self) -> list[Any] | None:
        """The elements of a file that is one JSON list, as LiveCodeBench writes it; None for JSON Lines."""
        start = self._file.read(4096).lstrip(b"\xef\xbb\xbf \t\r\n")
        self._file.seek(0)
        if not start.startswith(b"["):
            return None
        try:
            value = jsonl.loads(self._file.read().decode("utf-8-sig"))
        except (ValueError, RecursionError) as error:
            raise InputError(f"{self.path} begins as a JSON list, and is none ({error}); {_EXPECTED}") from None
        return list(value)

    def _rows(self) -> Iterator[tuple[int, int, Any]]:
        """(line, offset, row or the error that it is none) of every line that is not blank."""
        if self._list is not None:
            yield from ((i + 1, i, row) for i, row in enumerate(self._list))
            return
        self._file.seek(0)
        offset = 0
        for line, data in enumerate(self._file, start=1):
            if data.strip():
                try:
                    yield line, offset, jsonl.loads(data.decode("utf-8"))
                except (ValueError, RecursionError) as error:
                    yield line, offset, ValueError(_no_json(data, error))
            offset += len(data)

    def _index(self) -> None:
        bad: list[str] = []
        found: defaultdict[str, list[tuple[int | None, int, int, int]]] = defaultdict(list)
        for line, offset, row in self._rows():
            try:
                if isinstance(row, ValueError):
                    raise row
                problem_id, texts, _, index = _fields(row)
            except (TypeError, ValueError) as error:
                bad.append(f"line {line}: {error}")
                continue
            for position in range(len(texts)):
                found[problem_id].append((index, line, offset, position))
        if bad:
            more = f"; and {len(bad) - _NAMED_LINES:,} more" if len(bad) > _NAMED_LINES else ""
            raise InputError(
                f"{self.path} has {len(bad):,} lines that are no samples: {'; '.join(bad[:_NAMED_LINES])}{more}."
                f" {_EXPECTED[0].upper()}{_EXPECTED[1:]}: mend or remove them"
            )
        if not found:
            raise InputError(f"{self.path} holds no sample; {_EXPECTED} on each line")
        self._places = {problem_id: self._numbered(problem_id, places) for problem_id, places in found.items()}

    def _numbered(self, problem_id: str, places: list[tuple[int | None, int, int, int]]) -> list[_Place]:
        without = [line for index, line, _, _ in places if index is None]
        if without and len(without) < len(places):
            raise InputError(
                f"{self.path}:{without[0]}: some samples of {problem_id} have a sample_index and this one has none; give all"
                " of them one, or none"
            )
        if without:
            self._refuse_second_list(problem_id, places)
            return [_Place(i, *place[1:]) for i, place in enumerate(places)]
        lines: dict[int, int] = {}
        for index, line, _, _ in places:
            assert index is not None
            if index in lines:
                raise InputError(
                    f"{self.path}:{line}: sample {index} of {problem_id} is in line {lines[index]} already; a sample counts"
                    " once: remove one of the two, or give it a sample_index of its own"
                )
            lines[index] = line
        return sorted((_Place(*place) for place in places if place[0] is not None), key=lambda p: p.sample_index)  # type: ignore[arg-type]

    def _refuse_second_list(self, problem_id: str, places: list[tuple[int | None, int, int, int]]) -> None:
        lines = {line: position for _, line, _, position in places}
        several = [line for line, last in lines.items() if last > 0]
        if several and len(lines) > 1:
            raise InputError(
                f"{self.path}:{several[0]}: a list of samples of {problem_id}, which has {len(lines)} lines; a list holds all"
                " samples of its problem: remove the other lines, or join them"
            )


def _fields(row: Any) -> tuple[str, list[str], bool, int | None]:
    """Problem, texts, whether they are programs, and `sample_index`. Raises TypeError or ValueError for no sample."""
    if not isinstance(row, dict):
        raise TypeError(f"expected an object; got {type(row).__name__}")
    key = next((key for key in _ID_KEYS if key in row), None)
    if key is None:
        raise ValueError("no problem_id (nor task_id, nor question_id)")
    problem_id = str(row[key]) if isinstance(row[key], int) and not isinstance(row[key], bool) else row[key]
    if not isinstance(problem_id, str) or not problem_id:
        raise TypeError(f"{key} must be text; got {_short(row[key])}")
    name, is_program = next(((name, program) for name, program in _TEXT_KEYS if name in row), (None, False))
    if name is None:
        raise ValueError(f"no completion, solution, code_list or output_list for {problem_id}")
    texts = row[name] if name.endswith("_list") else [row[name]]
    if not isinstance(texts, list) or not texts or not all(isinstance(text, str) for text in texts):
        raise TypeError(
            f"{name} must be {'a list of texts' if name.endswith('_list') else 'text'}; got {_short(row[name])}"
        )
    index = row.get("sample_index")
    if index is not None and (not isinstance(index, int) or isinstance(index, bool) or not 0 <= index < _MOST_INDEX):
        raise TypeError(f"sample_index must be a whole number from 0 to 2^53; got {_short(index)}")
    if index is not None and name.endswith("_list"):
        raise ValueError(f"a sample_index does not go with {name}, which has several samples")
    return problem_id, texts, is_program, index


def _no_json(data: bytes, error: Exception) -> str:
    if not data.endswith(b"\n"):
        return f"no JSON ({error}): the last line is cut off, its writer was interrupted"
    return f"no JSON ({error})"


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "..."


def meta_path(samples: Path) -> Path:
    """Where the file lies that says how samples were made: `NAME.meta.json` beside `NAME.jsonl`."""
    return samples.with_name(samples.name.removesuffix(".jsonl").removesuffix(".json") + ".meta.json")


def _meta(samples: Path) -> dict[str, Any]:
    path = meta_path(samples)
    try:
        value = json.loads(path.read_bytes())
    except FileNotFoundError:
        return {}
    except (OSError, ValueError, RecursionError) as error:
        raise InputError(f"{path} cannot be read ({error}); expected how {samples} was made, or remove it") from None
    if not isinstance(value, dict):
        raise InputError(f"{path} is no JSON object; expected how {samples} was made, or remove it")
    return value
