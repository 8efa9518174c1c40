"""What is already known: answers of the judge, addressed by the content of the question.

A key is the SHA-256 of everything an answer depends on: program, unit tests, limits, checker, options, the packages that are
offered, and the judge's version. One SQLite file; several processes may share it, and it survives kill -9 at any moment.
"""

import hashlib
import sqlite3
import threading
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import asdict, fields
from functools import cache
from importlib import metadata
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from appsplus import jsonl
from appsplus.errors import InputError
from appsplus.judge import Inspection, Job, Report, UnitTestReport, inspection_from_json, version
from appsplus.problem import Limits, UnitTest, Verdict

FILE_NAME = "judged.sqlite"
_MOST_RECENT = 1024  # inspections that are kept in memory


def key_of(question: Job | tuple[str, tuple[str, ...]]) -> str:
    """The address of an answer. A job is asked for its verdicts, (program, modules) for its inspection."""
    return next(keys_of([question]))


def keys_of(questions: Iterable[Job | tuple[str, tuple[str, ...]]]) -> Iterator[str]:
    """The addresses of many answers. Unit tests that several jobs have in common are written out once."""
    tests: tuple[UnitTest, ...] = ()
    text = b""
    for question in questions:
        if not isinstance(question, Job):
            parts = {"inspect": question[0], "modules": versions_of(question[1])}
            yield hashlib.sha256(jsonl.dumps([version(), parts]).encode()).hexdigest()
            continue
        if question.unit_tests is not tests:
            tests = question.unit_tests
            text = jsonl.dumps([{"input": test.input, "output": test.output} for test in tests]).encode()
        # `unit_tests` is the last of the sorted keys, so this is the JSON of [version, all fields of the job]
        rest = {name: getattr(question, name) for name in _SMALL_FIELDS} | {"modules": versions_of(question.modules)}
        limits = {name: getattr(question.limits, name) for name in _LIMITS}
        rest |= {"limits": limits, "checker": question.checker and asdict(question.checker)}
        key = hashlib.sha256(jsonl.dumps([version(), rest]).encode()[:-2])
        key.update(b',"unit_tests":')
        key.update(text)
        key.update(b"}]")
        yield key.hexdigest()


_FIELDS = {kind: tuple(f.name for f in fields(kind)) for kind in (Report, UnitTestReport, Inspection)}
_LIMITS = tuple(f.name for f in fields(Limits))
_SMALL_FIELDS = tuple(f.name for f in fields(Job) if f.name not in ("limits", "checker", "unit_tests"))


@cache
def versions_of(modules: tuple[str, ...]) -> tuple[str, ...]:
    """The packages that are offered to programs, each with its version here; a verdict may depend on it."""
    return tuple(f"{name} {version_of(name)}" for name in modules)


def version_of(module: str) -> str:
    """The version of the distribution that holds a module; empty where there is none."""
    try:
        return metadata.version(module)
    except metadata.PackageNotFoundError:
        holders = metadata.packages_distributions().get(module, [])
        return metadata.version(holders[0]) if holders else ""


