"""What stands against a dataset folder: each kind of damage, by file, and all of them at once."""

import json
from dataclasses import replace
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from appsplus.errors import DatasetError
from appsplus.ledger import Ledger
from appsplus.release import FunnelStage, read_manifest
from appsplus.release.checks import check_dataset
from appsplus.release.leaks import Leaks
from appsplus.release.ledger import ledger_folders, write_ledger
from appsplus.release.manifest import file_facts, write_manifest
from appsplus.sources import CORPUS_DIR

TRAIN = "data/default/train-00000.parquet"
SUBTASKS = "data/subtasks/train-00000.parquet"
REJECTED = "data/rejected/rejected-00000.parquet"


def findings(folder: Path, leaks: Leaks | None = None) -> list[str]:
    return [str(finding) for finding in check_dataset(folder, leaks or Leaks()).findings]


def sealed_again(folder: Path, **fields: object) -> Path:
    """As somebody would who mends the hashes after a change by hand."""
    write_manifest(folder, replace(read_manifest(folder), files=file_facts(folder), **fields))
    return folder


def changed_rows(path: Path, change) -> None:
    table = pq.read_table(path)
    rows = table.to_pylist()
    change(rows)
    pq.write_table(pa.Table.from_pylist(rows, schema=table.schema), path)


@pytest.fixture
def dataset(tmp_path, make_problem, make_rejected, make_dataset) -> Path:
    problems = [
        (make_problem(problem_id="apps/1"), "train"),
        (make_problem(problem_id="apps/2", description="Another one.\n"), "train"),
        (make_problem(problem_id="apps/3", split="test"), "test"),
    ]
    return make_dataset(tmp_path / "appsplus", problems, [make_rejected(license="MIT")])


def test_nothing_stands_against_what_a_build_wrote(dataset):
    checked = check_dataset(dataset, Leaks((Path.home(), dataset)))
    assert checked.findings == ()
    assert list(checked.files) == sorted([*read_manifest(dataset).files, "manifest.json"])
    assert checked.files["manifest.json"].bytes == (dataset / "manifest.json").stat().st_size


def test_nothing_stands_against_the_embedded_corpus(embedded):
    assert findings(embedded, Leaks((Path.home(), embedded))) == []


def test_a_file_that_was_changed_went_or_came_is_named(dataset):
    (dataset / "figures" / "funnel.svg").write_text("<svg/>")
    (dataset / "figures" / "coverage.svg").unlink()
    (dataset / "notes.txt").write_text("mine")
    assert findings(dataset) == [
        "figures/coverage.svg: is missing, but the manifest lists it; build the dataset again",
        "figures/funnel.svg: was changed after the build: its SHA-256 is not that of the manifest; build the dataset again",
        "notes.txt: no build wrote it: the manifest does not list it; move it elsewhere",
    ]


def test_a_folder_without_a_manifest_is_a_finding_and_no_folder_an_error(tmp_path):
    (tmp_path / "empty").mkdir()
    (only,) = findings(tmp_path / "empty")
    assert only.startswith(f"manifest.json: {tmp_path}/empty holds no manifest.json")
    with pytest.raises(DatasetError, match="is not a folder"):
        check_dataset(tmp_path / "nothing", Leaks())


def test_columns_of_another_shape_are_named(dataset):
    table = pq.read_table(dataset / TRAIN)
    pq.write_table(table.rename_columns([n.replace("url", "link") for n in table.column_names]), dataset / TRAIN)
    assert findings(sealed_again(dataset)) == [
        f"{TRAIN}: its columns are not those of this version of appsplus: link, url; build the dataset again"
    ]


def test_data_that_no_reader_would_find_is_named(dataset):
    (dataset / TRAIN).rename(dataset / "data/default/train-00001.parquet")
    (dataset / REJECTED).write_bytes(b"no Parquet")
    found = findings(sealed_again(dataset))
    assert found[0].startswith("data/default/train-00001.parquet: belongs to no split, or a file before it")
    assert found[1].startswith(f"{REJECTED}: cannot be read as Parquet (")


def test_a_row_that_is_gone_is_missed_in_every_book(dataset):
    changed_rows(dataset / TRAIN, lambda rows: rows.pop())
    found = findings(sealed_again(dataset))
    assert (
        found[0]
        == "data/subtasks/train-*.parquet: holds more than the problems of the split give; build the dataset again"
    )
    assert {line.split(" is not what")[0] for line in found[1:]} == {
        f"manifest.json: counts.{name}"
        for name in ("problems", "splits", "rows", "difficulty", "io_format", "sources", "histograms")
    }


def test_content_that_was_changed_by_hand_is_found_by_its_hash_and_its_subtasks(dataset):
    changed_rows(dataset / TRAIN, lambda rows: rows[1].update(description="Changed.\n"))
    assert findings(sealed_again(dataset)) == [
        "data/default/train-*.parquet: content_hash of apps/2 is not its content's; build the dataset again",
        "data/subtasks/train-*.parquet: level 1 of apps/2 is not what the problem gives; build the dataset again",
        "data/subtasks/train-*.parquet: level 2 of apps/2 is not what the problem gives; build the dataset again",
    ]


def test_a_problem_that_is_there_twice_is_named(dataset):
    changed_rows(dataset / REJECTED, lambda rows: rows[0].update(problem_id="apps/3"))
    assert findings(sealed_again(dataset)) == [
        "data/rejected/rejected-*.parquet: apps/3 is also in data/default/test-*.parquet; expected every problem once, "
        "build the dataset again"
    ]


