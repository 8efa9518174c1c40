"""`samples.jsonl` while it is made: a line for each sample, whole or not at all, and beside it how the samples were made.

    samples.jsonl        {"problem_id", "completion", "sample_index", "model", "prompt_sha256", "finish_reason", "seed"}
    samples.meta.json    model, template, sampling, dataset, command: what `SampleFile` is given as `facts`

A run that was stopped goes on: a line that is there is not made again. A last line that a power cut has torn is removed, and
its sample made anew. While samples are made the lines are in the order in which they came; at the end they are put into the
order of the dataset.
"""

import fcntl
import json
import os
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from appsplus import jsonl
from appsplus.errors import InputError
from appsplus.evaluation.samples import meta_path

META_VERSION = 1
_FREE = {
    "dataset": {"name"},
    "model": {"base_url", "batch", "torch", "transformers"},
    "sampling": {"num_samples"},
    "template": set[str](),
}
"""Sections of the facts, and what in them may change when a run goes on; all else makes other samples."""

Key = tuple[str, int]  # problem_id, sample_index


@dataclass(frozen=True, slots=True)
class Sample:
    """A line of `samples.jsonl`."""

    problem_id: str
    completion: str  # the answer from its first character; an opening fence that the prompt gave is part of it
    sample_index: int  # 0, 1, ... for each problem
    model: str
    prompt_sha256: str
    finish_reason: str  # "stop", "length" where --max-tokens or the model's context cut it, or what else a server says
    seed: int  # of this sample

    @property
    def key(self) -> Key:
        """What tells it from all others of a file."""
        return self.problem_id, self.sample_index


