import gzip
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from appsplus.errors import SourceError
from appsplus.problem import Change, RawProblem, Reason
from appsplus.sources import Rejected, open_sources

REAL_APPS = Path(__file__).parents[3] / "shared" / "data" / "apps"


def make_row(**changes: Any) -> dict[str, Any]:
    return {
        "problem_id": 7,
        "question": "Add two numbers.",
        "solutions": '["print(3)"]',
        "input_output": '{"inputs": ["1 2"], "outputs": ["3"]}',
        "difficulty": "introductory",
        "url": "https://a.example/7",
        "starter_code": "",
    } | changes


def write_lines(path: Path, *rows: Any) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def write_parquet(path: Path, *rows: dict[str, Any]) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(pa.Table.from_pylist(list(rows)), path)
    return path


def read(path: Path, columns: Mapping[str, str] | None = None) -> list[RawProblem | Rejected]:
    (source,) = open_sources([f"s={path}"], columns)
    return list(source.read())


def problem(record: RawProblem | Rejected) -> RawProblem:
    assert isinstance(record, RawProblem), record
    return record


def read_row(tmp_path: Path, columns: Mapping[str, str] | None = None, **row: Any) -> RawProblem:
    return problem(read(write_lines(tmp_path / "rows.jsonl", row), columns)[0])


def rejection(record: RawProblem | Rejected) -> tuple[Reason, str]:
    assert isinstance(record, Rejected), record
    return record.rejection.reason, record.rejection.detail


EXPECTED = RawProblem(
    problem_id="s/7",
    source="s",
    split="train",
    description="Add two numbers.",
    solutions=("print(3)",),
    inputs=("1 2",),
    outputs=("3",),
    difficulty="introductory",
    url="https://a.example/7",
)


def test_a_row_with_the_columns_of_apps_arrives_whole(tmp_path: Path) -> None:
    assert read_row(tmp_path, **make_row()) == EXPECTED


def test_every_format_reads_the_same(tmp_path: Path) -> None:
    row = make_row()
    write_lines(tmp_path / "a.jsonl", row)
    (tmp_path / "a.jsonl.gz").write_bytes(gzip.compress(json.dumps(row).encode()))
    (tmp_path / "array.json").write_text(json.dumps([row], indent=2))
    (tmp_path / "object.json").write_text(json.dumps({"version": 1, "data": [row]}))
    (tmp_path / "keyed.json").write_text(json.dumps({"x": row}))
    write_parquet(tmp_path / "a.parquet", row)
    files = sorted(tmp_path.iterdir())
    assert len(files) == 6
    assert [read(path) for path in files] == [[EXPECTED]] * 6


def test_structured_columns_need_no_json_text(tmp_path: Path) -> None:
    tests = {"inputs": [[1, 2]], "outputs": [3], "fn_name": "add"}
    row = make_row(solutions=["a", "b"], input_output=tests)
    for record in (read_row(tmp_path, **row), problem(read(write_parquet(tmp_path / "p.parquet", row))[0])):
        assert record.solutions == ("a", "b")
        assert (record.inputs, record.outputs, record.entry_point) == (([1, 2],), (3,), "add")


def test_empty_columns_are_absent(tmp_path: Path) -> None:
    record = read_row(tmp_path, **make_row(solutions="", input_output="", url=None, difficulty=None, starter_code=None))
    assert (record.solutions, record.inputs, record.outputs) == ((), None, None)
    assert (record.url, record.difficulty, record.starter_code) == ("", "unknown", "")


def test_licence_source_and_split_of_a_row_travel_along(tmp_path: Path) -> None:
    record = read_row(tmp_path, **make_row(license="MIT", source="kattis", split="test"))
    assert (record.license, record.source, record.split, record.problem_id) == ("MIT", "kattis", "test", "s/test/7")


def test_a_licence_that_is_no_text_is_kept_as_json(tmp_path: Path) -> None:
    assert read_row(tmp_path, **make_row(license=["MIT", "CC0"])).license == '["MIT","CC0"]'


def test_validation_counts_as_train(tmp_path: Path) -> None:
    assert read_row(tmp_path, **make_row(split="Validation")).split == "train"


def test_long_integers_nan_and_lone_surrogates_survive(tmp_path: Path) -> None:
    digits = "7" * 5000
    tests = f'{{"inputs": [{digits}, NaN], "outputs": ["\\ud800", 1]}}'
    (tmp_path / "structured.jsonl").write_text(f'{{"question": "\\ud800", "input_output": {tests}}}\n')
    write_lines(tmp_path / "text.jsonl", make_row(input_output=tests))
    (tmp_path / "structured.json").write_text(f'[{{"question": "q", "input_output": {tests}}}]')
    for path in sorted(tmp_path.iterdir()):
        record = problem(read(path)[0])
        assert record.inputs is not None
        assert record.inputs[0] == (10**5000 - 1) // 9 * 7
        assert record.inputs[1] != record.inputs[1]
        assert record.outputs == ("\ud800", 1)


