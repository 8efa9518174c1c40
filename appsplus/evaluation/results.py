"""`results.json`: what an evaluation found, with all that is needed to repeat it; and the verdict of every sample beside it.

    results.json            one `Results`
    results.verdicts.jsonl  one `SampleVerdict` a line, in the order of the dataset's problems, then of the samples

`results.schema.json` in this folder is the JSON schema of the first, made from the records below.
"""

import hashlib
import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Literal

from appsplus import jsonl
from appsplus.errors import InputError
from appsplus.evaluation import records

SCHEMA_VERSION: Final = 1
JUDGE_ERROR = "judge_error"
"""The outcome of a sample that the judge failed on. Unscored: it is in no metric, and never counts as wrong."""


@dataclass(frozen=True, slots=True)
class Metric:
    """A figure with its 95 % bootstrap interval over problems."""

    value: float
    low: float
    high: float
    num_problems: int  # that it is the mean of: those with enough scored samples


@dataclass(frozen=True, slots=True)
class DatasetFacts:
    """Which problems the samples were judged on."""

    name: str
    revision: str  # a commit or tag of the Hub; empty for a local folder
    sha256: str  # of the problems (`data_hash`, `appsplus stats`), or of a benchmark's file
    split: str  # train, validation, test or all
    num_problems: int  # of the split, with samples or without


@dataclass(frozen=True, slots=True)
class JudgeFacts:
    """Who judged."""

    version: str
    isolation: str  # strict or best-effort
    python: str
    missing: tuple[str, ...] = ()  # rungs of the isolation that were not in force


@dataclass(frozen=True, slots=True)
class LimitFacts:
    """What a program might use of time and memory on one unit test."""

    cpu_s: float  # CPU seconds of the reference machine
    wall_s: float
    memory_mib: int
    output_mib: int


@dataclass(frozen=True, slots=True)
class ProblemResult:
    """What the samples of one problem came to."""

    num_samples: int  # scored: without those that the judge failed on
    num_correct: int
    verdicts: dict[str, int]  # scored samples by verdict, `extraction_failed` among them
    test_case_average: float | None  # mean share of unit tests passed; None: no scored sample
    num_unit_tests: int
    difficulty: str
    io_format: str
    conditional_statements: int | None  # of the canonical solution; None: not known
    num_unscored: int = 0


@dataclass(frozen=True, slots=True)
class Group:
    """The metrics of some of the problems."""

    num_problems: int
    metrics: dict[str, Metric]


@dataclass(frozen=True, slots=True)
class Breakdowns:
    """The metrics by kind of problem, and the scored samples by verdict."""

    difficulty: dict[str, Group]
    io_format: dict[str, Group]
    conditional_statements: dict[str, Group]
    verdict: dict[str, int]


@dataclass(frozen=True, slots=True)
class Unscored:
    """A sample that the judge failed on."""

    problem_id: str
    sample_index: int
    error: str


@dataclass(frozen=True, slots=True)
class FileFacts:
    """A file that belongs to the results."""

    name: str
    sha256: str


@dataclass(frozen=True, slots=True)
class Results:
    """What an evaluation found, with all that is needed to repeat it."""

    schema_version: Literal[1]
    name: str  # of the model, for people
    model: dict[str, Any]  # what the samples' own metadata say; {} where there are none
    dataset: DatasetFacts
    judge: JudgeFacts
    command: str
    sampling: dict[str, Any]  # parameters, from the samples' metadata
    num_samples: int | None  # per problem; None: not the same for all
    k: tuple[int, ...]
    limits: LimitFacts  # of most problems
    limits_by_problem: dict[str, LimitFacts]  # of those with others
    seeds: dict[str, int]
    metrics: dict[str, Metric]  # pass@K for each k, strict_accuracy, test_case_average
    breakdowns: Breakdowns
    problems: dict[str, ProblemResult]
    extraction_failed: int  # samples without a program; they count as wrong
    unscored: tuple[Unscored, ...]
    missing_problems: tuple[str, ...]  # problems of the split without a sample; in no metric
    warnings: tuple[str, ...]  # what a reader of the figures should know
    samples_file: FileFacts
    verdicts_file: FileFacts
    time: dict[str, Any]  # facts of this run: finished_at, wall_s, judged, cached, samples_per_s


