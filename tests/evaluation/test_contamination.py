"""Contamination: every figure against brute force on the words and lines themselves, and on real benchmarks."""

import gzip
import json
import random
from collections.abc import Sequence
from itertools import product
from pathlib import Path
from typing import Any

import pytest

from appsplus.errors import SourceError
from appsplus.evaluation.contamination import FIGURES, Overlap, figures, fingerprint, lines_of, overlap
from appsplus.evaluation.contamination_report import Compared, report
from appsplus.evaluation.contamination_sets import Item, read_set
from appsplus.wording import words_of

STORY = (
    "A farmer has several fields in a row and every field gives some bags of wheat but two fields beside each other may not"
    " be cut in one year so print the largest number of bags that the farmer can bring home this year"
)


def compared(problems: Sequence[Item], others: Sequence[Item]) -> Overlap:
    sides = ([fingerprint(i.problem_id, i.description, i.solution) for i in side] for side in (problems, others))
    return overlap(*sides)


def figures_of(problems: Sequence[Item], others: Sequence[Item]) -> dict[str, int]:
    sides = ([fingerprint(i.problem_id, i.description, i.solution) for i in side] for side in (problems, others))
    return figures(*sides)


def runs(item: Item, n: int) -> set[str]:
    words = words_of(item.description)
    return {" ".join(words[i : i + n]) for i in range(max(1, len(words) - n + 1))}


def is_rare(found: list[set[str]], others: list[set[str]], one: str) -> bool:
    return all(sum(one in each for each in side) <= 10 for side in (found, others))


def brute_force(problems: Sequence[Item], others: Sequence[Item]) -> dict[str, int]:
    """The four figures, from their definitions, without a hash."""
    mine, theirs = [lines_of(i.solution) for i in problems], [lines_of(i.solution) for i in others]
    everywhere = {line for lines in theirs for line in lines}
    mine_sets, their_sets = [set(lines) for lines in mine], [set(lines) for lines in theirs]
    rare_lines = [[x for x in lines if is_rare(mine_sets, their_sets, x)] for lines in mine]
    half = [sum(2 * sum(x in everywhere for x in lines) > len(lines) for lines in side) for side in (mine, rare_lines)]
    my_runs, their_runs = [runs(i, 13) for i in problems], [runs(i, 13) for i in others]
    shared = sum(
        any(is_rare(my_runs, their_runs, run) for other in their_runs for run in one & other) for one in my_runs
    )
    my_triples, their_triples = [runs(i, 3) for i in problems], [runs(i, 3) for i in others]
    near = sum(any(len(a & b) / len(a | b) >= 0.5 for b in their_triples) for a in my_triples)
    return dict(zip(FIGURES, (*half, shared, near), strict=True))


def made_up(rng: random.Random, count: int, name: str) -> list[Item]:
    """Problems from few lines and sentences, so that they share many; some are copies with a word changed."""
    pool = [f"x{n} = f({n})" for n in range(60)] + ["else:", "n = int(input())"] * 5
    sentences = [" ".join(f"w{rng.randrange(4000)}" for _ in range(rng.randrange(5, 25))) for _ in range(40)]
    sentences += ["the first line has one number t the number of test cases that follow each has a line"] * 6
    items = []
    for number in range(count):
        words = " ".join(rng.choice(sentences) for _ in range(rng.randrange(1, 6))).split()
        if rng.random() < 0.3:
            words[rng.randrange(len(words))] = "another"
        code = "\n".join("    " * rng.randrange(3) + rng.choice(pool) for _ in range(rng.randrange(0, 9)))
        items.append(Item(f"{name}/{number}", " ".join(words), f"# made\n\n{code}\n"))
    return items


@pytest.mark.parametrize("seed", range(4))
def test_the_figures_are_those_of_brute_force_in_both_directions(seed: int) -> None:
    rng = random.Random(seed)
    items = made_up(rng, 60, "p")
    problems, others = items[:25], items[25:]
    found = compared(problems, others)
    assert found.figures == brute_force(problems, others)
    assert figures_of(problems, others) == found.figures
    assert found.of_others == brute_force(others, problems)
    assert all(found.figures.values())
    exchanged = compared(others[::-1], problems[::-1])
    assert (exchanged.figures, exchanged.of_others) == (found.of_others, found.figures)


