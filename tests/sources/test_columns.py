import pytest

from appsplus.errors import InputError
from appsplus.sources import TARGETS, parse_columns
from appsplus.sources.columns import MISSING, all_columns, look_up


def test_columns_are_read_as_target_and_column() -> None:
    assert parse_columns("description=prompt, solutions = answers.python ,url=a=b") == {
        "description": "prompt",
        "solutions": "answers.python",
        "url": "a=b",
    }


def test_an_unknown_target_is_refused_with_the_list_of_targets() -> None:
    with pytest.raises(InputError) as caught:
        parse_columns("question=prompt")
    assert str(caught.value) == f"--columns: unknown target 'question'; the targets are: {', '.join(TARGETS)}"


@pytest.mark.parametrize("text", ["", "description", "description=", "=x", "description=a,,url=b"])
def test_a_part_without_target_or_column_is_refused(text: str) -> None:
    with pytest.raises(InputError, match="--columns: "):
        parse_columns(text)


def test_a_target_given_twice_is_refused() -> None:
    with pytest.raises(InputError, match="url is given twice: a and b"):
        parse_columns("url=a,url=b")


def test_tests_given_in_two_ways_are_refused() -> None:
    with pytest.raises(InputError, match=r"given as unit_tests and inputs\+outputs"):
        parse_columns("inputs=a,outputs=b,unit_tests=c")


def test_what_is_not_given_keeps_the_name_it_has_in_apps() -> None:
    columns = all_columns({"solutions": "answers"})
    assert (columns["description"], columns["solutions"]) == ("question", "answers")
    assert columns["input_output"] == "input_output"


def test_given_tests_replace_those_of_apps() -> None:
    assert "input_output" not in all_columns({"unit_tests": "cases"})


def test_a_dotted_path_leads_into_objects_and_a_literal_name_wins() -> None:
    row = {"a": {"b": {"c": 1}}, "a.b": 2, "n": None}
    assert look_up(row, "a.b.c") == 1
    assert look_up(row, "a.b") == 2
    assert look_up(row, "n") is None
    assert look_up(row, "a.x") is MISSING
    assert look_up(row, "n.x") is MISSING
