import json
import os
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from appsplus.problem import RawProblem, Reason
from appsplus.sources import Rejected, open_sources

REAL_APPS = Path(__file__).parents[3] / "shared" / "data" / "apps"


def make_problem_folder(folder: Path, **files: str | bytes | None) -> Path:
    """A whole problem; `question="..."` changes question.txt, `None` leaves the file out."""
    content: dict[str, Any] = {
        "question": "Add two numbers.\n",
        "solutions": json.dumps(["print(sum(map(int, input().split())))"]),
        "input_output": json.dumps({"inputs": ["1 2\n"], "outputs": ["3\n"]}),
        "metadata": json.dumps({"difficulty": "interview", "url": "https://a.example/1"}),
        "starter_code": "",
    } | files
    folder.mkdir(parents=True)
    for name, text in content.items():
        if text is not None:
            ending = {"question": ".txt", "starter_code": ".py"}.get(name, ".json")
            (folder / (name + ending)).write_bytes(text if isinstance(text, bytes) else text.encode())
    return folder


def read(root: Path) -> list[RawProblem | Rejected]:
    (source,) = open_sources([f"apps={root}"])
    return list(source.read())


def read_one(root: Path, **files: str | bytes | None) -> RawProblem | Rejected:
    make_problem_folder(root / "train" / "0001", **files)
    make_problem_folder(root / "train" / "0002")
    return read(root)[0]


def problem(record: RawProblem | Rejected) -> RawProblem:
    assert isinstance(record, RawProblem), record
    return record


def rejection(record: RawProblem | Rejected) -> tuple[Reason, str]:
    assert isinstance(record, Rejected), record
    return record.rejection.reason, record.rejection.detail


def test_every_file_of_a_problem_arrives(tmp_path: Path) -> None:
    metadata = {"difficulty": "competition", "url": "https://a.example/7", "source": "kattis", "license": "CC0-1.0"}
    record = read_one(
        tmp_path,
        solutions='["one", "two"]',
        input_output='{"fn_name": "add", "inputs": [[1, 2], [3, 4]], "outputs": [[3], 7]}',
        metadata=json.dumps(metadata),
        starter_code="def add(a, b):\n",
    )
    assert record == RawProblem(
        problem_id="apps/train/0001",
        source="kattis",
        split="train",
        description="Add two numbers.\n",
        solutions=("one", "two"),
        inputs=([1, 2], [3, 4]),
        outputs=([3], 7),
        entry_point="add",
        starter_code="def add(a, b):\n",
        difficulty="competition",
        url="https://a.example/7",
        license="CC0-1.0",
    )


def test_every_file_may_be_missing(tmp_path: Path) -> None:
    nothing = dict.fromkeys(("question", "solutions", "input_output", "metadata", "starter_code"))
    record = problem(read_one(tmp_path, **nothing))
    assert (record.description, record.solutions, record.inputs, record.outputs) == ("", (), None, None)
    assert (record.source, record.difficulty, record.license) == ("apps", "unknown", "")


def test_every_file_may_be_empty(tmp_path: Path) -> None:
    empty = dict.fromkeys(("question", "solutions", "input_output", "metadata", "starter_code"), "")
    record = problem(read_one(tmp_path, **empty))
    assert (record.description, record.solutions, record.inputs, record.outputs) == ("", (), None, None)


def test_splits_come_in_order_and_each_problem_once(tmp_path: Path) -> None:
    for name in ("test/0000", "train/0010", "train/0002"):
        make_problem_folder(tmp_path / name)
    (tmp_path / "train" / "README.txt").write_text("not a problem")
    ids = [(record.problem_id, record.split) for record in read(tmp_path)]
    assert ids == [("apps/train/0002", "train"), ("apps/train/0010", "train"), ("apps/test/0000", "test")]


def test_problem_folders_without_a_split_are_train(tmp_path: Path) -> None:
    make_problem_folder(tmp_path / "0003")
    assert [record.problem_id for record in read(tmp_path)] == ["apps/train/0003"]


