"""Which unit tests and solutions are on the page, and what can be edited there."""

from dataclasses import replace

from appsplus.judge import Report, UnitTestReport
from appsplus.problem import IOFormat, Problem, RawProblem, Solution, UnitTest, Verdict
from appsplus.review.judgement import Judgement
from appsplus.review.tests_view import EDITABLE_CHARS, judged_view

MANY = 40


def make_record(outputs: tuple[str, ...], solutions: tuple[str, ...] = ("print(1)\n",)) -> RawProblem:
    inputs = tuple(f"{n}\n" for n in range(len(outputs)))
    return RawProblem("a/1", "a", "train", "Do.", solutions, inputs, outputs)


def make_judgement(raw: RawProblem, failing: tuple[int, ...] = ()) -> Judgement:
    tests = tuple(UnitTest(str(i), str(o)) for i, o in zip(raw.inputs or (), raw.outputs or (), strict=True))
    problem = Problem(
        "a/1", "a", "train", "Do.", IOFormat.STDIN, None, "", tuple(map(Solution, raw.solutions)), tests, "0" * 64
    )
    verdicts = [Verdict.WRONG_ANSWER if n in failing else Verdict.ACCEPTED for n in range(len(tests))]
    report = Report(verdicts[0], tuple(UnitTestReport(v, 0.1, 0.1, 8.0, actual="x") for v in verdicts))
    return Judgement(problem, reports={0: report}, shown=0)


def test_failing_tests_come_first_then_the_first_ones_and_those_a_reason_is_about() -> None:
    raw = make_record(("1\n",) * MANY)
    view = judged_view(raw, make_judgement(raw, (20, 30)), mentioned=[25, 99])
    assert [test.number for test in view.tests] == [20, 30, 0, 1, 2, 3, 25]
    assert (view.total, view.passed) == (MANY, MANY - 2)


def test_few_tests_are_shown_all_and_many_by_the_page() -> None:
    few = make_record(("1\n",) * 12)
    assert len(judged_view(few, make_judgement(few)).tests) == 12
    many = make_record(("1\n",) * 70)
    shown = judged_view(many, make_judgement(many), start=50).tests
    assert [shown[0].number, shown[-1].number] == [50, 69]


def test_a_long_output_is_edited_on_request_only() -> None:
    raw = make_record(("x" * (EDITABLE_CHARS + 1),))
    [test] = judged_view(raw, make_judgement(raw)).tests
    assert test.editable is None
    assert test.cut
    [test] = judged_view(raw, make_judgement(raw), edit=0).tests
    assert test.editable == "x" * (EDITABLE_CHARS + 1)


def test_a_difference_is_shown_where_the_answer_is_wrong_only() -> None:
    raw = make_record(("1\n", "2\n"))
    wrong, right = judged_view(raw, make_judgement(raw, (1,))).tests
    assert wrong.difference is not None
    assert wrong.difference.rows[0].actual == (("x", True),)
    assert right.difference is None


def test_a_solution_knows_where_it_stands_in_the_record() -> None:
    raw = make_record(("1\n",), ("   ", "print(1)\r\n", "print(2)\n"))
    judgement = make_judgement(replace(raw, solutions=("print(1)\n", "print(2)\n")))
    view = judged_view(raw, judgement)
    assert view.solution is not None
    assert [view.solution.record_number, view.others[0].record_number] == [1, 2]
    repaired = make_judgement(replace(raw, solutions=("import re\nprint(1)\n", "print(2)\n")))
    assert judged_view(raw, repaired).solution.record_number is None  # type: ignore[union-attr]
    same_count = make_record(("1\n",), ("print(1)\n",))
    one = make_judgement(replace(same_count, solutions=("import re\nprint(1)\n",)))
    assert judged_view(same_count, one).solution.record_number == 0  # type: ignore[union-attr]


def test_a_record_that_could_not_be_read_still_shows_its_tests() -> None:
    raw = RawProblem("a/1", "a", "train", "Do.", ("x",), ("1\n", "2\n"), ("1\n",))
    first, second = judged_view(raw, Judgement(None, "complete")).tests
    assert (first.input, first.expected, first.verdict) == ("1\n", "1\n", None)
    assert (second.input, second.expected, second.editable) == ("2\n", "", None)
