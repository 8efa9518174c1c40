"""One format in the end; every reading is proved by what the solutions return, and every change is on record."""

from typing import Any

import pytest

from appsplus.engine import LocalEngine
from appsplus.problem import IOFormat, Problem, RawProblem, Reason, Rejection, UnitTest
from appsplus.stages.normalized import normalized

Make = Any


def kept(raw: RawProblem, engine: LocalEngine) -> Problem:
    result = normalized(raw, engine)
    assert isinstance(result, Problem), result
    return result


def rejected(raw: RawProblem, engine: LocalEngine) -> Rejection:
    result = normalized(raw, engine)
    assert isinstance(result, Rejection), result
    return result


def pairs(problem: Problem) -> list[tuple[str, str]]:
    return [(test.input, test.output) for test in problem.unit_tests]


def slugs(problem: Problem) -> list[str]:
    return [change.what for change in problem.changes]


def test_plain_text_stays_as_it_is(make_raw: Make, engine: LocalEngine) -> None:
    raw = make_raw()
    problem = kept(raw, engine)
    assert problem.io_format is IOFormat.STDIN
    assert problem.unit_tests == (UnitTest("1\n", "2\n"), UnitTest("2\n", "4\n"))
    assert (problem.changes, problem.source_hash) == ((), raw.source_hash)


def test_lines_and_numbers_become_text(make_raw: Make, engine: LocalEngine) -> None:
    problem = kept(make_raw(inputs=(["1", "x"], 2), outputs=([1, 2.5], 10**5000)), engine)
    assert pairs(problem) == [("1\nx\n", "1\n2.5\n"), ("2", "1" + "0" * 5000)]
    assert slugs(problem) == ["lines_joined", "number_as_text"]


def test_lines_that_end_in_line_breaks_are_not_given_another(make_raw: Make, engine: LocalEngine) -> None:
    problem = kept(make_raw(inputs=(["1\n", "2\n"], ["3\n", "4"]), outputs=("2", "6")), engine)
    assert [given for given, _ in pairs(problem)] == ["1\n2\n", "3\n4\n"]


@pytest.mark.parametrize("value", [[[10**5000]], {"a": 10**5000}])
def test_a_number_of_thousands_of_digits_is_evidence_as_any_other(
    make_raw: Make, engine: LocalEngine, value: Any
) -> None:
    found = rejected(make_raw(outputs=("2\n", value)), engine)
    assert found.reason is Reason.MALFORMED_TESTS
    assert "1" + "0" * 200 in found.evidence["value"]


@pytest.mark.parametrize("value", [None, True, {"a": 1}, [["1"]], [None]])
def test_other_values_are_no_text(make_raw: Make, engine: LocalEngine, value: Any) -> None:
    result = rejected(make_raw(outputs=("2\n", value)), engine)
    assert result.reason is Reason.MALFORMED_TESTS
    assert result.detail.startswith("output 1 is ")


def test_texts_are_cleaned_and_it_is_on_record(make_raw: Make, engine: LocalEngine) -> None:
    problem = kept(
        make_raw(
            description="\ufeffa\r\nb\rc\0\ud800\ud83d\ude00",
            solutions=("print(1)\r\n\0", "print(1)\n"),
            inputs=("\ufeff1\r\n", "\0"),
        ),
        engine,
    )
    assert problem.description == "a\nb\nc\ufffd\U0001f600"
    assert [solution.code for solution in problem.solutions] == ["print(1)\n"]
    assert [test.input for test in problem.unit_tests] == ["1\n", "\0"]
    assert set(slugs(problem)) == {
        "byte_order_mark_removed",
        "line_ends_normalized",
        "nul_removed",
        "repeated_solution_dropped",
        "surrogates_replaced",
    }


def test_an_unknown_difficulty_is_called_unknown(make_raw: Make, engine: LocalEngine) -> None:
    assert kept(make_raw(difficulty="brutal"), engine).difficulty == "unknown"


def test_a_wrapped_value_is_unwrapped_where_the_solution_returns_it_bare(make_call: Make, engine: LocalEngine) -> None:
    problem = kept(make_call(outputs=([1], [2])), engine)
    assert pairs(problem) == [("[1]", "1"), ("[2]", "2")]
    assert slugs(problem) == ["output_unwrapped"]


def test_a_list_of_one_stays_where_the_solution_returns_it(make_call: Make, engine: LocalEngine) -> None:
    problem = kept(make_call(outputs=([1], [2]), solutions=("def f(x):\n    return [x]\n",)), engine)
    assert pairs(problem) == [("[1]", "[1]"), ("[2]", "[2]")]
    assert slugs(problem) == []


def test_a_solution_that_is_wrong_somewhere_still_shows_the_reading(make_call: Make, engine: LocalEngine) -> None:
    code = "def f(x):\n    return x if x < 3 else 0\n"
    problem = kept(make_call(inputs=([1], [2], [3]), outputs=([1], [2], [3]), solutions=(code,)), engine)
    assert [output for _, output in pairs(problem)] == ["1", "2", "3"]


