"""A line that is written is never lost, never written twice, and never mixed with samples made otherwise."""

import fcntl
import json
import os
from pathlib import Path
from typing import Any

import pytest

from appsplus import jsonl
from appsplus.errors import InputError
from appsplus.evaluation.sample_file import Sample, SampleFile

IDS = ["p/b", "p/a", "p/c"]  # the order of the dataset, not of the alphabet
FACTS: dict[str, Any] = {
    "model": {"name": "m", "backend": "openai", "base_url": "http://one"},
    "template": {"version": 1},
    "sampling": {"num_samples": 1, "temperature": 0.5},
    "dataset": {"name": "data", "sha256": "5" * 64, "split": "test"},
    "command": "appsplus sample",
}


def sample(problem_id: str, index: int = 0, completion: str = "text") -> Sample:
    return Sample(problem_id, completion, index, "m", "0" * 64, "stop", 5)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "samples.jsonl"


def opened(path: Path, **sections: Any) -> SampleFile:
    return SampleFile(path, FACTS | sections, IDS)


def keys(path: Path) -> list[tuple[str, int]]:
    return [(line["problem_id"], line["sample_index"]) for line in map(json.loads, path.read_text().splitlines())]


def test_a_line_has_every_field_and_the_facts_are_beside_it(path: Path) -> None:
    with opened(path) as file:
        file.append([sample("p/a", completion="é\n\ud800")])
        assert json.loads(path.read_text()) == {
            "problem_id": "p/a",
            "completion": "é\n\ud800",
            "sample_index": 0,
            "model": "m",
            "prompt_sha256": "0" * 64,
            "finish_reason": "stop",
            "seed": 5,
        }
    assert json.loads((path.parent / "samples.meta.json").read_text()) == {"schema_version": 1, **FACTS}


def test_a_run_goes_on_where_it_was_and_ends_in_the_order_of_the_dataset(path: Path) -> None:
    with opened(path) as file:
        file.append([sample("p/c"), sample("p/a", 1)])
    with opened(path) as file:
        assert file.done == {("p/c", 0), ("p/a", 1)}
        file.append([sample("p/a"), sample("p/b")])
        assert keys(path)[-1] == ("p/b", 0)
        file.put_in_order()
    assert keys(path) == [("p/b", 0), ("p/a", 0), ("p/a", 1), ("p/c", 0)]
    assert sorted(p.name for p in path.parent.iterdir()) == ["samples.jsonl", "samples.meta.json"]


@pytest.mark.parametrize("cut", range(1, 60, 7))
def test_a_torn_last_line_is_removed_said_and_made_anew(path: Path, cut: int) -> None:
    with opened(path) as file:
        file.append([sample("p/a"), sample("p/b")])
    whole = path.read_bytes()
    path.write_bytes(whole[:-cut])
    with opened(path) as file:
        if cut == 1:  # only the line's end is missing
            assert (file.recovered, file.done) == ("", {("p/a", 0), ("p/b", 0)})
        else:
            assert "the last line was torn" in file.recovered
            assert file.done == {("p/a", 0)}
            file.append([sample("p/b")])
    assert path.read_bytes() == whole


def test_more_samples_of_each_problem_may_be_asked_for_and_the_facts_keep_the_largest_number(path: Path) -> None:
    for count, expected in ((1, 1), (5, 5), (2, 5)):
        with opened(path, sampling=FACTS["sampling"] | {"num_samples": count}) as file:
            file.append([sample("p/a", count)])
        meta = json.loads((path.parent / "samples.meta.json").read_text())
        assert meta["sampling"]["num_samples"] == expected


@pytest.mark.parametrize(
    ("section", "change", "told"),
    [
        ("sampling", {"temperature": 0.9}, "sampling.temperature was 0.5, now 0.9"),
        ("model", {"name": "other"}, "model.name was 'm', now 'other'"),
        ("template", {"version": 2}, "template.version was 1, now 2"),
        ("dataset", {"sha256": "6" * 64}, "dataset.sha256 was '5555"),
        ("model", {"prompt": "chat"}, "model.prompt was None, now 'chat'"),
    ],
)
def test_samples_made_otherwise_are_not_mixed(path: Path, section: str, change: dict[str, Any], told: str) -> None:
    with opened(path) as file:
        file.append([sample("p/a")])
    before = path.read_bytes(), (path.parent / "samples.meta.json").read_bytes()
    with pytest.raises(InputError, match=told):
        opened(path, **{section: FACTS[section] | change})
    assert before == (path.read_bytes(), (path.parent / "samples.meta.json").read_bytes())


def test_the_address_of_the_server_may_change(path: Path) -> None:
    with opened(path) as file:
        file.append([sample("p/a")])
    with opened(path, model=FACTS["model"] | {"base_url": "http://two"}, command="again") as file:
        assert file.done == {("p/a", 0)}


