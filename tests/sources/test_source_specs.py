import json
from pathlib import Path

import pytest

from appsplus.errors import InputError, SourceError
from appsplus.sources import CORPUS_DIR, open_sources
from appsplus.sources.row_files import choose, split_of, stem_of


def make_file(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps({"question": "x"}) + "\n")
    return path


def error_of(*specs: str) -> str:
    with pytest.raises(SourceError) as caught:
        open_sources(specs)
    return str(caught.value)


def test_a_source_is_named_after_its_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    make_file(tmp_path / "folder.v2" / "train.jsonl")
    file = make_file(tmp_path / "rows.jsonl")
    monkeypatch.chdir(tmp_path / "folder.v2")
    names = [source.name for source in open_sources([f"{tmp_path}/folder.v2/", str(file), f"x={file}"])]
    assert names == ["folder.v2", "rows", "x"]
    assert [source.name for source in open_sources(["."])] == ["folder.v2"]


def test_the_location_is_what_the_user_gave(tmp_path: Path) -> None:
    file = make_file(tmp_path / "rows.jsonl")
    (source,) = open_sources([f"x={file}"])
    assert (source.name, source.location, source.revision) == ("x", str(file), "")


def test_a_path_may_hold_an_equals_sign(tmp_path: Path) -> None:
    make_file(tmp_path / "split=train" / "a.jsonl")
    (source,) = open_sources([str(tmp_path / "split=train" / "a.jsonl")])
    assert source.name == "a"


def test_several_sources_are_read_with_their_own_ids(tmp_path: Path) -> None:
    one, two = make_file(tmp_path / "one.jsonl"), make_file(tmp_path / "two.jsonl")
    ids = [record.problem_id for source in open_sources([str(one), str(two)]) for record in source.read()]
    assert ids == ["one/0", "two/0"]


def test_two_sources_of_one_name_are_refused(tmp_path: Path) -> None:
    one, two = make_file(tmp_path / "1" / "a.jsonl"), make_file(tmp_path / "2" / "a.jsonl")
    assert error_of(str(one), str(two)) == (
        f"two sources are named 'a': {one} and {two}; ids would be the same. Write NAME=PATH for one, e.g. a2={two}"
    )


def test_a_name_that_cannot_stand_in_an_id_is_refused(tmp_path: Path) -> None:
    path = make_file(tmp_path / "my rows.jsonl")
    assert error_of(str(path)).endswith(
        f"named 'my rows'; expected letters, digits, '.', '_' or '-'. Write NAME={path}"
    )


def test_without_a_spec_the_corpus_is_read() -> None:
    if not any(CORPUS_DIR.glob("*/*/question.txt")):
        pytest.skip("the embedded corpus is not there")
    (source,) = open_sources([])
    assert (source.name, source.location) == ("corpus", "corpus")
    assert next(source.read()).problem_id.startswith("corpus/train/")


def test_a_missing_path_is_an_error(tmp_path: Path) -> None:
    assert error_of(str(tmp_path / "none")).startswith(f"{tmp_path / 'none'} does not exist; expected ")


@pytest.mark.parametrize("folders", [[], ["train", "test"], ["train/0001", "test/0001"]])
def test_a_folder_without_a_problem_is_an_error(tmp_path: Path, folders: list[str]) -> None:
    for folder in folders:
        (tmp_path / folder).mkdir(parents=True)
    assert error_of(f"s={tmp_path}").startswith(f"{tmp_path} is no source: expected the APPS layout")


def test_a_file_of_another_kind_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("x")
    assert "is no source; expected a folder, or a file that ends in .parquet, .jsonl" in error_of(
        str(tmp_path / "a.csv")
    )


def test_nothing_is_read_before_all_names_are_checked(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_text("{broken")
    assert error_of(f"x={tmp_path / 'a.jsonl'}", f"x={tmp_path / 'none'}").startswith("two sources are named 'x'")


def test_columns_without_a_file_of_rows_are_refused(tmp_path: Path) -> None:
    (tmp_path / "train" / "0001").mkdir(parents=True)
    (tmp_path / "train" / "0001" / "question.txt").write_text("x")
    with pytest.raises(InputError, match="no source has columns"):
        open_sources([f"s={tmp_path}"], {"description": "prompt"})


def test_unknown_targets_are_refused_before_any_work() -> None:
    with pytest.raises(InputError, match="unknown target 'question'"):
        open_sources(["/nowhere"], {"question": "prompt"})


def test_a_folder_named_by_number_that_holds_rows_is_no_problem(tmp_path: Path) -> None:
    make_file(tmp_path / "data" / "2024" / "rows.jsonl")
    (source,) = open_sources([f"s={tmp_path}"])
    assert [record.problem_id for record in source.read()] == ["s/0"]


def test_linked_folders_and_hidden_files_are_not_searched_for_rows(tmp_path: Path) -> None:
    make_file(tmp_path / "s" / "train.jsonl")
    make_file(tmp_path / "s" / ".cache" / "b.jsonl")
    (tmp_path / "s" / "loop").symlink_to(tmp_path / "s")
    (source,) = open_sources([str(tmp_path / "s")])
    assert [entry.name for entry in source.inputs()] == ["train.jsonl"]


@pytest.mark.parametrize(
    ("name", "split"),
    [
        ("train-00000-of-00001.parquet", "train"),
        ("data/test-00000-of-00001.parquet", "test"),
        ("all/test/0000.parquet", "test"),
        ("train/test.jsonl", "test"),
        ("default/partial-train/0000.parquet", "train"),
        ("validation.jsonl.gz", "train"),
        ("contest.jsonl", None),
        ("train-test.json", None),
        ("0000.parquet", None),
    ],
)
def test_names_say_the_split(name: str, split: str | None) -> None:
    assert split_of(name) == split


@pytest.mark.parametrize(("name", "stem"), [("a.jsonl.gz", "a"), ("a.b.parquet", "a.b"), ("a.v2", "a.v2")])
def test_the_stem_leaves_out_the_ending_of_a_data_file(name: str, stem: str) -> None:
    assert stem_of(name) == stem


def chosen(*names: str, config: str | None = None) -> list[str]:
    return choose(names, "it", config, "do this")


def test_a_configuration_is_chosen_by_name_then_default_then_all() -> None:
    names = ["all/train/0.parquet", "interview/train/0.parquet", "all/test/0.parquet"]
    assert chosen(*names) == ["all/test/0.parquet", "all/train/0.parquet"]
    assert chosen(*names, "default/test/0.parquet") == ["default/test/0.parquet"]
    assert chosen(*names, config="interview") == ["interview/train/0.parquet"]


def test_the_only_configuration_needs_no_name() -> None:
    assert chosen("data/b.jsonl", "data/a.jsonl", "README.md") == ["data/a.jsonl", "data/b.jsonl"]


@pytest.mark.parametrize("config", [None, "c"])
def test_several_configurations_are_named_in_the_error(config: str | None) -> None:
    with pytest.raises(SourceError, match=r"^it h.* configuration.*; it has \., a, b; do this$"):
        chosen("a/0.jsonl", "b/0.jsonl", "train.jsonl", config=config)


def test_json_beside_parquet_is_no_data() -> None:
    assert chosen("dataset_infos.json", "train.parquet") == ["train.parquet"]


def test_parquet_beside_json_lines_is_refused() -> None:
    with pytest.raises(SourceError, match=r"it holds both Parquet and JSON Lines \(b\.parquet, a\.jsonl\); do this"):
        chosen("a.jsonl", "b.parquet")
