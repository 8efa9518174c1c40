"""A dataset folder back to records, as a stream: memory holds one row group."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from appsplus.errors import DatasetError
from appsplus.problem import Problem
from appsplus.release.manifest import read_manifest
from appsplus.release.rows import RejectedProblem, Row, problem_from_row, rejected_from_row
from appsplus.release.schema import REJECTED_SPLIT, SPLITS, data_file


def load_problems(path: Path | str, split: str | None = None) -> Iterator[Problem]:
    """Yield the problems of a dataset folder, in the order of its files.

    `split` is "train", "validation" or "test"; None yields all three, in this order. A problem of the split
    validation has `split == "train"`: that is where its source has it. Raises DatasetError, when called, for a folder
    that is no dataset of ours or a split that it does not have; while iterating, for a damaged file.
    """
    if split is not None and split not in SPLITS:
        raise DatasetError(f"{path} has no split {split!r}; expected one of {', '.join(SPLITS)}")
    files = [(name, _files(Path(path), "default", name)) for name in (SPLITS if split is None else (split,))]
    times = read_manifest(path).run.get("reference_cpu_s", {})
    return (
        replace(problem_from_row(row, name), reference_cpu_s=times.get(row["problem_id"]))
        for name, paths in files
        for row in _rows(paths)
    )


def problem_ids(path: Path | str, split: str) -> list[str]:
    """The ids of a split, in the order of its files, without reading the problems. Raises as `load_problems` does."""
    ids: list[str] = []
    for file in _files(Path(path), "rejected" if split == REJECTED_SPLIT else "default", split):
        try:
            ids += pq.read_table(file, columns=["problem_id"])["problem_id"].to_pylist()
        except (pa.ArrowException, OSError) as error:
            raise DatasetError(f"{file} is damaged ({error}); build or fetch the dataset again") from None
    return ids


def load_rejected(path: Path | str) -> Iterator[RejectedProblem]:
    """Yield the problems that left the build, in its order. Raises DatasetError as `load_problems` does."""
    paths = _files(Path(path), "rejected", REJECTED_SPLIT)
    return (rejected_from_row(row) for row in _rows(paths))


def find_problem(path: Path | str, problem_id: str) -> Problem:
    """One problem of a dataset folder; reads the ids and one row group, not the dataset.

    Raises DatasetError where it is not there; the message says so if the build rejected it.
    """
    for split in SPLITS:
        for row in _rows(_files(Path(path), "default", split), problem_id):
            times = read_manifest(path).run.get("reference_cpu_s", {})
            return replace(problem_from_row(row, split), reference_cpu_s=times.get(problem_id))
    for row in _rows(_files(Path(path), "rejected", REJECTED_SPLIT), problem_id):
        raise DatasetError(
            f"{problem_id} is not in {path}: the stage {row['stage']} rejected it ({row['reason']}: {row['detail']}); "
            f"`appsplus explain {path} {problem_id}` shows the evidence"
        )
    example = next(load_problems(path), None)
    hint = f"ids look like {example.problem_id}" if example else "the dataset holds no problem"
    raise DatasetError(f"{problem_id} is not in {path}, nor was it rejected; {hint}")


def _files(folder: Path, config: str, split: str) -> list[Path]:
    """The files of a split that the manifest lists. Raises DatasetError where one is gone."""
    listed = read_manifest(folder).files
    paths: list[Path] = []
    while (name := data_file(config, split, len(paths))) in listed:
        paths.append(folder / name)
        if not paths[-1].is_file():
            raise DatasetError(f"{paths[-1]} is missing, but the manifest lists it; build or fetch the dataset again")
    return paths


def _rows(paths: list[Path], problem_id: str | None = None) -> Iterator[Row]:
    for path in paths:
        try:
            with pq.ParquetFile(path) as file:
                for group in range(file.num_row_groups):
                    yield from _group_rows(file, group, problem_id)
        except (pa.ArrowException, OSError) as error:
            raise DatasetError(f"{path} is damaged ({error}); build or fetch the dataset again") from None


def _group_rows(file: pq.ParquetFile, group: int, problem_id: str | None) -> Iterator[Row]:
    if problem_id is None:
        for batch in file.iter_batches(batch_size=64, row_groups=[group]):
            yield from batch.to_pylist()
        return
    ids = file.read_row_group(group, columns=["problem_id"])["problem_id"].to_pylist()
    if problem_id in ids:
        yield from file.read_row_group(group).slice(ids.index(problem_id), 1).to_pylist()