LINE = jsonl.dumps({"problem_id": "p/a", "sample_index": 0, "completion": ""})


@pytest.mark.parametrize(
    ("lines", "told"),
    [
        (f"{LINE}\nnonsense\n{LINE}", "line 2 is no sample"),
        (f"{LINE}\n[]\n", "line 2 is no sample: expected an object with text"),
        (f'{LINE}\n{{"problem_id": "p/a", "completion": ""}}\n', "line 2 is no sample"),
        (f'{LINE}\n{{"problem_id": "p/a", "completion": "", "sample_index": true}}\n', "line 2 is no sample"),
        (f"{LINE}\n\n{LINE}\n", "line 3: sample 0 of p/a is in line 1 already"),
        (LINE.replace("p/a", "q") + "\n", "line 1: the split has no problem 'q'"),
        ("[" * 10**5 + f"\n{LINE}\n", "line 1 is no sample"),
    ],
)
def test_a_line_that_is_no_sample_of_these_problems_is_named(path: Path, lines: str, told: str) -> None:
    opened(path).__exit__(None, None, None)
    path.write_text(lines)
    with pytest.raises(InputError, match=told):
        opened(path)
    assert path.read_text().rstrip("\n") == lines.rstrip("\n")


@pytest.mark.parametrize("meta", [None, "", "[]", "{}", '{"model": 1}'])
def test_samples_of_unknown_making_are_left_alone(path: Path, meta: str | None) -> None:
    path.write_text(LINE + "\n")
    if meta is not None:
        (path.parent / "samples.meta.json").write_text(meta)
    with pytest.raises(
        InputError, match=r"samples\.meta\.json beside it, which says how they were made, cannot be read"
    ):
        opened(path)


def test_two_runs_cannot_write_one_file(path: Path) -> None:
    with path.open("w") as other:
        fcntl.flock(other, fcntl.LOCK_EX)
        with pytest.raises(InputError, match="is being written by another process"):
            opened(path)


def test_a_path_that_cannot_be_written_is_said(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"cannot be written: No such file or directory; name another file with --out"):
        opened(tmp_path / "missing" / "samples.jsonl")
    with pytest.raises(InputError, match="cannot be written: Is a directory"):
        opened(tmp_path)


def full_disk(monkeypatch: pytest.MonkeyPatch, after: int) -> None:
    """From the write after so many bytes of it: no space left."""
    real = os.write

    def write(descriptor: int, data: bytes) -> int:
        if len(data) > after:
            real(descriptor, data[:after])
            raise OSError(28, "No space left on device")
        return real(descriptor, data)

    monkeypatch.setattr(os, "write", write)


def test_on_a_full_disk_the_file_stays_whole_and_what_was_paid_for_is_put_elsewhere(
    path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(elsewhere))
    with opened(path) as file:
        file.append([sample("p/a")])
        before = path.read_bytes()
        assert file.rescue() == ""
        with monkeypatch.context() as disk:
            full_disk(disk, 20)
            with pytest.raises(InputError, match="No space left on device"):
                file.append([sample("p/b")])
        assert (path.read_bytes(), file.done) == (before, {("p/a", 0)})
        told = file.rescue()
    [rescued] = elsewhere.iterdir()
    assert told == (
        f"1 of the samples that were made could not be written to {path}; they are in {rescued}: make room, then"
        f" cat {rescued} >> {path}, and start again"
    )
    path.write_bytes(path.read_bytes() + rescued.read_bytes())
    with opened(path) as file:
        assert file.done == {("p/a", 0), ("p/b", 0)}


def test_what_fits_after_all_is_not_put_elsewhere_too(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with opened(path) as file:
        with monkeypatch.context() as disk:
            full_disk(disk, 20)
            with pytest.raises(InputError, match="No space left on device"):
                file.append([sample("p/b")])
        file.append([sample("p/b")])
        assert file.rescue() == ""
    assert keys(path) == [("p/b", 0)]


@pytest.mark.parametrize("where", ["write", "fsync"])
def test_an_interruption_while_a_line_is_written_leaves_it_neither_in_the_file_nor_done(
    path: Path, where: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = getattr(os, where)

    def interrupted(*arguments: Any) -> None:
        real(*arguments)
        raise KeyboardInterrupt

    with opened(path) as file:
        file.append([sample("p/a")])
        before = path.read_bytes()
        with monkeypatch.context() as signals:
            signals.setattr(os, where, interrupted)
            with pytest.raises(KeyboardInterrupt):
                file.append([sample("p/b")])
        assert (path.read_bytes(), file.done) == (before, {("p/a", 0)})
        file.append([sample("p/b")])
    assert keys(path) == [("p/a", 0), ("p/b", 0)]
