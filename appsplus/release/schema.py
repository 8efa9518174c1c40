"""The columns of the dataset, once: as Arrow schemas for the Parquet files and as YAML for the dataset card.

Texts that may be big are `large_string`: a description, a program or a unit test of 2 GiB does not overflow. The types
are explicit, so a column that happens to be null or empty everywhere keeps its type.
"""

from typing import Any

import pyarrow as pa

SPLITS = ("train", "validation", "test")
REJECTED_SPLIT = "rejected"  # the only split of the config `rejected`; the source's own split is a column there

_SHORT = pa.string()
_TEXT = pa.large_string()
_INT = pa.int32()
_INTS = pa.list_(_INT)


def _struct(**fields: pa.DataType) -> pa.DataType:
    return pa.struct(list(fields.items()))


_REVIEW = _struct(  # null: the ledger has no decision about the problem
    seen_hash=_SHORT,
    events=pa.list_(
        _struct(
            event_id=_SHORT,
            time=_SHORT,
            reviewer=_SHORT,
            reviewer_kind=_SHORT,
            action=_SHORT,
            reason=_SHORT,
            comment=_TEXT,
            effect=_SHORT,
            override=pa.bool_(),
            resolves=pa.list_(_SHORT),
        )
    ),
    before=_struct(stage=_SHORT, reason=_SHORT, detail=_TEXT, evidence=_TEXT),  # evidence: JSON
)

PROBLEMS = pa.schema(
    {
        "problem_id": _SHORT,
        "source": _SHORT,
        "url": _SHORT,
        "license": _SHORT,
        "difficulty": _SHORT,
        "description": _TEXT,
        "io_format": _SHORT,
        "entry_point": _SHORT,  # null for stdin
        "starter_code": _TEXT,
        "canonical_solution": _TEXT,
        "canonical_index": _INT,  # its position among all solutions of the source
        "other_solutions": pa.list_(_struct(code=_TEXT, verdict=_SHORT)),
        "unit_tests": pa.list_(_struct(input=_TEXT, output=_TEXT)),
        "limits": _struct(cpu_s=pa.float64(), wall_s=pa.float64(), memory_mib=_INT, output_mib=_INT),
        "checker": _struct(
            kind=_SHORT, any_of=pa.list_(pa.list_(_TEXT)), program=_TEXT
        ),  # null: the comparison ladder decides
        "split_points": pa.list_(_struct(kind=_SHORT, byte=_INT, char=_INT, line=_INT, column=_INT, depth=_INT)),
        "subtask_chars": _INTS,
        "executable_lines": _INTS,
        "executed_lines": pa.list_(_INTS),
        "changes": pa.list_(_struct(what=_SHORT, detail=_TEXT, by=_SHORT, event_id=_SHORT)),
        "review": _REVIEW,
        "source_hash": _SHORT,
        "content_hash": _SHORT,
    }
)

SUBTASKS = pa.schema(
    {
        "problem_id": _SHORT,
        "source": _SHORT,
        "license": _SHORT,
        "difficulty": _SHORT,
        "io_format": _SHORT,
        "entry_point": _SHORT,
        "level": _INT,
        "levels": _INT,
        "prompt": _TEXT,
        "prefix": _TEXT,
        "remainder": _TEXT,
    }
)

REJECTED = pa.schema(
    {
        "problem_id": _SHORT,
        "source": _SHORT,
        "url": _SHORT,
        "license": _SHORT,
        "split": _SHORT,
        "difficulty": _SHORT,
        "description": _TEXT,
        "stage": _SHORT,
        "reason": _SHORT,
        "detail": _TEXT,
        "evidence": _TEXT,  # JSON
        "source_hash": _SHORT,
        "review": _REVIEW,
    }
)

CONFIGS = {
    "default": (PROBLEMS, SPLITS),
    "subtasks": (SUBTASKS, SPLITS),
    "rejected": (REJECTED, (REJECTED_SPLIT,)),
}
"""Per config of the dataset: its columns and its splits."""


def data_pattern(config: str, split: str) -> str:
    """Glob pattern of the Parquet files of one split, relative to the dataset's folder."""
    return f"data/{config}/{split}-*.parquet"


def data_file(config: str, split: str, shard: int) -> str:
    """Path of one Parquet file, relative to the dataset's folder."""
    return f"data/{config}/{split}-{shard:05d}.parquet"


def yaml_features(schema: pa.Schema) -> list[dict[str, Any]]:
    """The schema as `dataset_info.features` of a dataset card spells it; what `datasets` reads as `Features`."""
    return [{"name": field.name, **_yaml_type(field.type)} for field in schema]


def _yaml_type(kind: pa.DataType) -> dict[str, Any]:
    if pa.types.is_struct(kind):
        return {"struct": yaml_features(list(kind))}
    if pa.types.is_list(kind):
        item = _yaml_type(kind.value_type)
        return {"list": item.get("struct") or item.get("dtype") or item}
    return {"dtype": {"double": "float64"}.get(str(kind), str(kind))}