def test_a_row_that_is_no_problem_is_a_finding(dataset):
    changed_rows(dataset / TRAIN, lambda rows: rows[0].update(io_format="telepathy"))
    (only,) = [line for line in findings(sealed_again(dataset)) if line.startswith("data/")]
    assert only.startswith("data/: a row cannot be read as a problem (ValueError(")
    assert "telepathy" in only


@pytest.mark.parametrize("license_", ["", " ", "Unknown", "N/A"])
def test_a_source_without_a_licence_is_named_for_kept_and_rejected(
    tmp_path, make_problem, make_rejected, make_dataset, license_
):
    folder = make_dataset(
        tmp_path / "appsplus",
        [
            (make_problem(license=license_), "train"),
            (make_problem(problem_id="b/1", source="B", license="MIT"), "train"),
        ],
        [
            make_rejected(license=license_, source="C"),
            make_rejected(problem_id="c/2", license=license_, description=""),
        ],
    )
    advice = (
        "state no licence; add it in the source (`license` in metadata.json, or a column of that name), and build again"
    )
    assert findings(folder) == [
        f"data/default/train-*.parquet: 1 problems of the source 'APPS' {advice}",
        f"data/rejected/rejected-*.parquet: 1 problems of the source 'C' {advice}",
    ]


def test_a_dataset_without_a_problem_is_not_worth_publishing(tmp_path, make_rejected, make_dataset):
    folder = make_dataset(tmp_path / "appsplus", [], [make_rejected(license="MIT")])
    assert findings(folder) == ["data/default: holds no problem: there would be nothing to load"]


def test_a_funnel_that_does_not_lead_to_the_counts_is_a_finding(dataset):
    funnel = (FunnelStage("read", 5, 5, {}), FunnelStage("passing", 4, 3, {"wrong_answer": 1}))
    assert findings(sealed_again(dataset, funnel=funnel)) == [
        "manifest.json: the funnel does not balance with the counts; build the dataset again"
    ]


def test_the_cards_top_must_say_what_the_manifest_says(dataset):
    card = dataset / "README.md"
    text = card.read_text()
    card.write_text(text.replace("n<1K", "1K<n<10K").replace("pretty_name: APPS+\n", ""))
    assert findings(sealed_again(dataset)) == [
        "README.md: size_categories in the YAML at its top is not what the manifest says; build the dataset again",
        "README.md: the YAML at its top has no pretty_name; build the dataset again",
    ]
    card.write_text("---\nconfigs: [\n---\n")
    (only,) = findings(sealed_again(dataset))
    assert only.startswith("README.md: the YAML at its top cannot be read (")


def test_a_manifest_whose_counts_were_damaged_is_a_finding_and_no_crash(dataset):
    found = findings(sealed_again(dataset, counts={"problems": 3}))
    assert any(line.startswith("manifest.json: its counts are damaged (KeyError(") for line in found)


def test_secrets_are_found_beside_everything_else(dataset):
    secret = "hf_" + "aB3" * 12
    changed_rows(dataset / REJECTED, lambda rows: rows[0].update(detail=f"see /home/bob/x, {secret}"))
    (dataset / "notes.txt").write_text("x")
    assert findings(dataset) == [
        f"{REJECTED}: was changed after the build: its SHA-256 is not that of the manifest; build the dataset again",
        "notes.txt: no build wrote it: the manifest does not list it; move it elsewhere",
        f"{REJECTED}: a token of Hugging Face (hf_aB3aB..., 39 characters) in detail of apps/9",
        f'{REJECTED}: a path of a machine ("/home/bob") in detail of apps/9',
    ]


def test_the_ledger_lies_in_the_dataset_as_it_was_read(embedded):
    original = Ledger.read([CORPUS_DIR / "ledger"])
    copied = Ledger.read(ledger_folders(embedded))
    assert (copied.digest, len(copied)) == (original.digest, len(original))
    assert read_manifest(embedded).ledger["sha256"] == original.digest
    assert "ledger/corpus.jsonl" in read_manifest(embedded).files


def test_several_ledgers_keep_apart_and_empty_ones_leave_no_trace(tmp_path):
    lines = (CORPUS_DIR / "ledger" / "corpus.jsonl").read_bytes()
    for name in ("a", "empty", "b"):
        (tmp_path / name).mkdir()
    (tmp_path / "a" / "x.jsonl").write_bytes(lines)
    (tmp_path / "b" / "x.jsonl").write_bytes(b"")
    ledger = Ledger.read([tmp_path / name for name in ("a", "empty", "b")])
    out = tmp_path / "out"
    out.mkdir()
    write_ledger(out, ledger)
    assert sorted(path.relative_to(out).as_posix() for path in out.rglob("*.jsonl")) == [
        "ledger-2/x.jsonl",
        "ledger/x.jsonl",
    ]
    assert Ledger.read(ledger_folders(out)).digest == ledger.digest


def test_a_ledger_that_is_not_the_builds_is_a_finding(dataset, tmp_path):
    ledger = {"decisions": {"human": 0, "model": 1}, "sha256": "0" * 64}
    assert findings(sealed_again(dataset, ledger=ledger))[0] == (
        "ledger: is not the ledger that the build applied; build the dataset again"
    )
    (dataset / "ledger").mkdir()
    (dataset / "ledger" / "ada.jsonl").write_text("no decision\n")
    found = findings(sealed_again(dataset))
    assert any(line.startswith("ledger: ") and "ada.jsonl:1: not a decision" in line for line in found)


def test_the_checks_can_be_told_as_json(dataset):
    (dataset / "notes.txt").write_text("x")
    checked = check_dataset(dataset, Leaks())
    assert json.loads(json.dumps([finding.file for finding in checked.findings])) == ["notes.txt"]
