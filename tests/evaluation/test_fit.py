"""What does not fit together is said before a program has run."""

from collections.abc import Callable
from pathlib import Path

import pytest

from appsplus.errors import InputError
from appsplus.evaluation.fit import Fit, fit
from appsplus.evaluation.samples import Samples
from appsplus.evaluation.suite import Suite
from appsplus.judge import version

Write = Callable[..., Path]
MakeSuite = Callable[..., Suite]


def rows(*problem_ids: str) -> list[dict[str, str]]:
    return [{"problem_id": problem_id, "completion": "x"} for problem_id in problem_ids]


def fitted(suite: Suite, path: Path, *ks: int, partial: bool = False) -> Fit:
    with Samples(path) as samples:
        return fit(suite, samples, ks or (1,), partial=partial)


def test_one_sample_for_each_problem_fits(make_suite: MakeSuite, write_samples: Write) -> None:
    found = fitted(make_suite(2), write_samples(*rows("made/2", "made/1")))
    assert found == Fit((1,), 2, 1, (), ())


def test_uneven_numbers_of_samples_have_no_number_per_problem(make_suite: MakeSuite, write_samples: Write) -> None:
    found = fitted(make_suite(2), write_samples(*rows("made/2", "made/1", "made/1")))
    assert (found.num_samples, found.per_problem) == (3, None)


def test_a_problem_that_is_not_there_is_named_with_its_line(make_suite: MakeSuite, write_samples: Write) -> None:
    suite = make_suite(1, {"made/8": "rejected"})
    with pytest.raises(InputError) as refused:
        fitted(suite, write_samples(*rows("made/1", "other/7", "made/8")))
    told = str(refused.value)
    assert "samples for 2 problems that are not in made (other/7 in line 2, made/8 in line 3)" in told
    assert "the build rejected 1 of them, such as made/8; ids look like made/1" in told


def test_samples_of_other_splits_are_left_out_and_told(make_suite: MakeSuite, write_samples: Write) -> None:
    suite = make_suite(1, {"made/7": "train", "made/8": "train"})
    found = fitted(suite, write_samples(*rows("made/1", "made/7", "made/8")))
    assert found.num_samples == 1
    assert found.warnings == ("samples of other splits were left out (problems: 2 of train)",)


def test_samples_of_other_splits_only_are_refused(make_suite: MakeSuite, write_samples: Write) -> None:
    with pytest.raises(
        InputError, match=r"no problem of the split test of made \(problems: 1 of train\); choose .* --split"
    ):
        fitted(make_suite(1, {"made/7": "train"}), write_samples(*rows("made/7")))


def test_a_problem_without_a_sample_is_refused_or_told(make_suite: MakeSuite, write_samples: Write) -> None:
    path = write_samples(*rows("made/2"))
    with pytest.raises(InputError, match=r"no sample for 4 of 5 problems \(made/1, made/3, made/4, \.\.\.\)"):
        fitted(make_suite(5), path)
    found = fitted(make_suite(5), path, partial=True)
    assert found.missing == ("made/1", "made/3", "made/4", "made/5")
    assert found.warnings == ("4 of 5 problems have no sample, and are in no figure",)


def test_a_k_beyond_the_samples_of_one_problem_is_refused(make_suite: MakeSuite, write_samples: Write) -> None:
    path = write_samples(*rows("made/1", "made/1", "made/1", "made/2", "made/2"))
    assert fitted(make_suite(2), path, 2, 1, 2).ks == (1, 2)
    with pytest.raises(InputError, match=r"pass@3 needs at least 3 samples per problem; got 2 \(made/2\)"):
        fitted(make_suite(2), path, 1, 3)


def test_another_judge_and_another_dataset_are_told(
    make_suite: MakeSuite, write_samples: Write, tmp_path: Path
) -> None:
    path = write_samples(*rows("made/1"))
    (tmp_path / "samples.meta.json").write_text('{"dataset": {"sha256": "ab"}}')
    found = fitted(make_suite(1, judge_version="0123-3.11.0"), path)
    assert [warning.split(":")[0] for warning in found.warnings] == [
        f"the dataset was verified by judge 0123-3.11.0, the samples were judged by {version()}",
        "the samples were made from another version of the dataset (ab) than they were judged on (555555555555)",
    ]
    (tmp_path / "samples.meta.json").write_text(f'{{"dataset": {{"sha256": "{"5" * 64}"}}}}')
    assert fitted(make_suite(1, judge_version=version()), path).warnings == ()
