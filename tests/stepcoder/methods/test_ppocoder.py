"""PPOCoder: likeness of syntax and data flow, worked by hand, and where the reward stands."""

import pytest

torch = pytest.importorskip("torch", reason="the trainer's tests need torch: pip install torch, then '.[train]'")
pytest.importorskip("accelerate", reason="the trainer's tests need accelerate: pip install '.[train]'")

from stepcoder.methods.ppocoder import Match, matches
from stepcoder.methods.syntax import ast_match, data_flow, data_flow_match
from tests.stepcoder.conftest import CODE
from tests.stepcoder.methods.test_rltf import each_character, judged


@pytest.mark.parametrize(
    ("program", "edges"),
    [
        ("n = int(input())\nprint(n)\n", [(0, "computed", ()), (0, "used", (0,))]),
        (
            "a = 1\nb = 2\nc = a + b * a\n",
            [
                (0, "computed", ()),
                (1, "computed", ()),
                (2, "computed", (0, 1, 0)),
                *[(v, "used", (v,)) for v in (0, 1, 0)],
            ],
        ),
        ("a = 1\na += 2\n", [(0, "computed", ()), (0, "computed", (0,))]),
        ("a = [0]\na[0] = len(a)\n", [(0, "computed", ()), (0, "used", (0,)), (0, "used", (0,))]),
        (
            "for i, x in enumerate(xs):\n    print(x.i, end=i)\n",
            [(0, "computed", ()), (1, "computed", ()), (1, "used", (1,)), (0, "used", (0,))],
        ),
        ("def f(a, b=1):\n    return a - b\n", [(0, "used", (0,)), (1, "used", (1,))]),
        ("with open('x') as h:\n    print(h)\n", [(0, "computed", ()), (0, "used", (0,))]),
        ("x: int\nprint(x)  # x = 2\n", []),
        ("import os\nos.system('x')\n", []),
    ],
)
def test_data_flow_has_an_edge_for_each_occurrence_of_a_variable_renamed_by_position(
    program: str, edges: list[tuple[int, str, tuple[int, ...]]]
) -> None:
    assert data_flow(program) == edges


def test_data_flow_match_counts_each_edge_as_often_as_both_have_it() -> None:
    """The reference computes a, b and c = a + b, and uses a and b: 5 edges. The candidate has the first 2 and uses a."""
    reference = "a = 1\nb = 2\nc = a + b\n"
    assert data_flow_match("x = 7\ny = 8\nprint(x)\n", reference) == pytest.approx(3 / 5)
    assert data_flow_match("p = 1\nq = 2\nr = p + q\n", reference) == 1.0
    assert data_flow_match("", reference) == 0.0
    assert data_flow_match(reference, "print(1)\n") == 0.0


def test_ast_match_is_the_share_of_the_reference_s_subtrees() -> None:
    """Subtrees of `a = 1`, then `print(a)`: the module, two statements, the assignment, the call and its arguments: 6.

    `b = 2` has the first statement and its assignment: 2 of 6. Names, constants and comments do not count.
    """
    reference = "a = 1\nprint(a)\n"
    assert ast_match("b = 2\n", reference) == pytest.approx(2 / 6)
    assert ast_match("x = 5  # five\nfoo(y)\n", reference) == 1.0
    assert ast_match("x = 'five'\nfoo(y)\n", reference) == pytest.approx(3 / 6)  # not the module, nor the assignment
    assert ast_match("", reference) == 0.0
    assert ast_match("'''a docstring'''\nx = 5\nfoo(y)\n", reference) == 1.0


def test_hostile_programs_are_read_without_being_run_and_without_end_of_stack() -> None:
    for program in ("(" * 40_000, "x=[" * 10_000, "\x00\ud800 = 1\n", "if 1:\n" + " " * 30_000, "-" * 40_000 + "1"):
        assert 0.0 <= ast_match(program, CODE) <= 1.0
        assert 0.0 <= data_flow_match(program, CODE) <= 1.0
    assert ast_match("a = 1\n" * 20_000, "a = 1\n") == 0.0  # longer than what is looked at


def test_the_weighted_sum_stands_on_the_last_token() -> None:
    """The canonical solution itself: both are 1, so 0.5 * 1 + 0.25 * 1; a text without a program: nothing."""
    right, nothing = judged(None, CODE), judged(None, "")
    shaping = Match(ast_weight=0.5, flow_weight=0.25)
    spans = [each_character(CODE), each_character("")]
    one, other = shaping.rewards([right, nothing], spans)
    assert matches(right) == (1.0, 1.0)
    assert (sum(one[:-1]), one[-1]) == (0.0, pytest.approx(0.75))
    assert other == [0.0]
    assert shaping.numbers(lambda items: items) == {"ast_match": 0.5, "data_flow_match": 0.5}


def test_the_prefix_that_a_curriculum_gives_is_a_part_of_what_is_compared() -> None:
    cut = CODE.index("if n <= 2")
    assert matches(judged(None, CODE[cut:], CODE[:cut])) == (1.0, 1.0)
    ast, flow = matches(judged(None, "pass\n", CODE[:cut]))
    assert 0.5 < ast < 1.0
    assert flow == pytest.approx(2 / 3)  # n computed, used in the first condition; not in the second
