"""Curricula: which level a problem is given, what outcomes change, and that their state comes back exactly."""

import json
import random
from collections import Counter
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appsplus.annotate.split_points import find_split_points
from appsplus.annotate.subtasks import subtask_chars
from appsplus.errors import InputError
from appsplus.problem import Annotation, IOFormat, Problem, Solution, UnitTest
from stepcoder.curriculum import NAMES, Curriculum, CurriculumConfig, level_chars, line_chars, new_curriculum
from stepcoder.curriculum.bread import AnchorSearch, Bread

NEVER_PLAIN = {"plain_share": 0.0}


def curriculum(levels: dict[str, int] | None = None, seed: int = 0, **options: Any) -> Curriculum:
    cuts = {"cuts": "lines"} if options.get("name") == "jsrl" else {}
    config = CurriculumConfig(**NEVER_PLAIN | cuts | options)
    return new_curriculum(levels or {"a": 3, "b": 1}, config, random.Random(seed))


def walk(state: Curriculum, rates: list[float], problem_id: str = "a") -> list[int]:
    """The level before each of these pass rates, and after the last."""
    levels = [state.level(problem_id)]
    for rate in rates:
        state.update(problem_id, levels[-1], rate)
        levels.append(state.level(problem_id))
    return levels


def test_a_level_is_left_once_the_moving_average_exceeds_the_threshold() -> None:
    # averages at level 1: 0, 0.5, 0.75 > 0.5; at level 2: 0.25, 0.625 > 0.5; level 3 is the last
    state = curriculum(threshold=0.5, coefficient=0.5)
    assert walk(state, [0.0, 1.0, 1.0, 0.25, 1.0, 1.0, 1.0]) == [1, 1, 1, 2, 2, 3, 3, 3]


def test_a_small_coefficient_remembers_longer() -> None:
    # averages: 0, 0.2, 0.36, 0.488, 0.5904
    assert walk(curriculum(threshold=0.5, coefficient=0.2), [0.0, 1.0, 1.0, 1.0, 1.0]) == [1, 1, 1, 1, 1, 2]


def test_the_average_starts_with_the_first_pass_rate_and_afresh_at_each_level() -> None:
    # level 1: 1.0 > 0.9; level 2: 0.9, then 0.9 * 0.9 + 0.1 * 1.0 = 0.91 > 0.9
    assert walk(curriculum(threshold=0.9, coefficient=0.1), [1.0, 0.9, 1.0]) == [1, 2, 2, 3]


def test_an_average_equal_to_the_threshold_does_not_exceed_it() -> None:
    assert walk(curriculum(threshold=0.5), [0.5, 0.5]) == [1, 1, 1]


def test_a_level_is_never_left_downwards() -> None:
    assert walk(curriculum(), [1.0, 0.0, 0.0, 0.0]) == [1, 2, 2, 2, 2]


def test_problems_advance_each_for_itself() -> None:
    state = curriculum({"a": 3, "b": 3})
    state.update("a", 1, 1.0)
    assert (state.level("a"), state.level("b")) == (2, 1)


def test_a_problem_with_one_level_has_the_plain_task_only() -> None:
    assert walk(curriculum(), [0.0, 1.0, 1.0], "b") == [1, 1, 1, 1]


def test_pass_rates_at_another_level_do_not_move_a_problem() -> None:
    state = curriculum()
    for _ in range(5):
        state.update("a", 3, 1.0)
    assert state.level("a") == state.reached("a") == 1
    state.update("a", 1, 1.0)
    state.update("a", 1, 1.0)
    assert state.reached("a") == 2


def test_a_share_of_prompts_is_the_plain_task_from_the_start() -> None:
    state = curriculum({"a": 4}, plain_share=0.25)
    drawn = Counter(state.level("a") for _ in range(4000))
    assert drawn.keys() == {1, 4}
    assert 900 <= drawn[4] <= 1100  # 1000 expected, a standard deviation is 27
    assert {curriculum({"a": 4}, plain_share=1.0).level("a") for _ in range(20)} == {4}


def test_the_fixed_schedule_counts_updates_and_nothing_else() -> None:
    state = curriculum(schedule="fixed", updates_per_level=2)
    assert walk(state, [0.0, 0.0, 1.0, 0.0, 0.0, 0.0]) == [1, 1, 2, 2, 3, 3, 3]


@pytest.mark.parametrize("options", [{"name": "r3"}, {"name": "jsrl", "schedule": "random"}])
def test_r3_and_a_random_guide_draw_levels_uniformly_whatever_the_outcome(options: dict[str, Any]) -> None:
    state = curriculum(**options)
    drawn = Counter(walk(state, [1.0] * 3000))
    assert drawn.keys() == {1, 2, 3}
    assert min(drawn.values()) > 900  # 1000 expected, a standard deviation is 26


