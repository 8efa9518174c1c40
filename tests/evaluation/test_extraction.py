"""The program in a completion: real shapes of answers, and where in them the program lies."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appsplus.evaluation import EXTRACTION_FAILED, NoProgram, Program, extract
from appsplus.problem import Verdict

CODE = "n = int(input())\nif n:\n    print(n)\n"
FENCE = "```"


def program(completion: str, prefix: str = "", *, fence_open: bool | None = None) -> str:
    """The extracted text; its pieces must say the same as its text."""
    found = extract(completion, prefix, fence_open=fence_open)
    assert isinstance(found, Program), found
    assert found.text == found.text[: found.prefix_chars] + "".join(completion[a:b] for a, b in found.pieces)
    places = found.places(len(completion))
    assert "".join(found.text[place] for place in places if place is not None) == found.text[found.prefix_chars :]
    assert all(completion[i] == found.text[place] for i, place in enumerate(places) if place is not None)
    return found.text


@pytest.mark.parametrize(
    ("why", "completion"),
    [
        ("no fence", CODE),
        ("a fence with a language", f"```python\n{CODE}```"),
        ("a fence without one", f"```\n{CODE}```\n"),
        ("prose around", f"Here is it:\n\n```python\n{CODE}```\n\nIt reads n and prints it."),
        ("tildes", f"~~~python\n{CODE}~~~\n"),
        ("a long fence", f"````python\n{CODE}````\n"),
        ("another spelling of Python", f"``` Py3\n{CODE}```\n"),
        ("a label with attributes", f'```python title="a.py"\n{CODE}```\n'),
        ("a fence that is not closed", f"Sure!\n```python\n{CODE}"),
        ("a fence after prose on its line", f"The code is ```python\n{CODE}```\n"),
        (
            "an indented fence",
            "1. So:\n\n   ```python\n" + "".join(f"   {x}" for x in CODE.splitlines(True)) + "   ```\n",
        ),
        ("a first try, then a better one", f"```python\nprint(1)\n```\nNo. Better:\n```python\n{CODE}```\n"),
        ("the example's output at the end", f"```python\n{CODE}```\nOutput:\n```\n5\n```\n"),
        ("a shell block at the end", f"```\n{CODE}```\nRun it:\n```bash\npython a.py\n```\n"),
        ("a blank block at the end", f"```python\n{CODE}```\n```python\n\n```\n"),
        ("a block that is opened again without being closed", f"```python\nprint(1)\n```python\n{CODE}```\n"),
        ("reasoning", f"<think>Try ```python\nprint(1)\n``` first.</think>\n```python\n{CODE}```"),
        ("reasoning, its start in the prompt", f"print(1) is too short.</think>```python\n{CODE}```"),
        ("white space around", f"\n\n{CODE}"),
        ("prose without a fence", f"Here is the code:\n\n{CODE}\nThis prints the number.\nIt's O(1).\n"),
    ],
)
def test_a_program_is_found_in(why: str, completion: str) -> None:
    assert program(completion).strip("\n") == CODE.strip("\n")


@pytest.mark.parametrize(
    ("why", "completion", "text"),
    [
        ("a fence that ends the last line of an open block", "```python\nprint(1)```", "print(1)"),
        ("a fence that ends code without a block", "print(1)\n```", "print(1)\n"),
        ("line ends of Windows", "```python\r\nif 1:\r\n\tprint(1)\r\n```\r\n", "if 1:\r\n\tprint(1)\r\n"),
        ("old Macintosh line ends", "```\rprint(1)\r```\r", "print(1)\r"),
        ("tabs and form feeds", "```\n\fif 1:\n\tprint(1)\n```", "\fif 1:\n\tprint(1)\n"),
        ("characters of other scripts", "Voilà !\n```python\nprint('é漢🎉')\n```", "print('é漢🎉')\n"),
        ("another language only", "```cpp\nint main() {}\n```", "int main() {}\n"),
        ("a line less indented than its fence", "  ```\n  if 1:\n print(1)\n  ```", "if 1:\nprint(1)\n"),
        ("a fence inside a string ends the block", '```\ns = """\n```\n"""\n', 's = """\n'),
        ("a shorter fence inside a longer one", '````\ns = """\n```\n"""\n````\n', 's = """\n```\n"""\n'),
        (
            "comments that read like prose",
            "# Read the number.\nprint(input())\n",
            "# Read the number.\nprint(input())\n",
        ),
        ("a docstring that reads like prose", '"""\nRead the number.\n"""\n', '"""\nRead the number.\n"""\n'),
        ("prose that does not look like it stays", "ok here goes\nprint(1)\n", "ok here goes\nprint(1)\n"),
        ("inline code in prose is no fence", "Use `x` here.\nprint(1)\n", "print(1)\n"),
    ],
)
def test_a_program_is_taken_to_the_character_from(why: str, completion: str, text: str) -> None:
    assert program(completion) == text


@pytest.mark.parametrize(
    "completion",
    [
        "",
        " \n\t\n",
        "```python\n```",
        "```python\n\n   \n```\n```\n```",
        "I cannot solve this problem.",
        "I am sorry, but I can't help with that.\n\nIs there anything else?\n",
        "<think>\nLet me see: print(1)",
        "Well.</think>\n",
        "```",
    ],
)
def test_a_completion_without_a_program_has_an_outcome_of_its_own(completion: str) -> None:
    found = extract(completion)
    assert isinstance(found, NoProgram)
    assert found.outcome == EXTRACTION_FAILED == "extraction_failed"
    assert found.outcome not in set(Verdict)
    assert found.detail


