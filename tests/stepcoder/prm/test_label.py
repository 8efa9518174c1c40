"""The commands on a small run: what labelling leaves, that it loses nothing, what training makes of it, and its use."""

import json
import math
import shutil
import signal
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

torch = pytest.importorskip("torch", reason="the trainer's tests need torch: pip install torch, then '.[train]'")
pytest.importorskip("accelerate", reason="the trainer's tests need accelerate: pip install '.[train]'")

from appsplus.errors import DatasetError, InputError
from appsplus.problem import Problem
from stepcoder import cli, run
from stepcoder.config import TrainConfig, configured
from stepcoder.data import new_tokenizer
from stepcoder.errors import ConfigError
from stepcoder.glossary import unknown_names
from stepcoder.policy import Policy, load_model
from stepcoder.prm import label as labelling
from stepcoder.prm.dataset import MANIFEST, labels_hash, read_rows
from stepcoder.prm.model import check_same_tokenizer, load_reward_model, start_critic
from stepcoder.prm.options import LabelConfig, PrmConfig
from stepcoder.prm.policies import Checkpoint, evenly_spaced, policies_of
from stepcoder.prm.training import LOSSES, train_reward_model
from stepcoder.prm.writer import PolicyWriter, weights_hash
from stepcoder.report import write_report
from stepcoder.rollouts import Decoding
from stepcoder.sampling import Request, Reranking, sample_run
from tests.stepcoder.conftest import TINY, StandInJudge, sampled_again_from, small_problem

ROOT = Path(__file__).resolve().parents[3]


class Engine(StandInJudge):
    """Accepts the canonical solution, without a sandbox."""

    workers = 1

    def __init__(self, **_: Any) -> None:
        super().__init__([small_problem()])

    def __enter__(self) -> "Engine":
        return self

    def __exit__(self, *_: object) -> None: ...