def test_the_folder_test_given_alone_stays_test(tmp_path: Path) -> None:
    make_problem_folder(tmp_path / "test" / "0003")
    assert [(record.problem_id, record.split) for record in read(tmp_path / "test")] == [("apps/test/0003", "test")]


def test_windows_line_ends_stay(tmp_path: Path) -> None:
    assert problem(read_one(tmp_path, question=b"a\r\nb\rc\n")).description == "a\r\nb\rc\n"


def test_bytes_that_are_no_utf8_survive(tmp_path: Path) -> None:
    record = problem(read_one(tmp_path, question=b"caf\xe9", solutions=b'["# caf\xe9"]'))
    assert record.description.encode("utf-8", "surrogateescape") == b"caf\xe9"
    assert record.solutions == ("# caf\udce9",)
    assert len(record.source_hash) == 64


def test_a_byte_order_mark_before_json_is_no_error(tmp_path: Path) -> None:
    assert problem(read_one(tmp_path, solutions=b'\xef\xbb\xbf["x"]')).solutions == ("x",)


def test_broken_solutions_are_rejected_with_line_and_column(tmp_path: Path) -> None:
    record = read_one(tmp_path, solutions='["a",\n "b" "c"]')
    reason, detail = rejection(record)
    assert reason is Reason.MALFORMED_RECORD
    assert detail.startswith("solutions.json is broken JSON at line 2, column 6: ")
    assert isinstance(record, Rejected)
    assert (record.problem_id, record.description) == ("apps/train/0001", "Add two numbers.\n")
    assert (record.url, record.difficulty) == ("https://a.example/1", "interview")


def test_broken_tests_are_malformed_tests(tmp_path: Path) -> None:
    reason, detail = rejection(read_one(tmp_path, input_output='{"inputs": ['))
    assert reason is Reason.MALFORMED_TESTS
    assert detail.startswith("input_output.json is broken JSON at line 1, column 13: ")


def test_broken_metadata_is_a_malformed_record_that_keeps_its_description(tmp_path: Path) -> None:
    record = read_one(tmp_path, metadata="{")
    assert rejection(record)[0] is Reason.MALFORMED_RECORD
    assert isinstance(record, Rejected)
    assert record.description == "Add two numbers.\n"


@pytest.mark.parametrize(
    ("file", "text", "reason", "detail"),
    [
        ("solutions", '"print()"', "malformed_record", "solutions.json is text; expected a list of programs"),
        ("solutions", '["a", 5]', "malformed_record", "solutions.json[1] is a number; expected the text of a program"),
        ("metadata", "[]", "malformed_record", "metadata.json is a list; expected an object"),
        (
            "input_output",
            "[1]",
            "malformed_tests",
            "input_output.json is a list; expected an object with inputs and outputs",
        ),
        (
            "input_output",
            '{"inputs": {"a": 1}, "outputs": []}',
            "malformed_tests",
            "inputs of input_output.json is an object; expected a list",
        ),
        (
            "input_output",
            '{"inputs": [], "outputs": [], "fn_name": 3}',
            "malformed_tests",
            "fn_name of input_output.json is a number; expected the name of a function",
        ),
    ],
)
def test_wrong_shapes_are_rejected(tmp_path: Path, file: str, text: str, reason: str, detail: str) -> None:
    assert rejection(read_one(tmp_path, **{file: text})) == (reason, detail)


def test_missing_outputs_are_left_to_the_stages(tmp_path: Path) -> None:
    record = problem(read_one(tmp_path, input_output='{"inputs": ["1"]}'))
    assert (record.inputs, record.outputs) == (("1",), None)


def test_an_unknown_difficulty_becomes_unknown(tmp_path: Path) -> None:
    assert problem(read_one(tmp_path, metadata='{"difficulty": "Hard"}')).difficulty == "unknown"


def test_long_integers_nan_and_lone_surrogates_survive(tmp_path: Path) -> None:
    digits = "7" * 5000
    record = problem(read_one(tmp_path, input_output=f'{{"inputs": [{digits}, NaN], "outputs": ["\\ud800", 1]}}'))
    assert record.inputs is not None
    assert record.inputs[0] == (10**5000 - 1) // 9 * 7
    assert record.inputs[1] != record.inputs[1]
    assert record.outputs == ("\ud800", 1)
    assert len(record.source_hash) == 64