def test_the_pairs_are_those_that_share_a_rare_run_or_are_near_and_the_best_partner_of_each_half() -> None:
    items = made_up(random.Random(9), 50, "p")
    problems, others = items[:20], items[20:]
    found = compared(problems, others)
    by_pair = {(m.problem_id, m.other_id): m for m in found.matches}
    assert len(by_pair) == len(found.matches)
    my_runs, their_runs = [runs(i, 13) for i in problems], [runs(i, 13) for i in others]
    for (one, mine), (other, theirs) in product(
        zip(problems, my_runs, strict=True), zip(others, their_runs, strict=True)
    ):
        expected = sum(is_rare(my_runs, their_runs, run) for run in mine & theirs)
        match = by_pair.get((one.problem_id, other.problem_id))
        assert (match.shared_grams if match else 0) == expected
        triples, other_triples = runs(one, 3), runs(other, 3)
        similarity = len(triples & other_triples) / len(triples | other_triples)
        assert ("near_text" in match.kinds if match else False) == (similarity >= 0.5)
        if match:
            assert match.similarity == pytest.approx(similarity, abs=0.0006)
            lines, their_lines = lines_of(one.solution), lines_of(other.solution)
            assert (match.shared_lines, match.num_lines) == (sum(x in their_lines for x in lines), len(lines))
            assert match.other_shared_lines == sum(x in lines for x in their_lines)
    for one in problems:
        partners = [m for m in found.matches if m.problem_id == one.problem_id and "half_lines" in m.kinds]
        best = max(len({*lines_of(one.solution)} & {*lines_of(other.solution)}) for other in others)
        for match in partners:
            [other] = [o for o in others if o.problem_id == match.other_id]
            assert len({*lines_of(one.solution)} & {*lines_of(other.solution)}) == best


def test_a_half_is_not_more_than_half_and_layout_and_comments_do_not_count() -> None:
    other = [Item("o", STORY, "a = 1\nb  =  2\n")]
    for code, expected in (("a = 1\nc = 3\n", 0), ("    a = 1\n\n# b\nb = 2   \nc = 3\n", 1), ("a = 1", 1), ("", 0)):
        assert compared([Item("p", "other words", code)], other).figures["half_lines"] == expected
    assert lines_of("\ta  =  1 \n\n  # c\nb = 2  # d\r\n") == ["a = 1", "b = 2  # d".replace("  ", " ")]


def test_a_line_that_stands_twice_counts_twice() -> None:
    other = [Item("o", STORY, "a = 1")]
    assert compared([Item("p", "x", "a = 1\na = 1\nb = 2\n")], other).figures["half_lines"] == 1
    assert compared([Item("p", "x", "a = 1\nb = 2\nb = 2\n")], other).figures["half_lines"] == 0


def test_a_run_of_thirteen_words_is_found_and_one_of_twelve_is_not() -> None:
    words = STORY.split()
    for count, expected in ((13, 1), (12, 0)):
        item = Item("p", "before " + " ".join(words[5 : 5 + count]).upper() + ". After", "")
        assert compared([item], [Item("o", STORY, "")]).figures["shared_13_grams"] == expected


def test_a_run_that_many_problems_have_says_nothing() -> None:
    sentence = " ".join(STORY.split()[:14])
    for count, expected in ((10, 10), (11, 0)):
        problems = [Item(f"p{n}", f"{sentence} p{n}", "") for n in range(count)]
        assert compared(problems, [Item("o", f"o {sentence}", "")]).figures["shared_13_grams"] == expected


def test_nothing_against_nothing_is_nothing() -> None:
    item = Item("p", STORY, "a = 1")
    for problems, others in (([], []), ([item], []), ([], [item])):
        found = compared(problems, others)
        assert (set(found.figures.values()), found.matches) == ({0}, ())
    hostile = compared([Item("p", "\ud800", "\x00\ud800")], [Item("o", "\ud800", "\x00\ud800")])
    assert set(hostile.figures.values()) == {1}


