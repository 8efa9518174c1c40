"""Files of samples in every shape that is known, and what is wrong with the others, by file and line."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from appsplus.errors import InputError
from appsplus.evaluation.samples import Sample, Samples

Write = Callable[..., Path]


def read(path: Path) -> list[Sample]:
    with Samples(path) as samples:
        return [sample for problem_id in samples.problem_ids for sample in samples.of(problem_id)]


def refusal(path: Path) -> str:
    with pytest.raises(InputError) as refused:
        Samples(path)
    return str(refused.value).replace(str(path), "FILE")


def test_our_lines_are_completions_numbered_in_the_order_of_the_file(write_samples: Write) -> None:
    path = write_samples(
        {"problem_id": "a/1", "completion": "x"},
        {"problem_id": "a/2", "completion": "y", "model": "m", "finish_reason": "stop"},
        {"problem_id": "a/1", "completion": "z"},
    )
    assert read(path) == [Sample("a/1", 0, "x", False), Sample("a/1", 1, "z", False), Sample("a/2", 0, "y", False)]


def test_a_sample_index_decides_the_order(write_samples: Write) -> None:
    path = write_samples(
        {"problem_id": "a", "completion": "second", "sample_index": 5},
        {"problem_id": "a", "completion": "first", "sample_index": 2},
    )
    assert [(sample.sample_index, sample.text) for sample in read(path)] == [(2, "first"), (5, "second")]


def test_evalplus_has_programs_and_completions(write_samples: Write) -> None:
    path = write_samples(
        {"task_id": "HumanEval/0", "solution": "def f(): pass", "completion": "not this"},
        {"task_id": "HumanEval/1", "completion": "    return 1\n"},
        {"task_id": 2, "solution": "def g(): pass"},
    )
    assert read(path) == [
        Sample("HumanEval/0", 0, "def f(): pass", True),
        Sample("HumanEval/1", 0, "    return 1\n", False),
        Sample("2", 0, "def g(): pass", True),
    ]


def test_livecodebench_is_one_json_list_with_lists_in_it(tmp_path: Path) -> None:
    path = tmp_path / "lcb.json"
    rows = [
        {"question_id": "abc_1", "code_list": ["one", ""], "output_list": ["```one```", "prose"]},
        {"question_id": "abc_2", "output_list": ["text"]},
    ]
    path.write_text("\ufeff" + json.dumps(rows, indent=1), encoding="utf-8")
    assert read(path) == [
        Sample("abc_1", 0, "one", True),
        Sample("abc_1", 1, "", True),
        Sample("abc_2", 0, "text", False),
    ]


def test_texts_come_back_character_by_character(write_samples: Write) -> None:
    text = "é\u2028\ud800\r\n\x00 \"'\\"
    assert read(write_samples({"problem_id": "a", "completion": text}))[0].text == text


def test_the_hash_is_that_of_the_file(write_samples: Write) -> None:
    path = write_samples('{"problem_id": "a", "completion": "x"}')
    with Samples(path) as samples:  # sha256sum
        assert samples.sha256 == "858d3eb3be576b547c4bd75fbe9d668d8c826b956a614dd887bd888b1988b0b5"


def test_how_samples_were_made_lies_beside_them(write_samples: Write, tmp_path: Path) -> None:
    path = write_samples({"problem_id": "a", "completion": "x"})
    with Samples(path) as samples:
        assert samples.meta == {}
    (tmp_path / "samples.meta.json").write_text('{"model": {"name": "m"}}')
    with Samples(path) as samples:
        assert samples.meta == {"model": {"name": "m"}}
    for broken in ("[]", "{"):
        (tmp_path / "samples.meta.json").write_text(broken)
        assert "samples.meta.json" in refusal(path)


def test_broken_lines_are_named_with_their_numbers(write_samples: Write) -> None:
    good = {"problem_id": "a", "completion": "x"}
    told = refusal(write_samples(good, "{", "", "[1]", {"problem_id": "b"}, {"completion": "x"}, "null"))
    assert told.startswith("FILE has 5 lines that are no samples: line 2: no JSON (")
    assert (
        "line 4: expected an object; got list; line 5: no completion, solution, code_list or output_list for b; and 2 more"
        in told
    )
    assert 'Expected {"problem_id": ..., "completion": ...}' in told
    assert told.endswith("mend or remove them")


@pytest.mark.parametrize(
    ("row", "told"),
    [
        ({"problem_id": "", "completion": "x"}, "problem_id must be text; got ''"),
        ({"problem_id": None, "completion": "x"}, "problem_id must be text; got None"),
        ({"task_id": True, "completion": "x"}, "task_id must be text; got True"),
        ({"problem_id": "a", "completion": 3}, "completion must be text; got 3"),
        ({"question_id": "a", "code_list": "x"}, "code_list must be a list of texts; got 'x'"),
        ({"question_id": "a", "code_list": []}, "code_list must be a list of texts; got []"),
        ({"problem_id": "a", "completion": "x", "sample_index": -1}, "must be a whole number from 0 to 2^53; got -1"),
        ({"problem_id": "a", "completion": "", "sample_index": True}, "must be a whole number from 0 to 2^53; got True"),
        ({"problem_id": "a", "completion": "", "sample_index": 2**53}, "must be a whole number from 0 to 2^53"),
        ({"question_id": "a", "code_list": ["x"], "sample_index": 0}, "a sample_index does not go with code_list"),
    ],
)  # fmt: skip
def test_a_field_of_another_type_is_no_sample(row: dict[str, Any], told: str, write_samples: Write) -> None:
    assert told in refusal(write_samples(row))


def test_a_line_that_is_cut_off_says_so(write_samples: Write) -> None:
    path = write_samples({"problem_id": "a", "completion": "x"})
    path.write_text(path.read_text() + '{"problem_id": "b", "compl')
    assert "line 2: no JSON" in refusal(path)
    assert "the last line is cut off, its writer was interrupted" in refusal(path)


def test_bytes_that_are_no_text_are_a_broken_line(tmp_path: Path) -> None:
    path = tmp_path / "samples.jsonl"
    path.write_bytes(b'{"problem_id": "a", "completion": "\xff"}\n')
    assert "line 1: no JSON" in refusal(path)


def test_the_same_sample_twice_is_refused_with_both_lines(write_samples: Write) -> None:
    row = {"problem_id": "a", "completion": "x", "sample_index": 1}
    told = refusal(write_samples(row, {**row, "sample_index": 0}, row))
    assert told.startswith("FILE:3: sample 1 of a is in line 1 already")


def test_an_index_for_some_samples_of_a_problem_only_is_refused(write_samples: Write) -> None:
    told = refusal(
        write_samples({"problem_id": "a", "completion": "x", "sample_index": 0}, {"problem_id": "a", "completion": "y"})
    )
    assert told.startswith("FILE:2: some samples of a have a sample_index and this one has none")


def test_a_second_list_of_samples_of_a_problem_is_refused(write_samples: Write) -> None:
    row = {"question_id": "q", "code_list": ["x", "y"]}
    assert refusal(write_samples(row, row)).startswith("FILE:1: a list of samples of q, which has 2 lines")


def test_a_file_without_samples_and_one_that_is_not_there_are_refused(tmp_path: Path) -> None:
    for name, content in (("empty.jsonl", "\n\n"), ("list.json", "[]")):
        (tmp_path / name).write_text(content)
        assert "FILE holds no sample" in refusal(tmp_path / name)
    assert (
        refusal(tmp_path / "none.jsonl")
        == "FILE cannot be read (No such file or directory); expected a file of samples"
    )
    (tmp_path / "half.json").write_text('[{"problem_id"')
    assert "FILE begins as a JSON list, and is none" in refusal(tmp_path / "half.json")


def test_a_file_that_changes_while_it_is_read_is_noticed(write_samples: Write) -> None:
    path = write_samples({"problem_id": "a", "completion": "x"}, {"problem_id": "b", "completion": "y"})
    with Samples(path) as samples:
        write_samples({"problem_id": "b", "completion": "y"}, {"problem_id": "a", "completion": "x"})
        with pytest.raises(InputError, match="changed while it was read, at line 1"):
            samples.of("a")