def test_a_cell_of_fifty_megabytes_survives(tmp_path: Path) -> None:
    text = "0123456789" * 5_000_000
    row = make_row(input_output=json.dumps({"inputs": [text], "outputs": ["1"]}))
    for path in (write_parquet(tmp_path / "a.parquet", row), write_lines(tmp_path / "a.jsonl", row)):
        record = problem(read(path)[0])
        assert record.inputs is not None
        assert record.inputs[0] == text


def test_text_that_is_no_utf8_survives(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_bytes(b'{"question": "caf\xe9"}\n')
    (tmp_path / "b.json").write_bytes(b'[{"question": "caf\xe9"}]')
    bad = pa.array([b"caf\xe9"], pa.binary()).view(pa.string())
    pq.write_table(pa.table({"question": bad, "solutions": pa.array([["x"]])}), tmp_path / "c.parquet")
    paths = sorted(tmp_path.iterdir())
    assert [problem(read(path)[0]).description for path in paths] == ["caf\udce9"] * 3


def test_a_byte_order_mark_and_blank_lines_are_no_rows(tmp_path: Path) -> None:
    line = json.dumps(make_row()).encode()
    (tmp_path / "a.jsonl").write_bytes(b"\xef\xbb\xbf" + line + b"\r\n\r\n  \n")
    (tmp_path / "a.json").write_bytes(b"\xef\xbb\xbf[" + line + b"]")
    assert read(tmp_path / "a.jsonl") == read(tmp_path / "a.json") == [EXPECTED]


def test_rows_without_an_id_are_numbered_from_zero(tmp_path: Path) -> None:
    path = write_lines(tmp_path / "a.jsonl", {"question": "a"}, {"question": "b", "problem_id": None})
    assert [record.problem_id for record in read(path)] == ["s/0", "s/1"]


@pytest.mark.parametrize(
    ("given", "problem_id"),
    [
        (7, "s/7"),
        (7.0, "s/7"),
        (" two sum ", "s/two sum"),
        ("a\nb\ud800", "s/a_b_"),
        ("", "s/0"),
        (float("nan"), "s/0"),
    ],
)
def test_ids_are_printable_text(tmp_path: Path, given: Any, problem_id: str) -> None:
    assert read_row(tmp_path, **make_row(problem_id=given)).problem_id == problem_id


def test_repeated_ids_lose_nothing(tmp_path: Path) -> None:
    rows = [make_row(problem_id=i, question=q) for i, q in (("a", "1"), ("a", "2"), ("a~2", "3"), ("a", "4"))]
    first, *others = (problem(record) for record in read(write_lines(tmp_path / "a.jsonl", *rows)))
    assert (first.problem_id, first.changes) == ("s/a", ())
    assert [(record.problem_id, record.description) for record in others] == [
        ("s/a~2", "2"),
        ("s/a~2~2", "3"),
        ("s/a~3", "4"),
    ]
    assert others[0].changes == (
        Change(
            "problem_id_made_unique", "the id s/a was taken already, by a.jsonl line 1; this is a.jsonl line 2", "build"
        ),
    )


def test_train_and_test_may_count_from_zero_each(tmp_path: Path) -> None:
    write_parquet(tmp_path / "data" / "train-00000-of-00002.parquet", make_row(problem_id=0))
    write_parquet(tmp_path / "data" / "train-00001-of-00002.parquet", make_row(problem_id=1))
    write_parquet(tmp_path / "data" / "test-00000-of-00001.parquet", make_row(problem_id=0))
    ids = [(record.problem_id, record.split) for record in read(tmp_path)]
    assert ids == [("s/test/0", "test"), ("s/train/0", "train"), ("s/train/1", "train")]


def test_folders_say_the_split(tmp_path: Path) -> None:
    write_parquet(tmp_path / "test" / "0000.parquet", make_row())
    write_parquet(tmp_path / "train" / "0000.parquet", make_row())
    assert [record.problem_id for record in read(tmp_path)] == ["s/test/7", "s/train/7"]


def test_the_name_of_a_single_file_says_the_split(tmp_path: Path) -> None:
    assert [record.split for record in read(write_lines(tmp_path / "apps_test.jsonl", make_row()))] == ["test"]
    assert [record.split for record in read(write_lines(tmp_path / "contests.jsonl", make_row()))] == ["train"]


@pytest.mark.parametrize(
    ("row", "reason", "detail"),
    [
        (5, "malformed_record", "a.jsonl line 1 is a number; expected an object with columns"),
        (make_row(question=["x"]), "malformed_record", "question of a.jsonl line 1 is a list; expected text"),
        (make_row(problem_id={}), "malformed_record", "a.jsonl line 1: the problem_id is an object; expected text or"),
        (make_row(problem_id="x" * 201), "malformed_record", "a.jsonl line 1: the problem_id has 201 characters; "),
        (make_row(split="dress rehearsal"), "malformed_record", "a.jsonl line 1: the split is 'dress rehearsal'; "),
        (make_row(starter_code=1), "malformed_record", "starter_code of a.jsonl line 1 is a number; expected text"),
        (make_row(solutions="print(1)"), "malformed_record", "solutions of a.jsonl line 1 is broken JSON at line 1, "),
        (make_row(solutions='{"a": 1}'), "malformed_record", "solutions of a.jsonl line 1 is an object; expected a "),
        (make_row(input_output="{"), "malformed_tests", "input_output of a.jsonl line 1 is broken JSON at line 1, "),
        (make_row(input_output=True), "malformed_tests", "input_output of a.jsonl line 1 is a boolean; expected an "),
    ],
)
def test_a_row_of_a_wrong_type_is_rejected_and_the_next_is_read(
    tmp_path: Path, row: Any, reason: str, detail: str
) -> None:
    bad, good = read(write_lines(tmp_path / "a.jsonl", row, make_row(problem_id=8)))
    assert rejection(bad)[0] == reason
    assert rejection(bad)[1].startswith(detail)
    assert bad.problem_id in ("s/0", "s/7")
    assert problem(good).problem_id == "s/8"


def test_a_broken_line_is_an_error_with_file_and_line_before_any_work(tmp_path: Path) -> None:
    path = write_lines(tmp_path / "a.jsonl", make_row())
    path.write_text(path.read_text() + "\n{broken\n")
    with pytest.raises(SourceError) as caught:
        open_sources([str(path)])
    assert str(caught.value).startswith(f"{path} line 3: broken JSON at column 2: ")


def test_a_broken_array_is_an_error_with_file_and_line(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text('[{"question": "x"},\n{"question" "y"}]')
    with pytest.raises(SourceError, match=r"a\.json line 2, column 13: Expecting ':' delimiter"):
        open_sources([str(tmp_path / "a.json")])


@pytest.mark.parametrize("name", ["a.parquet", "a.jsonl.gz", "b.json.gz"])
def test_a_file_that_is_not_what_its_name_says_is_an_error(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_bytes(b"PAR1 this is no such file")
    with pytest.raises(SourceError, match="cannot be read"):
        open_sources([str(tmp_path / name)])


def test_a_cut_gzip_file_is_an_error(tmp_path: Path) -> None:
    whole = gzip.compress(b"".join(json.dumps(make_row(problem_id=i)).encode() + b"\n" for i in range(500)))
    (tmp_path / "a.jsonl.gz").write_bytes(whole[:-200])
    with pytest.raises(SourceError, match="is it whole"):
        open_sources([str(tmp_path / "a.jsonl.gz")])


def test_other_columns_are_mapped(tmp_path: Path) -> None:
    row = {
        "meta": {"name": "two-sum", "level": "Interview", "site": {"url": "https://a.example"}},
        "prompt": "Add.",
        "answer": "print(3)",
        "tests": [{"input": "1 2", "output": "3"}],
        "function": "add",
    }
    columns = {
        "problem_id": "meta.name",
        "description": "prompt",
        "solutions": "answer",
        "unit_tests": "tests",
        "entry_point": "function",
        "difficulty": "meta.level",
        "url": "meta.site.url",
    }
    record = read_row(tmp_path, columns, **row)
    assert (record.problem_id, record.description, record.solutions) == ("s/two-sum", "Add.", ("print(3)",))
    assert (record.inputs, record.outputs, record.entry_point) == (("1 2",), ("3",), "add")
    assert (record.difficulty, record.url) == ("interview", "https://a.example")


def test_one_column_of_inputs_and_one_of_outputs(tmp_path: Path) -> None:
    columns = {"description": "q", "inputs": "ins", "outputs": "outs"}
    for ins, outs in (([[1]], [2]), ("[[1]]", "[2]")):
        record = read_row(tmp_path, columns, q="x", ins=ins, outs=outs)
        assert (record.inputs, record.outputs) == (([1],), (2,))


@pytest.mark.parametrize(
    ("given", "solutions"),
    [(["a", "b"], ("a", "b")), ('["a", "b"]', ("a", "b")), ("[print(i) for i in (1,)]", ("[print(i) for i in (1,)]",))],
)
def test_a_mapped_solution_is_a_list_or_one_program(tmp_path: Path, given: Any, solutions: tuple[str, ...]) -> None:
    assert read_row(tmp_path, {"solutions": "code"}, question="q", code=given).solutions == solutions


def test_unit_tests_of_another_shape_are_malformed(tmp_path: Path) -> None:
    path = write_lines(tmp_path / "a.jsonl", {"question": "q", "tests": [{"input": 1, "output": 2}, {"in": 1}]})
    assert rejection(read(path, {"unit_tests": "tests"})[0]) == (
        Reason.MALFORMED_TESTS,
        "tests of a.jsonl line 1[1] is an object with in; expected an object with input and output",
    )


def test_a_mapped_column_that_no_row_has_is_an_error_with_the_columns_there_are(tmp_path: Path) -> None:
    path = write_lines(tmp_path / "a.jsonl", {"prompt": "x"}, {"prompt": "y", "extra": 1})
    with pytest.raises(SourceError) as caught:
        open_sources([str(path)], {"description": "prompt", "license": "licence", "url": "link"})
    assert str(caught.value) == (
        f"{path}: no row has the column 'licence' for license, 'link' for url; the columns are: prompt, extra. "
        "Say which is which with --columns TARGET=COLUMN,..."
    )


def test_a_mapped_column_that_only_a_later_row_has_is_enough(tmp_path: Path) -> None:
    path = write_lines(tmp_path / "a.jsonl", {"question": "x"}, {"question": "y", "licence": "MIT"})
    assert [problem(record).license for record in read(path, {"license": "licence"})] == ["", "MIT"]


def test_rows_without_a_question_need_columns(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match=r"no row has the column 'question' for description; .* --columns"):
        open_sources([str(write_parquet(tmp_path / "a.parquet", {"prompt": "x"}))])


@pytest.mark.parametrize("content", ["", "\n", "[]", "5\n"])
def test_files_without_a_problem_are_an_error(tmp_path: Path, content: str) -> None:
    (tmp_path / "a.jsonl").write_text(content)
    with pytest.raises(SourceError, match="no problem in it"):
        open_sources([str(tmp_path / "a.jsonl")])


@pytest.mark.real_data
def test_real_problems_as_rows_are_those_of_the_directory(tmp_path: Path) -> None:
    if not REAL_APPS.is_dir():
        pytest.skip(f"the real problems are not beside the checkout: {REAL_APPS}")
    folders = sorted((REAL_APPS / "train").iterdir())[::20]
    rows = []
    for folder in folders:
        texts = {path.name: path.read_bytes().decode() for path in folder.iterdir()}
        columns = {"question": "question.txt", "solutions": "solutions.json", "input_output": "input_output.json"}
        row = {column: texts.get(file, "") for column, file in columns.items()}
        starter_code = texts.get("starter_code.py", "")
        names = ("difficulty", "url", "license", "source")
        metadata = {name: json.loads(texts["metadata.json"])[name] for name in names}
        rows.append(row | metadata | {"problem_id": folder.name, "starter_code": starter_code, "split": "train"})
    (tmp_path / "a.json").write_text(json.dumps(rows))
    (directory,) = open_sources([f"s={REAL_APPS}"])
    wanted = {f"s/train/{folder.name}" for folder in folders}
    expected = [record for record in directory.read() if record.problem_id in wanted]
    assert len(expected) == len(rows) > 100
    for path in (
        write_lines(tmp_path / "a.jsonl", *rows),
        write_parquet(tmp_path / "a.parquet", *rows),
        tmp_path / "a.json",
    ):
        assert read(path) == expected


def test_inputs_are_the_files_with_their_hashes(tmp_path: Path) -> None:
    write_lines(tmp_path / "train.jsonl", {"question": "x"})
    write_lines(tmp_path / "test" / "0.jsonl", {"question": "y"})
    (source,) = open_sources([f"s={tmp_path}"])
    sha256 = "0f673d1b2fadcf1198179a2b47edb3ce45b25e78aaf38abc400e49508e18c966"
    assert [(i.name, i.num_files, i.num_bytes) for i in source.inputs()] == [
        ("test/0.jsonl", 1, 18),
        ("train.jsonl", 1, 18),
    ]
    assert list(source.inputs())[1].sha256 == sha256
