"""An export is what the trainer's own loader reads, whole or not there, and the same bytes every time."""

import json
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from appsplus.cli import commands
from appsplus.errors import DatasetError, InputError
from appsplus.evaluation import prompts
from appsplus.integrations.export import FORMATS, export
from appsplus.integrations.rows import COLUMNS, row_from_text, row_of
from appsplus.problem import Problem, UnitTest
from appsplus.release import DatasetWriter, Manifest, data_hash
from appsplus.release.seal import seal
from tests.integrations.conftest import CALL, CHECKED, STDIN


def rows_of(path: Path) -> list[dict[str, Any]]:
    if path.suffix == ".jsonl":
        return [json.loads(line) for line in path.read_text().splitlines()]
    import pyarrow.parquet as pq

    rows: list[dict[str, Any]] = pq.read_table(path).to_pylist()
    return rows


def content(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


@pytest.mark.parametrize("to", FORMATS)
def test_an_export_is_the_same_bytes_every_time(to: str, dataset: Path, tmp_path: Path) -> None:
    suffix = "parquet" if to in ("trl", "verl") else "jsonl"
    rows = 2 if to == "nemo-gym" else 3
    assert export(dataset, tmp_path / "a", to).files == {f"train.{suffix}": rows, f"test.{suffix}": 1}
    export(dataset, tmp_path / "b", to)
    assert content(tmp_path / "a") == content(tmp_path / "b")
    facts = json.loads((tmp_path / "a" / "export.json").read_text())
    assert facts["dataset"] == data_hash(dataset)
    assert facts["prompt_version"] == prompts.VERSION
    assert facts["files"].keys() == content(tmp_path / "a").keys() - {"export.json"}


def test_trl_rows_are_a_prompt_and_the_columns(exported: Callable[..., Path]) -> None:
    rows = rows_of(exported("trl") / "train.parquet")
    assert [row.keys() for row in rows] == [{"prompt", *COLUMNS}] * 3
    assert rows[1]["prompt"] == prompts.chat_messages(CALL)
    assert [{name: row[name] for name in COLUMNS} for row in rows] == [row_of(p) for p in (STDIN, CALL, CHECKED)]


def test_trl_rows_are_what_datasets_loads(exported: Callable[..., Path]) -> None:
    from datasets import load_dataset

    loaded = load_dataset(str(exported("trl", prompt="continued")))
    assert set(loaded) == {"train", "test"}
    row = loaded["train"][2]
    assert row["prompt"] == prompts.continued_text(CHECKED)
    assert {name: row[name] for name in COLUMNS} == row_of(CHECKED, continued=True)


def test_verl_rows_have_verls_columns(exported: Callable[..., Path]) -> None:
    row = rows_of(exported("verl") / "train.parquet")[1]
    assert row.pop("prompt") == prompts.chat_messages(CALL)
    assert row_from_text(row["reward_model"].pop("ground_truth")) == row_of(CALL)
    assert row == {
        "data_source": "appsplus",
        "ability": "code",
        "reward_model": {"style": "rule"},
        "extra_info": {"split": "train", "index": 1, "problem_id": "made/call", "difficulty": "unknown"},
    }


def test_openrlhf_rows_are_a_prompt_and_a_label(exported: Callable[..., Path]) -> None:
    row = rows_of(exported("openrlhf") / "train.jsonl")[2]
    assert row.keys() == {"prompt", "label", "datasource"}
    assert row["prompt"] == prompts.chat_messages(CHECKED)[0]["content"]
    assert row_from_text(row["label"]) == row_of(CHECKED)


def test_nemo_gym_rows_are_those_of_its_server_code_gen(dataset: Path, tmp_path: Path) -> None:
    exported = export(dataset, tmp_path / "out", "nemo-gym")
    assert exported.left_out == {"has a checker, which NeMo Gym's judge does not know": 1}
    stdin, call = rows_of(tmp_path / "out" / "train.jsonl")
    assert stdin["responses_create_params"] == {"input": prompts.chat_messages(STDIN)}
    assert stdin["verifier_metadata"]["unit_tests"] == {
        "inputs": ["3\n", "2\n"],
        "outputs": ["big\n", "small\n"],
        "fn_name": None,
    }
    assert call["verifier_metadata"]["unit_tests"] == {
        "inputs": ["1\n2", '"a"\n"b"'],  # an argument a line, as LiveCodeBench has them
        "outputs": ["3", '"ab"'],
        "fn_name": "add",
    }


def test_what_nemo_gyms_judge_cannot_read_is_left_out(tmp_path: Path) -> None:
    folder = tmp_path / "data"
    folder.mkdir()
    with DatasetWriter(folder) as writer:
        writer.add(replace(CALL, unit_tests=(UnitTest('["a"]', '{"$dict":[[1,2]]}'),) * 2), "train")
        writer.add(replace(STDIN, unit_tests=(UnitTest('{"$dict": 1}', "big\n"),) * 2), "train")
    seal(folder, Manifest("0.1.0", [], {}, {}, {}, writer.statistics.counts(), ()))
    exported = export(folder, tmp_path / "out", "nemo-gym")
    assert exported.left_out == {"has a value that is not plain JSON, which NeMo Gym's judge does not know": 1}
    assert [row["verifier_metadata"]["problem_id"] for row in rows_of(tmp_path / "out" / "train.jsonl")] == [
        "made/stdin"
    ]


def test_jsonl_rows_can_be_scored_as_they_are(exported: Callable[..., Path]) -> None:
    from appsplus.integrations.scoring import score

    for row in rows_of(exported("jsonl") / "train.jsonl"):
        assert score(row, f"```python\n{row['canonical_solution']}```").reward == 1.0
        assert row["license"] == "MIT"


def test_an_export_that_breaks_leaves_the_one_before_it(dataset: Path, tmp_path: Path) -> None:
    export(dataset, tmp_path / "out", "jsonl")
    before = content(tmp_path / "out")

    def broken(problems: Iterable[Problem], _: int) -> Iterator[Problem]:
        yield next(iter(problems))
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        export(dataset, tmp_path / "out", "trl", watched=broken)
    assert content(tmp_path / "out") == before


def test_another_format_takes_the_place_of_the_one_before_it(dataset: Path, tmp_path: Path) -> None:
    export(dataset, tmp_path / "out", "jsonl")
    export(dataset, tmp_path / "out", "trl", splits=("test",))
    assert content(tmp_path / "out").keys() == {"test.parquet", "export.json"}


def test_a_row_is_read_ahead_and_no_more(tmp_path: Path) -> None:
    folder = tmp_path / "many"
    folder.mkdir()
    with DatasetWriter(folder) as writer:
        for number in range(40):
            writer.add(replace(STDIN, problem_id=f"made/{number}", description=f"Question {number}."), "train")
    seal(folder, Manifest("0.1.0", [], {}, {}, {}, writer.statistics.counts(), ()))
    assert export(folder, tmp_path / "out", "trl").files == {"train.parquet": 40}
    import pyarrow.parquet as pq

    assert pq.ParquetFile(tmp_path / "out" / "train.parquet").num_row_groups == 3  # 16 + 16 + 8: never all in memory


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"to": "csv"}, "the format 'csv' is not known; expected one of trl, verl"),
        ({"to": "trl", "prompt": "poem"}, "the prompt 'poem' is not known; expected one of chat, continued"),
        ({"to": "trl", "splits": ("dev",)}, "the split 'dev' is not known; expected one of train, validation, test"),
        ({"to": "verl", "prompt": "continued"}, "verl takes messages of a chat only"),
    ],
)
def test_what_does_not_exist_is_refused(options: dict[str, Any], message: str, dataset: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=message):
        export(dataset, tmp_path / "out", **options)
    assert not (tmp_path / "out").exists()


