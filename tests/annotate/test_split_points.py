"""Split points, by hand, by properties, and against Python's own parser on real solutions."""

import ast
import json
import re
import warnings
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from appsplus.annotate.split_points import KINDS, find_split_points
from appsplus.problem import SplitPoint

APPS = Path(__file__).resolve().parents[3] / "shared" / "data" / "apps"


def found(program: str) -> list[tuple[str, int, int, int]]:
    """Kind, line, column and depth of each split point."""
    return [(point.kind, point.line, point.column, point.depth) for point in find_split_points(program)]


def assert_exact(program: str, points: tuple[SplitPoint, ...]) -> None:
    """Every offset is that of the same place, and the places ascend."""
    encoded = program.encode()
    for point in points:
        prefix = program[: point.char]
        assert prefix + program[point.char :] == program
        assert encoded[: point.byte].decode() == prefix
        lines = re.split(r"\r\n|\r|\n", prefix)
        assert (point.line, point.column) == (len(lines), len(lines[-1]))
        assert point.depth >= 0
    assert [point.char for point in points] == sorted({point.char for point in points})


def test_an_if_with_its_parts() -> None:
    program = "x = 1\nif x:\n    a = 1\nelif y:\n    a = 2\nelse:\n    a = 3\n"
    assert find_split_points(program) == (
        SplitPoint("if", byte=6, char=6, line=2, column=0, depth=0),
        SplitPoint("elif", byte=22, char=22, line=4, column=0, depth=0),
        SplitPoint("else", byte=40, char=40, line=6, column=0, depth=0),
    )


def test_a_prefix_ends_after_the_indentation() -> None:
    program = "def f(n):\n    while n:\n        n -= 1\n"
    (point,) = find_split_points(program)
    assert program[: point.char] == "def f(n):\n    "
    assert program[point.char :] == "while n:\n        n -= 1\n"


def test_depth_counts_what_encloses_and_elif_and_else_add_nothing() -> None:
    program = (
        "for i in x:\n    if a:\n        while b:\n            pass\n    elif c:\n        if d:\n            pass\n"
        "    else:\n        if e:\n            pass\nelse:\n    if f:\n        pass\nif g:\n    pass\n"
    )
    assert found(program) == [
        ("for", 1, 0, 0),
        ("if", 2, 4, 1),
        ("while", 3, 8, 2),
        ("elif", 5, 4, 1),
        ("if", 6, 8, 2),
        ("else", 8, 4, 1),
        ("if", 9, 8, 2),
        ("else", 11, 0, 0),
        ("if", 12, 4, 1),
        ("if", 14, 0, 0),
    ]


def test_functions_and_classes_add_no_depth() -> None:
    assert found("class A:\n    def f(self):\n        if 1:\n            pass\n") == [("if", 3, 8, 0)]


def test_the_else_of_a_try_is_none_of_ours() -> None:
    program = "try:\n    pass\nexcept E:\n    pass\nelse:\n    if a:\n        pass\nfinally:\n    pass\n"
    assert found(program) == [("if", 6, 4, 0)]


def test_for_and_while_have_an_else_too() -> None:
    program = "for i in x:\n    pass\nelse:\n    pass\nwhile y:\n    pass\nelse:\n    pass\n"
    assert found(program) == [("for", 1, 0, 0), ("else", 3, 0, 0), ("while", 5, 0, 0), ("else", 7, 0, 0)]


def test_an_async_for_is_a_for_that_starts_at_async() -> None:
    assert found("async def f():\n    async for i in x:\n        pass\n") == [("for", 2, 4, 0)]


def test_the_for_of_a_comprehension_is_none_but_its_conditions_are() -> None:
    program = "a = [i for i in x if i if not i for j in i if j]\nb = {i for i in x if i}\nc = {i: 1 for i in x if i}\n"
    kind = "comprehension_condition"
    assert found(program) == [
        (kind, 1, 18, 0),
        (kind, 1, 23, 0),
        (kind, 1, 43, 0),
        (kind, 2, 18, 0),
        (kind, 3, 21, 0),
    ]
    assert found("d = sum(i for i in x if i)") == [(kind, 1, 21, 0)]


def test_a_conditional_expression_starts_where_its_value_does() -> None:
    kind = "conditional_expression"
    assert found("x = (a if b else\n     c if d else e)\n") == [(kind, 1, 5, 0), (kind, 2, 5, 1)]
    assert found("if (a if b else c):\n    pass\n") == [("if", 1, 0, 0), (kind, 1, 4, 1)]
    assert found("(a) if b else c\n") == [(kind, 1, 0, 0)]


