"""The experiment on a dataset that somebody has, and from a model that somebody has."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

torch = pytest.importorskip("torch", reason="the trainer's tests need torch: pip install torch, then '.[train]'")
pytest.importorskip("accelerate", reason="the trainer's tests need accelerate: pip install '.[train]'")

from appsplus.errors import DatasetError, InputError
from appsplus.problem import Problem
from stepcoder.ablation import runs
from stepcoder.ablation.experiment import ablate
from stepcoder.ablation.given import checked
from stepcoder.ablation.plan import PRESETS, AblationConfig, refuse_idle
from stepcoder.config import SftConfig, TrainConfig, configured
from stepcoder.errors import ConfigError
from stepcoder.saved_config import read_config
from tests.benchmarks.scripts import script

DIFFICULTIES = ("competition", "interview", "introductory", "interview")


def smoke(**changes: Any) -> AblationConfig:
    given = {"suite": "methods", "workers": 1, "judge_workers": 1, "isolation": "best-effort", "max_prompt_tokens": 128}
    return configured(AblationConfig, "smoke", given | changes, PRESETS)


@pytest.fixture
def folder(problems: list[Problem], write_dataset: Callable[..., Path]) -> Path:
    """Six problems to learn, four that are held out, of which the last does not fit."""
    held_out = [replace(p, difficulty=name) for p, name in zip(problems, DIFFICULTIES, strict=False)]
    held_out[3] = replace(held_out[3], description="Is n above two? " * 100)
    return write_dataset(problems, test=held_out)


def test_a_dataset_takes_the_place_of_the_generated_problems(
    folder: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """Learned: its split train; held out: of its split test, told apart by difficulty; labelled: some that are learned."""
    out = tmp_path / "out"
    asked = {"problems_from": str(folder), "methods": "sft,ppo,stepcoder,prm-both", "updates": 4, "prm_problems": 2}
    ablate(out, smoke(**asked))
    assert (
        "6 of 6 problems to learn fit into prompt and completion\n3 of 4 held-out problems do" in capfd.readouterr().err
    )
    assert not (out / "data").exists()
    numbers = json.loads((out / "table.json").read_text())
    assert list(numbers["methods"]) == ["sft", "ppo", "stepcoder", "prm-both"]
    assert numbers["grouped_by"] == "difficulty"
    for found in numbers["methods"].values():
        assert (found["problems"], list(found["by_group"])) == (3, ["introductory", "interview", "competition"])
    held_out = {f"made/{n}-held-out" for n in range(3)}  # the fourth is too long
    for name in ("sft", "stepcoder"):
        assert set(json.loads((out / "seed-0" / name / "test.json").read_text())) == held_out
    curve = [json.loads(line) for line in (out / "seed-0" / "ppo" / "validation.jsonl").read_text().splitlines()]
    assert {line["problem_id"] for line in curve} == held_out
    _, dataset = read_config(TrainConfig, out / "seed-0" / "ppo")
    assert dataset == str(folder)
    labels = json.loads((out / "seed-0" / "prm" / "labels" / "config.json").read_text())
    assert (labels["dataset"], labels["problems"]) == (str(folder), 2)
    [done] = (out / "seed-0" / "prm" / "labels" / ".cache").glob("update-*.json")
    assert json.loads(done.read_text())["problem_ids"] == ["made/0", "made/3"]  # evenly spaced
    page = (out / "table.md").read_text()
    assert "| introductory | interview | competition |" in page
    assert "Per cent, of 3 held-out problems" in page
    with pytest.raises(InputError, match="the page is about generated problems; the tables of those of"):
        script("docs/make_learning_page.py").archive(out, tmp_path / "runs.tar.xz")


def test_it_begins_with_the_model_that_is_named_also_by_a_run_s_folder(folder: Path, tmp_path: Path) -> None:
    first, second = tmp_path / "first", tmp_path / "second"
    ablate(first, smoke(problems_from=str(folder), methods="sft"))
    model = first / "seed-0" / "sft"
    ablate(second, smoke(problems_from=str(folder), methods="sft,grpo", model=str(model), held_out=2))
    of_warm_up, _ = read_config(SftConfig, second / "seed-0" / "sft")
    assert of_warm_up.model == str(model / "final")
    of_run, _ = read_config(TrainConfig, second / "seed-0" / "grpo")
    assert of_run.model == str(second / "seed-0" / "sft" / "final")
    examined = {f"made/{n}-held-out" for n in (0, 2)}  # evenly spaced, for the curve as for the table
    assert set(json.loads((second / "seed-0" / "grpo" / "test.json").read_text())) == examined
    curve = [json.loads(line) for line in (second / "seed-0" / "grpo" / "validation.jsonl").read_text().splitlines()]
    assert {line["problem_id"] for line in curve} == examined


def test_problems_that_have_changed_are_other_problems(
    folder: Path, problems: list[Problem], write_dataset: Callable[..., Path], tmp_path: Path
) -> None:
    asked = smoke(problems_from=str(folder))
    runs.begin(tmp_path / "out", asked)
    runs.begin(tmp_path / "out", smoke(problems_from=str(folder), micro_rows=2))  # after it ran out of memory
    folder.rename(tmp_path / "before")
    write_dataset(problems[1:], test=problems, name=folder.name)
    with pytest.raises(InputError, match=r"was begun with other problems, .* or --problems-from had them then"):
        runs.begin(tmp_path / "out", asked)


@pytest.mark.parametrize("more", [{}, {"methods": "sft"}, {"validate_every": 0}])
def test_without_a_split_test_nothing_is_made(
    more: dict[str, Any], problems: list[Problem], write_dataset: Callable[..., Path], tmp_path: Path
) -> None:
    with pytest.raises(DatasetError, match=r"the split test of .* is empty"):
        ablate(tmp_path / "out", smoke(problems_from=str(write_dataset(problems)), **more))
    assert not (tmp_path / "out").exists()


def test_what_cannot_be_trained_on_is_refused_before_anything_is_made(
    problems: list[Problem], write_dataset: Callable[..., Path], tmp_path: Path
) -> None:
    out = tmp_path / "out"
    annotations = [problem.annotation for problem in problems]
    flat = [
        replace(p, annotation=replace(a, split_points=(), subtask_chars=(0,)))
        for p, a in zip(problems, annotations, strict=True)
        if a is not None
    ]
    straight = str(write_dataset(flat, test=flat, name="flat"))
    with pytest.raises(InputError, match=r"stepcoder: no problem of .* has more than one level, .* by --methods"):
        ablate(out, smoke(problems_from=straight))
    assert list(checked(smoke(problems_from=straight, methods="sft,ppo")))  # which has no curriculum
    with pytest.raises(DatasetError, match="is no folder"):
        ablate(out, smoke(problems_from=str(tmp_path / "nowhere")))
    too_long = str(write_dataset(problems, test=[replace(problems[0], description="Is it? " * 200)], name="long"))
    with pytest.raises(DatasetError, match=r"none of the 1 problems of the split test of .* fits into"):
        ablate(out, smoke(problems_from=too_long))
    assert not out.exists()


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"held_out": 3}, "--held-out is for --problems-from"),
        ({"held_out": -1, "problems_from": "data"}, "--held-out must be at least 0; got -1"),
        ({"train_problems": 3, "problems_from": "data"}, "--train-problems would do nothing with --problems-from"),
        ({"layers": 3, "model": "some"}, "--layers would do nothing with --model"),
    ],
)
def test_options_that_would_do_nothing_are_refused(given: dict[str, Any], words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        refuse_idle(smoke(**given), given)
    refuse_idle(smoke(problems_from="data"), ["problems_from"])


def test_the_preset_for_a_pretrained_model_has_the_trainer_s_values() -> None:
    config = configured(AblationConfig, "small", {"problems_from": "data"}, PRESETS)
    of_training = configured(TrainConfig, "small", {})
    of_run = config.run("stepcoder", 1, Path("warm-up"))
    assert (of_run.lora_rank, of_run.dtype, of_run.updates) == (32, "bfloat16", of_training.updates)
    assert (of_run.model, of_run.sft_epochs, of_run.seed) == ("warm-up", 0, 1)
    assert config.warm_up(1).model == of_training.model
    assert config.workers == 1
