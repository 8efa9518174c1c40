"""What is missing is named; what only looks like a flaw is kept."""

from pathlib import Path
from typing import Any

import pytest

from appsplus.problem import RawProblem, Reason, Rejection, Review, ReviewEvent
from appsplus.stages.complete import complete

Make = Any


def reason(raw: RawProblem) -> Reason | None:
    result = complete(raw)
    return result.reason if isinstance(result, Rejection) else None


def test_a_complete_problem_is_given_back_unchanged(make_raw: Make) -> None:
    raw = make_raw()
    assert complete(raw) is raw


@pytest.mark.parametrize(
    "text",
    ["", " \n\t", "\ufeff\n", "English description is not available for the problem. Please switch to Chinese.\n"],
)
def test_an_absent_description_is_missing(make_raw: Make, text: str) -> None:
    assert reason(make_raw(description=text)) is Reason.MISSING_DESCRIPTION


def test_headings_and_sample_numbers_alone_are_no_description(make_raw: Make) -> None:
    text = "-----Input-----\n3\n\n-----Output-----\n6\n"
    assert reason(make_raw(description=text)) is Reason.MISSING_DESCRIPTION


@pytest.mark.parametrize(
    "text",
    [
        "![](https://example.org/1.png)",
        "![statement](a.png)\n\n![samples](b.png)\n",
        '<img src="x.png" width=100>\n-----Input-----\n3\n-----Output-----\n5\n',
        "<image>\n\nInput\n\n1\n\nOutput\n\n2",
        "Please see the picture below.\n[Image]",
        "[Problem statement](https://example.org/problem.pdf)",
        "See https://example.org/problem.pdf",
    ],
)
def test_a_description_of_pictures_and_links_alone_is_image_only(make_raw: Make, text: str) -> None:
    assert reason(make_raw(description=text)) is Reason.IMAGE_ONLY_DESCRIPTION


@pytest.mark.parametrize(
    "text",
    [
        "Count the squares in the picture.\n![](a.png)\nRead n and print n * n.",
        "Sum of a and b.",
        "Pick the best hand from a list of poker hands.\n\nSee [Wikipedia][poker-hands] for an overview.",
        "输入一个整数，输出它的两倍。",
    ],
)
def test_a_short_or_illustrated_description_is_kept(make_raw: Make, text: str) -> None:
    assert reason(make_raw(description=text)) is None


@pytest.mark.parametrize("solutions", [(), ("",), (" \n", "\t\n\ufeff\0")])
def test_blank_solutions_are_no_solution(make_raw: Make, solutions: tuple[str, ...]) -> None:
    assert reason(make_raw(solutions=solutions)) is Reason.MISSING_SOLUTION


@pytest.mark.parametrize(
    ("inputs", "outputs"), [(None, None), ((), ()), (("1\n",), None), ((), ("1\n",)), (("1\n", "2\n"), ("", "\n"))]
)
def test_tests_without_inputs_or_outputs_are_missing(make_raw: Make, inputs: Any, outputs: Any) -> None:
    assert reason(make_raw(inputs=inputs, outputs=outputs)) is Reason.MISSING_TESTS


def test_unequal_numbers_of_inputs_and_outputs_are_counted(make_raw: Make) -> None:
    result = complete(make_raw(inputs=("1\n", "2\n", "3\n"), outputs=("2\n",)))
    assert isinstance(result, Rejection)
    assert (result.reason, result.evidence) == (Reason.UNBALANCED_TESTS, {"inputs": 3, "outputs": 1})


def test_a_program_may_print_nothing_in_some_tests_and_need_no_input(make_raw: Make) -> None:
    assert reason(make_raw(inputs=("", ""), outputs=("", "1\n"))) is None


@pytest.mark.parametrize(
    "text",
    [
        "This is an interactive problem. Guess the number.",
        "(This problem is an **interactive problem**.) You may recall the mountain array.",
        "This problem is interactive, which means that input and output depend on your program.",
        "Guess it.\n\n-----Interaction-----\n\nPrint ? i and flush the output; then read the answer.",
        "You ask queries and the interactor answers each of them.",
        "Sum two numbers. Input file: input.txt. Output file: output.txt.",
        "Sum two numbers.\n\nInput: sum.in\nOutput: sum.out\n",
        "Sum two numbers. The data must be read from the file numbers.txt, one a line.",
        "The input file 'tea.dat' contains a number n. Print it.",
    ],
)
def test_what_needs_a_conversation_or_files_is_named(make_raw: Make, text: str) -> None:
    assert reason(make_raw(description=text)) is Reason.INTERACTIVE_OR_FILE_IO


@pytest.mark.parametrize(
    "text",
    [
        "The task is chosen by an interactive quiz that consists of some questions. Count the questions.",
        "The marketing team decided to use an interactive installation of 2N rows.",
        "Unlike the last one, this is not an interactive problem. Print the sum.",
        "Return the length of the longest absolute path to a file, such as dir/file.txt.",
        "A royal flush beats a straight flush. Compare the two hands.",
        "Interaction\n\nTwo particles interact when they meet; count the meetings.",
        "Read the numbers from standard input (not from the file input.txt) and print the sum.",
    ],
)
def test_what_only_mentions_interaction_or_files_is_kept(make_raw: Make, text: str) -> None:
    assert reason(make_raw(description=text)) is None


def test_a_person_has_the_final_word_about_what_the_text_means_and_not_about_what_is_there(make_raw: Make) -> None:
    event = ReviewEvent("1", "2025-03-01T12:00:00Z", "ada", "human", "accept", "", "", "in_force")
    text = "This is an interactive problem."
    accepted = make_raw(description=text, review=Review("0" * 64, (event,)))
    assert reason(make_raw(description=text)) is Reason.INTERACTIVE_OR_FILE_IO
    assert complete(accepted) == accepted
    assert reason(make_raw(description="", review=accepted.review)) is Reason.MISSING_DESCRIPTION
    assert reason(make_raw(description=text, outputs=(), review=accepted.review)) is Reason.MISSING_TESTS


def test_a_function_may_be_described_with_a_file_name(make_call: Make) -> None:
    assert reason(make_call(description="The names are given in the file names.txt; return them in order.")) is None


@pytest.mark.real_data
def test_in_the_real_data_only_placeholders_lack_a_description(make_raw: Make, real_data: Path) -> None:
    found = {}
    for path in sorted((real_data / "apps").glob("*/*/question.txt")):
        result = reason(make_raw(description=path.read_text(encoding="utf-8", errors="surrogateescape")))
        if result is not None:
            found[f"{path.parts[-3]}/{path.parts[-2]}"] = result
    assert found == {"train/6508": Reason.MISSING_DESCRIPTION, "train/7574": Reason.MISSING_DESCRIPTION}


@pytest.mark.parametrize("text", ["<img", "![", "![](", "[](", "<a>", "\\includegraphics["])
def test_mark_up_that_never_ends_is_read_once(make_raw: Make, text: str) -> None:
    """Patterns that look for its end again and again would take minutes for this."""
    assert reason(make_raw(description=f"Add two numbers. {text * 50_000}")) is None
