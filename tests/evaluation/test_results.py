"""Results survive the way to the disk and back, and what is none is refused with the place."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from appsplus.errors import InputError
from appsplus.evaluation import records, results
from appsplus.evaluation.results import (
    Breakdowns,
    DatasetFacts,
    FileFacts,
    Group,
    JudgeFacts,
    LimitFacts,
    Metric,
    ProblemResult,
    Results,
    SampleVerdict,
    Unscored,
    read_results,
    read_verdicts,
    results_schema,
    verdicts_path,
    write_results,
    write_verdicts,
)

SCHEMA = Path(results.__file__).with_name("results.schema.json")


@pytest.fixture
def found(metric: Metric, problem_result: Callable[..., ProblemResult]) -> Results:
    limits = LimitFacts(5.0, 20.0, 1024, 16)
    group = {"introductory": Group(1, {"pass@1": metric})}
    return Results(
        schema_version=1,
        name="model",
        model={"name": "model", "nested": [1, None]},
        dataset=DatasetFacts("made", "", "5" * 64, "test", 2),
        judge=JudgeFacts("0123-3.11.0", "best-effort", "3.11.0", ("seccomp",)),
        command="appsplus evaluate",
        sampling={"temperature": 0.8},
        num_samples=None,
        k=(1, 10),
        limits=limits,
        limits_by_problem={"a": replace(limits, cpu_s=7.5)},
        seeds={"bootstrap": 0},
        metrics={"pass@1": metric},
        breakdowns=Breakdowns(group, {}, {}, {"accepted": 1}),
        problems={"a": problem_result(2, 1, conditional_statements=None, num_unscored=1)},
        extraction_failed=0,
        unscored=(Unscored("a", 2, "the worker has died"),),
        missing_problems=("b",),
        warnings=("one",),
        samples_file=FileFacts("s.jsonl", "1" * 64),
        verdicts_file=FileFacts("r.verdicts.jsonl", "2" * 64),
        time={"finished_at": "2026-01-02T03:04:05+00:00", "wall_s": 1.5},
    )


@pytest.fixture
def document(found: Results, tmp_path: Path) -> dict[str, Any]:
    write_results(tmp_path / "r.json", found)
    value: dict[str, Any] = json.loads((tmp_path / "r.json").read_text())
    return value


def test_results_come_back_as_they_were(found: Results, tmp_path: Path) -> None:
    write_results(tmp_path / "r.json", found)
    assert read_results(tmp_path / "r.json") == found


def test_the_schema_that_is_published_is_the_one_of_the_records() -> None:
    assert json.loads(SCHEMA.read_text()) == results_schema(), (
        "write it again: python -c 'import json; from appsplus.evaluation.results import results_schema as s;"
        f" print(json.dumps(s(), indent=2))' > {SCHEMA.relative_to(SCHEMA.parents[2])}"
    )


def test_what_is_written_is_what_the_schema_says(document: dict[str, Any]) -> None:
    jsonschema = pytest.importorskip("jsonschema", reason="the schema is checked where jsonschema is installed")
    jsonschema.Draft202012Validator(results_schema()).validate(document)
    with pytest.raises(jsonschema.ValidationError, match="num_samples"):
        jsonschema.Draft202012Validator(results_schema()).validate(document | {"num_samples": "two"})


@pytest.mark.parametrize(
    ("place", "value", "told"),
    [
        (["metrics", "pass@1", "value"], "half", "metrics['pass@1'].value must be a number; got 'half'"),
        (["metrics", "pass@1", "value"], float("nan"), "metrics['pass@1'].value must be a number; got nan"),
        (["dataset"], None, "dataset must be an object; got None"),
        (["k"], 1, "k must be a list; got 1"),
        (["k", 1], 1.5, "k[1] must be a whole number; got 1.5"),
        (["num_samples"], True, "num_samples must be a whole number; got True"),
        (["problems", "a", "verdicts", "accepted"], "x", "problems['a'].verdicts['accepted'] must be a whole number"),
        (["judge", "surprise"], 1, "judge has a field 'surprise' that is not known"),
        (["unscored", 0, "error"], 3, "unscored[0].error must be text; got 3"),
    ],
)  # fmt: skip
def test_a_wrong_value_is_refused_with_its_place(
    place: list[Any], value: Any, told: str, document: dict[str, Any], tmp_path: Path
) -> None:
    inside: Any = document
    for step in place[:-1]:
        inside = inside[step]
    inside[place[-1]] = value
    path = tmp_path / "r.json"
    path.write_text(json.dumps(document))
    with pytest.raises(InputError) as refused:
        read_results(path)
    assert f"{path} is damaged: {told}" in str(refused.value)


def test_a_field_that_is_lacking_is_named(document: dict[str, Any], tmp_path: Path) -> None:
    del document["judge"]["version"]
    (tmp_path / "r.json").write_text(json.dumps(document))
    with pytest.raises(InputError, match="judge has no field 'version'"):
        read_results(tmp_path / "r.json")


def test_a_field_with_a_default_may_be_absent(document: dict[str, Any], tmp_path: Path) -> None:
    del document["judge"]["missing"]
    (tmp_path / "r.json").write_text(json.dumps(document))
    assert read_results(tmp_path / "r.json").judge.missing == ()


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ("{", "is not JSON"),
        ("[]", "is no results file"),
        ("{}", "is no results file"),
        ('{"schema_version": 2}', "has schema version 2; this version of appsplus reads 1"),
        ('{"schema_version": 1}', "is damaged: the document has no field 'name'"),
    ],
)
def test_another_file_is_refused(content: str, told: str, tmp_path: Path) -> None:
    (tmp_path / "r.json").write_text(content)
    with pytest.raises(InputError) as refused:
        read_results(tmp_path / "r.json")
    assert told in str(refused.value)
    with pytest.raises(InputError, match=r"none.json cannot be read \(No such file"):
        read_results(tmp_path / "none.json")


def test_verdicts_come_back_line_by_line_and_a_broken_one_is_named(tmp_path: Path) -> None:
    path = verdicts_path(tmp_path / "r.json")
    assert path == tmp_path / "r.verdicts.jsonl"
    rows = [
        SampleVerdict("a", 0, "1" * 64, "accepted", 2, 2, "extracted", near_limit=True),
        SampleVerdict("a", 1, None, "extraction_failed", 0, 2, "the completion is blank"),
        SampleVerdict("a", 2, "3" * 64, "judge_error", 0, 2, "as_given"),
    ]
    facts = write_verdicts(path, rows)
    assert list(read_verdicts(path)) == rows
    assert [row.is_scored for row in rows] == [True, True, False]
    assert facts.name == "r.verdicts.jsonl"
    path.write_text(path.read_text() + '{"problem_id": "a"}\n')
    with pytest.raises(InputError, match=r"r.verdicts.jsonl:4 is no verdict of a sample: the document has no field"):
        list(read_verdicts(path))


def test_the_schema_of_a_record_names_every_kind_of_field() -> None:
    schema = records.json_schema(SampleVerdict, "One sample")
    fields = schema["$defs"]["SampleVerdict"]
    assert fields["properties"]["program_sha256"] == {"anyOf": [{"type": "string"}, {"type": "null"}]}
    assert fields["required"] == [name for name in fields["properties"] if name != "near_limit"]
