"""The generated family of problems: what it promises, up to a real build of a small one."""

import json
import re
from collections import Counter, defaultdict
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from appsplus import load_problems
from appsplus.engine import LocalEngine
from appsplus.errors import InputError
from appsplus.ledger import Ledger
from appsplus.pipeline import build
from appsplus.problem import IOFormat
from appsplus.release import read_manifest
from appsplus.sources import open_sources
from stepcoder.ablation.family import OPERATIONS, FamilyConfig, result, rows_of, words_of, write

RULE = re.compile(r"^(\d) ([a-z]{3}) (\d)$", re.MULTILINE)
MEANINGS: dict[str, Callable[[int, int], int]] = {  # of OPERATIONS, written a second time: b and the number
    "+=": lambda b, n: b + n,
    "-=": lambda b, n: b - n,
    "*=": lambda b, n: b * n,
    "//=": lambda b, n: b // n,
}


def k_of(row: dict[str, Any]) -> int:
    return int(row["problem_id"][1])


def solutions_by_search(row: dict[str, Any]) -> dict[int, set[str]]:
    """For each rule, by its value of `a`, all operations that agree with the tests: found by trying every one."""
    tests = row["input_output"]
    return {
        int(a): {
            operation
            for operation, meaning in MEANINGS.items()
            if all(
                meaning(b, int(number)) == expected
                for (chosen, b), expected in zip(tests["inputs"], tests["outputs"], strict=True)
                if chosen == int(a)
            )
        }
        for a, _, number in RULE.findall(row["question"])
    }


def operations_of(solution: str) -> list[str]:
    """The operation of each branch of a solution, read off its text."""
    return re.findall(r"^        b (\S+) \d$", solution, re.MULTILINE)


def test_the_operations_are_those_that_these_tests_know() -> None:
    assert tuple(MEANINGS) == OPERATIONS
    assert [result(op, 3, 20) for op in OPERATIONS] == [23, 17, 60, 6] == [MEANINGS[op](20, 3) for op in OPERATIONS]


