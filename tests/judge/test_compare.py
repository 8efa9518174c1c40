"""The comparison rule, as a table of cases."""

import sys

import pytest

from appsplus.judge.compare import normal_form, parse_actual, text_is_right, text_rung, value_is_right
from appsplus.problem import Checker

TEXTS = [
    ("1 2\n", "1 2\n", "exact"),
    ("1 2\n", "1 2", "trailing"),
    ("1 2\n3\n", "1 2 \n3\n\n\n", "trailing"),
    ("a\n\nb", "a\nb", "tokens"),
    ("1  2\n3", "1 2 3", "tokens"),
    ("0.5", "0.50", "floats"),
    ("0.3333333333", "0.33333333", "floats"),
    ("1000000.0", "1000000.5", "floats"),  # half a millionth of the expected value
    ("2.0", "2", "floats"),  # a whole number is a good way to write a float
    ("1e-3", "0.001", "floats"),
    ("2", "2.0", None),  # an integer is expected as an integer
    ("0.5", "0.50001", None),
    ("3.14", "3.14159", None),  # not within 1e-6
    ("YES", "Yes", None),
    ("1 2", "2 1", None),
    ("a\nb", "b\na", None),
    ("1 2 3", "1 2", None),
    ("", " \n\n", "trailing"),
    ("1", "", None),
    ("", "1", None),
    ("01", "1", None),
    ("1_000.0", "1000.0", None),  # Python's literal, not a number in a file
    ("٣.0", "3.0", None),  # a digit of another script is no digit
    ("nan", "nan", "exact"),
    ("1.0", "nan", None),
    ("1.0", "inf", None),
    ("1.0", "1" * 500, None),
]


@pytest.mark.parametrize(("expected", "actual", "rung"), TEXTS)
def test_texts_agree_on_the_first_rung_that_holds(expected: str, actual: str, rung: str | None) -> None:
    assert text_rung(expected, actual) == rung


VALUES = [
    ("1", "1", True),
    ("1", "true", False),
    ("true", "1", False),
    ("true", "true", True),
    ("false", "0", False),
    ("null", "null", True),
    ("null", "0", False),
    ("0", "null", False),
    ("1", "1.0", False),
    ("1.0", "1", True),
    ("1.0", "1.0000005", True),
    ("1.0", "1.00001", False),
    ("1.0", "true", False),
    ("1.0", '"1.0"', False),
    ('"a"', '"a"', True),
    ('"a"', '"A"', False),
    ('"a"', '"a "', False),
    ("[1,2]", '{"$tuple":[1,2]}', True),
    ("[1,2]", '{"$iter":[1,2]}', True),
    ("[1,2]", '{"$set":[1,2]}', False),
    ("[1,2]", "[2,1]", False),
    ("[1,[2,3]]", '[1,{"$tuple":[2,3]}]', True),
    ("[0.5]", "[0.5000001]", True),
    ("[]", "[]", True),
    ("[]", "null", False),
    ('{"$set":[1,2]}', '{"$set":[1,2]}', True),
    ('{"$set":[2,1]}', '{"$set":[1,2]}', True),  # written by hand, in another order
    ('{"$set":[10.0,9.5]}', '{"$set":[9.5,9.9999999999]}', True),  # whose texts sort the other way
    ('{"$set":[1,2]}', '{"$set":[1,2,3]}', False),
    ('{"$set":[{"$set":[2,1]},{"$set":[1,3]}]}', '{"$set":[{"$set":[1,2]},{"$set":[1,3]}]}', True),
    ('{"$set":[{"$set":[1.0,2]}]}', '{"$set":[{"$set":[2,1.0000000001]}]}', True),
    ('{"$set":[{"$dict":[[2,1],[1,3]]}]}', '{"$set":[{"$dict":[[1,3],[2,1]]}]}', True),
    ('{"$set":[1,"a"]}', '{"$set":[{"$set":5},{"$dict":[1]}]}', False),
    ('{"$set":[1,2]}', '{"$set":[{"$set":5},{"$set":[1]}]}', False),
    (
        '{"$set":[' * 40 + "1" + "]}" * 40,
        '{"$set":[' * 40 + "2" + "]}" * 40,
        False,
    ),  # in time that grows with the depth
    ('{"$set":[1,2]}', '{"$set":[1,true]}', False),
    ('{"$set":[1,2]}', '{"$set":"12"}', False),
    ('{"$set":[[1,"a"]]}', '{"$set":[{"$tuple":[1,"a"]}]}', True),
    ('{"a":1,"b":2}', '{"b":2,"a":1}', True),
    ('{"a":1}', '{"a":1,"b":2}', False),
    ('{"$dict":[[1,2.0]]}', '{"$dict":[[1,2]]}', True),
    ('{"$dict":[[1.0,2]]}', '{"$dict":[[1,2]]}', False),  # a key is compared exactly
    ('{"1":2}', '{"$dict":[[1,2]]}', False),
    ('{"a":1,"b":[2]}', '{"b":[2],"a":1}', True),
    ('{"a":1}', '{"a":1,"b":2}', False),
    ('{"a":1}', '{"a":true}', False),
    ('{"1":2}', '{"$dict":[[1,2]]}', False),
    ('{"$dict":[[1,2],[3,4]]}', '{"$dict":[[3,4],[1,2]]}', True),
    ('{"$dict":[[1,2]]}', '{"$dict":[[1,3]]}', False),
    ('{"$dict":[[1,2]]}', '{"$dict":7}', False),
    ("1" + "0" * 5000, '{"$int":"' + hex(10**5000) + '"}', True),
    ("1" + "0" * 5000, '{"$int":"' + hex(10**5000 + 1) + '"}', False),
    ("NaN", "NaN", True),
    ("NaN", "1.0", False),
    ("Infinity", "Infinity", True),
    ("1.0", '{"$int":"' + hex(10**5000) + '"}', False),
    ("1", '{"$object":"Answer"}', False),
    ("[1]", "[[[[1]]]]", False),
]