@dataclass(frozen=True, slots=True)
class SampleVerdict:
    """What the judge said of one sample."""

    problem_id: str
    sample_index: int
    program_sha256: str | None  # of the UTF-8 text that ran; None: there was no program
    verdict: str  # a verdict, `extraction_failed` or `judge_error`
    passed_tests: int  # unit tests; one that was not run any more has not passed
    num_tests: int
    extraction: str  # "extracted", "as_given" for a program that came as one, or why there was none
    near_limit: bool = False  # a unit test was near its time limit: another host may say otherwise

    @property
    def is_scored(self) -> bool:
        """Whether it enters the metrics."""
        return self.verdict != JUDGE_ERROR


def verdicts_path(results: Path) -> Path:
    """Where the verdicts that belong to a results file lie: `NAME.verdicts.jsonl` beside `NAME.json`."""
    return results.with_name(results.name.removesuffix(".json") + ".verdicts.jsonl")


def read_results(path: Path | str) -> Results:
    """Read a results file. Raises InputError where it cannot be read or is none, with the place in it."""
    path = Path(path)
    value = _document(path)
    if not isinstance(value, dict) or "schema_version" not in value:
        raise InputError(f"{path} is no results file; expected what `appsplus evaluate --out {path}` writes")
    if value["schema_version"] != SCHEMA_VERSION:
        raise InputError(
            f"{path} has schema version {value['schema_version']!r}; this version of appsplus reads {SCHEMA_VERSION}:"
            " evaluate the samples again, or use the version that wrote it"
        )
    try:
        return records.from_json(Results, value)
    except ValueError as error:
        raise InputError(f"{path} is damaged: {error}; evaluate the samples again") from None


def write_results(path: Path, results: Results) -> None:
    """Write a results file, whole or not at all."""
    text = json.dumps(records.to_json(results), indent=2, ensure_ascii=True) + "\n"
    jsonl.write_atomically(path, text.encode())


def read_verdicts(path: Path | str) -> Iterator[SampleVerdict]:
    """The verdicts of a `.verdicts.jsonl`, in its order. Raises InputError, with the line."""
    path = Path(path)
    try:
        with path.open("rb") as file:
            for number, line in enumerate(file, start=1):
                try:
                    yield records.from_json(SampleVerdict, jsonl.loads(line))
                except (ValueError, RecursionError) as error:
                    raise InputError(f"{path}:{number} is no verdict of a sample: {error}; evaluate again") from None
    except OSError as error:
        raise InputError(f"{path} cannot be read ({error.strerror}); it belongs beside its results file") from None


def write_verdicts(path: Path, verdicts: Iterable[SampleVerdict]) -> FileFacts:
    """Write the verdicts of samples, whole or not at all; returns name and hash."""
    data = "".join(json.dumps(records.to_json(verdict)) + "\n" for verdict in verdicts).encode()
    jsonl.write_atomically(path, data)
    return FileFacts(path.name, hashlib.sha256(data).hexdigest())


def results_schema() -> dict[str, Any]:
    """The JSON schema of a results file."""
    return records.json_schema(Results, "Results of `appsplus evaluate`")


def _document(path: Path) -> Any:
    try:
        return jsonl.loads(path.read_bytes())
    except OSError as error:
        raise InputError(f"{path} cannot be read ({error.strerror}); expected a results file") from None
    except (ValueError, RecursionError) as error:
        raise InputError(
            f"{path} is not JSON ({error}); expected a results file that `appsplus evaluate` wrote"
        ) from None