def test_plain_gives_the_plain_task_only() -> None:
    assert set(walk(curriculum(name="plain"), [0.0] * 20)) == {3}


def test_adaback_draws_from_an_interval_that_outcomes_narrow_and_reopen() -> None:
    state = curriculum({"a": 9}, name="adaback")
    for level, rate, interval in (
        (5, 1.0, (5, 9)),  # passed with so much given: no more is shown
        (7, 0.5, (5, 7)),  # 0.5 does not exceed the threshold: no less is
        (6, 1.0, (6, 7)),
        (7, 1.0, (7, 9)),  # closed after a success: opens upwards
        (8, 0.0, (7, 8)),
        (7, 0.0, (1, 7)),  # closed after a failure: opens downwards
        (9, 0.0, (1, 7)),  # what lies outside narrows nothing
        (9, 1.0, (9, 9)),  # the plain task passed, as one of the plain share
        (9, 0.0, (1, 9)),
        (1, 0.0, (1, 1)),
        (1, 1.0, (1, 9)),
    ):
        state.update("a", level, rate)
        assert state.state_dict()["places"]["a"] == list(interval), (level, rate)
        assert state.reached("a") == interval[0]
        assert interval[0] <= state.level("a") <= interval[1]
    assert {state.level("a") for _ in range(300)} == set(range(1, 10))


def test_jsrl_shows_less_of_the_guides_program_as_the_pass_rate_allows() -> None:
    # averages as in the first test: 0, 0.5, 0.75 > 0.5; 0.25, 0.625 > 0.5
    state = curriculum(name="jsrl", threshold=0.5, coefficient=0.5)
    assert walk(state, [0.0, 1.0, 1.0, 0.25, 1.0, 1.0]) == [1, 1, 1, 2, 2, 3, 3]


def test_bread_gives_the_plain_task_and_remembers_the_anchor() -> None:
    state = curriculum({"a": 5}, name="bread")
    assert {state.level("a") for _ in range(20)} == {5}
    assert state.reached("a") == 5
    state.update("a", 2, 0.25)
    assert (state.reached("a"), state.level("a")) == (2, 5)


def searched(last: int, passing: int) -> tuple[list[int], int | None]:
    """The levels that a search asks for where all levels up to `passing` pass, and the anchor that it finds."""
    search = AnchorSearch({"a": last})
    asked = []
    while levels := search.asked():
        asked.append(levels["a"])
        search.told({"a": levels["a"] <= passing})
    return asked, search.anchors.get("a")


@pytest.mark.parametrize(
    ("last", "passing", "asked", "anchor"),
    [
        (8, 7, [4, 6, 7], 7),  # of levels 1 to 7: (1 + 7 + 1) // 2, then 5 to 7, then 7
        (8, 5, [4, 6, 5], 5),
        (8, 1, [4, 2, 1], 1),
        (8, 0, [4, 2, 1], None),  # not even with the longest prefix
        (4, 2, [2, 3], 2),
        (2, 1, [1], 1),
        (1, 0, [], None),  # nothing can be shown
    ],
)
def test_the_anchor_is_the_shortest_prefix_from_which_some_completion_passes(
    last: int, passing: int, asked: list[int], anchor: int | None
) -> None:
    assert searched(last, passing) == (asked, anchor)


@given(st.integers(1, 70), st.data())
def test_the_search_for_an_anchor_takes_at_most_the_logarithm_of_the_levels(last: int, data: st.DataObject) -> None:
    passing = data.draw(st.integers(0, last - 1))
    asked, anchor = searched(last, passing)
    assert anchor == (passing or None)
    assert len(asked) <= (last - 1).bit_length()  # ceil(log2(last))


def test_problems_are_searched_together_and_one_that_the_judge_failed_on_no_more() -> None:
    state = curriculum({"a": 8, "b": 4, "c": 8, "d": 1}, name="bread")
    assert isinstance(state, Bread)
    search = state.search(["a", "b", "c", "d"])
    assert search.asked() == {"a": 4, "b": 2, "c": 4}
    search.told({"a": True, "b": False})
    assert search.asked() == {"a": 6, "b": 1}
    search.told({"a": False, "b": False})
    assert search.asked() == {"a": 5}
    search.told({})
    assert (search.asked(), search.anchors) == ({}, {"a": 4})