class SampleFile:
    """The file of a run, open for this process alone. A context manager.

    Raises InputError: the file cannot be written, another process writes it, it was made otherwise than `facts` say, or one
    of its lines is no sample of `problem_ids` (with the line's number).
    """

    def __init__(self, path: Path, facts: Mapping[str, Any], problem_ids: Iterable[str]) -> None:
        self.path = path
        self.done: set[Key] = set()  # the samples that are in the file
        self.recovered = ""  # what to say of a torn last line that was removed
        self._unsaved: dict[Key, Sample] = {}
        self._order = {problem_id: number for number, problem_id in enumerate(problem_ids)}
        with self._explained():
            self._file = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o644)
        try:
            self._lock()
            with self._explained():
                data = self._without_torn_end(path.read_bytes())
            self._check_meta(facts, is_empty=not data.strip())
            self.done.update(key for key, _ in self._lines(data))
            with self._explained():
                jsonl.write_atomically(meta_path(path), (json.dumps(self._merged(facts), indent=2) + "\n").encode())
        except BaseException:
            os.close(self._file)
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        os.close(self._file)

    def append(self, samples: Sequence[Sample]) -> None:
        """Add samples, all of them or none, on the disk when this returns. Raises InputError; they then wait for `rescue`.

        An interruption at any moment leaves them either in the file and in `done`, or in neither.
        """
        keys = {sample.key for sample in samples}
        size = os.fstat(self._file).st_size
        try:
            self.done |= keys
            jsonl.append_whole(self._file, _data(samples))
        except BaseException as error:
            os.ftruncate(self._file, size)
            self.done -= keys
            if not isinstance(error, OSError):
                raise
            self._unsaved |= {sample.key: sample for sample in samples}
            raise InputError(f"{self.path} cannot be written: {error.strerror}") from error
        for key in keys:
            self._unsaved.pop(key, None)  # it did not fit a moment ago

    def rescue(self) -> str:
        """Put samples that `append` could not write into the folder for temporary files, and say what to do; "": none."""
        if not self._unsaved:
            return ""
        what = f"{len(self._unsaved):,} of the samples that were made could not be written to {self.path}"
        with tempfile.NamedTemporaryFile("wb", prefix="samples-", suffix=".jsonl", delete=False) as file:
            file.write(_data(self._unsaved.values()))
        self._unsaved.clear()
        return f"{what}; they are in {file.name}: make room, then cat {file.name} >> {self.path}, and start again"

    def put_in_order(self) -> None:
        """Sort the lines: problems as in the dataset, samples of a problem by their index."""
        data = self.path.read_bytes()
        lines = list(self._lines(data))
        ordered = sorted(lines, key=lambda line: (self._order[line[0][0]], line[0][1]))
        if lines != ordered:
            with self._explained():
                jsonl.write_atomically(self.path, b"".join(line + b"\n" for _, line in ordered))

    def _lock(self) -> None:
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise InputError(
                f"{self.path} is being written by another process; wait for it, or name another file with --out"
            ) from None

    def _without_torn_end(self, data: bytes) -> bytes:
        """Remove a last line without its end, unless it is whole but for that; returns what the file then holds."""
        start = data.rfind(b"\n") + 1
        rest = data[start:]
        if not rest:
            return data
        try:
            _key_of(rest)
        except (ValueError, RecursionError):
            os.ftruncate(self._file, start)
            self.recovered = (
                f"{self.path}: the last line was torn ({len(rest)} bytes without a line's end, as after a power cut); it was"
                " removed, and its sample is made anew"
            )
            return data[:start]
        jsonl.append_whole(self._file, b"\n")
        return data + b"\n"

    def _lines(self, data: bytes) -> Iterator[tuple[Key, bytes]]:
        """Every line with its key. Raises InputError for a line that is no sample of these problems, or there twice."""
        first: dict[Key, int] = {}
        for number, line in enumerate(data.split(b"\n"), 1):
            if not line.strip():
                continue
            where = f"{self.path} line {number}"
            try:
                key = _key_of(line)
            except (ValueError, RecursionError) as error:
                raise InputError(f"{where} is no sample: {error}; remove it, or name another file with --out") from None
            if key[0] not in self._order:
                raise InputError(f"{where}: the split has no problem {key[0]!r}; remove the line, or check --split")
            if key in first:
                raise InputError(
                    f"{where}: sample {key[1]} of {key[0]} is in line {first[key]} already; remove one of the two"
                )
            first[key] = number
            yield key, line

    def _check_meta(self, facts: Mapping[str, Any], *, is_empty: bool) -> None:
        path = meta_path(self.path)
        self._before: dict[str, Any] = {}
        if is_empty:
            return
        try:
            self._before = json.loads(path.read_bytes())
            differing = list(_differences(self._before, facts))
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            raise InputError(
                f"{self.path} holds samples, but {path.name} beside it, which says how they were made, cannot be read;"
                " name another file with --out"
            ) from None
        if differing:
            raise InputError(
                f"{self.path} was made otherwise: {'; '.join(differing)}. Repeat the options it was made with to go on, or"
                " name another file with --out"
            )

    def _merged(self, facts: Mapping[str, Any]) -> dict[str, Any]:
        """The facts for the file: with the largest number of samples that was ever asked for."""
        counts = [each["sampling"]["num_samples"] for each in (self._before, facts) if each]
        sampling = {**facts["sampling"], "num_samples": max(counts)}
        return {"schema_version": META_VERSION, **facts, "sampling": sampling}

    @contextmanager
    def _explained(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise InputError(
                f"{self.path} cannot be written: {error.strerror}; name another file with --out"
            ) from error


def _data(samples: Iterable[Sample]) -> bytes:
    return b"".join(jsonl.dumps(asdict(sample)).encode() + b"\n" for sample in samples)


def _key_of(line: bytes) -> Key:
    """Raises ValueError or RecursionError for a line that is no sample."""
    match jsonl.loads(line):
        case {"problem_id": str(problem_id), "sample_index": int(index), "completion": str()}:
            if not isinstance(index, bool):
                return problem_id, index
    raise ValueError("expected an object with text in problem_id and completion, and a whole number in sample_index")


def _differences(before: Mapping[str, Any], now: Mapping[str, Any]) -> Iterator[str]:
    """How the facts differ that decide what samples are; the command does not."""
    for section, free in _FREE.items():
        old, new = before[section], now[section]
        for name in sorted((old.keys() | new.keys()) - free):
            if old.get(name) != new.get(name):
                yield f"{section}.{name} was {old.get(name)!r}, now {new.get(name)!r}"
