"""The folder of a site: pages, styles, raw results, and `leaderboard.json`, which says everything for programs.

It takes the place of an older site whole, or not at all. The same board gives the same bytes: no date, no folder, no host.
"""

import hashlib
import json
import shutil
from collections.abc import Iterator
from dataclasses import asdict
from importlib import metadata
from pathlib import Path
from typing import Any

from appsplus import jsonl
from appsplus.errors import InputError
from appsplus.evaluation.judging import Progress
from appsplus.evaluation.leaderboard.board import Board, Entry
from appsplus.evaluation.leaderboard.pages import Pages
from appsplus.evaluation.leaderboard.rendering import FOLDER
from appsplus.evaluation.leaderboard.tables import Row, Subset
from appsplus.release import commit, disk_errors, prepare_target

INDEX = "leaderboard.json"
_FORMAT = 1


def write_site(board: Board, out: Path, progress: Progress | None = None) -> None:
    """Write the site. Raises InputError where `out` holds something else, the disk refuses, or raw results have changed."""
    with prepare_target(out, check=check_site) as folder:
        with disk_errors(out):
            (folder / "static").mkdir()
            for path in sorted((FOLDER / "static").iterdir()):
                shutil.copyfile(path, folder / "static" / path.name)
            downloads = {entry.key: list(_copied(entry, folder)) for entry in board.entries}
            pages = Pages(board, downloads)
            if progress:
                progress.start("writing", len(pages))
            for name, html in pages:
                (folder / name).parent.mkdir(exist_ok=True)
                (folder / name).write_bytes(html)
                if progress:
                    progress.advance("written")
            index = {**_index(board, pages.tables.rows(Subset()), downloads), "files": dict(_hashes(folder))}
            (folder / INDEX).write_text(json.dumps(index, indent=1) + "\n", encoding="utf-8")
        commit(folder, out, check=check_site)


def check_site(target: Path) -> None:
    """Raise InputError unless `target` is free, an empty folder, or a site of ours with nothing else in it."""
    if not target.exists() and not target.is_symlink():
        return
    if not target.is_dir():
        raise InputError(
            f"{target} is a file; expected a folder that is new, empty or a leaderboard: choose another --out"
        )
    found = {path.relative_to(target).as_posix() for path in target.rglob("*") if not path.is_dir()}
    if not found:
        return
    try:
        index = jsonl.loads((target / INDEX).read_bytes())
        ours = {*index["files"], INDEX} if index["format"] == _FORMAT else set()
    except (OSError, ValueError, TypeError, KeyError, RecursionError):
        ours = set()
    if not ours:
        raise InputError(f"{target} holds something else than a leaderboard: choose another --out, or empty it")
    if found - ours:
        raise InputError(
            f"{target} holds a file that no leaderboard wrote, {min(found - ours)}: move it elsewhere first"
        )


def _copied(entry: Entry, folder: Path) -> Iterator[dict[str, Any]]:
    """Copy the raw files of a row; where they are now, and what they are."""
    submission = entry.submission
    target = folder / "data" / entry.file
    target.mkdir(parents=True)
    for label, path, sha256 in (
        ("results", submission.results_path, submission.key),
        ("verdicts", submission.verdicts_path, submission.results.verdicts_file.sha256),
        ("samples", submission.samples_path, submission.results.samples_file.sha256),
    ):
        copy = target / path.name
        shutil.copyfile(path, copy)
        if _sha256(copy) != sha256:
            raise InputError(f"{path} changed while the site was made; run the command again when nobody writes to it")
        name = copy.relative_to(folder).as_posix()
        yield {"label": label, "path": name, "sha256": sha256, "bytes": copy.stat().st_size}


def _index(board: Board, rows: list[Row], downloads: dict[str, list[dict[str, Any]]]) -> dict[str, Any]:
    return {
        "format": _FORMAT,
        "appsplus": metadata.version("appsplus"),
        "dataset": asdict(board.terms.dataset),
        "judge": board.terms.judge_version,
        "rejudged": {"share": board.share, "seed": board.seed},
        "rows": [_row(row, downloads[row.entry.key]) for row in rows],
        "refused": [asdict(refusal) for refusal in board.refusals],
    }


def _row(row: Row, files: list[dict[str, Any]]) -> dict[str, Any]:
    return {
        "name": row.entry.name,
        "page": f"models/{row.entry.file}.html",
        "rank": [row.standing.first, row.standing.last],
        "tied_with": row.tied_files,
        "num_samples": row.entry.submission.results.num_samples,
        "metrics": {name: asdict(metric) for name, metric in row.standing.metrics.items()},
        "rejudged": row.entry.rejudged and asdict(row.entry.rejudged),
        "raw": files,
    }


def _hashes(folder: Path) -> Iterator[tuple[str, str]]:
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            yield path.relative_to(folder).as_posix(), _sha256(path)


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