class Cache:
    """Answers on disk; a context manager. Safe to share among threads.

    `folder`: None keeps them in a nameless temporary file that ends with this process, however it ends. `lacking`: rungs of
    the isolation that whoever answers does without; another engine finds no such answer, unless it lacks the same. Every
    method raises InputError where the folder cannot be written, the disk is full or the file is damaged.
    """

    def __init__(self, folder: Path | None) -> None:
        self.path = None if folder is None else folder / FILE_NAME
        self._lock = threading.Lock()
        self.lacking: tuple[str, ...] = ()
        self._recent: dict[str, Inspection] = {}  # by address, the newest is last
        self._is_open = True
        try:
            if folder is not None:
                folder.mkdir(parents=True, exist_ok=True)
            name = self.path or ""  # SQLite deletes a file without a name as soon as it has opened it
            self._database = sqlite3.connect(name, timeout=60, check_same_thread=False, isolation_level=None)
            self._database.execute("PRAGMA journal_mode=WAL")
            self._database.execute("PRAGMA synchronous=NORMAL")
            self._database.execute(
                "CREATE TABLE IF NOT EXISTS answers (key TEXT PRIMARY KEY, answer BLOB) WITHOUT ROWID"
            )
        except (OSError, sqlite3.Error) as error:
            raise self._unusable(error) from error

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def __len__(self) -> int:
        return int(self._query("SELECT count(*) FROM answers")[0][0])

    def size_bytes(self) -> int:
        """Bytes on disk, the write-ahead log included; 0 for a temporary file."""
        if self.path is None:
            return 0
        return sum(path.stat().st_size for path in self.path.parent.glob(f"{FILE_NAME}*"))

    def clear(self) -> int:
        """Forget everything; returns how many answers there were."""
        count = len(self)
        self._recent.clear()
        self._query("DELETE FROM answers")
        self._query("VACUUM")
        self._query("PRAGMA wal_checkpoint(TRUNCATE)")
        return count

    def close(self) -> None:
        """Release the file. Threads that still ask get InputError."""
        with self._lock:
            self._is_open = False
            self._recent.clear()
            self._database.close()

    def report(self, key: str) -> Report | None:
        """The report of a job, if it is known."""
        found = self._read(self._address(key))
        if found is None:
            return None
        unit_tests = tuple(_unit_test_report(row) for row in found["unit_tests"])
        return Report(Verdict(found["verdict"]), unit_tests, _tuple(found["executable_lines"]), found["scale"])

    def inspection(self, key: str) -> Inspection | None:
        """The inspection of a program, if it is known."""
        address = self._address(key)
        recent = self._recent.get(address)
        if recent is not None:
            return recent
        found = self._read(address)
        return None if found is None else self._remembered(address, inspection_from_json(found))

    def store(self, key: str, answer: Report | Inspection) -> None:
        """Keep an answer."""
        address = self._address(key)
        blob = zlib.compress(jsonl.dumps(_plain(answer)).encode(), 1)
        self._query("INSERT OR REPLACE INTO answers VALUES (?, ?)", address, blob)
        if isinstance(answer, Inspection):
            self._remembered(address, answer)

    def _address(self, key: str) -> str:
        return hashlib.sha256(jsonl.dumps([key, self.lacking]).encode()).hexdigest() if self.lacking else key

    def _remembered(self, address: str, inspection: Inspection) -> Inspection:
        """Keep it in memory for a while: one stage after another asks for those of a problem."""
        with self._lock:
            if self._is_open:
                self._recent[address] = inspection
            if len(self._recent) > _MOST_RECENT:
                del self._recent[next(iter(self._recent))]
        return inspection

    def _read(self, address: str) -> dict[str, Any] | None:
        rows = self._query("SELECT answer FROM answers WHERE key = ?", address)
        if not rows:
            return None
        try:
            found: dict[str, Any] = jsonl.loads(zlib.decompress(rows[0][0]))
        except (zlib.error, TypeError, ValueError) as error:
            raise self._unusable(error) from error
        return found

    def _query(self, statement: str, *values: Any) -> list[Any]:
        try:
            with self._lock:  # until the rows are here: a cursor must not outlive the connection in another thread
                return self._database.execute(statement, values).fetchall()
        except sqlite3.Error as error:
            raise self._unusable(error) from error

    def _unusable(self, error: Exception) -> InputError:
        if self.path is None:
            return InputError(
                f"the temporary file of answers cannot be used ({error}); make room on its disk, or set TMPDIR to"
                " a folder on another one"
            )
        return InputError(
            f"the cache {self.path} cannot be used ({error}); make room or the folder writable, delete a damaged file,"
            " name another folder with --cache-dir, or do without with --no-cache"
        )


def _plain(answer: Report | UnitTestReport | Inspection) -> dict[str, Any]:
    """As `asdict`, which copies every value first and takes twenty times as long."""
    row = {name: getattr(answer, name) for name in _FIELDS[type(answer)]}
    if isinstance(answer, Report):
        row["unit_tests"] = [_plain(test) for test in answer.unit_tests]
    return row


def _unit_test_report(row: dict[str, Any]) -> UnitTestReport:
    fields = {
        "verdict": Verdict(row["verdict"]),
        "executed_lines": _tuple(row["executed_lines"]),
        "traceback": tuple((line, name) for line, name in row["traceback"]),
    }
    return UnitTestReport(**(row | fields))


def _tuple(values: list[int] | None) -> tuple[int, ...] | None:
    return None if values is None else tuple(values)