def test_tests_nested_too_deep_are_malformed(tmp_path: Path) -> None:
    deep = "[" * 101 + "]" * 101
    assert rejection(read_one(tmp_path, input_output=f'{{"inputs": [{deep}], "outputs": [1]}}')) == (
        Reason.MALFORMED_TESTS,
        "a unit test is nested more than 100 deep",
    )


def test_tests_nested_a_hundred_deep_pass(tmp_path: Path) -> None:
    deep = "[" * 100 + "]" * 100
    record = problem(read_one(tmp_path, input_output=f'{{"inputs": [{deep}], "outputs": [1]}}'))
    assert json.dumps(record.inputs) == f"[{deep}]"


def test_json_that_exhausts_the_parser_is_malformed(tmp_path: Path) -> None:
    assert rejection(read_one(tmp_path, input_output="[" * 100_000))[0] is Reason.MALFORMED_TESTS


def test_linked_problems_are_followed(tmp_path: Path) -> None:
    make_problem_folder(tmp_path / "elsewhere" / "a", question="linked")
    (tmp_path / "apps" / "train").mkdir(parents=True)
    (tmp_path / "apps" / "train" / "0001").symlink_to(tmp_path / "elsewhere" / "a")
    assert [problem(record).description for record in read(tmp_path / "apps")] == ["linked"]


def test_a_link_to_nothing_a_loop_and_a_pipe_are_malformed_records(tmp_path: Path) -> None:
    for number, target in enumerate(("nowhere", "question.txt")):
        folder = make_problem_folder(tmp_path / "train" / f"000{number}", question=None)
        (folder / "question.txt").symlink_to(target)
    os.mkfifo(make_problem_folder(tmp_path / "train" / "0002", question=None) / "question.txt")
    expected = (Reason.MALFORMED_RECORD, "question.txt is no file, or a link that leads to none")
    assert [rejection(record) for record in read(tmp_path)] == [expected] * 3


def test_reading_is_lazy(tmp_path: Path) -> None:
    for number in range(3):
        make_problem_folder(tmp_path / "train" / f"000{number}")
    (source,) = open_sources([str(tmp_path)])
    records = source.read()
    next(records)
    (tmp_path / "train" / "0002" / "question.txt").write_text("changed meanwhile")
    assert [problem(record).description for record in records] == ["Add two numbers.\n", "changed meanwhile"]


def test_inputs_are_one_digest_a_split_that_follows_content_and_names(tmp_path: Path) -> None:
    make_problem_folder(tmp_path / "train" / "0001", metadata=None, starter_code=None, solutions="[]")
    make_problem_folder(tmp_path / "test" / "0001")
    (source,) = open_sources([str(tmp_path)])
    train, test = source.inputs()
    assert (train.name, train.num_files, train.num_bytes) == ("train", 3, 17 + 2 + 41)
    assert (test.name, test.num_files) == ("test", 5)
    assert list(source.inputs()) == [train, test]
    (tmp_path / "train" / "0001").rename(tmp_path / "train" / "0002")
    renamed, _ = source.inputs()
    assert (renamed.num_bytes, renamed.sha256 == train.sha256) == (train.num_bytes, False)


@pytest.mark.real_data
def test_every_real_problem_is_read_once() -> None:
    if not REAL_APPS.is_dir():
        pytest.skip(f"the real problems are not beside the checkout: {REAL_APPS}")
    folders = {
        split: {f"apps/{split}/{path.name}" for path in (REAL_APPS / split).iterdir()} for split in ("train", "test")
    }
    (source,) = open_sources([str(REAL_APPS)])
    records = Counter((record.split, record.problem_id, type(record)) for record in source.read())
    assert sum(records.values()) == 2825
    assert {split: {i for s, i, _ in records if s == split} for split in ("train", "test")} == folders
    assert set(records.values()) == {1}
    assert {kind for _, _, kind in records} == {RawProblem}