def test_match_and_case_and_the_guard_is_part_of_the_case() -> None:
    program = "match x:\n    case 1 if y:\n        if z:\n            pass\n    case _:\n        pass\n"
    assert found(program) == [("match", 1, 0, 0), ("case", 2, 4, 1), ("if", 3, 8, 2), ("case", 5, 4, 1)]


def test_match_as_a_name_is_a_name() -> None:
    assert found("match = 1\ncase = match\nprint(match)\nmatch.case\n") == []


def test_words_in_strings_and_comments_are_no_statements() -> None:
    assert found("# if x:\ny = 'if x: for while'\n'''\nif x:\n    pass\n'''\n") == []


def test_statements_on_one_line() -> None:
    assert found("if a: x = 1; y = 2\nelse: z = 3 if b else 4\n") == [
        ("if", 1, 0, 0),
        ("else", 2, 0, 0),
        ("conditional_expression", 2, 10, 1),
    ]


def test_bytes_and_characters_differ_after_other_alphabets() -> None:
    program = "s = 'é€𝄞'\nif s:\n    pass\nt = 'ü'; u = 1 if t else 2\n"
    points = find_split_points(program)
    assert [(p.char, p.byte, p.line, p.column) for p in points] == [(10, 16, 2, 0), (38, 45, 4, 13)]
    assert_exact(program, points)


def test_columns_count_characters() -> None:
    (point,) = find_split_points("é = 1; x = 1 if é else 2")
    assert (point.column, point.char, point.byte) == (11, 11, 12)


@pytest.mark.parametrize("line_end", ["\n", "\r\n", "\r"])
def test_any_line_end_ends_a_line(line_end: str) -> None:
    program = line_end.join(["x = 1", "if x:", "\tfor i in x:", "\t\tpass", "else:", "\tpass"])
    assert found(program) == [("if", 2, 0, 0), ("for", 3, 1, 1), ("else", 5, 0, 0)]
    assert_exact(program, find_split_points(program))


def test_a_byte_order_mark_is_a_character() -> None:
    assert find_split_points("\ufeffif x: pass") == (SplitPoint("if", byte=3, char=1, line=1, column=1, depth=0),)


def test_a_form_feed_ends_no_line() -> None:
    assert find_split_points("x = 1\n\f\n\fif x:\n    pass") == (
        SplitPoint("if", byte=9, char=9, line=3, column=1, depth=0),
    )


def test_only_the_kinds_asked_for_are_returned_at_the_same_depth() -> None:
    program = "for i in x:\n    if i:\n        pass\n    else:\n        pass\n"
    assert [p.kind for p in find_split_points(program)] == ["for", "if", "else"]
    (point,) = find_split_points(program, frozenset({"if"}))
    assert (point.kind, point.depth) == ("if", 1)
    assert find_split_points(program, frozenset()) == ()


def test_an_unknown_kind_is_refused() -> None:
    with pytest.raises(ValueError, match=r"unknown kinds of split points: \['unless'\]; there are \['case', "):
        find_split_points("", frozenset({"if", "unless"}))


def test_lone_surrogates_are_refused() -> None:
    with pytest.raises(UnicodeEncodeError):
        find_split_points("x = '\ud800'")


def test_an_empty_program_has_none() -> None:
    assert find_split_points("") == ()


def test_nesting_beyond_the_recursion_limit_is_no_problem() -> None:
    assert len(find_split_points("x = " + "(" * 5000 + "1" + ")" * 5000 + "\nif x: pass\n")) == 1
    assert len(find_split_points("x = " + "1 if a else " * 3000 + "0\n")) == 3000


LINES = st.sampled_from(
    [
        "if x:",
        "elif é:",
        "else:",
        "for i in 'ü€𝄞':",
        "while (x",
        ")",
        "match x:",
        "case _:",
        "x = [i for i in y if i]",
        "x = 1 if y else '''",
        "pass\\",
        "async for x in y: pass",
        "# é if",
        "try:",
        "",
    ]
)
PROGRAMS = st.lists(
    st.tuples(
        st.sampled_from(["", " ", "    ", "\t", "\f", "\t  \t"]), LINES, st.sampled_from(["\n", "\r\n", "\r", "; "])
    )
).map(lambda parts: "".join("".join(part) for part in parts))


