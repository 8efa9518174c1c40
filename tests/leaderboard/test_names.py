"""Names of others are shown without tricks, and lead to files that are nobody else's."""

import pytest

from appsplus.evaluation.leaderboard.names import distinct_names, file_names, plain, shown_name


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("Model 7B", "Model 7B"),
        ("  two\n lines\t", "two lines"),
        ("", "without a name"),
        ("\u200b\u202e\x00", "without a name"),
        ("evil\u202eB7", "evilB7"),  # would turn the text around
        ("<script>alert(1)</script>", "<script>alert(1)</script>"),  # a template escapes it
        ("x" * 100, "x" * 79 + "…"),
    ],
)
def test_a_name_is_shown_on_one_line_without_what_nobody_sees(name: str, shown: str) -> None:
    assert shown_name(name) == shown


def test_a_huge_name_is_cut_before_it_is_worked_on() -> None:
    assert shown_name("a " * 10_000_000) == " ".join("a" * 40) + "…"


def test_names_that_look_the_same_are_told_apart_by_their_hash() -> None:
    names = {"1" * 64: "Model", "2" * 64: "ｍｏｄｅｌ", "3" * 64: "mo del", "4" * 64: "another"}
    assert distinct_names(names) == {
        "1" * 64: "Model #11111111",
        "2" * 64: "ｍｏｄｅｌ #22222222",
        "3" * 64: "mo del #33333333",
        "4" * 64: "another",
    }


def test_a_file_name_holds_nothing_but_letters_digits_and_hyphens() -> None:
    hostile = ["../../etc/passwd", "C:\\con", "", ".", "ملك", "a" * 500, "index.html?x=1#y", "\x00", "Ünïcode"]
    files = file_names({str(i): name for i, name in enumerate(hostile)})
    assert len({file.lower() for file in files.values()}) == len(hostile)
    for file in files.values():
        assert file.strip("abcdefghijklmnopqrstuvwxyz0123456789-") == ""
        assert 0 < len(file) <= 73
        assert not file.startswith("-")
    assert files["0"] == "etc-passwd"
    assert files["8"] == "unicode"


def test_nobody_takes_the_file_name_that_another_gets() -> None:
    two = file_names({"k1": "model", "k2": "Model"})
    assert two["k1"] != two["k2"]
    three = file_names({"k1": "model", "k2": "Model", "k3": two["k1"]})  # names itself what the first was given
    assert len(set(three.values())) == 3


def test_text_for_a_terminal_has_no_escape_sequence_left() -> None:
    assert plain("red \x1b[31m\nline") == "red \\x1b[31m\\nline"
    assert plain("ü ≤ 中") == "ü ≤ 中"
