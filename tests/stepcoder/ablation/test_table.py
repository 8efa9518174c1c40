"""The numbers of the experiment, by hand; what the tables say."""

import json
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest

from stepcoder.ablation.markdown import markdown
from stepcoder.ablation.plots import draw
from stepcoder.ablation.runs import Job
from stepcoder.ablation.table import Examined, contrast, curve, difference, examined, interval, k_of, summary


def write_run(out: Path, method: str, seed: int, outcomes: Mapping[str, Mapping[str, int]]) -> Job:
    """A run that is done: {problem: {outcome: completions}}."""
    job = Job(out, method, seed)
    job.folder.mkdir(parents=True)
    (job.folder / "test.json").write_text(
        json.dumps({f"family/test/{name}": found for name, found in outcomes.items()})
    )
    return job


def test_the_number_of_branches_is_read_off_the_problem_s_name() -> None:
    assert k_of("family/test/k7-0031") == 7
    with pytest.raises(ValueError, match="corpus/train/0102 is no problem of the generated family"):
        k_of("corpus/train/0102")


def test_an_interval_draws_seeds_and_problems() -> None:
    """The spread of means is that of the resampled means: for seeds 0 and 1 alone, a quarter each of 0 and 1, half of 1/2."""
    only_seeds = interval(np.array([[0.0] * 50, [1.0] * 50]))
    assert (only_seeds.value, only_seeds.low, only_seeds.high) == (0.5, 0.0, 1.0)
    only_problems = interval(np.tile([0.0, 1.0], (3, 200)))  # 400 problems: standard error 1/40
    assert only_problems.value == 0.5
    assert only_problems.low == pytest.approx(0.5 - 1.96 / 40, abs=0.004)
    assert only_problems.high == pytest.approx(0.5 + 1.96 / 40, abs=0.004)
    assert interval(np.full((5, 8), 0.25)).low == interval(np.full((5, 8), 0.25)).high == 0.25


def test_a_contrast_draws_the_same_seeds_for_both_and_problems_of_each() -> None:
    """What every seed shares falls out of it; what problems differ in does not."""
    only_seeds = np.array([[0.0] * 50, [1.0] * 50])
    same = contrast(only_seeds, only_seeds[:, :20])
    assert (same.value, same.low, same.high) == pytest.approx((0.0, 0.0, 0.0), abs=1e-12)
    higher = contrast(only_seeds + 0.25, only_seeds[:, :20])
    assert (higher.value, higher.low, higher.high) == pytest.approx((0.25, 0.25, 0.25))
    both = contrast(np.tile([0.0, 1.0], (3, 200)), np.tile([0.0, 1.0], (3, 50)))  # standard errors 1/40 and 1/20
    assert both.value == 0.0
    assert both.high - both.low == pytest.approx(2 * 1.96 * (1 / 40**2 + 1 / 20**2) ** 0.5, rel=0.05)


def test_a_difference_is_paired_over_the_seeds_that_both_have() -> None:
    """Problems differ widely, the methods by 0.1 on each: unpaired intervals would overlap, the difference's is a point."""
    hard = np.linspace(0.0, 0.8, 40)
    names = tuple(f"family/test/k1-{i:04d}" for i in range(40))
    one = Examined((0, 1), names, np.stack([hard + 0.1, hard + 0.3]), {})
    other = Examined((1, 2), names, np.stack([hard + 0.2, hard]), {})
    found = difference(one, other)
    assert found is not None
    assert (found.value, found.low, found.high) == pytest.approx((0.1, 0.1, 0.1))
    assert difference(one, Examined((7,), names, np.stack([hard]), {})) is None


def test_the_summary_counts_completions_by_method_number_of_branches_and_end(tmp_path: Path) -> None:
    right, wrong = {"accepted": 4}, {"wrong_answer": 4}
    mixed = {"accepted": 1, "wrong_answer": 1, "time_limit_exceeded": 1, "extraction_failed": 1}
    jobs = [
        write_run(tmp_path, "ppo", 0, {"k1-0000": right, "k1-0001": wrong, "k2-0000": wrong, "k2-0001": mixed}),
        write_run(tmp_path, "ppo", 1, {"k1-0000": right, "k1-0001": right, "k2-0000": wrong, "k2-0001": wrong}),
        write_run(tmp_path, "stepcoder", 0, {"k1-0000": right, "k1-0001": right, "k2-0000": right, "k2-0001": mixed}),
        Job(tmp_path, "stepcoder", 1),  # under way
    ]
    prm = tmp_path / "seed-0" / "prm"
    prm.mkdir()
    measures = {"line_ends": 40, "accuracy": 0.75, "auroc": 0.8125, "calibration_error": None}
    cost = {"completions": 10, "programs": 9, "label_s": 2.0, "train_s": 1.0, "labels": {"+1": 70, "-1": 1030}}
    (prm / "cost.json").write_text(json.dumps(cost | {"held_out": measures}))
    numbers = summary(jobs)
    ppo, stepcoder = numbers["methods"]["ppo"], numbers["methods"]["stepcoder"]
    assert ppo["pass@1"]["value"] == pytest.approx((1.25 + 2) / 8)
    assert ppo["by_seed"] == [1.25 / 4, 2 / 4]
    assert [ppo["by_group"][k]["value"] for k in ("1", "2")] == [3 / 4, 0.25 / 4]
    assert ppo["outcomes"] == {
        "accepted": 13 / 32,
        "wrong answer": 17 / 32,
        "run-time error": 1 / 32,
        "compile error": 1 / 32,
    }
    assert (ppo["seeds"], stepcoder["seeds"], ppo["problems"]) == ([0, 1], [0], 4)
    [apart] = numbers["differences"]
    assert (apart["of"], apart["from"], apart["value"]) == ("stepcoder", "ppo", pytest.approx((3.25 - 1.25) / 4))
    page = markdown(numbers)
    assert "| StepCoder | 1 | 81.2 [" in page
    assert "| StepCoder - PPO | +50.0 [" in page
    assert "| PPO | 40.6 | 53.1 | 3.1 | 3.1 |" in page
    assert "| 0 | 70 | 1,030 | 40 | 0.750 | 0.812 | - |" in page