@settings(deadline=None)
@given(PROGRAMS, st.sampled_from(["", "\ufeff"]))
def test_offsets_are_exact_in_whatever_looks_like_a_program(body: str, mark: str) -> None:
    assert_exact(mark + body, find_split_points(mark + body))


@settings(deadline=None)
@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_offsets_are_exact_in_any_text(text: str) -> None:
    assert_exact(text, find_split_points(text))


def real_solutions() -> Iterator[tuple[Path, str]]:
    for path in sorted(APPS.glob("*/*/solutions.json")):
        for solution in json.loads(path.read_bytes()):
            yield path, solution


needs_real_data = pytest.mark.skipif(not APPS.exists(), reason="the real problems are not beside this checkout")


@pytest.mark.real_data
@needs_real_data
def test_every_real_solution_is_its_prefix_and_its_remainder_at_every_split_point() -> None:
    solutions = points = 0
    for _, solution in real_solutions():
        split_points = find_split_points(solution)
        assert_exact(solution, split_points)
        solutions, points = solutions + 1, points + len(split_points)
    assert solutions > 8500
    assert points > 40000


@pytest.mark.real_data
@needs_real_data
def test_real_solutions_have_the_split_points_that_their_syntax_tree_has() -> None:
    compared: Counter[str] = Counter()
    for path, solution in real_solutions():
        tree = parsed(solution)
        if tree is None:
            continue
        points = find_split_points(solution)
        places = Counter(
            (p.kind, p.line, p.column) for p in points if p.kind not in ("else", "comprehension_condition")
        )
        assert places == Counter(places_of(tree, solution)), path
        # Where these two start, Python's tree does not say.
        assert sum(p.kind == "else" for p in points) == count_else(tree, solution), path
        assert Counter(p.line for p in points if p.kind == "comprehension_condition") == condition_lines(
            tree, solution
        ), path
        compared.update(p.kind for p in points)
    assert compared.keys() >= KINDS - {"match", "case"}


def parsed(solution: str) -> ast.Module | None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            return ast.parse(solution)
        except (SyntaxError, ValueError, RecursionError, MemoryError):
            return None


def is_elif(node: ast.AST, solution: str) -> bool:
    return isinstance(node, ast.If) and text_at(node, solution).startswith(b"elif")


def text_at(node: ast.If, solution: str) -> bytes:
    return re.split(r"\r\n|\r|\n", solution)[node.lineno - 1].encode()[node.col_offset :]


def places_of(tree: ast.Module, solution: str) -> Iterator[tuple[str, int, int]]:
    kinds = {
        ast.For: "for",
        ast.AsyncFor: "for",
        ast.While: "while",
        ast.Match: "match",
        ast.IfExp: "conditional_expression",
    }
    lines = re.split(r"\r\n|\r|\n", solution)
    for node in ast.walk(tree):
        kind = kinds.get(type(node))
        if isinstance(node, ast.If):
            kind = "elif" if is_elif(node, solution) else "if"
        if kind is not None:
            assert isinstance(node, ast.stmt | ast.expr)
            yield kind, node.lineno, len(lines[node.lineno - 1].encode()[: node.col_offset].decode())
        if isinstance(node, ast.match_case):
            line = lines[node.pattern.lineno - 1]
            yield "case", node.pattern.lineno, len(line) - len(line.lstrip())


def count_else(tree: ast.Module, solution: str) -> int:
    having = [n for n in ast.walk(tree) if isinstance(n, ast.If | ast.For | ast.AsyncFor | ast.While) and n.orelse]
    return sum(not (isinstance(node, ast.If) and is_elif(node.orelse[0], solution)) for node in having)


def condition_lines(tree: ast.Module, solution: str) -> Counter[int]:
    """Lines of the last word `if` before each condition of a comprehension."""
    lines = re.split(r"\r\n|\r|\n", solution)
    found: Counter[int] = Counter()
    for node in ast.walk(tree):
        if isinstance(node, ast.comprehension):
            for condition in node.ifs:
                line = condition.lineno
                before = lines[line - 1].encode()[: condition.col_offset].decode()
                while not re.search(r"(?<!\w)if[\s(\\]*$", before):
                    line -= 1
                    before = lines[line - 1] + "\n" + before
                found[line] += 1
    return found
