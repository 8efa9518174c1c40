"""What a dataset holds, counted while it is written; the numbers of manifest, card and figures come from here only."""

from collections import Counter
from typing import Any

from appsplus.problem import Annotation, Problem
from appsplus.release.rows import RejectedProblem
from appsplus.release.schema import CONFIGS, SPLITS

CONDITIONAL_KINDS = frozenset({"if", "for", "while"})  # the split points that are counted here


def covered_percent(annotation: Annotation) -> int:
    """Share of the executable lines that some unit test executes, in whole percent rounded down; 100 for no lines."""
    executed = set().union(*annotation.executed_lines)
    return 100 * len(executed) // len(annotation.executable_lines) if annotation.executable_lines else 100


class Statistics:
    """Counters that grow by one problem at a time; their size does not depend on the number of problems."""

    def __init__(self) -> None:
        self._problems: Counter[str] = Counter()  # by split
        self._rows: Counter[tuple[str, str]] = Counter()  # by config and split
        self._bytes: Counter[tuple[str, str]] = Counter()  # before compression
        self._by: dict[str, Counter[tuple[str, str]]] = {"difficulty": Counter(), "io_format": Counter()}
        self._sources: Counter[tuple[str, str]] = Counter()  # by source and licence
        self._histograms: dict[str, Counter[int]] = {
            name: Counter() for name in ("unit_tests", "executable_lines", "conditionals", "levels", "covered_percent")
        }
        self._other_solutions: Counter[str] = Counter()  # by verdict
        self._changes: Counter[str] = Counter()  # problems by what was changed
        self._rejected: Counter[tuple[str, str]] = Counter()  # by stage and reason
        self._rejected_sources: Counter[str] = Counter()
        self._rejected_licenses: Counter[tuple[str, str]] = Counter()  # by source and licence: those with a text

    def add(self, problem: Problem, split: str) -> None:
        """Count a problem of the dataset. Raises ValueError where it is not annotated."""
        annotation = problem.annotation
        if annotation is None:
            raise ValueError(f"{problem.problem_id}: only an annotated problem can be counted")
        self._problems[split] += 1
        self._by["difficulty"][problem.difficulty, split] += 1
        self._by["io_format"][str(problem.io_format), split] += 1
        self._sources[problem.source, problem.license] += 1
        for name, value in _measured(problem, annotation).items():
            self._histograms[name][value] += 1
        self._other_solutions.update(str(s.verdict) for s in problem.other_solutions)
        self._changes.update({change.what for change in problem.changes})

    def reject(self, rejected: RejectedProblem) -> None:
        """Count a problem that left the build."""
        self._rejected[rejected.stage, str(rejected.rejection.reason)] += 1
        self._rejected_sources[rejected.source] += 1
        if rejected.description:  # its text is in the dataset, too
            self._rejected_licenses[rejected.source, rejected.license] += 1

    def count_row(self, config: str, split: str, size: int) -> None:
        """Count a row of the Parquet files; `size` is its bytes before compression."""
        self._rows[config, split] += 1
        self._bytes[config, split] += size

    def counts(self) -> dict[str, Any]:
        """Everything counted, as JSON for the manifest: keys sorted, histograms as {value: problems}."""
        stages = sorted({stage for stage, _ in self._rejected})
        return {
            "problems": self._problems.total(),
            "rejected": self._rejected.total(),
            "splits": {split: self._problems[split] for split in SPLITS},
            "rows": _by_config(self._rows),
            "bytes": _by_config(self._bytes),
            **{name: _by_split(counter) for name, counter in self._by.items()},
            "sources": _by_license(self._sources),
            "rejected_sources": _by_license(self._rejected_licenses),
            "rejected_by_source": dict(sorted(self._rejected_sources.items())),
            "histograms": {
                name: {str(value): counter[value] for value in sorted(counter)}
                for name, counter in self._histograms.items()
            },
            "other_solutions": dict(sorted(self._other_solutions.items())),
            "changes": dict(sorted(self._changes.items())),
            "rejections": {
                stage: {reason: n for (s, reason), n in sorted(self._rejected.items()) if s == stage}
                for stage in stages
            },
        }


def _measured(problem: Problem, annotation: Annotation) -> dict[str, int]:
    return {
        "unit_tests": len(problem.unit_tests),
        "executable_lines": len(annotation.executable_lines),
        "conditionals": sum(point.kind in CONDITIONAL_KINDS for point in annotation.split_points),
        "levels": len(annotation.subtask_chars),
        "covered_percent": covered_percent(annotation),
    }


def _by_split(counter: Counter[tuple[str, str]]) -> dict[str, dict[str, int]]:
    names = sorted({name for name, _ in counter})
    return {name: {split: counter[name, split] for split in SPLITS} for name in names}


def _by_config(counter: Counter[tuple[str, str]]) -> dict[str, dict[str, int]]:
    return {config: {split: counter[config, split] for split in splits} for config, (_, splits) in CONFIGS.items()}


def _by_license(counts: Counter[tuple[str, str]]) -> list[dict[str, Any]]:
    """Problems by source and licence."""
    return [{"source": of, "license": license_, "problems": counts[of, license_]} for of, license_ in sorted(counts)]