@pytest.mark.parametrize(("expected", "actual", "right"), VALUES)
def test_values_agree_only_in_kind_and_content(expected: str, actual: str, right: bool) -> None:
    assert value_is_right(expected, parse_actual(actual), None, 0) is right


@pytest.mark.parametrize(("expected", "actual", "right"), VALUES)
def test_a_long_value_is_judged_as_each_of_its_elements(expected: str, actual: str, right: bool) -> None:
    many, answers = (f"[{','.join(['0'] * 200 + [one])}]" for one in (expected, actual))
    assert value_is_right(many, parse_actual(answers), None, 0) is right


def test_a_tag_that_json_hides_is_a_tag() -> None:
    assert parse_actual('{"\\u0024tuple":[1,2]}') == [1, 2]


@pytest.mark.parametrize("hostile", ["[" * 100_000, "1" * 10_000, "nonsense", "", '{"$int":"zz"}', "[1,"])
def test_an_answer_beyond_reason_is_a_value_error_and_no_crash(hostile: str) -> None:
    with pytest.raises(ValueError):
        parse_actual(hostile)


def test_the_checker_unordered_takes_lines_and_elements_in_any_order_but_each_as_often() -> None:
    unordered = Checker("unordered")
    assert text_is_right("a\nb\n", "b\na\n", unordered, 0)
    assert not text_is_right("a\nb\n", "b\nb\n", unordered, 0)
    assert not text_is_right("a b\n", "b a\n", unordered, 0)
    assert value_is_right("[[1,2],[3,4]]", [[3, 4], [1, 2]], unordered, 0)
    assert not value_is_right("[[1,2],[3,4]]", [[4, 3], [1, 2]], unordered, 0)
    assert not value_is_right("[1,1,2]", [1, 2, 2], unordered, 0)


def test_the_checker_any_case_takes_letters_of_either_case_and_nothing_else() -> None:
    any_case = Checker("any_case")
    assert text_is_right("YES\n", "yEs\n", any_case, 0)
    assert not text_is_right("YES\n", "NO\n", any_case, 0)
    assert value_is_right('["Ab",1]', ["aB", 1], any_case, 0)
    assert not value_is_right('["Ab",1]', ["aB", True], any_case, 0)


def test_the_checker_any_of_takes_further_outputs_of_that_unit_test_only() -> None:
    any_of = Checker("any_of", (("2 1\n",), ("7\n",)))
    assert text_is_right("1 2\n", "2 1", any_of, 0)
    assert not text_is_right("1 2\n", "2 1", any_of, 1)
    assert not text_is_right("1 2\n", "2 1", any_of, 2)
    assert value_is_right("[1]", [2], Checker("any_of", (("[2]",),)), 0)


def test_the_normal_form_has_lists_for_tuples_and_iterators_at_any_depth() -> None:
    assert normal_form([{"$tuple": [1, {"$iter": [2]}]}, {"a": {"$tuple": []}}]) == [[1, [2]], {"a": []}]


def test_a_huge_integer_in_decimal_is_no_value_whatever_this_process_allows_itself() -> None:
    before = sys.get_int_max_str_digits()
    sys.set_int_max_str_digits(0)
    try:
        for text in ("9" * 4301, f'[1,{{"a":-{"8" * 300_000}}}]'):
            with pytest.raises(ValueError, match="too many digits"):
                parse_actual(text)
        assert parse_actual(f'["{"7" * 9000}",12]') == ["7" * 9000, 12]  # a text is one of any length
        assert parse_actual("9" * 4300) == 10**4300 - 1
    finally:
        sys.set_int_max_str_digits(before)


def test_words_beyond_those_expected_are_not_told_apart() -> None:
    many = "1 " * 100_000
    assert text_rung("1", many) is None
    assert text_rung("1 1", "1  1" + "\n" * 100_000) == "tokens"
    assert text_rung("1", "1" + " \n" * 100_000) == "trailing"
