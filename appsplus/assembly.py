"""A dataset folder put together from outcomes, one by one in the order of the sources, wherever they were judged."""

import platform
from collections.abc import Iterable, Sequence
from contextlib import ExitStack
from dataclasses import asdict
from importlib import metadata
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from appsplus.engine.cache import version_of
from appsplus.errors import SandboxError
from appsplus.evaluation.split_overlap import SplitOverlap
from appsplus.judge import version as judge_version
from appsplus.ledger import Accounts, Ledger
from appsplus.passage import STAGES, Outcome
from appsplus.problem import Problem
from appsplus.release import DatasetWriter, Manifest, RejectedProblem, WorklistWriter
from appsplus.release.books import Books
from appsplus.release.ledger import write_ledger
from appsplus.release.seal import seal
from appsplus.sources import Source
from appsplus.worklist.desk import DeskBooks


class Assembly:
    """Writes what outcomes come to, and counts it; a context manager, which closes the files, and `seal` after it."""

    def __init__(self, folder: Path, ledger: Ledger, *, audit_share: float, seed: int) -> None:
        self._folder, self._ledger = folder, ledger
        self._books, self._accounts = Books([stage.name for stage in STAGES]), Accounts(ledger)
        self._desk, self._splits = DeskBooks(ledger, audit_share=audit_share, seed=seed), SplitOverlap()
        self._failures = JudgeFailures()
        self._stack = ExitStack()
        self._writer = self._stack.enter_context(DatasetWriter(folder))
        self._worklist = self._stack.enter_context(WorklistWriter(folder))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.__exit__(kind, error, trace)

    def take(self, outcome: Outcome) -> None:
        """Write a problem that has come to its end. Raises InputError where the disk refuses."""
        self._accounts.enter(outcome.record.problem_id, outcome.review)
        self._failures.enter(outcome)
        if outcome.found is not None:
            self._desk.enter(outcome.found, self._worklist)
        if outcome.rejection is not None:
            self._books.reject(outcome.stage, outcome.rejection)
            self._writer.reject(RejectedProblem.of(outcome.record, outcome.stage, outcome.rejection))
        else:
            assert isinstance(outcome.record, Problem)
            self._books.keep(outcome.record)
            self._writer.add(outcome.record, outcome.split)
            self._splits.add(outcome.record, outcome.split)

    def seal(
        self,
        *,
        given: int,
        inputs: list[dict[str, Any]],
        options: dict[str, Any],
        submissions: dict[str, Any] | None,
        run: dict[str, Any],
    ) -> Manifest:
        """Write ledger, figures, card and manifest. `given`: how many records the sources had; the books must balance.

        Raises InputError where the disk refuses, and SandboxError where the judge failed on every problem.
        """
        self._books.given = given
        write_ledger(self._folder, self._ledger)
        overlap = {"splits_overlap": self._splits.figures()}
        manifest = Manifest(
            appsplus=metadata.version("appsplus"),
            inputs=inputs,
            options=options,
            ledger=self._accounts.to_json(),
            versions=versions(options["modules"]),
            counts=self._writer.statistics.counts() | self._desk.facts(submissions) | overlap,
            funnel=self._books.funnel(),
            run=run | self._failures.facts(given) | {"reference_cpu_s": self._books.reference_cpu_s},
        )
        return seal(self._folder, manifest)


class JudgeFailures:
    """The problems that the judge failed on, of a build or a shard."""

    def __init__(self) -> None:
        self._not_judged: list[dict[str, str]] = []
        self._not_looked_at: list[dict[str, str]] = []

    def enter(self, outcome: Outcome) -> None:
        """A problem has come to its end."""
        if outcome.failure:
            found = {"problem_id": outcome.record.problem_id, "stage": outcome.stage, "error": outcome.failure}
            self._not_judged.append(found)
        if outcome.found is not None and outcome.found.failure:
            self._not_looked_at.append({"problem_id": outcome.found.problem_id, "error": outcome.found.failure})

    def facts(self, given: int) -> dict[str, Any]:
        """For the section `run` of a manifest: `not_judged`, and `not_looked_at`, of which the worklist may lack something.

        Raises SandboxError where the judge failed on all of the `given` problems: nothing can be said of any.
        """
        if self._not_judged and len(self._not_judged) == given:
            raise SandboxError(
                f"the judge failed on every problem, at last with: {self._not_judged[-1]['error']}. `appsplus doctor` may say"
                " what is wrong with this machine"
            )
        return {"not_judged": self._not_judged, "not_looked_at": self._not_looked_at}


def input_rows(sources: Iterable[Source]) -> list[dict[str, Any]]:
    """What was read, with its hashes; reads every file once more. Raises SourceError."""
    return [
        {"name": source.name, "revision": source.revision, "files": [asdict(item) for item in source.inputs()]}
        for source in sources
    ]


def versions(modules: Sequence[str]) -> dict[str, str]:
    """What the bytes of a dataset depend on besides the version of this package; `modules`: offered to its programs."""
    libraries = ("datasketch", "pyarrow", "tree-sitter", "tree-sitter-python")
    found = {name: metadata.version(name) for name in libraries} | {name: version_of(name) for name in modules}
    return {"judge": judge_version(), "python": platform.python_version(), **found}
