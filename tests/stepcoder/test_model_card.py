"""The model card: every number comes from the run's files, and nothing in them can break it."""

import json
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from appsplus.problem import Problem
from appsplus.release import folder_hash
from stepcoder.model_card import parameters, render_model_card, write_model_card

SHAPES = {"lm.embed": [7, 4], "lm.layer": [4, 4], "scalar": []}  # 28 + 16 + 1


def weights(path: Path, shapes: dict[str, list[int]]) -> None:
    header = {name: {"dtype": "F32", "shape": shape, "data_offsets": [0, 0]} for name, shape in shapes.items()}
    text = json.dumps({"__metadata__": {"format": "pt"}, **header}).encode()
    path.write_bytes(struct.pack("<Q", len(text)) + text + b"\x00" * 8)


@pytest.fixture
def make_run(tmp_path: Path) -> Callable[..., Path]:
    def make(rates: list[float] = (), losses: list[float] = (), **config: Any) -> Path:  # type: ignore[assignment]
        run = tmp_path / "my-run"
        folder = run / "final"
        folder.mkdir(parents=True)
        weights(folder / "model.safetensors", SHAPES)
        (folder / "config.json").write_text(json.dumps({"architectures": ["LlamaForCausalLM"]}))
        (run / "config.json").write_text(
            json.dumps({"dataset": "someone/apps", "preset": "tiny", "model": "", **config})
        )
        if rates:
            (run / "metrics.jsonl").write_text(
                "".join(
                    json.dumps(
                        {"update": u, "pass_rate": rate, **({"validation_pass_rate": rate / 2} if u % 2 == 0 else {})}
                    )
                    + "\n"
                    for u, rate in enumerate(rates, 1)
                )
            )
        if losses:
            (run / "sft.jsonl").write_text(
                "".join(json.dumps({"step": i, "loss": x}) + "\n" for i, x in enumerate(losses))
            )
        return run

    return make


def test_numbers_are_those_of_the_run(make_run: Callable[..., Path]) -> None:
    run = make_run([0.1, 0.2, 0.6, 0.8, 0.5, 0.4], [2.5, 1.25], method="stepcoder", learning_rate=3e-05)
    path = write_model_card(run, run / "final")
    card = path.read_text()
    assert path == run / "final" / "README.md"
    assert "| Pass rate | 30.0% | 56.7% |" in card  # means of the first and the last three
    assert "20.0% passed at update 6, at best\n40.0% at update 4." in card
    assert "2 steps of supervised training brought the cross-entropy of solutions from 2.500 to 1.250 nats" in card
    assert "| parameters | 45 |" in card
    assert "| updates | 6 |" in card
    assert "| `learning_rate` | 3e-05 |" in card
    assert "| architecture | LlamaForCausalLM |" in card
    assert (
        "on the canonical solutions of a dataset, then by reinforcement learning from unit tests (method: stepcoder)."
        in card
    )


def test_the_front_matter_is_what_the_hub_reads(make_run: Callable[..., Path]) -> None:
    run = make_run([0.1, 0.2], method="ppo", model="deepseek-ai/deepseek-coder-1.3b-instruct")
    front = yaml.safe_load(render_model_card(run, run / "final").split("---\n")[1])
    assert front["library_name"] == "transformers"
    assert front["pipeline_tag"] == "text-generation"
    assert front["base_model"] == "deepseek-ai/deepseek-coder-1.3b-instruct"
    assert front["datasets"] == ["someone/apps"]
    assert "reinforcement-learning" in front["tags"]


def test_after_supervised_training_alone_there_is_no_word_of_rewards(make_run: Callable[..., Path]) -> None:
    run = make_run(losses=[3.0])
    card = render_model_card(run, run / "final")
    assert " on the canonical solutions of a dataset. The\n" in card
    assert "reinforcement" not in card.partition("## What it is not")[0].replace("stepcoder", "")
    assert "1 steps of supervised training" in card
    assert "| updates |" not in card


def test_a_local_dataset_is_named_by_folder_and_hash_and_no_path_is_told(
    make_run: Callable[..., Path], write_dataset: Callable[..., Path], problems: list[Problem], tmp_path: Path
) -> None:
    data = write_dataset(problems, problems[:2])
    run = make_run([0.5], method="ppo", dataset=str(data), model=str(tmp_path / "elsewhere" / "sft"))
    card = render_model_card(run, run / "final")
    assert "| dataset | data |" in card
    assert f"| hash of the dataset | `{folder_hash(data)}` |" in card
    assert "| problems in train, validation, test | 6, 2, 0 |" in card
    assert "| base model | elsewhere |" in card  # the run, not the folder of its policy
    assert str(tmp_path) not in card