def test_long_values_are_compared_by_their_hash(make_call: Make, engine: LocalEngine) -> None:
    problem = kept(
        make_call(inputs=([2000],), outputs=(["a" * 2000],), solutions=("def f(n):\n    return 'a' * n\n",)), engine
    )
    assert pairs(problem) == [("[2000]", '"' + "a" * 2000 + '"')]


def test_arguments_in_lines_of_json_become_a_list(make_call: Make, engine: LocalEngine) -> None:
    code = "def f(a, b):\n    return a + sum(b)\n"
    problem = kept(make_call(inputs=("1\n[2,3]",), outputs=("6",), solutions=(code,)), engine)
    assert pairs(problem) == [("[1,[2,3]]", "6")]
    assert slugs(problem) == ["arguments_parsed", "output_parsed"]


def test_text_that_a_solution_returns_as_text_stays_text(make_call: Make, engine: LocalEngine) -> None:
    problem = kept(make_call(inputs=("1",), outputs=("1",), solutions=("def f(x):\n    return str(x)\n",)), engine)
    assert pairs(problem) == [("[1]", '"1"')]


def test_a_text_that_is_no_json_is_an_argument_only_where_a_solution_proves_it(
    make_call: Make, engine: LocalEngine
) -> None:
    problem = kept(
        make_call(inputs=("ab c",), outputs=("AB C",), solutions=("def f(x):\n    return x.upper()\n",)), engine
    )
    assert pairs(problem) == [('["ab c"]', '"AB C"')]
    result = rejected(make_call(inputs=("ab c",), outputs=("other",)), engine)
    assert result.reason is Reason.MALFORMED_TESTS


def test_integer_keys_come_back_where_the_solution_has_them(make_call: Make, engine: LocalEngine) -> None:
    code = "def f(x):\n    return {x: 'a'}\n"
    problem = kept(make_call(outputs=({"1": "a"}, {"2": "a"}), solutions=(code,)), engine)
    assert pairs(problem)[0] == ("[1]", '{"$dict":[[1,"a"]]}')
    text = kept(make_call(outputs=({"1": "a"}, {"2": "a"}), solutions=(code.replace("{x:", "{str(x):"),)), engine)
    assert pairs(text)[0] == ("[1]", '{"1":"a"}')


def test_integer_keys_of_arguments_come_back_where_the_solution_needs_them(
    make_call: Make, engine: LocalEngine
) -> None:
    problem = kept(make_call(inputs=([{"1": 5}],), outputs=(5,), solutions=("def f(d):\n    return d[1]\n",)), engine)
    assert pairs(problem) == [('[{"$dict":[[1,5]]}]', "5")]


def test_the_order_of_an_argument_dict_is_not_lost(make_call: Make, engine: LocalEngine) -> None:
    code = "def f(d):\n    return list(d)\n"
    problem = kept(
        make_call(inputs=([{"b": 1, "a": 2}], [{"a": 1}]), outputs=(["b", "a"], ["a"]), solutions=(code,)), engine
    )
    assert [given for given, _ in pairs(problem)] == ['[{"$dict":[["b",1],["a",2]]}]', '[{"a":1}]']


def test_a_key_that_looks_like_a_tag_is_a_natural_key(make_call: Make, engine: LocalEngine) -> None:
    problem = kept(make_call(inputs=([{"$set": 1}],), outputs=({"$set": 1},)), engine)
    assert pairs(problem) == [('[{"$dict":[["$set",1]]}]', '{"$dict":[["$set",1]]}')]


def test_an_expected_list_is_a_set_where_the_solution_returns_one(make_call: Make, engine: LocalEngine) -> None:
    problem = kept(
        make_call(inputs=([[2, 1, 2]],), outputs=([2, 1],), solutions=("def f(x):\n    return set(x)\n",)), engine
    )
    assert pairs(problem) == [("[[2,1,2]]", '{"$set":[1,2]}')]


def test_the_entry_point_takes_the_spelling_of_the_code(make_call: Make, engine: LocalEngine) -> None:
    codes = ("class Solution:\n    def twoSum(self, x):\n        return x\n", "def twoSum(x):\n    return x\n")
    problem = kept(make_call(entry_point="two_sum", solutions=codes), engine)
    assert (problem.entry_point, slugs(problem)) == ("twoSum", ["entry_point_respelled"])


def test_an_ambiguous_spelling_is_left_alone(make_call: Make, engine: LocalEngine) -> None:
    code = "def twoSum(x):\n    return x\n\ndef twosum(x):\n    return x\n"
    assert kept(make_call(entry_point="two_sum", solutions=(code,)), engine).entry_point == "two_sum"


def test_python_2_solutions_are_left_out_and_all_of_them_reject(make_raw: Make, engine: LocalEngine) -> None:
    old, new = "print 2 * input()\n", "print(2 * int(input()))\n"
    problem = kept(make_raw(solutions=(old, new)), engine)
    assert [solution.code for solution in problem.solutions] == [new]
    assert slugs(problem) == ["python2_solution_dropped"]
    assert rejected(make_raw(solutions=(old,)), engine).reason is Reason.PYTHON2
