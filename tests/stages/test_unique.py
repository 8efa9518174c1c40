"""Copies go, variants stay, and train holds nothing that is in test."""

import json
import random
from pathlib import Path
from typing import Any

import pytest

from appsplus.problem import IOFormat, Reason, Solution, UnitTest, Verdict
from appsplus.stages.unique import duplicate_rejection, find_duplicates, signature

Make = Any
STORY = (
    "A farmer has $n$ fields in a row. Field number $i$ gives $a_{i}$ bags of wheat, but two fields beside each other"
    " may not be cut in one year. Print the largest number of bags that the farmer can bring home this year, given"
    " that every bag weighs the same and that the cart is large enough for all of them.\n\n-----Input-----\n"
    "The first line has $n$ ($1 \\le n \\le 10^{5}$); the second has the bags.\n\n-----Examples-----\n3\n1 5 2\n"
)
TESTS = (UnitTest("3\n1 5 2\n", "5\n"), UnitTest("1\n4\n", "4\n"))


def duplicates(*problems: Any) -> dict[str, tuple[str, str]]:
    found = find_duplicates([signature(problem) for problem in problems])
    return {name: (duplicate.kept, duplicate.basis) for name, duplicate in found.items()}


@pytest.fixture
def make(make_problem: Make) -> Make:
    def problem(name: str, **changes: Any) -> Any:
        return make_problem(**({"problem_id": name, "description": STORY, "unit_tests": TESTS} | changes))

    return problem


def test_the_same_words_in_another_dress_are_the_same_text(make: Make) -> None:
    plain = (
        STORY.replace("$", "").replace("\\le", "≤").replace("_{i}", "i").replace("10^{5}", "105").replace("-----", "")
    )
    assert duplicates(make("a"), make("b", description=plain.upper())) == {"b": ("a", "same_text")}


def test_signs_make_two_problems_of_one_text_where_its_unit_tests_disagree(make: Make) -> None:
    plus = make("a", description="Print a + b.", unit_tests=(UnitTest("1 2\n", "3\n"), UnitTest("0 0\n", "0\n")))
    minus = make("b", description="Print a - b.", unit_tests=(UnitTest("1 2\n", "-1\n"),))
    assert duplicates(plus, minus) == {}
    assert duplicates(plus, make("c", description="Print a - b!", unit_tests=plus.unit_tests)) == {
        "c": ("a", "same_text")
    }
    assert duplicates(plus, make("d", description="Print a  + b.", unit_tests=minus.unit_tests)) == {
        "d": ("a", "same_text")
    }


def test_a_variant_with_other_limits_is_another_problem(make: Make) -> None:
    assert duplicates(make("i"), make("ii", description=STORY.replace("10^{5}", "50"))) == {}


def test_small_changes_of_wording_are_the_same_problem_where_unit_tests_agree(make: Make) -> None:
    reworded = STORY.replace("bring home this year", "take home")
    assert duplicates(make("a"), make("b", description=reworded)) == {"b": ("a", "near_text")}


def test_a_changed_word_with_other_expected_outputs_is_another_problem(make: Make) -> None:
    smallest = make("b", description=STORY.replace("largest", "smallest"), unit_tests=(UnitTest("3\n1 5 2\n", "0\n"),))
    assert duplicates(make("a"), smallest) == {}


def test_one_page_rewritten_is_one_problem_where_its_unit_tests_agree(make: Make) -> None:
    page = {"url": "https://example.org/wheat/"}
    other = "Choose numbers of a list, no two of them neighbours, so that their sum is as large as can be."
    one, two = make("a", **page), make("b", description=other, unit_tests=TESTS[:1], url="https://example.org/wheat")
    assert duplicates(one, two) == {"b": ("a", "same_page")}
    assert duplicates(one, make("b", description=other, unit_tests=(UnitTest("9\n", "9\n"),), **page)) == {}


def test_a_text_that_serves_two_functions_tells_nothing(make: Make) -> None:
    call = {"description": "Write the function.", "io_format": IOFormat.CALL, "unit_tests": (UnitTest("[1]", "1"),)}
    assert duplicates(make("a", entry_point="f", **call), make("b", entry_point="g", **call)) == {}
    assert duplicates(make("a", entry_point="get_it", **call), make("b", entry_point="getIt", **call)) == {
        "b": ("a", "same_text")
    }


def test_the_better_tested_copy_is_kept_then_the_one_with_more_solutions_then_the_smaller_id(make: Make) -> None:
    assert duplicates(make("a", unit_tests=TESTS[:1]), make("b")) == {"a": ("b", "same_text")}
    failing = (Solution("a", Verdict.WRONG_ANSWER), Solution("b", Verdict.WRONG_ANSWER), Solution("c"))
    assert duplicates(make("a", solutions=failing), make("b", solutions=["x", "y"])) == {"a": ("b", "same_text")}
    assert duplicates(make("b"), make("a")) == {"b": ("a", "same_text")}


def test_a_copy_in_train_goes_even_where_it_is_better_tested(make: Make) -> None:
    weak = make("t", split="test", unit_tests=TESTS[:1])
    assert duplicates(make("a"), weak, make("b")) == {"a": ("t", "same_text"), "b": ("t", "same_text")}


def test_the_order_given_does_not_matter(make: Make) -> None:
    signatures = [signature(make(f"{n:02}", description=STORY + f" At most {1000 + n % 4} bags.")) for n in range(12)]
    expected = find_duplicates(signatures)
    assert sorted(expected) == [f"{n:02}" for n in range(4, 12)]
    for seed in range(5):
        random.Random(seed).shuffle(signatures)
        assert find_duplicates(iter(signatures)) == expected


def test_the_rejection_names_the_problem_that_is_kept(make: Make) -> None:
    [duplicate] = find_duplicates([signature(make("a")), signature(make("b"))]).values()
    rejection = duplicate_rejection(duplicate)
    assert (rejection.reason, rejection.evidence["kept"]) == (Reason.DUPLICATE, "a")
    assert rejection.detail == "the same problem as a, which is kept: the text is the same"


@pytest.mark.real_data
def test_real_copies_are_found_and_real_variants_kept(make: Make, real_data: Path) -> None:
    problems = {}
    for path in sorted((real_data / "apps").glob("*/*/question.txt")):
        tests = json.loads((path.parent / "input_output.json").read_bytes())
        name = f"{path.parts[-3]}/{path.parts[-2]}"
        sides = zip(tests["inputs"], tests["outputs"], strict=True)
        call = "fn_name" in tests
        problems[name] = make(
            name,
            split=path.parts[-3],
            description=path.read_text(),
            url=json.loads((path.parent / "metadata.json").read_bytes())["url"],
            io_format=IOFormat.CALL if call else IOFormat.STDIN,
            entry_point=tests.get("fn_name"),
            unit_tests=tuple(UnitTest(json.dumps(i) if call else i, json.dumps(o) if call else o) for i, o in sides),
        )
    found = duplicates(*problems.values())
    # one problem of Codeforces in two divisions and two sources, in train and in test
    assert found["train/2038"] == ("test/5320", "near_text")
    assert found["train/5410"] == found["train/7413"] == ("train/2070", "same_text")
    assert len(found) == 44  # each was read, and is a copy
    # variants: other limits, most of the words and the examples in common
    assert not {"test/5607", "test/5737", "train/5430", "train/5998", "train/2370", "train/2375"} & found.keys()
    assert not any(name.startswith("test/") for name in found)