@pytest.fixture(autouse=True)
def stand_in(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(run, "LocalEngine", Engine)
    monkeypatch.setattr(labelling, "LocalEngine", Engine)


def config(**changes: Any) -> TrainConfig:
    small = {"updates": 4, "keep_policies": 2, "sft_epochs": 24, "sft_batch_examples": 2, "method": "ppo"}
    return configured(TrainConfig, "tiny", TINY | small | changes)


def options(**changes: Any) -> LabelConfig:
    return LabelConfig(**{"checkpoints": 2, "responses": 3, "k": 3, "batch": 16, "top_p": 1.0} | changes)


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """A dataset and a run that kept its policies; nothing here may change them."""
    from dataclasses import replace

    from appsplus.release import DatasetWriter, Manifest
    from appsplus.release.seal import seal

    folder = tmp_path_factory.mktemp("world")
    (folder / "data").mkdir()
    problems: list[Problem] = [small_problem(n) for n in range(6)]
    with DatasetWriter(folder / "data") as writer:
        for problem in problems:
            writer.add(problem, "train")
        writer.add(replace(problems[0], problem_id="made/held-out"), "validation")
    seal(folder / "data", Manifest("0.1.0", [], {}, {}, {}, writer.statistics.counts(), ()))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(run, "LocalEngine", Engine)
        patch.setattr(labelling, "LocalEngine", Engine)
        run.train_run(str(folder / "data"), config(), folder / "run", quiet=True)
        labelling.label(folder / "run", str(folder / "data"), folder / "labels", options(), quiet=True)
        train_reward_model(folder / "labels", folder / "prm", PrmConfig(epochs=2, checkpoint_every=2), quiet=True)
    return folder


def counted(monkeypatch: pytest.MonkeyPatch, stop_after: float = math.inf) -> list[int]:
    """How many completions each call of a policy wrote; it is interrupted after so many calls."""
    calls: list[int] = []
    write = PolicyWriter.write

    def counting(self: Any, requests: Sequence[Any], told: Any) -> Any:
        if len(calls) >= stop_after:
            raise KeyboardInterrupt
        made = write(self, requests, told)
        calls.append(len(requests))
        return made

    monkeypatch.setattr(PolicyWriter, "write", counting)
    return calls


def test_a_run_keeps_its_policies_at_evenly_spaced_updates(world: Path) -> None:
    assert [(c.update, c.folder.name) for c in policies_of(world / "run")] == [
        (2, "update-000002"),
        (4, "update-000004"),
    ]
    assert [c.update for c in evenly_spaced(world / "run", 1)] == [4]
    hashes = [weights_hash(c.folder) for c in policies_of(world / "run")]
    assert hashes[0] != hashes[1]
    assert hashes[1] == weights_hash(world / "run" / "final")


def test_of_a_run_that_was_prolonged_policies_are_evenly_spaced_by_updates(monkeypatch: pytest.MonkeyPatch) -> None:
    kept = [Checkpoint(update, Path(str(update))) for update in (25, 50, 75, 100, 150, 200)]
    monkeypatch.setattr("stepcoder.prm.policies.policies_of", lambda _run: kept)
    for count, expected in ((4, [50, 100, 150, 200]), (2, [100, 200]), (6, [25, 50, 75, 100, 150, 200]), (1, [200])):
        assert [one.update for one in evenly_spaced(Path("run"), count)] == expected


def test_the_labels_are_a_data_set_that_others_can_load(world: Path, tmp_path: Path) -> None:
    from datasets import load_dataset

    lines = load_dataset(str(world / "labels"), "lines", cache_dir=str(tmp_path))
    responses = load_dataset(str(world / "labels"), "responses", cache_dir=str(tmp_path))
    manifest = json.loads((world / "labels" / "manifest.json").read_text())
    assert set(lines) == set(responses) == {"train", "test"}
    assert not set(lines["train"]["problem_id"]) & set(lines["test"]["problem_id"])
    assert sum(map(len, responses.values())) <= 2 * 6 * 3
    assert min(manifest["counts"][kind] for kind in ("correct", "revised", "wrong")) > 0  # or it would be a poor test
    assert sum(manifest["labels"].values()) == sum(map(len, lines.values())) > 0
    first = lines["train"][0]
    assert (first["k"], first["checkpoint"], first["license"]) == (3, "update-000002", "MIT")
    assert manifest["dataset"]["name"] == "data"
    assert first["response"] in range(3)
    assert first["checkpoint_sha256"] == manifest["checkpoints"]["update-000002"]
    for row in responses["train"]:
        code = [label for label in row["labels"] if label]
        assert code == sorted(code, reverse=True)  # +1 up to the transition, then -1
        assert code.count(1) == row["transition"]
        tried = [(n, label) for n, label in zip(row["passes"], row["labels"], strict=True) if n is not None]
        assert all((passes > 0) == (label > 0) for passes, label in tried)
        assert (row["verdict"] == "accepted") <= (-1 not in code and not tried)
    assert "| attempts a prefix, K | 3 |" in (world / "labels" / "README.md").read_text()


@pytest.mark.parametrize("stop_after", [1, 5])
def test_labelling_that_is_interrupted_writes_no_completion_twice(
    world: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, stop_after: int
) -> None:
    with pytest.MonkeyPatch.context() as patch:
        before = counted(patch, stop_after)
        with pytest.raises(KeyboardInterrupt):
            labelling.label(world / "run", str(world / "data"), tmp_path / "broken", options(), quiet=True)
    after = counted(monkeypatch)
    labelling.label(world / "run", str(world / "data"), tmp_path / "broken", options(), quiet=True)
    check_same_labels(world, tmp_path / "broken", sum(before) + sum(after))


def check_same_labels(world: Path, broken: Path, written: int) -> None:
    """Labels that were stopped in the middle are those of an unbroken run, and cost as much."""
    cost, theirs = (json.loads((of / "manifest.json").read_text())["cost"] for of in (world / "labels", broken))
    assert written == sum(of["completions"] for of in cost.values()) == sum(of["completions"] for of in theirs.values())
    assert all(of["seconds"] > 0 and not of["judge_failures"] for of in theirs.values())
    for split in ("train", "test"):
        assert read_rows(broken, "responses", split) == read_rows(world / "labels", "responses", split)


KILLED = """
import os, signal, sys, warnings
from pathlib import Path
warnings.simplefilter("ignore")
import torch
torch.set_num_threads(1)
from stepcoder.prm import label as labelling
from stepcoder.prm.writer import PolicyWriter
from tests.stepcoder.prm.test_label import Engine, options
labelling.LocalEngine = Engine
write, calls = PolicyWriter.write, []
def killing(self, requests, told):
    kept = []
    def killed(place, row):
        told(place, row)
        kept.append(place)
        print(1, flush=True)
        if len(calls) == 3 and len(kept) == int(sys.argv[5]):
            os.kill(os.getpid(), int(sys.argv[4]))
    if len(calls) == 3:
        if sys.argv[5] == "0":
            os.kill(os.getpid(), int(sys.argv[4]))
        assert len(requests) > int(sys.argv[5])
        return write(self, requests, killed)
    made = write(self, requests, told)
    calls.append(len(requests))
    print(len(requests), flush=True)
    return made
PolicyWriter.write = killing
run, data, out = sys.argv[1:4]
labelling.label(Path(run), data, Path(out), options(), quiet=True)
"""


@pytest.mark.parametrize("within", [0, 2], ids=["between-batches", "within-one"])
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_labelling_that_is_killed_writes_no_completion_twice(
    world: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int, within: int
) -> None:
    arguments = [str(world / "run"), str(world / "data"), str(tmp_path / "killed"), str(int(number)), str(within)]
    killed = subprocess.run(
        [sys.executable, "-c", KILLED, *arguments], capture_output=True, text=True, cwd=ROOT, check=False
    )
    assert killed.returncode in (-9, -2, 1), killed.stderr
    assert (number == signal.SIGTERM) is ("KeyboardInterrupt" in killed.stderr)
    before = [int(n) for n in killed.stdout.split()]
    after = counted(monkeypatch)
    labelling.label(world / "run", str(world / "data"), tmp_path / "killed", options(), quiet=True)
    check_same_labels(world, tmp_path / "killed", sum(before) + sum(after))


def test_finished_labels_are_gone_on_with_for_nothing_and_not_under_other_options(
    world: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls = counted(monkeypatch)
    labelling.label(world / "run", str(world / "data"), world / "labels", options(batch=8), quiet=True)
    assert calls == []
    with pytest.raises(InputError, match=r"was begun with --k 3, not 5; go on with the options"):
        labelling.label(world / "run", str(world / "data"), world / "labels", options(k=5), quiet=True)
    monkeypatch.setattr(labelling, "weights_hash", lambda folder: f"{folder} trained again")
    with pytest.raises(InputError, match=r"was begun with other policies than there are now; name another --out"):
        labelling.label(world / "run", str(world / "data"), world / "labels", options(), quiet=True)


def test_bad_input_to_labelling_is_told_in_words(world: Path, tmp_path: Path) -> None:
    with pytest.raises(
        InputError, match=r"holds 2 policies of its training \(update-000002, update-000004\); expected at"
    ):
        labelling.label(world / "run", str(world / "data"), tmp_path / "x", options(checkpoints=4), quiet=True)
    with pytest.raises(InputError, match=r"holds 0 policies of its training; .*--keep-policies 2"):
        labelling.label(tmp_path, str(world / "data"), tmp_path / "x", options(), quiet=True)
    assert not (tmp_path / "x").exists()
    with pytest.raises(ConfigError, match=r"--k must be at least 1; got 0: a prefix that nobody tries"):
        options(k=0)
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "thesis.txt").write_text("mine")
    with pytest.raises(InputError, match=r"full is there, and nothing that `stepcoder prm label` has begun"):
        labelling.label(world / "run", str(world / "data"), tmp_path / "full", options(), quiet=True)


def test_a_reward_model_is_left_with_its_measures_and_a_page(world: Path) -> None:
    facts = json.loads((world / "prm" / "prm.json").read_text())
    assert facts["selection"] == "full"
    assert facts["responses"] == len(read_rows(world / "labels", "responses", "train"))
    held_out = [label for row in read_rows(world / "labels", "responses", "test") for label in row["labels"] if label]
    assert facts["held_out"]["line_ends"] == len(held_out)
    page = (world / "prm" / "report.html").read_text()
    assert "<svg" in page
    assert "<script" not in page
    assert "Squared error, by step" in page
    losses = [json.loads(line)["loss"] for line in (world / "prm" / LOSSES).read_text().splitlines()]
    assert len(losses) == 2 * math.ceil(facts["responses"] / 8)
    model, _ = load_reward_model(world / "prm")
    assert model.policy.value_head.weight.abs().max() > 0
    with pytest.raises(InputError, match="already holds a reward model"):
        train_reward_model(world / "labels", world / "prm", PrmConfig(), quiet=True)


def test_training_that_is_interrupted_goes_on_to_the_same_weights(
    world: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from stepcoder.prm import training

    given = PrmConfig(epochs=3, batch_responses=8, checkpoint_every=2)
    train_reward_model(world / "labels", tmp_path / "whole", given, quiet=True)
    step, calls = training._step, 0

    def interrupted(*arguments: Any) -> float:
        nonlocal calls
        calls += 1
        if calls == 6:
            raise KeyboardInterrupt
        return step(*arguments)

    monkeypatch.setattr(training, "_step", interrupted)
    with pytest.raises(KeyboardInterrupt):
        train_reward_model(world / "labels", tmp_path / "broken", given, quiet=True)
    with pytest.raises(InputError, match="holds no reward model; expected a folder that"):
        load_reward_model(tmp_path / "broken")
    monkeypatch.setattr(training, "_step", step)
    with (
        monkeypatch.context() as patched,
        pytest.raises(InputError, match="was begun with other labels than there are"),
    ):
        patched.setattr(training, "labels_hash", lambda _: "of others")
        train_reward_model(world / "labels", tmp_path / "broken", given, quiet=True)
    manifest = world / "labels" / MANIFEST
    before = manifest.read_text()
    labelled_again = json.loads(before)
    labelled_again["options"] |= {"batch": 99, "judge_workers": 9}  # which change no label
    manifest.write_text(json.dumps(labelled_again))
    train_reward_model(world / "labels", tmp_path / "broken", given, quiet=True)
    manifest.write_text(before)
    assert (tmp_path / "broken" / LOSSES).read_text() == (tmp_path / "whole" / LOSSES).read_text()
    whole, broken = (load_reward_model(tmp_path / name)[0].state_dict() for name in ("whole", "broken"))
    assert all(torch.equal(whole[name], broken[name]) for name in whole)


def test_the_hash_of_labels_is_that_of_their_rows(world: Path, tmp_path: Path) -> None:
    copy = tmp_path / "labels"
    shutil.copytree(world / "labels", copy)
    (copy / MANIFEST).unlink()
    assert labels_hash(copy) == labels_hash(world / "labels")
    next((copy / "responses").iterdir()).unlink()
    assert labels_hash(copy) != labels_hash(world / "labels")


def test_labels_that_are_not_finished_and_another_tokenizer_are_refused(world: Path, tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match=r"holds no labelled prefixes.*give that command again"):
        train_reward_model(tmp_path, tmp_path / "x", PrmConfig(), quiet=True)
    _, ours = load_model(str(world / "run" / "final"), config())
    other = new_tokenizer(["print('something else')\n"], 300)
    with pytest.raises(
        ConfigError, match=r"--prm PRM was trained with another tokenizer \(.* words\) than the policy's"
    ):
        check_same_tokenizer(ours, other, "PRM")
    check_same_tokenizer(ours, ours, "PRM")


def test_a_reward_model_of_another_tokenizer_is_refused_wherever_one_is_used(world: Path, tmp_path: Path) -> None:
    other, policy = tmp_path / "prm", tmp_path / "policy"
    shutil.copytree(world / "prm", other)
    shutil.copytree(world / "run" / "final", policy)
    for folder in (other, policy):
        new_tokenizer(["x = 1\n"], 280).save_pretrained(folder)
    given: dict[str, Any] = {"model": str(world / "run"), "prm": str(other), "dense_reward": "prm"}
    for epochs in (0, 1):
        with pytest.raises(ConfigError, match="was trained with another tokenizer"):
            run.train_run(
                str(world / "data"), config(**given, sft_epochs=epochs), tmp_path / f"run{epochs}", quiet=True
            )
        assert not (tmp_path / f"run{epochs}" / "sft").exists()  # it is told before hours of supervised training
    shape = {"value_init": "prm", "critic": "separate", "value_coef": 0.5, "prm": str(world / "prm"), "sft_epochs": 1}
    with pytest.raises(ConfigError, match="has another shape than the policy"):
        run.train_run(str(world / "data"), config(**shape, hidden_size=16), tmp_path / "shape", quiet=True)
    request = Request(
        str(world / "data"), "train", 1, Decoding(1.0, 1.0, 8, 8), seed=0, reranking=Reranking(str(other), 3)
    )
    with pytest.raises(ConfigError, match="was trained with another tokenizer"):
        sample_run(world / "run", request, tmp_path / "samples.jsonl")
    with pytest.raises(ConfigError, match=r"has another tokenizer than the one that .* was labelled with"):
        train_reward_model(world / "labels", tmp_path / "new", PrmConfig(), policy, quiet=True)


def test_a_critic_that_starts_from_a_reward_model_values_states_as_it_does(world: Path) -> None:
    lm, _ = load_model(str(world / "run" / "final"), config())
    critic, _ = load_model(str(world / "run" / "sft"), config())
    policy = Policy(lm, critic).eval()
    prm, _ = load_reward_model(world / "prm")
    ids = torch.randint(3, 300, (2, 9))
    attention = torch.ones_like(ids)
    with torch.no_grad():
        scores = prm.eval()(ids, attention)[:, 3:-1]  # the value before token i is R after token i - 1
        for reward, expected in (("verdict", scores), ("binary", (scores + 1) / 2)):
            start_critic(policy, prm, "PRM", reward=reward)
            _, values, _ = policy(ids, attention, 5)
            assert torch.allclose(values, expected, atol=1e-5)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"dense_reward": "prm"}, "need a reward model"),
        ({"prm": "x"}, "is used by nothing"),
        ({"value_init": "prm", "prm": "x"}, "give --critic separate"),
        ({"value_init": "prm", "prm": "x", "method": "grpo"}, "grpo has no critic that could start from it"),
        ({"dense_reward": "orm", "prm": "x"}, "--dense-reward orm is not known; expected prm"),
        (
            {"value_init": "prm", "prm": "x", "critic": "separate", "value_coef": 0.0},
            "--critic separate: with --value-coef 0",
        ),
        (
            {"value_init": "prm", "prm": "x", "critic": "separate", "value_coef": 1.0, "prm_drop_gap": 0.1},
            "drops the dense reward",
        ),
        (
            {"dense_reward": "prm", "prm": "x", "prm_drop_gap": 0.1, "updates": 19},
            "with --updates 19 it would never drop",
        ),
        ({"dense_reward": "prm", "prm": "x", "prm_weight_failed": -0.5}, "at least 0, .*got 1 and -0.5"),
        (
            {"dense_reward": "prm", "prm": "x", "prm_weight_passed": 0.0, "prm_weight_failed": 0.0},
            "or the dense reward is none; got 0 and 0",
        ),
    ],
)
def test_options_that_make_no_sense_together_are_refused(changes: dict[str, Any], words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        config(**changes)


@pytest.mark.parametrize("use", ["dense", "value", "both"])
def test_each_use_of_a_reward_model_trains_alone_and_with_the_other(world: Path, tmp_path: Path, use: str) -> None:
    given: dict[str, Any] = {
        "prm": str(world / "prm"),
        "model": str(world / "run"),
        "sft_epochs": 0,
        "keep_policies": 0,
    }
    given |= {"dense_reward": "prm"} if use != "value" else {}
    given |= {"value_init": "prm", "critic": "separate", "value_coef": 0.5} if use != "dense" else {}
    out = tmp_path / "run"
    assert run.train_run(str(world / "data"), config(**given, updates=2), out, quiet=True)
    numbers = [json.loads(line) for line in (out / "metrics.jsonl").read_text().splitlines()]
    assert unknown_names(name for line in numbers for name in line) == []
    assert all(0 <= line["comment_share"] <= 1 <= line["completion_lines"] for line in numbers)
    assert ("prm_belief" in numbers[0]) == (use != "value")
    if use != "value":
        for line in numbers:
            assert line["prm_gap"] == pytest.approx(line["prm_belief"] - line["pass_rate"])
        assert "What the reward model believes, and the truth" in write_report(out).read_text()
    if use != "dense":
        assert numbers[0]["value_mean"] != 0  # a critic that starts at nothing would say 0


def test_a_resumed_run_with_a_dense_reward_gives_the_numbers_of_an_unbroken_one(world: Path, tmp_path: Path) -> None:
    given: dict[str, Any] = {
        "prm": str(world / "prm"),
        "model": str(world / "run"),
        "sft_epochs": 0,
        "dense_reward": "prm",
        "prm_drop_gap": 0.01,
        "prm_gap_updates": 1,
        "checkpoint_every": 2,
    }
    data = str(world / "data")
    run.train_run(data, config(**given), tmp_path / "whole", quiet=True)
    run.train_run(data, config(**given, updates=2), tmp_path / "broken", quiet=True)
    again = run.resumed_config(tmp_path / "broken", data, {"updates": 4})
    run.train_run(data, again, tmp_path / "broken", resume=True, quiet=True)

    def of_prm(folder: Path) -> list[dict[str, Any]]:
        lines = [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]
        return [{k: v for k, v in line.items() if k.startswith("prm") or k == "policy_loss"} for line in lines]

    assert of_prm(tmp_path / "broken") == of_prm(tmp_path / "whole")


@pytest.mark.parametrize("search", ["", "lines"])
def test_sampling_gives_what_the_reward_model_chooses(world: Path, tmp_path: Path, search: str) -> None:
    chosen = Reranking(str(world / "prm"), 3, search, 2)
    request = Request(str(world / "data"), "train", 2, Decoding(1.0, 1.0, 30, 16), seed=1, reranking=chosen)
    out = tmp_path / "samples.jsonl"
    assert sample_run(world / "run", request, out) == 12
    whole, again = sampled_again_from(out, 9, partial(sample_run, world / "run", request))
    assert whole == again
    assert [json.loads(line)["problem_id"] for line in whole] == [f"made/{n}" for n in range(6) for _ in range(2)]
    with pytest.raises(InputError, match="more than the reward model has to choose from"):
        replace(request, completions=9)
    if search:
        with pytest.raises(InputError, match="choose from; raise --candidates"):  # a beam of one never grows
            replace(request, reranking=replace(chosen, candidates=1))
        sure = replace(request, decoding=Decoding(1e-6, 1.0, 30, 16))  # all that it tries is the same
        assert sample_run(world / "run", sure, tmp_path / "sure.jsonl") == 12
        rows = [json.loads(line) for line in (tmp_path / "sure.jsonl").read_text().splitlines()]
        assert [row["sample_index"] for row in rows] == [0, 1] * 6
    with pytest.raises(InputError, match="candidates of the likeliest tokens would all be the same"):
        replace(request, completions=1, decoding=Decoding(0.0, 1.0, 30, 16))


def test_the_commands_say_what_they_made_and_what_comes_next(
    world: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    given = f"prm label {world / 'run'} {world / 'data'} --out {world / 'labels'}"
    sizes = "--checkpoints 2 --responses 3 --k 3 --batch 16 --top-p 1.0"
    called = CliRunner().invoke(cli.app, f"{given} {sizes}")
    assert called.exit_code == 0, called.output
    assert f"go on with: stepcoder prm train {world / 'labels'} --out PRM" in called.output
    called = CliRunner().invoke(
        cli.app, f"prm train {world / 'labels'} --out {tmp_path / 'prm'} --epochs 1 --selection medium-only"
    )
    assert called.exit_code == 0, called.output
    assert "held out" in called.output
    called = CliRunner().invoke(cli.app, f"prm label RUN DIR --out {tmp_path / 'x'} --k 0")
    assert isinstance(called.exception, ConfigError)
    called = CliRunner().invoke(cli.app, f"sample RUN --data DIR --out {tmp_path / 'x'} --rerank prm")
    assert isinstance(called.exception, ConfigError)
