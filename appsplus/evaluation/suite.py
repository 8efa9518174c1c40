"""What samples are judged on: the problems of a dataset's split, or of a benchmark's file (`benchmarks`)."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from itertools import chain
from pathlib import Path

from appsplus.engine.judging import fair_limits, job_for
from appsplus.errors import DatasetError
from appsplus.evaluation.extraction import NoProgram, Program, extract
from appsplus.evaluation.results import DatasetFacts
from appsplus.evaluation.samples import Sample
from appsplus.judge import Job
from appsplus.problem import Problem
from appsplus.release import data_hash, load_problems, problem_ids, read_manifest
from appsplus.release.schema import REJECTED_SPLIT, SPLITS
from appsplus.release.statistics import CONDITIONAL_KINDS

ALL = "all"
_AS_GIVEN = "as_given"
_EXTRACTED = "extracted"


@dataclass(frozen=True, slots=True)
class Suite:
    """Problems to judge samples on, whatever they were read from."""

    facts: DatasetFacts
    problem_ids: tuple[str, ...]  # in the order in which `problems` yields them
    problems: Callable[[], Iterator[Problem]]
    program: Callable[[Problem, Sample], Program | NoProgram]  # what runs
    known_as: Callable[[str], str]  # the id here of a problem that a file of samples may spell otherwise
    elsewhere: Callable[[str], str]  # where else the dataset has a problem: a split or "rejected"; "" for nowhere
    judge_version: str = ""  # that verified the problems; "" where no judge has
    modules: tuple[str, ...] = ()  # offered to programs beyond the standard library and numpy


def dataset_suite(folder: Path, split: str = "test") -> Suite:
    """A split of a dataset folder, or "all" of them; a snapshot in the Hub's cache goes by its name and commit there.

    Raises DatasetError for a folder that is no dataset of ours, a split that it does not have, or one without problems.
    """
    if split not in (*SPLITS, ALL):
        raise DatasetError(f"{folder} has no split {split!r}; expected one of {', '.join((*SPLITS, ALL))}")
    splits = SPLITS if split == ALL else (split,)
    manifest = read_manifest(folder)
    by_split = {name: problem_ids(folder, name) for name in SPLITS}
    ids = tuple(chain.from_iterable(by_split[name] for name in splits))
    if not ids:
        counts = ", ".join(f"{name} {len(found):,}" for name, found in by_split.items())
        raise DatasetError(f"the split {split} of {folder} has no problems ({counts}); choose another with --split")
    places = {problem_id: name for name, found in by_split.items() for problem_id in found}
    places |= dict.fromkeys(problem_ids(folder, REJECTED_SPLIT), REJECTED_SPLIT)
    name, revision = _name_and_revision(folder)
    return Suite(
        facts=DatasetFacts(name, revision, data_hash(folder), split, len(ids)),
        problem_ids=ids,
        problems=lambda: chain.from_iterable(load_problems(folder, name) for name in splits),
        program=program_of,
        known_as=lambda problem_id: problem_id,
        elsewhere=lambda problem_id: places.get(problem_id, ""),
        judge_version=str(manifest.versions.get("judge", "")),
        modules=tuple(manifest.options.get("modules", ())),
    )


def _name_and_revision(folder: Path) -> tuple[str, str]:
    """OWNER/NAME and the commit for .../datasets--OWNER--NAME/snapshots/COMMIT, as `hf download` prints it."""
    *_, repository, snapshots, last = ("", "", *folder.resolve().parts)
    if snapshots == "snapshots" and repository.startswith("datasets--"):
        return repository.removeprefix("datasets--").replace("--", "/"), last
    return last, ""


def program_of(_: Problem, sample: Sample) -> Program | NoProgram:
    """The program of a sample: the text as it is where it is one, else what `extract` finds in it."""
    if not sample.is_program:
        return extract(sample.text)
    if not sample.text.strip():
        return NoProgram("the program is blank")
    return Program(sample.text, 0, ((0, len(sample.text)),))


def how(sample: Sample) -> str:
    """How the program of a sample was found, in a word."""
    return _AS_GIVEN if sample.is_program else _EXTRACTED


def job_of(problem: Problem, program: str, modules: tuple[str, ...]) -> Job:
    """The job that judges an unknown program: every unit test, within what the canonical solution shows to be fair."""
    canonical = job_for(problem, problem.canonical or 0, modules)
    return replace(canonical, program=program, limits=fair_limits(problem))


def conditional_statements(problem: Problem) -> int | None:
    """How many `if`, `for` and `while` statements the canonical solution has; None where it is not annotated."""
    if problem.annotation is None:
        return None
    return sum(point.kind in CONDITIONAL_KINDS for point in problem.annotation.split_points)