@pytest.mark.real_data
def test_humaneval_and_mbpp_are_compared_as_brute_force_does(real_data: Path) -> None:
    humaneval, mbpp = (read_set(str(real_data / name)) for name in ("humaneval/HumanEval.jsonl.gz", "mbpp/mbpp.jsonl"))
    assert (len(humaneval.items), len(mbpp.items)) == (164, 974)
    assert humaneval.items[0].solution.startswith("    for idx, elem in enumerate(numbers):\n")
    found = compared(humaneval.items, mbpp.items[:300])
    assert found.figures == brute_force(humaneval.items, mbpp.items[:300])
    assert found.of_others == brute_force(mbpp.items[:300], humaneval.items)
    with gzip.open(real_data / "humaneval/HumanEval.jsonl.gz", "rt") as file:
        again = [Item(row["task_id"], row["prompt"], "") for row in map(json.loads, file)]
    everything = compared(again, humaneval.items)
    assert everything.figures["near_text"] == 164
    assert [m.similarity for m in everything.matches[:164]] == [1.0] * 164


ROWS: list[dict[str, Any]] = [
    {"task_id": "HumanEval/0", "prompt": "words", "canonical_solution": "a = 1", "test": ""},
    {"task_id": 7, "text": "words", "code": "a = 1", "test_list": []},
    {"problem_id": 7, "question": "words", "solutions": json.dumps(["a = 1", "b = 2"])},
    {"problem_id": 7, "question": "words", "solutions": ["a = 1", "b = 2"]},
    {"id": "7", "description": "words", "solution": "a = 1"},
]


@pytest.mark.parametrize("row", ROWS, ids=lambda row: ",".join(row))
@pytest.mark.parametrize("ending", ["jsonl", "json", "jsonl.gz"])
def test_a_set_is_read_whatever_its_columns_are_called(row: dict[str, Any], ending: str, tmp_path: Path) -> None:
    text = json.dumps(row) if ending != "json" else json.dumps([row])
    path = tmp_path / f"set.{ending}"
    path.write_bytes(gzip.compress(text.encode()) if ending.endswith("gz") else text.encode())
    found = read_set(f"mine={path}")
    assert found.name == "mine"
    assert read_set(str(path)).name == path.name
    assert found.items == (Item(str(row.get("task_id", row.get("problem_id", "7"))), "words", "a = 1"),)


@pytest.mark.parametrize(
    ("name", "text", "told"),
    [
        ("x.jsonl", "{", "x.jsonl line 1: broken JSON"),
        ("x.jsonl", "[1]", "x.jsonl line 1 is no object"),
        (
            "x.jsonl",
            '{"a": 1}',
            r"x.jsonl line 1 has neither a description \(description, prompt, .* its columns are a",
        ),
        ("x.jsonl", "", "holds no problem"),
        ("x.txt", "text", "is of no kind that is known; expected humaneval, mbpp, hub:OWNER/NAME"),
        ("", "", "it does not exist"),
    ],
)
def test_what_is_no_set_is_said(name: str, text: str, told: str, tmp_path: Path) -> None:
    path = tmp_path / (name or "missing.jsonl")
    if name:
        path.write_text(text)
    with pytest.raises(SourceError, match=told):
        read_set(str(path))


def test_the_report_shows_the_evidence_and_nothing_in_it_is_markdown_of_others() -> None:
    one = Item("p|1", f"# Heading\n![x](http://evil)\n{STORY}", "a = 1\nb = 2\n")
    other = Item("<b>o", STORY, "a = 1\nc = 3\n")
    found = compared([one], [other])
    text = report([Compared("mine", "theirs", found, {one.problem_id: one}, {other.problem_id: other})], most_pairs=5)
    assert "| more than half of the solution's lines | 0 of 1 (0.0 %) | 0 of 1 (0.0 %) |" in text
    assert "| a run of 13 words of the description | 1 of 1 (100.0 %) | 1 of 1 (100.0 %) |" in text
    assert "## p\\|1 and \\<b\\>o" in text
    assert "Lines of both:\n\n    a = 1\n" in text
    assert f"Longest run of words in both:\n\n    {STORY.lower()}" in text
    assert "    # Heading\n    ![x](http://evil)" in text
    assert not [line for line in text.splitlines() if line.startswith(("# Heading", "!["))]