@st.composite
def histories(draw: st.DrawFn) -> tuple[dict[str, int], dict[str, Any], list[tuple[str, float]]]:
    levels = draw(st.dictionaries(st.sampled_from("abcd"), st.integers(1, 6), min_size=1))
    options = {
        "name": draw(st.sampled_from(NAMES)),
        "schedule": draw(st.sampled_from(["adaptive", "fixed"])),
        "threshold": draw(st.floats(0, 0.99)),
        "coefficient": draw(st.floats(0.01, 1)),
        "plain_share": draw(st.floats(0, 1)),
        "updates_per_level": draw(st.integers(1, 4)),
    }
    rates = st.tuples(st.sampled_from(sorted(levels)), st.floats(0, 1))
    return levels, options, draw(st.lists(rates, max_size=40))


@given(histories(), st.integers(0, 40))
def test_a_state_restored_from_json_goes_on_exactly_as_the_first_would_have(history: Any, saved_after: int) -> None:
    levels, options, rates = history

    def go_on(state: Curriculum, steps: list[tuple[str, float]]) -> list[int]:
        given = []
        for problem_id, rate in steps:
            given.append(state.level(problem_id))
            state.update(problem_id, given[-1], rate)
        return given

    first = curriculum(levels, **options)
    go_on(first, rates[:saved_after])
    text = json.dumps(first.state_dict(), allow_nan=False)
    second = curriculum(levels, seed=99, **options)
    second.load_state_dict(json.loads(text))
    assert json.dumps(second.state_dict()) == text
    assert go_on(second, rates[saved_after:]) == go_on(first, rates[saved_after:])
    assert second.state_dict() == first.state_dict()


@given(histories())
def test_levels_given_exist_and_levels_reached_never_fall_in_cccs_and_jsrl(history: Any) -> None:
    levels, options, rates = history
    state = curriculum(levels, **options)
    reached = dict.fromkeys(levels, 1)
    for problem_id, rate in rates:
        level = state.level(problem_id)
        assert 1 <= level <= levels[problem_id]
        state.update(problem_id, level, rate)
        assert 1 <= state.reached(problem_id) <= levels[problem_id]
        if options["name"] in ("cccs", "jsrl"):
            assert reached[problem_id] <= state.reached(problem_id) <= reached[problem_id] + 1
            reached[problem_id] = state.reached(problem_id)


@given(st.integers(1, 6), st.floats(0, 0.99), st.floats(0.01, 1))
def test_a_problem_that_always_passes_arrives_at_the_plain_task(levels: int, threshold: float, weight: float) -> None:
    state = curriculum({"a": levels}, threshold=threshold, coefficient=weight)
    assert walk(state, [1.0] * levels)[-1] == levels


def test_states_of_other_problems_or_levels_are_refused() -> None:
    saved = curriculum({"a": 3}).state_dict()
    with pytest.raises(InputError, match=r"one that differs: 'b'.*resume with the dataset"):
        curriculum({"a": 3, "b": 1}).load_state_dict(saved)
    with pytest.raises(InputError, match="has a with 3 levels, but it has 2 levels here; resume with the options"):
        curriculum({"a": 2}).load_state_dict(saved)
    with pytest.raises(InputError, match="curriculum is cccs, not r3; resume with the options"):
        curriculum({"a": 3}, name="r3").load_state_dict(saved)


