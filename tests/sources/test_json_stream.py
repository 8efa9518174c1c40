import io
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appsplus.sources.json_stream import JsonError, JsonReader, iter_values


def values(text: str, chunk_chars: int = 1 << 20) -> list[Any]:
    return list(iter_values(JsonReader(io.StringIO(text, newline=""), chunk_chars)))


def message(text: str, chunk_chars: int = 1 << 20) -> str:
    with pytest.raises(JsonError) as caught:
        values(text, chunk_chars)
    return str(caught.value)


ANY_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=4),
    max_leaves=12,
)


@given(st.lists(ANY_JSON, max_size=5), st.integers(1, 40), st.sampled_from([None, 0, 3]), st.booleans())
def test_an_array_reads_the_same_in_windows_of_any_size(
    rows: list[Any], chunk_chars: int, indent: int | None, ascii_only: bool
) -> None:
    assert values(json.dumps(rows, indent=indent, ensure_ascii=ascii_only), chunk_chars) == rows


@given(st.lists(st.dictionaries(st.text(max_size=5), ANY_JSON, max_size=3), min_size=2, max_size=5), st.integers(1, 40))
def test_values_one_after_another_read_the_same_in_windows_of_any_size(rows: list[Any], chunk_chars: int) -> None:
    assert values("\n".join(json.dumps(row) for row in rows), chunk_chars) == rows


@pytest.mark.parametrize("chunk_chars", range(1, 30))
def test_a_number_is_never_cut(chunk_chars: int) -> None:
    assert values("[ 1234567890 , -0.25e+10 ,-Infinity, true ]", chunk_chars) == [
        1234567890,
        -2.5e9,
        float("-inf"),
        True,
    ]


def test_integers_of_any_length_are_read() -> None:
    assert values(f"[{'9' * 6000}, 1]", 100) == [10**6000 - 1, 1]


def test_an_empty_text_and_an_empty_array_have_no_rows() -> None:
    assert values("") == values(" \n") == values("[]") == values("[ \n]") == []


def test_the_only_array_of_objects_in_an_object_holds_the_rows() -> None:
    assert values('{"version": 1, "tags": ["a"], "data": [{"x": 1}, {"x": 2}]}') == [{"x": 1}, {"x": 2}]


def test_an_object_of_objects_holds_rows_under_their_ids() -> None:
    assert values('{"7": {"x": 1}, "8": {"x": 2, "problem_id": "own"}}') == [
        {"problem_id": "7", "x": 1},
        {"problem_id": "own", "x": 2},
    ]


def test_an_object_with_two_arrays_of_objects_is_refused() -> None:
    assert message('{"a": [{}], "b": [{}]}').startswith("line 1, column 1: got one object with 2 arrays of objects; ")


def test_a_single_value_is_refused() -> None:
    assert message("5").startswith("line 1, column 1: got a single value that is no object; ")


@pytest.mark.parametrize("chunk_chars", [1, 7, 1000])
@pytest.mark.parametrize(
    ("text", "where"),
    [
        ('[\n {"a": 1},\n {"a" 2}\n]', "line 3, column 7: Expecting ':' delimiter"),
        ('[{"a": 1}\n {"a": 2}]', "line 2, column 2: Expecting ',' delimiter"),
        ('[{"a": 1},\n  ]', "line 2, column 3: "),
        ('[{"a": 1}', "line 1, column 10: Expecting ',' delimiter"),
        ('[{"a": "never closed}]', "line 1, column 8: Unterminated string"),
        ("[1]\n\n  x", "line 3, column 3: Extra data after the array"),
    ],
)
def test_broken_json_is_located(text: str, where: str, chunk_chars: int) -> None:
    assert message(text, chunk_chars).startswith(where)


def test_a_broken_value_is_found_before_the_file_is_read_to_its_end() -> None:
    file = io.StringIO('[{"a": oops}, ' + '"x", ' * 100_000 + "1]")
    with pytest.raises(JsonError):
        list(iter_values(JsonReader(file, chunk_chars=64)))
    assert file.tell() < 200


def test_nesting_without_end_is_an_error_of_the_file() -> None:
    assert message("[" + "[" * 100_000) == "line 1, column 2: nested too deep"


def test_one_element_at_a_time_is_in_memory() -> None:
    file = io.StringIO("[" + '"' + "x" * 50 + '", ' * 1 + ('"' + "y" * 50 + '", ') * 10_000 + "1]")
    rows = iter_values(JsonReader(file, chunk_chars=128))
    assert (next(rows), next(rows)) == ("x" * 50, "y" * 50)
    assert file.tell() < 600