PREFIX = "n = int(input())\n"


@pytest.mark.parametrize(
    ("why", "completion", "text"),
    [
        ("code to the end", "print(n)\n", "print(n)\n"),
        ("a closing fence and prose", "print(n)\n```\nThat is all.\n```python\nprint(0)\n```", "print(n)\n"),
        ("a closing fence at the end of its last line", "print(n)```", "print(n)"),
        ("white space at its start", "  \n\tprint(n)", "  \n\tprint(n)"),
        ("prose is code here, if bad code", "This prints it.\n", "This prints it.\n"),
        ("only the rest, in a block", "```python\nprint(n)\n```\nDone.", "print(n)\n"),
        ("nothing", "", ""),
        ("a closing fence at once", "```\nAll is there.", ""),
        ("reasoning is code here, if bad code", "</think>print(n)", "</think>print(n)"),
    ],
)
def test_a_completion_continues_a_prefix_with(why: str, completion: str, text: str) -> None:
    assert program(completion, PREFIX) == PREFIX + text


def test_a_block_that_repeats_the_prefix_is_the_whole_program() -> None:
    found = extract(f"```python\n{PREFIX}print(n)\n```", PREFIX)
    assert found == Program(f"{PREFIX}print(n)\n", 0, ((10, 10 + len(PREFIX) + len("print(n)\n")),))


def test_a_prefix_that_ends_within_a_line_is_continued_within_it() -> None:
    assert program("if n:\n        print(n)\n", "def f(n):\n    ") == "def f(n):\n    if n:\n        print(n)\n"


def test_an_open_fence_without_a_prefix_makes_the_first_fence_the_closing_one() -> None:
    assert program("print(1)\n```\nAnd so on\n```\nx\n```\n", fence_open=True) == "print(1)\n"
    assert isinstance(extract("\n```\n", fence_open=True), NoProgram)


def test_a_prefix_with_a_closed_fence_is_possible() -> None:
    assert extract("```python\nprint(1)\n```", PREFIX, fence_open=False) == extract("```python\nprint(1)\n```")


@given(st.text(alphabet=st.sampled_from(list("`~ \n\r\tpaA.:#'é")), max_size=60), st.sampled_from(["", "x = 1\n  "]))
def test_whatever_a_model_writes_the_pieces_are_the_text(completion: str, prefix: str) -> None:
    found = extract(completion, prefix)
    if isinstance(found, NoProgram):
        return
    assert found.prefix_chars in (0, len(prefix))
    assert found.text[: found.prefix_chars] in ("", prefix)
    flat = [at for piece in found.pieces for at in piece]
    assert flat == sorted(flat)
    assert found.text[found.prefix_chars :] == "".join(completion[a:b] for a, b in found.pieces)


@given(st.text(alphabet=st.sampled_from(list("ab=(): \n")), min_size=1, max_size=40).filter(str.strip))
def test_code_without_fences_survives_in_a_block(code: str) -> None:
    assert program(f"Look:\n```python\n{code}\n```\n") == code + "\n"


@pytest.mark.parametrize("piece", ["`", "~", "``` ", "```\n", "A b ", "\r", " ", "</think>", "```a\n", "a```\n"])
def test_a_long_hostile_completion_takes_no_longer_than_its_length(piece: str) -> None:
    completion = piece * (400_000 // len(piece)) + "x"
    assert_quick(completion)


@pytest.mark.parametrize("line", ["{}`", "```{}`", "```\t{}x`", "   {}{{`"])
@pytest.mark.parametrize("piece", ["~", "`", " ", "a", "\t"])
def test_a_line_that_is_nearly_a_fence_takes_no_longer_than_its_length(line: str, piece: str) -> None:
    assert_quick(line.format(piece * 400_000))


def assert_quick(completion: str) -> None:
    started = time.process_time()
    extract(completion)
    extract(completion, "x = 1\n")
    assert time.process_time() - started < 60  # seconds, where work that grows with the square takes hours