@pytest.mark.parametrize(
    ("level", "rate", "message"),
    [(0, 0.5, "has levels 1 to 3; got 0"), (4, 0.5, "got 4"), (1, 1.5, "got 1.5"), (1, float("nan"), "got nan")],
)
def test_an_update_that_cannot_be_is_an_error(level: int, rate: float, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        curriculum().update("a", level, rate)


def test_a_problem_without_a_level_is_an_error() -> None:
    with pytest.raises(ValueError, match=r"at least one level.*'b': 0"):
        curriculum({"a": 1, "b": 0})


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"name": "best"}, "name must be one of cccs, r3, adaback, jsrl, bread, plain; got 'best'"),
        ({"schedule": "slow"}, "schedule must be one of adaptive, fixed, random; got 'slow'"),
        ({"schedule": "random"}, "for random levels of cccs use the curriculum r3"),
        ({"cuts": "words"}, "cuts must be one of split_points, lines; got 'words'"),
        ({"name": "jsrl"}, "jsrl cuts the guide's program at lines; leave cuts away"),
        ({"cuts": "lines", "kinds": frozenset({"if"})}, "say nothing where a solution is cut at lines"),
        ({"threshold": 1.0}, "or no pass rate exceeds it; got 1.0"),
        ({"threshold": float("nan")}, "got nan"),
        ({"coefficient": 0.0}, r"\(0, 1\]; got 0.0"),
        ({"plain_share": 1.1}, "got 1.1"),
        ({"updates_per_level": 0}, "at least 1; got 0 and None"),
        ({"levels_per_problem": 0}, "got 8 and 0"),
        ({"kinds": frozenset({"goto"})}, r"unknown kinds of statements: \['goto'\]; there are case, "),
    ],
)
def test_options_that_cannot_be_are_refused(options: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        CurriculumConfig(**options)


CODE = "def f(n):\n    if n:\n        n = 1 if n else 2\n    for i in n:\n        n += i\n    return n\n"
IF, CONDITION, FOR = CODE.index("if n:"), CODE.index("1 if"), CODE.index("for i")


def problem(code: str = CODE) -> Problem:
    points = find_split_points(code)
    return Problem(
        problem_id="p",
        source="s",
        split="train",
        description="d",
        io_format=IOFormat.CALL,
        entry_point="f",
        starter_code="",
        solutions=(Solution(code),),
        unit_tests=(UnitTest("[1]", "1"),),
        source_hash="",
        canonical=0,
        annotation=Annotation(points, subtask_chars(points), (), ((),)),
    )


@pytest.mark.parametrize(
    ("options", "chars"),
    [
        ({}, (FOR, 0)),  # E = 2 of if, for, while: 2 levels
        ({"kinds": frozenset({"if", "conditional_expression", "for"})}, (FOR, 0)),  # E = 3: 2 levels
        ({"kinds": frozenset({"if"})}, (0,)),
        ({"levels_per_problem": 3}, (FOR, IF, 0)),
        ({"levels_per_problem": 9, "kinds": frozenset({"if", "conditional_expression"})}, (CONDITION, IF, 0)),
        ({"levels_per_problem": 3, "at_line_start": True}, (FOR - 4, IF - 4, 0)),
        ({"levels_per_problem": 1}, (0,)),
    ],
)
def test_the_statements_that_count_and_the_number_of_levels_are_options(
    options: dict[str, Any], chars: tuple[int, ...]
) -> None:
    assert level_chars(problem(), CurriculumConfig(**options)) == chars


def test_the_datasets_own_levels_are_taken_unless_told_otherwise() -> None:
    whole = problem()
    assert whole.annotation is not None
    assert level_chars(whole) == whole.annotation.subtask_chars


def test_a_problem_without_annotation_is_an_error() -> None:
    with pytest.raises(ValueError, match="p has no annotation; build the dataset"):
        level_chars(replace(problem(), annotation=None))


LINES = "def f(n):\n\n    if n:\n\tn = 1\n    # done\n    return n\n"  # five lines that are not blank
STARTS = (LINES.index("if"), LINES.index("n = 1"), LINES.index("#"), LINES.index("return"))


@pytest.mark.parametrize(
    ("levels", "chars"),
    [
        (1, (0,)),
        (2, (STARTS[3], 0)),
        (3, (STARTS[3], STARTS[1], 0)),  # i = ceil(4 * 1 / 2) = 2
        (4, (STARTS[3], STARTS[2], STARTS[1], 0)),  # ceil(4 * 2 / 3) = 3, ceil(4 / 3) = 2
        (5, (*STARTS[::-1], 0)),
        (99, (*STARTS[::-1], 0)),
    ],
)
def test_a_program_is_cut_before_lines_after_their_indentation(levels: int, chars: tuple[int, ...]) -> None:
    assert line_chars(LINES, levels) == chars
    at_start = line_chars(LINES, levels, at_line_start=True)
    assert [LINES[:char] for char in at_start] == [LINES[:char].rstrip(" \t") for char in chars]


@pytest.mark.parametrize("program", ["", "\n\n", "x = 1\n", "\r\n  x = 1"])
def test_a_program_of_one_line_or_none_has_the_plain_task_only(program: str) -> None:
    assert line_chars(program) == (0,)


def test_lines_end_where_python_ends_them() -> None:
    assert line_chars("a = 1\r\nb = 2\rc = 3\n") == (13, 7, 0)


def test_a_solution_cut_at_lines_has_eight_levels_unless_told_otherwise() -> None:
    long = problem("".join(f"x{n} = {n}\n" for n in range(30)))
    assert len(level_chars(long, CurriculumConfig(cuts="lines"))) == 8
    assert len(level_chars(long, CurriculumConfig(cuts="lines", levels_per_problem=12))) == 12
    with pytest.raises(ValueError, match="at least one level"):
        line_chars(LINES, 0)
