"""What a program's text says, read inside the sandbox."""

import pytest

from appsplus.judge import Inspection, Judge


def test_imports_names_and_calls_are_listed(judge: Judge) -> None:
    found = judge.inspect(
        "import os.path, pandas, numpy\nfrom math import *\ntry:\n    import scipy\nexcept ImportError:\n    scipy = None\n"
        "class A:\n    def f(self):\n        return open('input.txt'), sqrt(x), List\n\ndef main():\n    os.system('x')\n"
    )
    assert found == Inspection(
        imports=("math", "numpy", "os", "pandas", "scipy"),
        missing_imports=("pandas",),  # numpy is offered, scipy's absence is caught
        functions=("os", "pandas", "numpy", "*", "scipy", "A", "main"),
        methods=("A.f",),
        undefined=("List", "x"),
        calls=("open", "os.system", "sqrt"),
        file_reads=("input.txt",),
    )


@pytest.mark.parametrize(
    "program",
    [
        "print 'hello'",
        "print x, y",
        "try:\n    pass\nexcept ValueError, e:\n    pass",
        "x = 10L",
        "if 1 <> 2: pass",
        "x = `1`",
        "exec 'x = 1'",
        "raise ValueError, 'x'",
        "x = 0777",
        "n = raw_input()",
        "for i in xrange(3): print(i)",
    ],
)
def test_python_2_is_recognised(judge: Judge, program: str) -> None:
    assert judge.inspect(program).python2


@pytest.mark.parametrize(
    "program",
    [
        "print('hello')",
        "def f(:",
        "x = (1",
        "def xrange(n): return range(n)\nxrange(3)",
        "print = 3 +",
        "```python\nprint(1)\n```",
        "def f(x):\n    # see `x` and x <> y\n    return (x",
        "sort(a.begin(), a.end(), greater<>());",
    ],
)
def test_python_3_and_its_errors_are_not_taken_for_python_2(judge: Judge, program: str) -> None:
    assert not judge.inspect(program).python2


def test_tabs_mixed_with_spaces_are_told_from_other_errors(judge: Judge) -> None:
    assert judge.inspect("if 1:\n\tx = 1\n        y = 2\n").tab_error
    assert not judge.inspect("if 1:\n\tx = (\n").tab_error


@pytest.mark.parametrize("program", ["x = " + "(" * 300, "-" * 300_000 + "1", "\0", "x = '\ud800'", "\ud800"])
def test_text_that_no_parser_takes_is_a_syntax_error_and_no_failure(judge: Judge, program: str) -> None:
    assert judge.inspect(program).syntax_error