def validated_run(out: Path, method: str, seed: int, passed: Mapping[int, Mapping[str, int]]) -> Job:
    """A run that is done, {update: {problem: completions of four that passed}}; it ends as the last update did."""
    outcomes = {
        update: {name: {"accepted": n, "wrong_answer": 4 - n} for name, n in of_update.items()}
        for update, of_update in passed.items()
    }
    job = write_run(out, method, seed, outcomes[max(outcomes)])
    lines = [
        {"update": update, "problem_id": f"family/test/{name}", "outcomes": found}
        for update, of_update in outcomes.items()
        for name, found in of_update.items()
    ]
    (job.folder / "validation.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines) + '{"upd')
    return job


def test_a_curve_begins_with_the_warm_up_and_has_a_value_for_each_seed_at_updates_that_all_have(tmp_path: Path) -> None:
    sft = write_run(tmp_path, "sft", 0, {"k1-0000": {"accepted": 1, "wrong_answer": 3}})
    ppo = [
        validated_run(tmp_path, "ppo", 0, {20: {"k1-0000": 1, "k2-0000": 0}, 40: {"k1-0000": 4, "k2-0000": 4}}),
        validated_run(tmp_path, "ppo", 1, {20: {"k1-0000": 4, "k2-0000": 1}, 40: {"k1-0000": 4}}),  # being written
    ]
    assert curve([sft], "sft") == [(0, [0.25])]
    assert curve([sft, *ppo], "ppo") == [(0, [0.25]), (20, [1 / 8, 5 / 8])]


def test_methods_that_learned_for_fewer_updates_are_compared_at_the_last_that_both_had(tmp_path: Path) -> None:
    """The labels of the reward model cost an update here: in the end it is behind, at the same update ahead."""
    names = ("k1-0000", "k8-0000")
    jobs = [
        validated_run(
            tmp_path, method, seed, {update: dict(zip(names, n, strict=True)) for update, n in passed.items()}
        )
        for seed in (0, 1)
        for method, passed in {
            "ppo": {8: (0, 0), 16: (1, 0), 24: (4, 4)},
            "stepcoder": {8: (1, 0), 16: (1, 1), 24: (4, 4)},
            "prm-dense": {8: (0, 0), 16: (2, 3 - seed)},
        }.items()
    ]
    write_run(tmp_path, "sft", 0, {name: {"wrong_answer": 4} for name in names})
    lengths = {"family/test/k1-0000": 40, "family/test/k8-0000": 140}
    (tmp_path / "seed-0" / "sft" / "lengths.json").write_text(json.dumps(lengths))
    numbers = summary(jobs)
    found = {(d["of"], d["from"]): d for d in numbers["differences"]}
    assert found["stepcoder", "ppo"]["same_update"] is None  # both had 24 updates
    dense = found["prm-dense", "ppo"]
    assert dense["value"] == pytest.approx((9 - 16) / 16)
    assert dense["same_update"]["update"] == 16
    assert dense["same_update"]["value"] == pytest.approx((9 - 2) / 16)
    by_length = {name: at["value"] for name, at in dense["same_update"]["by_length"].items()}
    assert by_length == pytest.approx({"over 100 tokens": 5 / 8, "up to 100 tokens": 1 / 4})
    assert "| PRM dense - PPO | 16 | +43.8 [" in markdown(numbers)
    assert "| StepCoder - PPO | 24" not in markdown(numbers)


def test_figures_are_the_same_bytes_for_the_same_numbers_and_need_no_seed_twice(tmp_path: Path) -> None:
    jobs = [
        write_run(tmp_path, method, 0, {"k1-0000": {"accepted": n}, "k2-0000": {"wrong_answer": n}})
        for method, n in (("sft", 1), ("ppo", 2), ("stepcoder", 3))
    ]
    first = [path.read_bytes() for path in draw(tmp_path, summary(jobs))]
    again = [path.read_bytes() for path in draw(tmp_path, summary(jobs))]
    assert first == again
    assert all(b"<svg" in content for content in first)
    assert set(examined(jobs)) == {"sft", "ppo", "stepcoder"}
