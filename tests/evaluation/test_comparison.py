"""Two results, paired: figures worked by hand, and what cannot be compared."""

from collections.abc import Callable
from dataclasses import replace
from itertools import product
from pathlib import Path
from typing import Any

import pytest

from appsplus.errors import InputError
from appsplus.evaluation.comparison import Difference, compare, exact_p_value, first_samples, mcnemar
from appsplus.evaluation.evaluate import evaluate
from appsplus.evaluation.fit import fit
from appsplus.evaluation.results import Results
from appsplus.evaluation.samples import Samples

RIGHT, WRONG = "print(2 * int(input()))\n", "print(1)\n"


@pytest.fixture
def results_of(
    make_suite: Callable[..., Any], write_samples: Callable[..., Path], sample_rows: Any, judge: Any, tmp_path: Path
) -> Callable[..., Results]:
    """Results named NAME, from the programs of made/1, made/2, ...; the file is NAME.json."""

    def make(name: str, *programs: list[str]) -> Results:
        rows = sample_rows({f"made/{i}": some for i, some in enumerate(programs, start=1)})
        suite = make_suite(len(programs))
        with Samples(write_samples(*rows, name=f"{name}-samples.jsonl")) as samples:
            fitting = fit(suite, samples, (1,), partial=True)
            return evaluate(suite, samples, fitting, judge, tmp_path / f"{name}.json", name=name)

    return make


def test_mcnemars_p_value_is_that_of_all_ways_a_fair_coin_can_fall() -> None:
    for only_a in range(6):
        for only_b in range(6):
            tosses = only_a + only_b
            extreme = [
                sum(way) for way in product((0, 1), repeat=tosses) if abs(2 * sum(way) - tosses) >= abs(only_a - only_b)
            ]
            assert exact_p_value(only_a, only_b) == pytest.approx(len(extreme) / 2**tosses)
    assert exact_p_value(0, 0) == 1.0
    assert exact_p_value(1, 9) == pytest.approx(22 / 1024)  # 2 (1 + 10) / 2^10
    assert exact_p_value(4_000, 6_000) < 1e-80  # beyond what a float of 2^10000 could hold


def test_problems_are_paired_by_their_id() -> None:
    found = mcnemar({"p": True, "q": True, "r": False, "x": True}, {"r": False, "q": False, "p": True, "y": True})
    assert (found.both, found.only_a, found.only_b, found.neither) == (1, 1, 0, 1)


def test_the_difference_is_paired(results_of: Callable[..., Results]) -> None:
    a = results_of("a", [RIGHT], [WRONG], [WRONG], [WRONG])
    b = results_of("b", [RIGHT], [RIGHT], [WRONG], [WRONG])
    found = compare(a, b, None)
    pass_1 = found.differences[0]
    assert (pass_1.metric, pass_1.a, pass_1.b, pass_1.value, pass_1.num_problems) == ("pass@1", 0.25, 0.5, 0.25, 4)
    # of the four differences 0, 1, 0, 0 a draw of four is never below zero
    assert pass_1.low == 0.0
    assert pass_1.high == 0.75
    assert not pass_1.is_clear
    mirrored = compare(b, a, None).differences[0]
    assert (mirrored.value, mirrored.low, mirrored.high) == (-0.25, -0.75, 0.0)
    assert (found.mcnemar, found.warnings) == (None, ())


def test_a_difference_on_every_problem_has_an_interval_that_two_problems_do_not_deserve(
    results_of: Callable[..., Results],
) -> None:
    a, b = results_of("a", [WRONG], [WRONG]), results_of("b", [RIGHT], [RIGHT])
    found = compare(a, b, None).differences[0]
    assert (found.low, found.high, found.p_value, found.is_clear) == (1.0, 1.0, 0.5, False)


@pytest.mark.parametrize(("problems", "is_clear"), [(1, False), (5, False), (6, True), (30, True)])
def test_of_few_problems_the_sign_test_must_agree(problems: int, is_clear: bool) -> None:
    found = Difference("pass@1", 0.0, 1.0, 1.0, 1.0, 1.0, problems, exact_p_value(0, problems))
    assert found.is_clear is is_clear


def test_the_first_scored_sample_stands_for_a_problem(results_of: Callable[..., Results], tmp_path: Path) -> None:
    a = results_of("a", [WRONG, RIGHT], ["# fails\n", RIGHT], [RIGHT, WRONG])
    assert first_samples(tmp_path / "a.json", a) == {"made/1": False, "made/2": True, "made/3": True}
    b = results_of("b", [RIGHT, RIGHT], [RIGHT, RIGHT], [RIGHT, WRONG])
    with pytest.raises(InputError, match=r"a.verdicts.jsonl does not belong to .*a.json"):
        first_samples(tmp_path / "a.json", b)


def test_only_problems_that_both_have_scored_are_compared(results_of: Callable[..., Results]) -> None:
    a = results_of("a", [RIGHT], ["# fails\n"], [RIGHT])
    b = results_of("b", [RIGHT], [RIGHT], [WRONG])
    found = compare(a, b, None)
    assert found.num_problems == 2
    assert (found.differences[0].a, found.differences[0].b) == (1.0, 0.5)
    assert found.warnings[0].startswith("2 of 3 problems are compared")


def test_what_may_make_a_difference_besides_the_models_is_told(results_of: Callable[..., Results]) -> None:
    a = results_of("a", [RIGHT])
    b = replace(a, name="b", judge=replace(a.judge, version="0"), limits=replace(a.limits, cpu_s=1.0))
    told = compare(a, b, None).warnings
    assert told[0] == (
        f"a was judged by {a.judge.version}, b by 0: a difference may be the judge's; evaluate one of them again"
    )
    assert told[1].startswith("their programs had different limits")


@pytest.mark.parametrize("changes", [{"sha256": "6" * 64}, {"split": "train"}])
def test_other_problems_cannot_be_compared(changes: dict[str, str], results_of: Callable[..., Results]) -> None:
    a = results_of("a", [RIGHT])
    b = replace(a, name="b", dataset=replace(a.dataset, **changes))
    with pytest.raises(InputError, match="a and b were not judged on the same problems"):
        compare(a, b, None)


def test_without_a_shared_problem_there_is_nothing_to_compare(results_of: Callable[..., Results]) -> None:
    a, b = results_of("a", [RIGHT], ["# fails\n"]), results_of("b", ["# fails\n"], [RIGHT])
    with pytest.raises(InputError, match="a and b share no problem with a scored sample"):
        compare(a, b, None)
