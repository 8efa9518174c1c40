"""Every kind of doubt, on small problems whose truth is known, judged for real; and that a proposal heals."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from appsplus.release import load_problems
from appsplus.worklist.input_outside_constraints import bounds

Make = Callable[..., Any]
DOUBLE = (
    "print(2 * int(input()))\n",
    "n = int(input())\nprint(n + n)\n",
    "import sys\nprint(int(sys.stdin.read()) << 1)\n",
)


def test_a_sound_problem_is_not_on_the_worklist(built: Make, make_raw: Make) -> None:
    assert built(make_raw(solutions=DOUBLE)).item() is None


# ---- output_mismatch


def test_the_output_that_independent_solutions_agree_on_is_the_proposed_correction(built: Make, make_raw: Make) -> None:
    desk = built(make_raw(solutions=DOUBLE, outputs=("2\n", "4\n", "15\n")))
    item, reason = desk.item(), desk.reason("output_mismatch")
    assert (item.outcome, item.stage) == ("rejected", "passing")
    assert reason.proposal == ({"op": "replace", "path": "/outputs/2", "value": "14\n"},)
    [shown] = reason.evidence["unit_tests"]
    assert (shown["unit_test"], shown["input"], shown["expected"]) == (2, "7\n", "15\n")
    assert shown["answers"] == [{"solutions": [0, 1, 2], "accepted": False, "actual": "14\n"}]
    assert desk.kept == 0
    assert desk.take("output_mismatch").kept == 1
    [problem] = load_problems(desk.out)
    assert problem.unit_tests[2].output == "14\n"


@pytest.mark.parametrize(
    ("solutions", "outputs", "value"),
    [
        (
            ("def f(x):\n    return [x, 1]\n", "def f(y):\n    return [y] + [1]\n"),
            ([[1, 1]], [[2, 1]], [[9, 9]]),
            [[3, 1]],
        ),
        (("def f(x):\n    return (x, 1)\n", "def f(y):\n    return [y] + [1]\n"), ([1, 1], [2, 1], [9, 9]), [3, 1]),
        (("def f(x):\n    return x\n", "def f(y):\n    return y + 0\n"), ("1", "2", "9"), "3"),
    ],
    ids=["wrapped in a list of one", "a tuple", "stored as JSON text"],
)
def test_a_correction_has_the_form_in_which_the_source_stores_outputs(
    built: Make, make_call: Make, solutions: tuple[str, ...], outputs: tuple[Any, ...], value: Any
) -> None:
    desk = built(make_call(solutions=solutions, outputs=outputs))
    assert desk.reason("output_mismatch").proposal == ({"op": "replace", "path": "/outputs/2", "value": value},)
    assert desk.take("output_mismatch").kept == 1


def test_a_copy_with_other_names_and_comments_is_no_second_witness(built: Make, make_raw: Make) -> None:
    copies = ("n = int(input())\nprint(2 * n)\n", "# mine\nvalue = int( input() )\nprint(2*value)  # twice\n")
    reason = built(make_raw(solutions=copies, outputs=("2\n", "4\n", "15\n"))).reason("output_mismatch")
    assert "the best of 1 independent one" in reason.detail
    assert [operation["op"] for operation in reason.proposal] == ["remove", "remove"]


def test_where_no_two_agree_the_failed_unit_tests_may_be_dropped(built: Make, make_raw: Make) -> None:
    desk = built(make_raw(outputs=("2\n", "5\n", "14\n")))
    reason = desk.reason("output_mismatch")
    assert reason.proposal == ({"op": "remove", "path": "/inputs/1"}, {"op": "remove", "path": "/outputs/1"})
    desk.take("output_mismatch")
    [problem] = load_problems(desk.out)
    assert [test.input for test in problem.unit_tests] == ["1\n", "7\n"]


def test_a_solution_that_fails_most_unit_tests_is_no_reason_to_drop_them(built: Make, make_raw: Make) -> None:
    reason = built(make_raw(outputs=("3\n", "5\n", "14\n"))).reason("output_mismatch")
    assert reason.proposal == ()
    assert reason.evidence["failed"] == [0, 1]


def test_a_crash_is_shown_with_its_error(built: Make, make_raw: Make) -> None:
    reason = built(make_raw(inputs=("1\n", "2\n", "x\n"))).reason("output_mismatch")
    assert reason.evidence["unit_tests"][0]["error"].startswith("ValueError: invalid literal for int()")


def test_most_solutions_against_the_canonical_one_are_a_doubt_about_a_kept_problem(built: Make, make_raw: Make) -> None:
    knows = "n = int(input())\nprint(15 if n == 7 else 2 * n)\n"
    desk = built(make_raw(solutions=(knows, *DOUBLE), outputs=("2\n", "4\n", "15\n")))
    item, reason = desk.item(), desk.reason("output_mismatch")
    assert (item.outcome, item.stage) == ("kept", "")
    assert reason.proposal == ({"op": "replace", "path": "/outputs/2", "value": "14\n"},)
    desk.take("output_mismatch")
    [problem] = load_problems(desk.out)
    assert problem.canonical == 1


def test_an_output_beyond_what_a_report_holds_is_no_proposal_and_is_cut(built: Make, make_raw: Make) -> None:
    long = ("print('7' * 5000)\n", "for _ in range(5000):\n    print(end='7')\n")
    reason = built(make_raw(solutions=long, inputs=("",), outputs=("8\n",))).reason("output_mismatch")
    [shown] = reason.evidence["unit_tests"]
    assert reason.proposal == ()
    assert "too long" in reason.proposal_words
    assert shown["answers"][0]["actual"] == "7" * 2000
    assert shown["answers"][0]["note"] == "cut: these are the first 2,000 characters"


# ---- ambiguous_output


def test_solutions_that_differ_in_the_order_of_lines_propose_the_checker_for_it(built: Make, make_raw: Make) -> None:
    up = "n = int(input())\nfor i in range(n):\n    print(i)\n"
    down = "n = int(input())\nprint('\\n'.join(str(i) for i in reversed(range(n))))\n"
    desk = built(make_raw(solutions=(up, down), inputs=("1\n", "2\n", "3\n"), outputs=("0\n", "0\n1\n", "0\n1\n2\n")))
    reason = desk.reason("ambiguous_output")
    assert reason.proposal[0]["value"]["kind"] == "unordered"
    assert "2 of 2 independent solutions then pass" in reason.proposal_words
    [first, _] = reason.evidence["unit_tests"]
    assert first["answers"] == [
        {"solutions": [0], "accepted": True},
        {"solutions": [1], "accepted": False, "actual": "1\n0\n"},
    ]
    desk.take("ambiguous_output")
    [problem] = load_problems(desk.out)
    assert [solution.verdict for solution in problem.solutions] == ["accepted", "accepted"]


def test_solutions_that_differ_in_letter_case_propose_the_checker_for_it(built: Make, make_raw: Make) -> None:
    desk = built(
        make_raw(solutions=("input()\nprint('Yes')\n", "print('YES' + input()[:0])\n"), outputs=("Yes\n",) * 3)
    )
    assert desk.reason("ambiguous_output").proposal[0]["value"]["kind"] == "any_case"


def test_solutions_that_differ_in_the_last_digits_propose_a_program_with_a_tolerance(
    built: Make, make_raw: Make
) -> None:
    exact = "print(int(input()) / 3)\n"
    rounded = "n = int(input())\nprint('%.4f' % (n / 3))\n"
    outputs = tuple(f"{n / 3}\n" for n in (1, 2, 7))
    desk = built(make_raw(solutions=(exact, rounded), outputs=outputs))
    checker = desk.reason("ambiguous_output").proposal[0]["value"]
    assert checker["kind"] == "program"
    assert checker["program"].startswith("TOLERANCE = 0.0001\n")
    desk.take("ambiguous_output")
    [problem] = load_problems(desk.out)
    assert [solution.verdict for solution in problem.solutions] == ["accepted", "accepted"]


def test_two_right_answers_that_no_narrow_checker_knows_propose_both(built: Make, make_raw: Make) -> None:
    low, high = "n = int(input())\nprint(1, 2 * n)\n", "n = int(input())\nprint(n, 2)\n"
    outputs = ("1 2\n", "1 4\n", "1 14\n")
    desk = built(make_raw(solutions=(low, high), outputs=outputs))
    value = desk.reason("ambiguous_output").proposal[0]["value"]
    assert (value["kind"], value["any_of"]) == ("any_of", [[], ["2 2\n"], ["7 2\n"]])
    desk.take("ambiguous_output")
    [problem] = load_problems(desk.out)
    assert [solution.verdict for solution in problem.solutions] == ["accepted", "accepted"]


def test_a_description_that_allows_several_answers_is_shown_with_what_the_solutions_print(
    built: Make, make_raw: Make
) -> None:
    text = "Read n and print the numbers below n, one a line. You may print them in any order."
    up = "n = int(input())\nfor i in range(n):\n    print(i)\n"
    down = "n = int(input())\nprint('\\n'.join(str(i) for i in reversed(range(n))))\n"
    outputs = ("0\n", "0\n1\n", "0\n1\n2\n")
    desk = built(make_raw(description=text, solutions=(up, down), inputs=("1\n", "2\n", "3\n"), outputs=outputs))
    item, reason = desk.item(), desk.reason("ambiguous_output")
    assert (item.outcome, item.stage) == ("rejected", "determined")
    assert "in any order" in reason.detail
    assert reason.evidence["unit_tests"][0]["answers"][1]["actual"] == "1\n0\n"
    assert desk.take("ambiguous_output").kept == 1


def test_one_wrong_solution_among_many_is_no_doubt(built: Make, make_raw: Make) -> None:
    wrong = "n = int(input())\nprint(2 * n if n < 7 else 13)\n"
    more = "a = input()\nprint(int(a) + int(a))\n"
    assert built(make_raw(solutions=(*DOUBLE, more, wrong))).item() is None


def test_different_integers_are_no_matter_of_tolerance(built: Make, make_raw: Make) -> None:
    solutions = ("print(1000000 + int(input()))\n", "n = int(input())\nprint(1000001 + n)\n")
    desk = built(make_raw(solutions=solutions, outputs=("1000001\n", "1000002\n", "1000007\n")))
    assert [a["kind"] for a in desk.reason("ambiguous_output").evidence["alternatives"]] == ["any_of"]


# ---- weak_tests


def test_a_line_that_no_unit_test_executes_is_a_doubt(built: Make, make_raw: Make) -> None:
    code = "n = int(input())\nif n > 100:\n    print('many')\nelse:\n    print(2 * n)\n"
    reason = built(make_raw(solutions=(code,))).reason("weak_tests")
    assert reason.detail == "no unit test executes 1 of 4 executable lines of the canonical solution"
    assert reason.evidence == {"missing_lines": [3], "code": [{"line": 3, "code": "    print('many')"}]}


def test_one_short_output_that_is_always_right_is_a_doubt(built: Make, make_raw: Make) -> None:
    reason = built(make_raw(solutions=("input()\nprint('yes')\n",), outputs=("yes\n",) * 3)).reason("weak_tests")
    assert reason.detail == "a program that always answers 'yes' passes all 3 unit tests"


def test_a_mutant_that_survives_is_a_doubt_and_one_that_dies_is_none(built: Make, make_raw: Make) -> None:
    code = "n = int(input())\nif n < 5:\n    print('few')\nelse:\n    print('many')\n"
    weak = make_raw(problem_id="made/weak", solutions=(code,), outputs=("few\n", "few\n", "many\n"))
    inputs = ("1\n", "4\n", "5\n", "6\n")
    strong = make_raw(problem_id="made/strong", description="Say whether it is few or many, for a number n.")
    strong = replace(strong, solutions=(code,), inputs=inputs, outputs=("few\n", "few\n", "many\n", "many\n"))
    desk = built(weak, strong, mutants=10)
    assert desk.item("made/strong") is None
    reason = desk.reason("weak_tests", "made/weak")
    survivors = {(shown["before"], shown["after"]) for shown in reason.evidence["mutants"]}
    assert survivors == {
        ("if n < 5:", "if n <= 5:"),
        ("if n < 5:", "if n < 6:"),
        ("if n < 5:", "if n < 4:"),
    }
    assert reason.evidence["tried"] == 5  # these, and either branch removed


def test_without_the_option_no_mutant_is_tried(built: Make, make_raw: Make) -> None:
    code = "n = int(input())\nif n < 5:\n    print('few')\nelse:\n    print('many')\n"
    assert built(make_raw(solutions=(code,), outputs=("few\n", "few\n", "many\n"))).item() is None


# ---- flaky, nondeterministic, near_time_limit


def test_a_solution_that_differs_from_run_to_run_is_flaky_and_what_it_prints_is_left_out(
    built: Make, make_raw: Make
) -> None:
    by_chance = "import time\nn = int(input())\nprint(2 * n if n < 7 else time.time_ns())\n"
    desk = built(make_raw(solutions=(*DOUBLE, by_chance)))
    reason = desk.reason("flaky")
    assert reason.evidence == {"solutions": [{"solution": 3, "unit_test": 2}]}
    assert "is_time" not in str(desk.item())


def test_a_problem_rejected_for_its_hash_order_is_on_the_worklist(built: Make, make_raw: Make) -> None:
    code = "words = input().split()\nprint(*{w for w in words})\n"
    words = [" ".join(f"{letter}{n}" for letter in "abcdefgh") for n in range(3)]
    import os
    import subprocess
    import sys

    outputs = tuple(
        subprocess.run(
            [sys.executable, "-c", code], input=w, text=True, capture_output=True, check=True,
            env={**os.environ, "PYTHONHASHSEED": "0"},
        ).stdout
        for w in words
    )  # fmt: skip
    desk = built(make_raw(solutions=(code,), inputs=tuple(f"{w}\n" for w in words), outputs=outputs))
    item, reason = desk.item(), desk.reason("nondeterministic")
    assert item.stage == "passing"
    assert reason.evidence["solutions"] == [{"solution": 0, "unit_test": 0}]
    assert desk.reason("flaky") is None


# ---- undeclared_dependency, image_only_description, starter_code_mismatch


def test_a_package_that_nobody_offers_is_named(built: Make, make_raw: Make) -> None:
    reason = built(make_raw(solutions=("import sortedcontainers\nprint(2)\n",))).reason("undeclared_dependency")
    assert reason.evidence == {"solutions": [{"solution": 0, "imports": ["sortedcontainers"]}]}


def test_a_package_that_the_judge_offers_is_named_too(built: Make, make_raw: Make) -> None:
    code = "import sys, numpy\nprint(int(numpy.array([int(sys.stdin.read())]).sum() * 2))\n"
    reason = built(make_raw(solutions=(code,))).reason("undeclared_dependency")
    assert reason.evidence == {"solutions": [{"solution": 0, "imports": ["numpy"]}]}


@pytest.mark.parametrize(
    ("description", "outcome"),
    [
        ("![](https://example.org/1.png)", "rejected"),
        ("Read a whole number and print its double, drawn in full. ![](https://example.org/1.png)", "kept"),
    ],
)
def test_a_picture_with_few_words_is_a_doubt(built: Make, make_raw: Make, description: str, outcome: str) -> None:
    desk = built(make_raw(description=description))
    assert desk.item().outcome == outcome
    assert desk.reason("image_only_description").evidence["pictures"] == ["![](https://example.org/1.png)"]


def test_a_picture_beside_a_full_description_is_none(built: Make, make_raw: Make) -> None:
    text = "Read a whole number and print its double on one line. " * 8
    assert built(make_raw(description=text + "![](https://example.org/1.png)")).item() is None


def test_starter_code_with_another_name_is_renamed_by_the_proposal(built: Make, make_call: Make) -> None:
    desk = built(make_call(starter_code="def g(x):\n    pass\n"))
    reason = desk.reason("starter_code_mismatch")
    assert reason.proposal == ({"op": "replace", "path": "/starter_code", "value": "def f(x):\n    pass\n"},)
    assert desk.take("starter_code_mismatch").item() is None


def test_starter_code_with_too_few_parameters_is_a_doubt(built: Make, make_call: Make) -> None:
    desk = built(make_call(solutions=("def f(x, y=0):\n    return x\n",), starter_code="def f():\n    pass\n"))
    assert desk.reason("starter_code_mismatch").detail == "in the starter code f takes 0 arguments; unit tests give 1"


@pytest.mark.parametrize(
    "starter_code",
    [
        "class Solution:\n    def f(self, x: int) -> int:\n        ",
        "def f(x, *rest):\n    pass\n",
        "def f(x: int, y: int = 0):\n",
        "# write a function f\n",
    ],
)
def test_starter_code_that_fits_is_no_doubt(built: Make, make_call: Make, starter_code: str) -> None:
    assert built(make_call(starter_code=starter_code)).item() is None


def test_an_entry_point_that_no_solution_has_is_replaced_by_the_one_that_all_have(built: Make, make_call: Make) -> None:
    desk = built(
        make_call(entry_point="twice", solutions=("def f(x):\n    return x\n", "def f(y):\n    return y + 0\n"))
    )
    assert desk.item().stage == "runnable"
    assert desk.reason("starter_code_mismatch").proposal == ({"op": "replace", "path": "/entry_point", "value": "f"},)
    assert desk.take("starter_code_mismatch").kept == 1


# ---- suspicious_solution


def test_a_solution_that_knows_the_outputs_by_heart_is_suspicious(built: Make, make_raw: Make) -> None:
    knows = "print({'1': 10301, '2': 20402, '7': 70907}[input()])\n"
    reason = built(make_raw(solutions=(knows,), outputs=("10301\n", "20402\n", "70907\n"))).reason(
        "suspicious_solution"
    )
    assert [shown["output"] for shown in reason.evidence["outputs"]] == ["10301", "20402", "70907"]


def test_short_answers_in_a_solution_are_not_suspicious(built: Make, make_raw: Make) -> None:
    code = "print(['impossible', 'possible'][int(input()) % 2])\n"
    assert built(make_raw(solutions=(code,), outputs=("possible\n", "impossible\n", "possible\n"))).item() is None


# ---- input_outside_constraints


def test_an_input_beyond_the_stated_bound_is_named_and_may_be_dropped(built: Make, make_raw: Make) -> None:
    text = "Print twice n. The first line contains a single integer $n$ ($1 \\leq n \\leq 5$)."
    desk = built(make_raw(description=text))
    reason = desk.reason("input_outside_constraints")
    assert reason.detail == ("1 of 3 unit tests break a bound that the description states: 1 <= n <= 5; n is 7")
    assert reason.evidence["broken"] == [2]
    assert desk.take("input_outside_constraints").item() is None
    assert desk.kept == 1


def test_a_list_longer_than_the_stated_bound_is_named(built: Make, make_call: Make) -> None:
    desk = built(
        make_call(
            description="Return nums. Constraints:\n\n* `1 <= nums.length <= 2`\n* `-10^2 <= nums[i] <= 10^2`",
            starter_code="class Solution:\n    def f(self, nums: List[int]) -> List[int]:\n",
            inputs=([[1]], [[1, 2, 3]], [[-101]], [[2]]),
            outputs=([1], [1, 2, 3], [-101], [2]),
        )
    )
    rows = desk.reason("input_outside_constraints").evidence["unit_tests"]
    assert [(row["unit_test"], row["is"]) for row in rows] == [
        (1, "the length of nums is 3"),
        (2, "an element of nums is -101"),
    ]


@pytest.mark.parametrize(
    ("description", "bound"),
    [
        ("1 <= n <= 100", (1, 100)),
        ("The first line contains a single integer n (1 <= n <= 100).", (1, 100)),
        ("($1 \\le n \\leq 10^{5}$)", (1, 10**5)),
        ("1 ≤ n ≤ 2 · 10^5", (1, 200_000)),
        ("`0 < n < 1,000,000`", (1, 999_999)),
        ("-10^9 <= n <= 10<sup>9</sup>", (-(10**9), 10**9)),
        ("1 <= n <= 2 * 10^5 - 1", None),  # an expression
        ("1 <= n <= m", None),
        ("1 <= n <= 5 x 10^4", None),
        ("1 ≤ n ≤ 1\u2009000", None),  # a thin space
        ("1 000 <= n <= 2000", None),
        ("1 <= n <= 105", None),  # 10^5 that lost its sign, or 105
        ("-231 <= n <= 1000", None),
        ("1 <= n <= 10. In group two: 1 <= n <= 20", None),  # two bounds
        ("1 <= n, m <= 10", None),
        ("1 <= n <= 10, and for the second half 1 <= n <= k", None),
        ("1 <= a[n] <= 10", None),
        ("1 <= n <= 10^10^10", None),
        ("1 <= n <= 10^999999999", None),
        ("5 <= n <= 3", None),
    ],
)
def test_a_bound_is_read_only_where_it_is_certain(description: str, bound: tuple[int, int] | None) -> None:
    found = bounds(description).get("n")
    assert (None if found is None else (found.low, found.high)) == bound


@pytest.mark.parametrize(
    "description",
    [
        "Print twice n. The first line contains a single integer n. Somewhere else 1 <= n <= 5 holds.",
        "Print twice n. The first line contains two integers n and m (1 <= n <= 5).",
        "Print twice n. The first line contains a single integer n (1 <= n <= 5). In subtask 2 it is more.",
        "Print twice n. The first line contains a single integer n (1 <= n <= 1).",  # most unit tests break it
    ],
)
def test_a_bound_that_may_be_of_something_else_is_no_doubt(built: Make, make_raw: Make, description: str) -> None:
    assert built(make_raw(description=description)).item() is None
