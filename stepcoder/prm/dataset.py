"""The data set `appsplus-prm`: what labelling found, as Parquet files that `load_dataset` opens, and a card.

    DIR/lines/train-update-000040.parquet       a row a line end: prefix, label, passes of K
    DIR/responses/train-update-000040.parquet   a row a response: tokens, and its labels as lists
    DIR/manifest.json, README.md                options, counts, tokenizer; the card

A problem is in one split only. A split without rows has no file, for `load_dataset` fails on an empty one.
"""

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from appsplus.errors import DatasetError, InputError
from appsplus.jsonl import write_atomically
from stepcoder.data import prompt_for
from stepcoder.prm.attempts import Labelled
from stepcoder.prm.search import labels

MANIFEST = "manifest.json"
SPLITS = ("train", "test")
_INTS = pa.list_(pa.int32())
_OF_A_RESPONSE: dict[str, pa.DataType] = {
    "problem_id": pa.string(),
    "difficulty": pa.string(),
    "license": pa.string(),  # of the problem
    "checkpoint": pa.string(),
    "checkpoint_sha256": pa.string(),
    "response": pa.int32(),  # its number among those of this checkpoint to this problem
    "verdict": pa.string(),  # of the response as it is
    "prompt": pa.large_string(),
    "lines": pa.int32(),  # T: all of them
    "transition": pa.int32(),  # lines of code that can still be completed
    "k": pa.int32(),
}
SCHEMAS: Mapping[str, pa.Schema] = {
    "lines": pa.schema(
        _OF_A_RESPONSE
        | {
            "line": pa.int32(),  # from 1, of the program
            "prefix": pa.large_string(),  # of the response, up to the token that ends the line
            "label": pa.int8(),  # +1, -1; 0: a comment or a blank line
            "passes": pa.int32(),  # of K attempts; null: not tried, the search did not need it
        }
    ),
    "responses": pa.schema(
        _OF_A_RESPONSE
        | {
            "completion": pa.large_string(),
            "prompt_ids": _INTS,
            "token_ids": _INTS,
            "line_numbers": _INTS,
            "line_tokens": _INTS,  # of token_ids: the place of the token that ends the line
            "labels": pa.list_(pa.int8()),
            "passes": _INTS,
        }
    ),
}


def held_out(problem_ids: Iterable[str], share: float) -> frozenset[str]:
    """The problems of the split test: a share of them, rounded, but at least one where there are two, and never all.

    Chosen by the hashes of their ids: the same problems give the same choice.
    """
    ids = sorted(set(problem_ids), key=lambda one: hashlib.sha256(one.encode()).hexdigest())
    count = min(max(1, round(share * len(ids))), len(ids) - 1) if share > 0 and ids else 0
    return frozenset(ids[:count])


def response_row(one: Labelled, checkpoint: str, sha256: str, k: int, tokenizer: Any) -> dict[str, Any]:
    """A labelled response as a row of `responses`."""
    response, completion = one.response, one.response.judged.completion
    ends, given, passes = response.lines.ends, 0, []
    for end in ends:
        given += end.is_code
        passes.append(one.found.passes.get(given) if end.is_code else None)
    problem = completion.task.problem
    return {
        "problem_id": problem.problem_id,
        "difficulty": problem.difficulty,
        "license": problem.license,
        "checkpoint": checkpoint,
        "checkpoint_sha256": sha256,
        "response": response.number,
        "verdict": response.judged.outcome,
        "prompt": prompt_for(problem, completion.task.prefix, tokenizer),
        "lines": response.lines.count,
        "transition": one.found.low,
        "k": k,
        "completion": completion.text,
        "prompt_ids": completion.task.ids,
        "token_ids": completion.ids,
        "line_numbers": [end.line for end in ends],
        "line_tokens": [end.token for end in ends],
        "labels": labels(one.found.low, [end.is_code for end in ends]),
        "passes": passes,
    }


def line_rows(row: Mapping[str, Any], offsets: Sequence[tuple[int, int]]) -> Iterator[dict[str, Any]]:
    """The rows of `lines` of a row of `responses`; `offsets` are the characters of its tokens."""
    shared = {name: row[name] for name in _OF_A_RESPONSE}
    ends = zip(row["line_numbers"], row["line_tokens"], row["labels"], row["passes"], strict=True)
    for line, token, label, passes in ends:
        prefix = row["completion"][: offsets[token][1]]
        yield {**shared, "line": line, "prefix": prefix, "label": label, "passes": passes}


def labels_hash(folder: Path) -> str:
    """The SHA-256 of what reward models learn from and are examined on: the rows of `responses`."""
    found = hashlib.sha256()
    for path in sorted((folder / "responses").glob("*.parquet")):
        found.update(f"{path.name}\0{hashlib.sha256(path.read_bytes()).hexdigest()}\n".encode())
    return found.hexdigest()


def shard(folder: Path, config: str, split: str, checkpoint: str) -> Path:
    """Where the rows of a checkpoint are."""
    return folder / config / f"{split}-{checkpoint}.parquet"


def write_rows(path: Path, config: str, rows: Sequence[Mapping[str, Any]]) -> None:
    """Write rows as a Parquet file, whole or not at all; no file for no rows. Raises InputError where that fails."""
    if not rows:
        return
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        sink = pa.BufferOutputStream()
        pq.write_table(pa.Table.from_pylist(list(rows), schema=SCHEMAS[config]), sink, compression="zstd")
        write_atomically(path, sink.getvalue().to_pybytes())
    except OSError as error:
        raise InputError(
            f"{path} cannot be written ({error.strerror}); make room, then give the command again"
        ) from None


def read_rows(folder: Path, config: str, split: str) -> list[dict[str, Any]]:
    """The rows of a split, checkpoint by checkpoint. Raises DatasetError where `folder` holds no finished labels."""
    read_manifest(folder)
    rows: list[dict[str, Any]] = []
    for path in sorted((folder / config).glob(f"{split}-*.parquet")):
        try:
            rows += pq.read_table(path, schema=SCHEMAS[config]).to_pylist()
        except (OSError, pa.ArrowException) as error:
            raise DatasetError(f"{path} cannot be read ({error}); label again into another --out") from None
    return rows


def read_manifest(folder: Path) -> dict[str, Any]:
    """What was labelled, and how. Raises DatasetError where `folder` holds no finished labels."""
    try:
        found: dict[str, Any] = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise DatasetError(
            f"{folder} holds no labelled prefixes ({error}); expected a folder that `stepcoder prm label` has finished: give"
            " that command again, it goes on from where it was"
        ) from None
    return found
