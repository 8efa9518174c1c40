"""A submission is three files that belong together; nothing that they name leads anywhere else."""

import json
import os
from pathlib import Path

import pytest

from appsplus import jsonl
from appsplus.errors import InputError
from appsplus.evaluation.leaderboard import submission
from appsplus.evaluation.leaderboard.submission import read_submission

from .conftest import RIGHT, submit, tamper


def test_the_files_of_a_submission_are_found_beside_its_results(tmp_path: Path) -> None:
    path = submit(tmp_path / "a", [RIGHT])
    found = read_submission(path)
    assert found.verdicts_path == tmp_path / "a" / "results.verdicts.jsonl"
    assert found.samples_path == tmp_path / "a" / "samples.jsonl"
    assert len(found.key) == 64


@pytest.mark.parametrize(
    "name", ["../secret.jsonl", "/etc/passwd", "a/b.jsonl", "", ".hidden.jsonl", "page.html", "a\\b.jsonl", "a\n.jsonl"]
)
def test_a_name_that_leads_elsewhere_or_is_no_data_is_refused(name: str, tmp_path: Path) -> None:
    path = submit(tmp_path / "a", [RIGHT])
    (tmp_path / "secret.jsonl").write_bytes((tmp_path / "a" / "samples.jsonl").read_bytes())
    tamper(path, lambda value: value["samples_file"].update(name=name))
    with pytest.raises(InputError, match=r"as its samples; expected a file in the same folder"):
        read_submission(path)


def test_a_link_is_refused(tmp_path: Path) -> None:
    path = submit(tmp_path / "a", [RIGHT])
    samples = path.with_name("samples.jsonl")
    samples.rename(tmp_path / "elsewhere.jsonl")
    samples.symlink_to(tmp_path / "elsewhere.jsonl")
    with pytest.raises(InputError, match="is a symbolic link"):
        read_submission(path)


def test_a_pipe_is_not_waited_for(tmp_path: Path) -> None:
    path = submit(tmp_path / "a", [RIGHT])
    samples = path.with_name("samples.jsonl")
    samples.unlink()
    os.mkfifo(samples)
    with pytest.raises(InputError, match="is no regular file"):
        read_submission(path)


def test_samples_that_are_not_there_are_asked_for(tmp_path: Path) -> None:
    path = submit(tmp_path / "a", [RIGHT])
    path.with_name("samples.jsonl").unlink()
    with pytest.raises(InputError, match=r"is not there; expected the samples of results.json; hand them in beside it"):
        read_submission(path)


def test_samples_that_were_changed_afterwards_are_refused(tmp_path: Path) -> None:
    path = submit(tmp_path / "a", [RIGHT])
    with path.with_name("samples.jsonl").open("a") as file:
        file.write("\n")
    with pytest.raises(InputError, match="has the SHA-256"):
        read_submission(path)


def test_a_file_that_is_too_big_is_not_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = submit(tmp_path / "a", [RIGHT])
    with path.with_name("samples.jsonl").open("ab") as file:
        file.truncate((submission.LARGEST_SAMPLES_MIB << 20) + 1)  # a hole: it takes no room
    with pytest.raises(InputError, match=r"has 4,096 MiB; a leaderboard reads at most 4,096 MiB"):
        read_submission(path)


def test_a_line_that_is_too_long_is_not_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(submission, "LONGEST_LINE_MIB", 1)
    path = submit(tmp_path / "a", [RIGHT])
    path.with_name("samples.jsonl").write_bytes(b"x" * (3 << 20))
    with pytest.raises(InputError, match="has a line of more than 1 MiB"):
        read_submission(path)


def test_long_files_of_short_lines_are_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(submission, "LONGEST_LINE_MIB", 1)
    path = submit(tmp_path / "a", ["# wrong_answer" + " " * 200_000 + "\n"] * 3)
    assert path.with_name("samples.jsonl").stat().st_size > 3 << 20
    assert read_submission(path).results.num_samples == 3


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "is not JSON"),
        ("[" * 100_000, "is not JSON"),
        ("[]", "is no results file"),
        ('{"schema_version": 99}', "schema version 99"),
        ('{"schema_version": 1, "surprise": 1}', "a field 'surprise' that is not known"),
    ],
)
def test_what_is_no_results_file_is_refused(text: str, told: str, tmp_path: Path) -> None:
    path = tmp_path / "results.json"
    path.write_text(text)
    with pytest.raises(InputError, match=told):
        read_submission(path)


@pytest.mark.parametrize("field", ["num_samples", "seeds", "time", "model", "limits"])
def test_a_number_beyond_all_measure_is_refused_wherever_it_stands(field: str, tmp_path: Path) -> None:
    path = submit(tmp_path / "a", [RIGHT])
    huge = 10**5000
    values = {
        "num_samples": huge,
        "seeds": {"bootstrap": huge},
        "time": {"finished_at": [huge]},
        "model": {"x": {"y": [0, {"z": huge}]}},
        "limits": {"cpu_s": 1.0, "wall_s": 1.0, "memory_mib": -huge, "output_mib": 1},
    }
    path.write_text(jsonl.dumps(json.loads(path.read_text()) | {field: values[field]}))
    with pytest.raises(InputError, match="beyond all measure"):
        read_submission(path)


@pytest.mark.parametrize("name", ["results.json", "results.verdicts.jsonl", "samples.jsonl"])
@pytest.mark.parametrize("before", [0, (1 << 20) - 5000])  # across the border of what is read at once
def test_a_number_that_would_take_for_ever_to_read_is_not_read(name: str, before: int, tmp_path: Path) -> None:
    path = submit(tmp_path / "a", [RIGHT])
    path.with_name(name).write_text(" " * before + '{"schema_version":   ' + "9" * 5_000_000 + "}\n")
    with pytest.raises(InputError, match="holds a number of more than 10,000 digits"):
        read_submission(path)


def test_a_nesting_beyond_all_measure_is_refused(tmp_path: Path) -> None:
    path = submit(tmp_path / "a", [RIGHT])
    path.write_text(path.read_text().replace('"model": {}', '"model": {"x": ' + "[" * 900 + "]" * 900 + "}"))
    with pytest.raises(InputError, match=r"beyond all measure|is not JSON"):
        read_submission(path)


@pytest.mark.parametrize("number", ["NaN", "Infinity", "1" + "0" * 400])
def test_a_figure_that_is_no_figure_is_refused(number: str, tmp_path: Path) -> None:
    path = submit(tmp_path / "a", [RIGHT])
    path.write_text(path.read_text().replace('"value": 1.0', f'"value": {number}', 1))
    with pytest.raises(InputError, match=r"damaged|beyond all measure"):
        read_submission(path)