def test_files_of_another_origin_are_not_touched(dataset: Path, tmp_path: Path) -> None:
    (tmp_path / "train.parquet").write_text("mine")
    with pytest.raises(InputError, match=r"holds .*, which no export wrote"):
        export(dataset, tmp_path, "trl")
    with pytest.raises(InputError, match="is a file; expected a folder"):
        export(dataset, tmp_path / "train.parquet", "trl")
    with pytest.raises(InputError, match=r"holds .*, which no export wrote"):
        export(dataset, dataset, "trl")
    assert (tmp_path / "train.parquet").read_text() == "mine"
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "export.json").write_text("{")
    with pytest.raises(InputError, match=r"export\.json is no record of an export; delete the folder"):
        export(dataset, tmp_path / "other", "trl")


def test_what_was_put_beside_an_export_is_not_deleted(dataset: Path, tmp_path: Path) -> None:
    export(dataset, tmp_path / "out", "trl")
    (tmp_path / "out" / "notes.txt").write_text("mine")
    with pytest.raises(InputError, match=r"holds notes\.txt, which no export wrote"):
        export(dataset, tmp_path / "out", "trl")
    assert (tmp_path / "out" / "notes.txt").read_text() == "mine"


def test_an_empty_split_and_a_folder_that_is_no_dataset_are_told(dataset: Path, tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match="has no problem to export in validation; choose other splits"):
        export(dataset, tmp_path / "out", "trl", splits=("validation",))
    with pytest.raises(DatasetError):
        export(tmp_path / "nowhere", tmp_path / "out", "trl")


def test_the_command_says_what_it_wrote(
    dataset: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def run(*words: object) -> str:
        commands.app([str(word) for word in words], standalone_mode=False)
        return capsys.readouterr().out

    out = tmp_path / "out"
    told = run("export", dataset, "--to", "nemo-gym", "--out", out)
    assert told.splitlines() == [
        f"{out}/train.jsonl: 2 problems",
        f"{out}/test.jsonl: 1 problems",
        "left out: 1 problems (has a checker, which NeMo Gym's judge does not know)",
    ]
    answer = json.loads(run("export", dataset, "--to", "trl", "--out", out, "--split", "test", "--json"))
    assert answer == {"path": str(out), "files": {"test.parquet": 1}, "left_out": {}}
    with pytest.raises(InputError, match="--to csv is not known"):
        run("export", dataset, "--to", "csv", "--out", out)