def test_a_reward_model_is_named_by_its_folder_and_its_paper_is_cited(
    make_run: Callable[..., Path], tmp_path: Path
) -> None:
    run = make_run(dense_reward="prm", prm=str(tmp_path / "secret" / "my-prm"))
    card = render_model_card(run, run / "final")
    assert "| `prm` | my-prm |" in card
    assert "secret" not in card
    assert "PRM (arXiv:2410.17621)" in card


def test_what_chose_the_best_policy_is_told(make_run: Callable[..., Path]) -> None:
    run = make_run([0.5, 0.75], validation_split="test", validation_completions=2)
    card = " ".join(render_model_card(run, run / "final").split())
    assert "On problems of the test split, plain tasks, 2 sampled of each:" in card
    assert "`appsplus evaluate` on problems that had no part in it gives one" in card


def test_values_beside_the_weights_are_told_of_only_where_they_are(make_run: Callable[..., Path]) -> None:
    run = make_run([0.5])
    assert "value head" not in render_model_card(run, run / "final")
    weights(run / "final" / "values.safetensors", {"value_head.weight": [1, 4]})
    card = render_model_card(run, run / "final")
    assert "The value head is in `values.safetensors`" in card
    assert "| parameters | 45 |" in card  # of the policy


def test_options_that_the_paper_does_not_state_are_named_as_ours(make_run: Callable[..., Path]) -> None:
    card = render_model_card(run := make_run([0.5], not_the_papers=["gamma", "lam"]), run / "final")
    assert "The paper does not state the values of: gamma, lam. Those here are ours." in card
    assert "`not_the_papers`" not in card
    assert "It does state" not in card


def test_options_that_the_paper_states_otherwise_are_named(make_run: Callable[..., Path]) -> None:
    card = render_model_card(run := make_run([0.5], not_the_papers=["gamma"], changed=["learning_rate"]), run / "final")
    assert r"It does state those of learning\_rate; here they are others." in card


def test_who_gave_the_rewards_is_told(make_run: Callable[..., Path]) -> None:
    run = make_run([0.5])
    assert "Rewards: judge" not in render_model_card(run, run / "final")
    facts = {"judge": "abc-3.11.7", "isolation": "best-effort", "missing": {"cgroup": "why", "landlock": "why"}}
    (run / "judge.json").write_text(json.dumps(facts))
    assert "Rewards: judge abc-3.11.7, isolation best-effort, without cgroup, landlock." in render_model_card(
        run, run / "final"
    )


def test_hostile_options_stay_in_their_cells(make_run: Callable[..., Path]) -> None:
    run = make_run([0.5], method="x | y\n## Heading <script>", dataset="a\nb|c")
    card = render_model_card(run, run / "final")
    assert "<script>" not in card
    assert "\n## Heading" not in card
    assert "| dataset | a b\\|c |" in card


def test_a_run_whose_files_are_gone_or_torn_still_has_a_card(tmp_path: Path) -> None:
    (tmp_path / "final").mkdir()
    (tmp_path / "config.json").write_text("{")
    (tmp_path / "metrics.jsonl").write_text('{"update": 1, "pass')
    card = render_model_card(tmp_path, tmp_path / "final")
    assert "| dataset | not stated |" in card
    assert "| parameters | 0 |" in card


def test_parameters_are_counted_over_all_files_of_the_weights(tmp_path: Path) -> None:
    weights(tmp_path / "model-00001-of-00002.safetensors", {"a": [10, 10]})
    weights(tmp_path / "model-00002-of-00002.safetensors", {"b": [5]})
    assert parameters(tmp_path) == 105


def test_the_card_names_the_papers_of_its_method(make_run: Callable[..., Path]) -> None:
    run = make_run([0.5], method="grpo+fgo+match")
    card = render_model_card(run, run / "final")
    assert (
        "follows GRPO (arXiv:2402.03300), StepCoder (arXiv:2402.01391), PPOCoder (arXiv:2301.13816); this is not"
        in card
    )
