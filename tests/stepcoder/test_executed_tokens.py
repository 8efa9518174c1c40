"""FGO: which tokens stay in the loss, for every row of the rule's table."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appsplus.evaluation import Program, extract
from appsplus.judge import Report, UnitTestReport
from appsplus.problem import Verdict
from stepcoder.executed_tokens import executed_keep, kept_lines, lines_in_loss


def whole(text: str) -> Program:
    return Program(text, 0, ((0, len(text)),))


def spans(*tokens: str) -> list[tuple[int, int]]:
    """Offsets of tokens that follow one another."""
    ends = [sum(map(len, tokens[: i + 1])) for i in range(len(tokens))]
    return [(end - len(token), end) for token, end in zip(tokens, ends, strict=True)]


def keep_of(tokens: list[str], executed: list[int] | None) -> list[float]:
    """The mask of a completion that is a program, cut into tokens."""
    text = "".join(tokens)
    return executed_keep(spans(*tokens), completion=text, program=whole(text), executed_lines=executed)


def marked(program: str, executed: list[int]) -> str:
    """One letter a line: K is kept."""
    lines = kept_lines(program, executed)
    return "".join("K" if n in lines else "." for n in range(1, program.count("\n") + 1))


@pytest.mark.parametrize(
    ("why", "program", "executed", "kept"),
    [
        ("a statement", "a = 1\nb = 2\n", [1], "K."),
        ("a bracket over lines", "a = [\n    1,\n    # two\n\n    2,\n]\nb = 2\n", [1], "KKKKKK."),
        ("a bracket over lines, not executed", "a = [\n    1,\n]\nb = 2\n", [4], "...K"),
        ("a call over lines inside a call", "f(\n    g(\n        1\n    )\n)\nh()\n", [1], "KKKKK."),
        ("a line of a statement that is not its first", "a = [\n    1,\n]\nb = 2\n", [2], "KKK."),
        ("a header over lines", "if (\n    a and\n    b\n):\n    c()\n", [1], "KKKK."),
        ("a backslash at the end of a line", "a = 1 + \\\n    2\nb = 2\n", [1], "KK."),
        ("a string over lines", 'a = """x\ny\n"""\nb = 2\n', [1], "KKK."),
        ("a string over lines that is an argument", "print('''x\n# no comment\nelse:\n''')\nb = 2\n", [1], "KKKK."),
        ("a semicolon, one of two executed", "a(); b()\nc()\n", [1], "K."),
        ("a statement after a colon", "if a: b()\nc()\n", [1], "K."),
        ("decorators", "@a\n@b(\n    1\n)\ndef f():\n    c()\n", [1, 2, 5], "KKKKK."),
        ("a function that is made and not called", "def f(\n    x,\n):\n    return x\n", [1], "KKK."),
        ("a class", "class A:\n    x = 1\n    def f(self):\n        return 1\n", [1, 2, 3], "KKK."),
        ("else with an executed body", "if a:\n    b()\nelse:\n    c()\n", [1, 4], "K.KK"),
        ("else with a body that is not", "if a:\n    b()\nelse:\n    c()\nd()\n", [1, 2, 5], "KK..K"),
        (
            "else with a comment before its body",
            "if a:\n    b()\nelse:  # no\n    # why\n\n    c()\n",
            [1, 6],
            "K.K..K",
        ),
        ("else on one line with its body", "if a: b()\nelse: c()\nd()\n", [1, 3], "K.K"),
        ("elif is a statement", "if a:\n    b()\nelif c:\n    d()\n", [1, 3], "K.K."),
        ("else of a loop", "for a in b:\n    c()\nelse:\n    d()\n", [1, 4], "K.KK"),
        ("try and finally", "try:\n    a()\nexcept B:\n    c()\nfinally:\n    d()\n", [2, 6], "KK..KK"),
        ("try and finally, not executed", "try:\n    a()\nfinally:\n    d()\n", [9], "...."),
        (
            "else before a header over lines",
            "if a:\n    b()\nelse:\n    if (\n        c\n    ):\n        d()\n",
            [1, 4],
            "K.KKKK.",
        ),
        ("global and nonlocal", "def f():\n    global a\n    nonlocal b, c\n    a = 1\nd()\n", [1, 4], "KKKK."),
        ("global in a function that is not called", "def f():\n    global a\n    a = 1\nd()\n", [1, 4], "K..K"),
        ("a name that begins like else", "elsewhere = 1\na = 1\n", [2], ".K"),
        ("a comment alone", "# what\na = 1\n# why\n", [2], ".K."),
        ("a comment after code", "a = 1  # why\nb = 2  # not\n", [1], "K."),
        ("blank lines", "\na = 1\n\n  \nb = 2\n", [2, 5], ".K..K"),
        ("docstrings", '"""Doc.\n\nMore.\n"""\ndef f():\n    """Doc."""\n    return 1\n', [5, 7], "....K.K"),
        ("an annotation without a value", "def f():\n    x: int\n    return 1\n", [1, 3], "K.K"),
        ("a form feed is no end of line", "a = 1\n\fb = 2\nc = 3\n", [2], ".K."),
        ("other ends of line that Python does not have", "a = '\u2028\x0b\x1c\x85'\nb = 2\n", [2], ".K"),
        ("tabs", "if a:\n\tb()\nelse:\n\tc()\n", [1, 4], "K.KK"),
        ("a byte order mark", "\ufeffa = 1\nb = 2\n", [1], "K."),
        ("a match", "match a:\n    case 1:\n        b()\n    case _:\n        c()\n", [1, 2, 4, 5], "KK.KK"),
    ],
)
def test_lines_are_kept_by_the_rule_about(why: str, program: str, executed: list[int], kept: str) -> None:
    assert marked(program, executed) == kept


@pytest.mark.parametrize("end", ["\r\n", "\r"])
def test_other_line_ends_are_ends_of_lines(end: str) -> None:
    program = "if a:\n    b(\n    )\nelse:\n    c()\n".replace("\n", end)
    assert kept_lines(program, [1, 5]) == {1, 4, 5}
    tokens = ["if a:" + end, "    b(", end, "    )" + end, "else:", end, "    c()", end]
    assert keep_of(tokens, [1, 5]) == [1, 0, 0, 0, 1, 1, 1, 1]


def test_text_that_the_tokenizer_refuses_keeps_all_lines() -> None:
    assert kept_lines("\\\n  a = 1\n f'''\n", [1]) == {1, 2, 3, 4}


def test_a_token_on_two_lines_is_kept_where_one_of_them_is() -> None:
    tokens = ["if a:", "\n    ", "b()", "\n", "c()", "\n\n\n", "d()"]
    assert keep_of(tokens, [1, 6]) == [1, 1, 0, 0, 0, 0, 1]


def test_the_end_of_a_line_and_the_indentation_of_the_next_may_be_one_token() -> None:
    tokens = ["a", "()\n  ", "b", "()\n", "c()"]
    assert keep_of(tokens, [1]) == [1, 1, 0, 0, 0]
    assert keep_of(tokens, [2]) == [0, 1, 1, 1, 0]


def test_a_token_over_many_lines_is_kept_for_one_executed_line_in_it() -> None:
    assert keep_of(["a()\n", "b()\nc()\nd()\n", "e()\n"], [3]) == [0, 1, 0]


def test_pieces_of_one_character_go_with_it_whichever_span_they_have() -> None:
    text = "a('é')\nb('漢')\nc()"
    kanji = text.index("漢")
    same = [(0, 3), (3, 4), (3, 4), (4, 7), (7, kanji), (kanji, kanji + 1), (kanji, kanji + 1), (kanji + 1, len(text))]
    empty = [
        (0, 3),
        (3, 4),
        (4, 4),
        (4, 7),
        (7, kanji),
        (kanji, kanji + 1),
        (kanji + 1, kanji + 1),
        (kanji + 1, len(text)),
    ]
    for offsets in (same, empty):
        keep = executed_keep(offsets, completion=text, program=whole(text), executed_lines=[1])
        assert keep == [1, 1, 1, 1, 0, 0, 0, 0]


def test_an_empty_span_at_the_start_goes_with_the_first_character() -> None:
    offsets = [(0, 0), (0, 3), (3, 7)]
    assert executed_keep(offsets, completion="a()\nb()", program=whole("a()\nb()"), executed_lines=[2]) == [0, 0, 1]


@pytest.mark.parametrize("span", [(7, 7), (0, 0)])
def test_the_end_of_text_token_stays_in_the_loss(span: tuple[int, int]) -> None:
    offsets = [(0, 4), (4, 7), span]
    assert executed_keep(offsets, completion="a()\nb()", program=whole("a()\nb()"), executed_lines=[1]) == [1, 0, 1]


def test_the_code_fence_and_prose_stay_in_the_loss() -> None:
    tokens = ["Here:", "\n```", "python\n", "a()\n", "b()\n", "```", "\nDone."]
    text = "".join(tokens)
    program = extract(text)
    assert isinstance(program, Program)
    keep = executed_keep(spans(*tokens), completion=text, program=program, executed_lines=[1])
    assert keep == [1, 1, 1, 1, 0, 1, 1]


def test_the_indentation_of_a_fenced_block_goes_with_its_line() -> None:
    tokens = ["  ```\n", "  ", "a()\n", "  ", "b()\n", "  ```"]
    text = "".join(tokens)
    program = extract(text)
    assert isinstance(program, Program)
    assert program.text == "a()\nb()\n"
    for executed, mask in ([1], [1, 1, 1, 0, 0, 1]), ([2], [1, 0, 0, 1, 1, 1]):
        assert executed_keep(spans(*tokens), completion=text, program=program, executed_lines=executed) == mask


def test_line_numbers_count_from_the_start_of_the_prefix_whose_tokens_are_not_asked_for() -> None:
    prefix, tokens = "def f(n):\n    a = 1\n    ", ["if n", ":\n", "        a = 2\n", "    return a"]
    text = "".join(tokens)
    program = extract(text, prefix)
    assert isinstance(program, Program)
    keep = executed_keep(spans(*tokens), completion=text, program=program, executed_lines=[1, 2, 3, 5])
    assert keep == [1, 1, 0, 1]
    assert executed_keep([], completion="", program=Program(prefix, len(prefix), ((0, 0),)), executed_lines=[1]) == []


def test_a_program_that_does_not_compile_keeps_all_its_tokens() -> None:
    assert keep_of(["a(", "\n", "b"], None) == [1, 1, 1]


def test_a_program_of_which_no_line_ran_and_text_without_one_keep_all_tokens() -> None:
    assert keep_of(["a()", "\n"], []) == [1, 1]
    assert executed_keep([(0, 2)], completion="No", program=None, executed_lines=None) == [1]
    empty = extract("```python\n```", "a()\n")
    assert isinstance(empty, Program)
    assert executed_keep([(0, 10), (10, 13)], completion="```python\n```", program=empty, executed_lines=[1]) == [1, 1]


@pytest.mark.parametrize("span", [(0, 4), (2, 1), (-1, 2)])
def test_a_span_outside_the_completion_is_an_error(span: tuple[int, int]) -> None:
    with pytest.raises(ValueError, match=r"token at \[.* of a completion of 3 characters"):
        executed_keep([span], completion="a()", program=whole("a()"), executed_lines=[1])


def test_lines_beyond_the_program_that_a_hostile_one_may_report_do_nothing() -> None:
    assert keep_of(["a()\n", "b()"], [1, 0, -3, 99]) == [1, 0]


@given(
    st.lists(
        st.sampled_from(["a()", "\n", "if a:", "    ", "else:", "# é", "(", ")", "'''", "\r\n", "\\", ";"]), max_size=25
    ),
    st.sets(st.integers(1, 9)),
)
def test_a_mask_has_one_number_a_token_and_its_characters_agree_with_it(tokens: list[str], executed: set[int]) -> None:
    text = "".join(tokens)
    by_character = keep_of(list(text), sorted(executed))
    by_token = keep_of(tokens, sorted(executed))
    assert len(by_token) == len(tokens)
    assert by_token == [max(by_character[start:end]) for start, end in spans(*tokens)]


def report(*unit_tests: tuple[Verdict, tuple[int, ...] | None], verdict: Verdict | None = None) -> Report:
    found = tuple(UnitTestReport(v, 0.1, 0.1, 1.0, executed_lines=lines) for v, lines in unit_tests)
    first = next((v for v, _ in unit_tests if v is not Verdict.ACCEPTED), Verdict.ACCEPTED)
    return Report(verdict or first, found, executable_lines=(1, 2, 3, 4))


PASSED, FAILED = Verdict.ACCEPTED, Verdict.WRONG_ANSWER


def test_lines_come_from_all_unit_tests_or_from_the_first_that_fails() -> None:
    judged = report((PASSED, (1, 2)), (FAILED, (1, 3)), (FAILED, (1, 4)))
    assert lines_in_loss(judged) == lines_in_loss(judged, "union") == {1, 2, 3, 4}
    assert lines_in_loss(judged, "first_failing") == {1, 3}


def test_a_program_that_passes_has_no_failing_test_and_so_all_its_lines() -> None:
    assert lines_in_loss(report((PASSED, (1, 2)), (PASSED, (1, 3))), "first_failing") == {1, 2, 3}


def test_a_unit_test_without_coverage_adds_nothing() -> None:
    assert lines_in_loss(report((PASSED, (1, 2)), (Verdict.TIME_LIMIT_EXCEEDED, None))) == {1, 2}


def test_a_program_that_does_not_compile_has_no_lines_to_tell() -> None:
    assert lines_in_loss(Report(Verdict.COMPILE_ERROR, ())) is None


def test_a_report_without_coverage_or_an_unknown_choice_is_an_error() -> None:
    with pytest.raises(ValueError, match="coverage=True"):
        lines_in_loss(Report(PASSED, (UnitTestReport(PASSED, 0.1, 0.1, 1.0),)))
    with pytest.raises(ValueError, match="union or first_failing; got 'last'"):
        lines_in_loss(report((PASSED, (1,))), "last")  # type: ignore[arg-type]
