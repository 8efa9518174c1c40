"""Mutants have one small fault each, at the place and of the kind that they say."""

import ast

import pytest

from appsplus.worklist.mutants import mutants

PROGRAM = """\
def f(xs, n):
    total = 0
    for x in xs:
        if x < n and not x == 7:
            total += x * 2 // 3
        elif x >= 10:
            total -= 1
        else:
            return x % 5
    return total - 10**9
"""


def changed(program: str, count: int = 1000, seed: int = 0) -> set[tuple[str, str, str]]:
    """(kind, line before, line after) of every mutant."""
    everywhere = range(1, program.count("\n") + 2)
    return {
        (m.kind, program.split("\n")[m.line - 1].strip(), m.of(program).split("\n")[m.line - 1].strip())
        for m in mutants(program, everywhere, count, seed)
    }


def test_every_kind_of_fault_is_made() -> None:
    assert changed(PROGRAM) == {
        ("constant", "total = 0", "total = 1"),
        ("comparison", "if x < n and not x == 7:", "if x <= n and not x == 7:"),
        ("comparison", "if x < n and not x == 7:", "if x < n and not x != 7:"),
        ("constant", "if x < n and not x == 7:", "if x < n and not x == 8:"),
        ("constant", "if x < n and not x == 7:", "if x < n and not x == 6:"),
        ("logic", "if x < n and not x == 7:", "if x < n or not x == 7:"),
        ("logic", "if x < n and not x == 7:", "if x < n and  x == 7:"),
        ("arithmetic", "total += x * 2 // 3", "total -= x * 2 // 3"),
        ("arithmetic", "total += x * 2 // 3", "total += x + 2 // 3"),
        ("arithmetic", "total += x * 2 // 3", "total += x * 2 * 3"),
        ("constant", "total += x * 2 // 3", "total += x * 1 // 3"),
        ("constant", "total += x * 2 // 3", "total += x * 3 // 3"),
        ("constant", "total += x * 2 // 3", "total += x * 2 // 2"),
        ("constant", "total += x * 2 // 3", "total += x * 2 // 4"),
        ("branch", "total += x * 2 // 3", "pass"),
        ("comparison", "elif x >= 10:", "elif x > 10:"),
        ("constant", "elif x >= 10:", "elif x >= 9:"),
        ("constant", "elif x >= 10:", "elif x >= 11:"),
        ("arithmetic", "total -= 1", "total += 1"),
        ("constant", "total -= 1", "total -= 0"),
        ("constant", "total -= 1", "total -= 2"),
        ("branch", "total -= 1", "pass"),
        ("arithmetic", "return x % 5", "return x * 5"),
        ("constant", "return x % 5", "return x % 4"),
        ("constant", "return x % 5", "return x % 6"),
        ("branch", "return x % 5", "pass"),
        ("arithmetic", "return total - 10**9", "return total + 10**9"),
    }


def test_every_mutant_is_a_program_that_parses() -> None:
    for mutant in mutants(PROGRAM, range(1, 20), 1000, 0):
        ast.parse(mutant.of(PROGRAM))


def test_a_body_of_several_lines_becomes_one_pass_and_characters_beyond_ascii_stay_whole() -> None:
    program = "if 'é':\n    print('ü')\n    print('ß')\nprint('end')\n"
    [mutant] = mutants(program, range(1, 5), 10, 0)
    assert mutant.of(program) == "if 'é':\n    pass\nprint('end')\n"


def test_only_lines_that_are_executed_are_mutated() -> None:
    assert {mutant.line for mutant in mutants(PROGRAM, {5, 7}, 1000, 0)} == {5, 7}


def test_few_mutants_are_chosen_by_the_seed_alone() -> None:
    assert mutants(PROGRAM, range(20), 5, 0) == mutants(PROGRAM, range(20), 5, 0)
    assert len(changed(PROGRAM, 5, 0)) == 5
    assert changed(PROGRAM, 5, 0) != changed(PROGRAM, 5, 1)
    assert mutants(PROGRAM, range(20), 0, 0) == []


@pytest.mark.parametrize(
    "hostile",
    [
        "(" * 100_000,
        "x = " + "-" * 150_000 + "1",
        "if 1:\n" + "".join(" " * n + "if 1:\n" for n in range(1, 400)),
        "not " * 40_000 + "x",
        "\0\ud800",
        "1 < " * 300_000,
    ],
    ids=["brackets", "minus", "indents", "nots", "surrogate", "too long"],
)
def test_a_hostile_program_does_no_harm(hostile: str) -> None:
    program = hostile.encode("utf-8", "replace").decode()
    assert len(mutants(program, range(1000), 3, 0)) <= 3
