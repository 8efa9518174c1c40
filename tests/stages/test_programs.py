"""Repairs of programs are the smallest that make them run, and none is made on a guess."""

from typing import Any

import pytest

from appsplus.engine import LocalEngine
from appsplus.stages.programs import repaired


def mended(code: str, engine: LocalEngine) -> tuple[str, list[str]]:
    made = repaired([code], engine)
    return made.codes[0], [change.what for change in made.changes]


@pytest.mark.parametrize(
    "top",
    [
        "",
        "#!/usr/bin/env python3\n# -*- coding: utf-8 -*-\n",
        '"""What it does.\n\nAnd more."""\n',
        "# a comment\n\n'''Doc.'''\n\nfrom __future__ import division\n",
        "from __future__ import (\n    division,\n)\n",
        "from __future__ import division, \\\n    generators\n",
    ],
)
def test_imports_go_below_what_must_come_first(engine: LocalEngine, top: str) -> None:
    code, what = mended(top + "def f(x: List[int]) -> Optional[int]:\n    return math.sqrt(x)\n", engine)
    assert code.startswith(top + "import math\nfrom typing import List, Optional\n")
    assert what == ["imports_added"]


def test_a_name_that_is_bound_or_in_no_table_is_not_imported(engine: LocalEngine) -> None:
    code = "def f(x):\n    gcd = 1\n    return gcd + helper(x) + SortedList(x)\n"
    assert mended(code, engine) == (code, [])


def test_tabs_that_python_3_refuses_become_eight_columns(engine: LocalEngine) -> None:
    code, what = mended("if 1:\n\tx = 1\n        y = '\t'\n", engine)
    assert (code, what) == ("if 1:\n        x = 1\n        y = '\t'\n", ["tabs_expanded"])


def test_tabs_that_python_3_accepts_stay(engine: LocalEngine) -> None:
    assert mended("if 1:\n\tx = 1\n", engine) == ("if 1:\n\tx = 1\n", [])


def test_a_nonlocal_that_binds_nothing_is_global_and_others_stay(engine: LocalEngine) -> None:
    inner = "def g():\n    y = 1\n    def h():\n        nonlocal y\n        y = 2\n    h()\n"
    code, what = mended("n = 1\ndef f():\n    nonlocal n\n    n = 2\n" + inner, engine)
    assert (code, what) == ("n = 1\ndef f():\n    global n\n    n = 2\n" + inner, ["globals_restored"])


def test_what_cannot_be_mended_stays_as_it_was(engine: LocalEngine) -> None:
    code = "def f():\n    nonlocal n\n    n = (\n"
    assert mended(code, engine) == (code, [])


def test_repeated_programs_are_there_once_and_counted(engine: LocalEngine) -> None:
    made = repaired(["x = 1\n", "x = 2\n", "x = 1\n"], engine)
    assert made.codes == ("x = 1\n", "x = 2\n")
    assert [(change.what, change.detail) for change in made.changes] == [
        ("repeated_solution_dropped", "a solution that is there twice is kept once (1 times)")
    ]


def test_nothing_is_made_of_nothing(engine: LocalEngine) -> None:
    made: Any = repaired([], engine)
    assert (made.codes, made.inspections, made.changes) == ((), (), ())


def test_a_return_outside_functions_is_an_exit_and_others_stay(engine: LocalEngine) -> None:
    code = "n = 1\ndef f():\n    return n\nif f() == 1:\n    print(2); return\nprint(3)\n"
    assert mended(code, engine) == (code.replace("; return", "; raise SystemExit"), ["exits_restored"])