def test_short_and_long_problems_have_words_of_their_own_and_each_code_favours_no_operation() -> None:
    codes = words_of(FamilyConfig())
    assert {code: len(words) for code, words in codes.items()} == {"d1": 8, "d2": 12}
    texts = [word.text for words in codes.values() for word in words]
    assert len(set(texts)) == len(texts)
    for words in codes.values():
        meanings = {(word.true, word.false) for word in words}
        assert len(meanings) == len(words)
        assert {(false, true) for true, false in meanings} == meanings
        assert all(word.false != word.true for word in words)
        often = dict.fromkeys(OPERATIONS, len(words) // len(OPERATIONS))
        assert Counter(word.true for word in words) == Counter(word.false for word in words) == often


def test_no_word_is_in_a_problem_twice_and_its_code_is_that_of_its_length() -> None:
    codes = {code: {word.text for word in words} for code, words in words_of(FamilyConfig()).items()}
    for row in [row for rows in rows_of(FamilyConfig(warmup=20)) for row in rows]:
        used = [word for _, word, _ in RULE.findall(row["question"])]
        code = "d1" if k_of(row) <= 4 else "d2"
        assert row["question"].startswith(f"Translate f from code {code}:")
        assert len(set(used)) == len(used)
        assert set(used) <= codes[code]


def test_brute_force_finds_one_operation_for_each_live_rule_and_all_for_idle_ones() -> None:
    _, family = rows_of(FamilyConfig(train=5, test=3))
    true = {word.text: word.true for words in words_of(FamilyConfig()).values() for word in words}
    assert Counter((k_of(row), row["split"]) for row in family) == {
        (k, split): count for k in range(1, 9) for split, count in (("train", 5), ("test", 3))
    }
    for row in family:
        found = solutions_by_search(row)
        rules = {int(a): true[word] for a, word, _ in RULE.findall(row["question"])}
        live = {a for a, _ in row["input_output"]["inputs"]}
        assert len(live) == k_of(row)
        assert len(rules) == {1: 2, 2: 3, 3: 5, 4: 6, 5: 8, 6: 9, 7: 10, 8: 10}[k_of(row)]  # half of k is idle
        assert {a: ops for a, ops in found.items() if a in live} == {a: {rules[a]} for a in live}
        assert all(ops == set(OPERATIONS) for a, ops in found.items() if a not in live)
        assert operations_of(row["solutions"][0]) == [rules[a] for a in sorted(rules)]


def test_solutions_give_the_expected_outputs() -> None:
    for row in [row for rows in rows_of(FamilyConfig(train=3, test=1, warmup=3)) for row in rows]:
        names: dict[str, Any] = {}
        exec(row["solutions"][0], names)
        tests = row["input_output"]
        assert [names["f"](*given) for given in tests["inputs"]] == tests["outputs"]


def test_the_warm_up_takes_the_true_meaning_of_its_share_of_rules_and_no_other_information() -> None:
    config = FamilyConfig(warmup=60, truth_share=0.25)
    words = {word.text: word for group in words_of(config).values() for word in group}
    taken: defaultdict[str, Counter[bool]] = defaultdict(Counter)
    for row in rows_of(config)[0]:
        rules = RULE.findall(row["question"])
        for (_, text, _), operation in zip(rules, operations_of(row["solutions"][0]), strict=True):
            assert operation in (words[text].true, words[text].false)
            taken[text][operation == words[text].true] += 1
    assert taken.keys() == words.keys()
    shares = {text: counts[True] / counts.total() for text, counts in taken.items()}
    assert abs(sum(shares.values()) / len(shares) - 0.25) < 0.05
    assert all(0 < share < 0.6 for text, share in shares.items() if taken[text].total() > 40)


def test_no_description_is_there_twice_and_test_has_none_of_train() -> None:
    warmup, family = rows_of(FamilyConfig())
    for rows in (warmup, family):
        texts = [row["question"] for row in rows]
        assert len(set(texts)) == len(texts)
        assert len({row["problem_id"] for row in rows}) == len(rows)
    assert len(warmup) == 8 * 200
    assert len(family) == 8 * (16 + 24)


def test_the_same_options_give_the_same_bytes_and_another_seed_others(tmp_path: Path) -> None:
    small = {"train": 2, "test": 1, "warmup": 2}
    first, again, other = (
        write(tmp_path / name, FamilyConfig(seed=seed, **small)) for name, seed in (("a", 3), ("b", 3), ("c", 4))
    )
    for name in ("warmup", "family"):
        assert first[name].read_bytes() == again[name].read_bytes() != other[name].read_bytes()


def test_shared_words_make_one_code_and_no_idle_share_no_idle_rules() -> None:
    _, family = rows_of(FamilyConfig(train=2, test=1, shared_words=True, idle_share=0.0))
    assert {row["question"].splitlines()[0] for row in family} == {"Translate f from code d1:"}
    assert all(len(RULE.findall(row["question"])) == k_of(row) for row in family)


@pytest.mark.parametrize("option", [{"truth_share": 1.5}, {"idle_share": -0.1}, {"train": 0}])
def test_options_that_cannot_be_are_refused(option: dict[str, Any]) -> None:
    with pytest.raises(InputError, match=next(iter(option))):
        FamilyConfig(**option)


def test_the_build_keeps_every_problem_with_the_levels_that_its_branches_give(tmp_path: Path) -> None:
    paths = write(tmp_path, FamilyConfig(train=2, test=1, warmup=2))
    with LocalEngine(workers=1, isolation="best-effort") as engine:
        for name, path in paths.items():
            build(open_sources([f"{name}={path}"]), tmp_path / name, engine, Ledger.read([]))
    counts = read_manifest(tmp_path / "family").counts
    assert (counts["problems"], counts["rejected"]) == (24, 0)
    assert read_manifest(tmp_path / "warmup").counts["problems"] == 16
    lines = paths["family"].read_text().splitlines()
    rows = {f"family/{row['split']}/{row['problem_id']}": row for row in map(json.loads, lines)}
    for problem in load_problems(tmp_path / "family"):
        row = rows.pop(problem.problem_id)
        assert problem.io_format is IOFormat.CALL
        assert problem.canonical_solution == row["solutions"][0]
        annotation = problem.annotation
        assert annotation is not None
        levels = {1: 2, 2: 2, 3: 3, 4: 3, 5: 3, 6: 3, 7: 4, 8: 4}[k_of(row)]  # ceil(sqrt(2, 3, 5, 6, 8, 9, 10, 10))
        assert len(annotation.subtask_chars) == levels
        last_branch = problem.canonical_solution.rindex("if a ==")
        assert (annotation.subtask_chars[0], annotation.subtask_chars[-1]) == (last_branch, 0)
        live = {a for a, _ in row["input_output"]["inputs"]}
        bodies = {2 * a + 3 for a in range(len(RULE.findall(row["question"])))}
        executed = {line for lines in annotation.executed_lines for line in lines}
        assert bodies - executed == {2 * a + 3 for a in range(len(bodies)) if a not in live}
    assert rows == {}
