"""Lines of a response: which are code, which token ends them, and that they are the lines FGO sees."""

from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

pytest.importorskip("torch", reason="the trainer's tests need torch: pip install torch, then '.[train]'")
pytest.importorskip("transformers", reason="the trainer's tests need transformers: pip install '.[train]'")

from appsplus.errors import InputError
from appsplus.evaluation import Program, extract
from stepcoder.data import new_tokenizer
from stepcoder.executed_tokens import executed_keep
from stepcoder.prm.lines import LineEnd, check_lines, code_lines, lines_of


def marked(program: str) -> str:
    """One letter a line: C is code."""
    return "".join("C" if n in code_lines(program) else "." for n in range(1, program.count("\n") + 1))


@pytest.mark.parametrize(
    ("why", "program", "kinds"),
    [
        ("statements", "a = 1\nb = 2\n", "CC"),
        ("a comment, a blank line", "a = 1\n# why\n\n    # and\nb = 2\n", "C...C"),
        ("a comment after code", "a = 1  # why\n", "C"),
        ("a docstring of two lines", 'def f():\n    """Say\n    it."""\n    return 1\n', "C..C"),
        ("a string that stands alone, again and again", "'a'\n'b'\n'c' 'd'\nx = 'e'\n", "...C"),
        ("a string that is used", "x = '''a\n# no comment\n\nb'''\ny = 1\n", "CCCCC"),
        ("a comment and a blank line in brackets", "x = [\n    1,\n    # two\n\n    2,\n]\n", "CC..CC"),
        ("a string within a call", "print(\n    'a'\n)\n", "CCC"),
        ("a backslash", "a = 1 + \\\n    2\n", "CC"),
        ("text that is no Python", "def (:\n# c\n\n  ) ] x\n", "C..C"),
        ("a bracket that is never closed", "a = 1\nb = (2,\n# c\n\n3\n", "CC..C"),
        ("a string that is never closed", "a = 1\nb = '''x\n\ny\n", "CC.C"),
        ("a docstring that is not closed yet", 'def f():\n    """Say\n    it.\n', "C.."),
        ("indentation that fits nothing", "if a:\n        b\n    c\n# d\n", "CCC."),
        ("old line ends", "a = 1\r\n# c\r\nb = 2\r\n", "C.C"),
    ],
)
def test_code_is_what_is_neither_blank_nor_a_comment(why: str, program: str, kinds: str) -> None:
    assert marked(program) == kinds, why


def spans(tokens: list[str]) -> list[tuple[int, int]]:
    ends = [sum(map(len, tokens[: i + 1])) for i in range(len(tokens))]
    return [(end - len(token), end) for token, end in zip(tokens, ends, strict=True)]


def ends_of(tokens: list[str]) -> list[tuple[int, int, bool]]:
    text = "".join(tokens)
    found = lines_of(text, Program(text, 0, ((0, len(text)),)), spans(tokens))
    return [(end.line, end.token, end.is_code) for end in found.ends]


def test_a_line_ends_at_the_last_token_with_a_character_of_it() -> None:
    assert ends_of(["a", " = 1", "\n", "b", " = 2", "\n"]) == [(1, 2, True), (2, 5, True)]
    assert ends_of(["if a:", "\n    ", "b()", "\n"]) == [(1, 1, True), (2, 3, True)]
    assert ends_of(["a = 1"]) == [(1, 0, True)]  # no line end at all
    assert ends_of(["a = 1", "\n", ""]) == [(1, 1, True)]  # the end of text ends no line


def test_a_token_that_ends_several_lines_speaks_for_the_one_with_code() -> None:
    assert ends_of(["a = 1", "\n\n", "b = 2", "\n"]) == [(1, 1, True), (3, 3, True)]
    assert ends_of(["# a", "\n\n", "b = 2", "\n"]) == [(1, 1, False), (3, 3, True)]
    assert ends_of(["# a\nb = 2\n"]) == [(2, 0, True)]


def test_all_lines_and_comments_are_counted_also_those_without_an_end_of_their_own() -> None:
    tokens = ["a = 1", "\n\n", "# c", "\n", "b = 2", "\n"]
    text = "".join(tokens)
    found = lines_of(text, Program(text, 0, ((0, len(text)),)), spans(tokens))
    assert (found.count, found.comments) == (4, 1)
    assert [end.token for end in found.code_ends] == [1, 5]


def test_a_response_without_a_program_has_no_lines() -> None:
    assert lines_of("", None, [(0, 0)]).count == 0


def test_lines_of_the_prefix_are_not_the_responses() -> None:
    program = extract("b = 2\nc = 3\n```", "a = 1\nif a: ", fence_open=True)
    assert isinstance(program, Program)
    found = lines_of("b = 2\nc = 3\n```", program, spans(["b", " = 2", "\n", "c = 3", "\n", "```"]))
    assert found.ends == (LineEnd(2, 2, True), LineEnd(3, 4, True))
    assert found.count == 2


@given(st.lists(st.sampled_from(["a = 1", "# c", "", "if a:", "    b()"]), min_size=1, max_size=8), st.data())
def test_the_end_of_a_line_is_where_fgo_sees_the_line(lines: list[str], data: st.DataObject) -> None:
    """Of FGO's mask for one executed line of code, the last kept token that is not the next line's is that line's end."""
    text = "\n".join(lines) + "\n"
    cuts = data.draw(st.sets(st.integers(1, len(text) - 1)) if len(text) > 1 else st.just(set()))
    edges = [0, *sorted(cuts), len(text)]
    offsets = list(pairwise(edges))
    program = Program(text, 0, ((0, len(text)),))
    for end in lines_of(text, program, offsets).ends:
        if end.is_code:
            keep = executed_keep(offsets, completion=text, program=program, executed_lines=[end.line])
            assert max(i for i, kept in enumerate(keep) if kept) == end.token


def test_a_tokenizer_of_ours_ends_every_line() -> None:
    tokenizer = new_tokenizer(["def f(x):\n    return x\n\nprint(f(1))\n"] * 3, 400)
    check_lines(tokenizer, "ours")


@pytest.mark.parametrize(
    ("words", "joined"),
    [(r"[\s\S]+", r"'a = 1\\nb"), (r"\n+\w+|[^\n]+?(?=\n|\Z)|\s", r"'\\nb'")],
    ids=["the code of both", "a line end and code"],
)
def test_a_tokenizer_that_joins_two_lines_is_refused(words: str, joined: str) -> None:
    from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers, trainers
    from transformers import PreTrainedTokenizerFast

    made = Tokenizer(models.BPE())
    split = pre_tokenizers.Split(Regex(words), "isolated")
    made.pre_tokenizer = pre_tokenizers.Sequence(
        [split, pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)]
    )
    made.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(
        vocab_size=600, special_tokens=["<|end|>"], initial_alphabet=alphabet, show_progress=False
    )
    made.train_from_iterator(["a = 1\nb = (2)\n\nfor c in d:\n    e(f)\n"] * 20, trainer)
    odd: Any = PreTrainedTokenizerFast(tokenizer_object=made, eos_token="<|end|>", clean_up_tokenization_spaces=False)
    with pytest.raises(
        InputError, match=rf"the tokenizer of odd writes {joined}.*expected tokens with the code of one"
    ):
        check_lines(odd, "odd")
