"""Expected against actual, line by line."""

from appsplus.review.differences import MAX_LINES, difference


def test_equal_lines_are_the_same_and_words_that_differ_are_marked() -> None:
    found = difference("1\n2 3\n", "1\n2 4\n")
    assert [row.same for row in found.rows] == [True, False]
    assert found.rows[1].expected == (("2 ", False), ("3", True))
    assert found.rows[1].actual == (("2 ", False), ("4", True))


def test_a_line_that_one_side_lacks_stands_alone() -> None:
    found = difference("1\n2\n3", "1\n3")
    assert [(row.expected, row.actual) for row in found.rows if not row.same] == [((("2", True),), None)]


def test_white_space_at_the_end_of_the_text_is_not_shown() -> None:
    assert difference("1\n\n\n", "1").rows == difference("1", "1").rows


def test_what_is_too_long_is_counted_only() -> None:
    found = difference("x\n" * (MAX_LINES + 7), "y")
    assert found.more == 7
    assert len(found.rows) == MAX_LINES
