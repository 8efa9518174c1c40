"""Whole runs, small ones: what they leave, how they go on, what ends them, and what they lose then."""

import errno
import json
import math
import os
import shutil
import signal
import threading
from collections.abc import Callable, Sequence
from dataclasses import fields, replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

torch = pytest.importorskip("torch", reason="the trainer's tests need torch: pip install torch, then '.[train]'")
pytest.importorskip("accelerate", reason="the trainer's tests need accelerate: pip install '.[train]'")

from safetensors.torch import load_file, save_file
from transformers import PretrainedConfig

from appsplus.errors import DatasetError, InputError
from appsplus.evaluation import prompts
from appsplus.judge import Job, Report
from appsplus.problem import Problem
from stepcoder import checkpoint, estimate, ppo, run, setup, sft
from stepcoder.checkpoint import recover
from stepcoder.config import SftConfig, TrainConfig, configured
from stepcoder.data import new_tokenizer, sft_example, tokenizer_texts
from stepcoder.errors import ConfigError, TrainingError
from stepcoder.glossary import METRICS, unknown_names
from stepcoder.inputs import refuse_too_long
from stepcoder.metrics import RunLog
from stepcoder.report import write_report
from tests.stepcoder.conftest import CLOCK, TINY, StandInJudge, engine_of, metrics

pytestmark = pytest.mark.usefixtures("stand_in")  # `test_the_real_judge...` takes this away again


def config(**changes: Any) -> TrainConfig:
    return configured(TrainConfig, "tiny", TINY | {"updates": 4, "checkpoint_every": 2} | changes)


def final_weights(folder: Path) -> dict[str, Any]:
    return load_file(str(folder / "model.safetensors")) | load_file(str(folder / "values.safetensors"))


def scalars(folder: Path, tag: str) -> dict[int, float]:
    """By step, what TensorBoard has of a number."""
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    events = EventAccumulator(str(folder)).Reload()
    return {event.step: event.value for event in events.Scalars(tag)} if tag in events.Tags()["scalars"] else {}


def same(one: dict[str, Any], other: dict[str, Any]) -> bool:
    return one.keys() == other.keys() and all(torch.equal(one[name], other[name]) for name in one)


def test_a_run_leaves_its_numbers_samples_checkpoints_and_policy(dataset: str, tmp_path: Path) -> None:
    out = tmp_path / "run"
    assert run.train_run(dataset, config(validate_every=2, keep_checkpoints=1), out)
    numbers = metrics(out)
    assert [n["update"] for n in numbers] == [1, 2, 3, 4]
    for n in numbers:
        assert -1 <= n["reward_mean"] <= 1
        assert 0 <= n["pass_rate"] <= 1
        assert sum(n["levels"].values()) == 3  # problems an update
        assert sum(v for k, v in n.items() if k.startswith("share_")) == pytest.approx(1)
        assert math.isfinite(n["policy_loss"])
    assert {"validation_pass_rate", "validation_reward_mean"} <= numbers[1].keys()
    assert "validation_pass_rate" not in numbers[0]
    held_out = [json.loads(line) for line in (out / "validation.jsonl").read_text().splitlines()]
    assert [(line["update"], line["problem_id"]) for line in held_out] == [
        (update, f"made/{n}-held-out") for update in (2, 4) for n in (0, 1)
    ]
    assert all(sum(line["outcomes"].values()) == 1 for line in held_out)
    assert [p.name for p in sorted((out / "checkpoints").iterdir())] == ["update-000004"]
    sample = json.loads((out / "samples.jsonl").read_text().splitlines()[0])
    assert set(sample) >= {"update", "problem_id", "level", "prefix_chars", "completion", "verdict", "reward", "keep"}
    assert len(sample["token_offsets"]) == len(sample["keep"])
    assert scalars(out / "tensorboard" / "stepcoder", "reward_mean") == pytest.approx(
        {n["update"]: n["reward_mean"] for n in numbers}
    )
    supervised = [json.loads(line) for line in (out / "sft.jsonl").read_text().splitlines()]
    assert scalars(out / "tensorboard" / "stepcoder-sft", "loss") == pytest.approx(
        {line["step"]: line["loss"] for line in supervised}
    )
    assert scalars(out / "tensorboard" / "stepcoder-sft", "reward_mean") == {}
    assert unknown_names(name for n in numbers for name in n) == []
    assert {m.name for m in METRICS if not m.sometimes} - CLOCK <= numbers[0].keys()
    assert "Learning curves" in write_report(out).read_text()
    card = (out / "final" / "README.md").read_text()
    assert f"| updates | {len(numbers)} |" in card
    assert (
        f"| parameters | {sum(v.numel() for v in load_file(str(out / 'final' / 'model.safetensors')).values()):,} |"
        in card
    )
    assert (out / "best" / "model.safetensors").is_file()
    assert (out / "final" / "README.md").read_text().startswith("---\n")


def test_the_policy_loads_with_transformers_alone_and_with_its_values(dataset: str, tmp_path: Path) -> None:
    from transformers import AutoModelForCausalLM, AutoTokenizer

    from stepcoder.policy import Policy, load_values

    out = tmp_path / "run"
    run.train_run(dataset, config(updates=2), out)
    lm = AutoModelForCausalLM.from_pretrained(out / "final")
    tokenizer = AutoTokenizer.from_pretrained(out / "final")
    ids = tokenizer("n = int(input())\n", return_tensors="pt")["input_ids"]
    assert lm(ids).logits.shape == (1, ids.shape[1], len(tokenizer))
    state = load_file(str(out / "checkpoints" / "update-000002" / "state" / "model.safetensors"))
    assert torch.equal(lm.model.embed_tokens.weight, state["lm.model.embed_tokens.weight"])
    policy = Policy(lm)
    assert load_values(policy, out / "final")
    assert torch.equal(policy.value_head.weight, state["value_head.weight"])
    assert policy.value_head.weight.abs().max() > 0


@pytest.mark.parametrize(
    "changes",
    [
        {"method": "stepcoder"},
        {"method": "ppo", "kl_control": "adaptive", "critic": "separate", "entropy_coef": 0.01},
        {"method": "ppo+cccs", "schedule": "mixed", "lora_rank": 4},
    ],
    ids=["stepcoder", "separate critic", "lora"],
)
@pytest.mark.filterwarnings("ignore:`is_gradient_checkpointing`:FutureWarning")  # peft asks transformers' old name
def test_a_resumed_run_gives_the_same_numbers_as_an_unbroken_one(
    dataset: str, tmp_path: Path, changes: dict[str, Any]
) -> None:
    whole, broken = tmp_path / "whole", tmp_path / "broken"
    run.train_run(dataset, config(**changes), whole)
    run.train_run(dataset, config(**changes, updates=2), broken)
    with (broken / "metrics.jsonl").open("a") as file:
        file.write('{"update": 3, "reward_mean": 9.9}\n{"update": 4, "rew')  # what a killed run had written since
    again = run.resumed_config(broken, dataset, {"updates": 4})
    run.train_run(dataset, again, broken, resume=True)
    assert metrics(broken) == metrics(whole)
    assert same(final_weights(broken / "final"), final_weights(whole / "final"))
    assert not same(final_weights(whole / "final"), final_weights(whole / "sft"))


def test_the_best_policy_is_that_of_the_best_validation_also_of_a_run_that_was_resumed(
    dataset: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rates = {1: 0.2, 2: 0.6, 3: 0.4, 4: 0.6}
    monkeypatch.setattr(
        ppo,
        "validate",
        lambda _trainer, _config, _judgements, update: SimpleNamespace(
            numbers={"pass_rate": rates[update]}, by_problem=dict
        ),
    )
    options = {"validate_every": 1, "checkpoint_every": 1, "keep_policies": 4}
    out = tmp_path / "run"
    run.train_run(dataset, config(**options, updates=2), out)
    second = final_weights(out / "final")
    assert same(final_weights(out / "best"), second)
    for updates in (3, 4):
        run.train_run(dataset, run.resumed_config(out, dataset, {"updates": updates}), out, resume=True)
        last = final_weights(out / "final")
        assert not same(last, second)
        assert same(final_weights(out / "best"), second if updates == 3 else last)  # of equals, the latest


def test_options_of_fgo_reach_the_batch(dataset: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assembled, given = ppo.assembled, []

    def seen(*arguments: Any, **options: Any) -> Any:
        given.append((options["mask_kl"], options["whiten_advantages"]))
        return assembled(*arguments, **options)

    monkeypatch.setattr(ppo, "assembled", seen)
    run.train_run(dataset, config(method="ppo+fgo", mask_kl=True, updates=1), tmp_path / "masked")
    run.train_run(dataset, config(method="ppo+fgo", whiten_advantages=False, updates=1), tmp_path / "plain")
    assert given == [(True, True), (False, False)]


def test_completions_are_read_once_more_while_the_judge_is_at_them(
    dataset: str, problems: list[Problem], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    read, is_read = ppo.read_once, threading.Event()

    class Patient(StandInJudge):
        def judge(self, jobs: Sequence[Job]) -> list[Report]:
            assert is_read.wait(timeout=60)
            return super().judge(jobs)

    def told(*arguments: Any, **options: Any) -> Any:
        found = read(*arguments, **options)
        is_read.set()
        return found

    monkeypatch.setattr(run, "LocalEngine", engine_of(Patient, problems))
    monkeypatch.setattr(ppo, "read_once", told)
    assert run.train_run(dataset, config(updates=1), tmp_path / "run")


def test_an_interruption_ends_the_update_first_and_loses_nothing(
    dataset: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole, broken = tmp_path / "whole", tmp_path / "broken"
    run.train_run(dataset, config(), whole)
    learned, calls = ppo._learned, 0

    def interrupted(*arguments: Any) -> Any:
        nonlocal calls
        calls += 1
        if calls == 3:
            os.kill(os.getpid(), signal.SIGINT)
        return learned(*arguments)

    before = signal.getsignal(signal.SIGINT)
    monkeypatch.setattr(ppo, "_learned", interrupted)
    assert not run.train_run(dataset, config(), broken)
    assert signal.getsignal(signal.SIGINT) is before
    assert [n["update"] for n in metrics(broken)] == [1, 2, 3]
    assert not (broken / "final").exists()
    assert run.train_run(dataset, config(), broken, resume=True)
    assert metrics(broken) == metrics(whole)


def test_a_full_disk_leaves_the_last_checkpoint_whole(
    dataset: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "run"
    replaced = checkpoint._replace

    def full(half: Path, target: Path) -> None:
        if target.name == "update-000004":
            raise OSError(28, "No space left on device")
        replaced(half, target)

    monkeypatch.setattr(checkpoint, "_replace", full)
    with pytest.raises(TrainingError, match=r"No space left on device.*make room, then go on with --resume"):
        run.train_run(dataset, config(), out)
    assert [p.name for p in (out / "checkpoints").iterdir()] == ["update-000002"]
    monkeypatch.setattr(checkpoint, "_replace", replaced)
    assert run.train_run(dataset, config(), out, resume=True)
    assert [n["update"] for n in metrics(out)] == [1, 2, 3, 4]


def test_a_loss_that_is_not_a_number_leaves_the_last_checkpoint_whole(
    dataset: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out, whole = tmp_path / "run", tmp_path / "whole"
    assembled, calls = ppo.assembled, 0

    def spoilt(*arguments: Any, **options: Any) -> Any:
        nonlocal calls
        calls += 1
        batch = assembled(*arguments, **options)
        if calls == 3:
            batch.advantages.fill_(math.nan)
        return batch

    monkeypatch.setattr(ppo, "assembled", spoilt)
    with pytest.raises(TrainingError, match="update 3: policy_loss is nan"):
        run.train_run(dataset, config(), out)
    monkeypatch.setattr(ppo, "assembled", assembled)
    lower = run.resumed_config(out, dataset, {"learning_rate": 1e-5, "max_grad_norm": 0.1})  # what the error advises
    assert (lower.learning_rate, lower.max_grad_norm) == (1e-5, 0.1)
    run.train_run(dataset, config(), out, resume=True)
    run.train_run(dataset, config(), whole)
    assert metrics(out) == metrics(whole)


@pytest.mark.parametrize(
    "error",
    [
        torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB"),
        RuntimeError(
            "[enforce fail at alloc_cpu.cpp:117] DefaultCPUAllocator: can't allocate memory: you tried 2.00 GiB"
        ),
    ],
)
@pytest.mark.parametrize(
    "where",
    [(sft, "sft_loss"), (setup, "load_model"), (ppo, "ppo_step"), (checkpoint, "save_policy")],
    ids=lambda w: w[1],
)
def test_out_of_memory_says_what_to_change(
    dataset: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: Exception, where: tuple[Any, str]
) -> None:
    def too_big(*_: Any, **__: Any) -> None:
        raise error

    monkeypatch.setattr(*where, too_big)
    with pytest.raises(TrainingError, match=r"2.00 GiB.* Go on with --resume and a lower --micro-rows"):
        run.train_run(dataset, config(), tmp_path / "run")
    assert run.resumed_config(tmp_path / "run", dataset, {"micro_rows": 1}).micro_rows == 1


def test_after_an_out_of_memory_a_run_goes_on_to_the_same_numbers(
    dataset: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    step, began = ppo.ppo_step, [0]
    learned = ppo._learned

    def counted(*given: Any, **named: Any) -> Any:
        began[0] += 1
        return learned(*given, **named)

    def third_is_too_big(*given: Any, **named: Any) -> Any:
        if began[0] == 3:
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB")
        return step(*given, **named)

    monkeypatch.setattr(ppo, "_learned", counted)
    monkeypatch.setattr(ppo, "ppo_step", third_is_too_big)
    with pytest.raises(TrainingError, match="the last checkpoint, if there is one, is whole"):
        run.train_run(dataset, config(), tmp_path / "run")
    assert [path.name for path in sorted((tmp_path / "run" / "checkpoints").iterdir())] == ["update-000002"]
    monkeypatch.setattr(ppo, "ppo_step", step)
    run.train_run(dataset, config(), tmp_path / "run", resume=True)
    run.train_run(dataset, config(), tmp_path / "whole")
    assert metrics(tmp_path / "run") == metrics(tmp_path / "whole")


@pytest.mark.parametrize("begin", [run.train_run, run.sft])
def test_a_model_that_does_not_fit_is_refused_before_anything_is_loaded_or_written(
    dataset: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, begin: Callable[..., bool]
) -> None:
    parts = estimate.memory_gib(estimate.shape_of(config()), config())
    trained = next(iter(parts.values())) + (parts["frozen weights"] if begin is run.train_run else 0.0)
    chosen = (
        config()
        if begin is run.train_run
        else SftConfig(**{f.name: getattr(config(), f.name) for f in fields(SftConfig)})
    )
    monkeypatch.setattr(estimate, "memory_of", lambda _device: int(0.9 * trained * 2**30))
    with pytest.raises(
        ConfigError, match=r"the model does not fit: .* take 0.0 GiB, .*--lora-rank 16 --dtype bfloat16"
    ):
        begin(dataset, chosen, tmp_path / "run")
    assert not (tmp_path / "run" / "config.json").exists()
    monkeypatch.setattr(estimate, "memory_of", lambda _device: int(1.1 * trained * 2**30))
    estimate.check_fits(chosen, SimpleNamespace(num_processes=1, distributed_type="NO", device=torch.device("cpu")))


def test_a_disk_that_is_full_when_numbers_are_written_is_told_in_words_and_loses_none(
    dataset: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "run"
    log = RunLog.update

    def full(self: RunLog, update: int, *arguments: Any) -> None:
        if update == 3:
            raise OSError(errno.ENOSPC, "No space left on device", str(out / "metrics.jsonl"))
        log(self, update, *arguments)

    monkeypatch.setattr(RunLog, "update", full)
    with pytest.raises(TrainingError, match=r"metrics.jsonl cannot be written \(No space left on device\); make room"):
        run.train_run(dataset, config(), out)
    monkeypatch.setattr(RunLog, "update", log)
    assert run.train_run(dataset, config(), out, resume=True)
    assert [line["update"] for line in metrics(out)] == [1, 2, 3, 4]


def test_sft_lowers_the_loss_and_train_goes_on_from_it(dataset: str, tmp_path: Path) -> None:
    made = configured(
        SftConfig, "tiny", {k: v for k, v in TINY.items() if k in SftConfig.__slots__} | {"sft_epochs": 12}
    )
    assert run.sft(dataset, made, tmp_path / "sft")
    folder = tmp_path / "sft" / "final"
    losses = [json.loads(line)["loss"] for line in (tmp_path / "sft" / "sft.jsonl").read_text().splitlines()]
    assert losses[-1] < 0.7 * losses[0]
    assert scalars(tmp_path / "sft" / "tensorboard" / "stepcoder-sft", "loss") == pytest.approx(
        dict(enumerate(losses, 1))
    )
    started = config(updates=1, sft_epochs=0, model=str(tmp_path / "sft"), learning_rate=1e-9)
    run.train_run(dataset, started, tmp_path / "run")
    before, after = load_file(str(folder / "model.safetensors")), final_weights(tmp_path / "run" / "final")
    assert all(torch.allclose(before[name], after[name], atol=1e-6) for name in before)


@pytest.mark.parametrize("saved", ["where it is interrupted", "after some time"])
def test_supervised_training_goes_on_to_the_same_weights(
    dataset: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, saved: str
) -> None:
    options = {k: v for k, v in TINY.items() if k in SftConfig.__slots__} | {"sft_epochs": 3, "sft_batch_examples": 2}
    made = configured(SftConfig, "tiny", options)
    whole, broken = tmp_path / "whole", tmp_path / "broken"
    assert run.sft(dataset, made, whole)
    step, taken = sft._step, []

    def interrupted(*arguments: Any) -> Any:
        found = step(*arguments)
        taken.append(found.step)
        if found.step == 5:
            if saved == "after some time":
                raise RuntimeError("the machine is gone")
            os.kill(os.getpid(), signal.SIGINT)
        return found

    monkeypatch.setattr(sft, "_step", interrupted)
    if saved == "after some time":
        monkeypatch.setattr(sft, "SAVE_EVERY_S", 0.0)
        with pytest.raises(RuntimeError, match="the machine is gone"):
            run.sft(dataset, made, broken)
    else:
        assert not run.sft(dataset, made, broken)
    assert not (broken / "final").exists()
    with pytest.raises(InputError, match="already holds a run; go on with it by --resume"):
        run.sft(dataset, made, broken)
    monkeypatch.setattr(sft, "_step", step)
    assert run.sft(dataset, run.resumed_config(broken, dataset, {}, SftConfig), broken, resume=True)
    assert same(final_weights(broken / "final"), final_weights(whole / "final"))
    assert (broken / "sft.jsonl").read_text() == (whole / "sft.jsonl").read_text()
    assert not (broken / "sft-state").exists()
    assert run.sft(dataset, made, broken, resume=True)  # it is done


def test_a_run_that_is_interrupted_in_its_supervised_training_goes_on(
    dataset: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    step = sft._step
    monkeypatch.setattr(sft, "_step", lambda *given: (os.kill(os.getpid(), signal.SIGTERM), step(*given))[1])
    assert not run.train_run(dataset, config(), tmp_path / "broken")
    monkeypatch.setattr(sft, "_step", step)
    assert run.train_run(dataset, config(), tmp_path / "broken", resume=True)
    assert run.train_run(dataset, config(), tmp_path / "whole")
    assert metrics(tmp_path / "broken") == metrics(tmp_path / "whole")


def test_a_loss_of_supervised_training_that_is_not_a_number_is_told_in_words(
    dataset: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sft, "sft_loss", lambda policy, *_: next(policy.parameters()).sum() * math.nan)
    with pytest.raises(TrainingError, match=r"SFT step 0: the loss is nan, .* lower --sft-learning-rate"):
        run.train_run(dataset, config(), tmp_path / "run")


def test_a_separate_critic_begins_as_the_policy_after_its_supervised_training(
    dataset: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun: list[Any] = []
    monkeypatch.setattr(run, "train", lambda trainer, *_: begun.append(trainer.policy))
    assert not run.train_run(dataset, config(critic="separate"), tmp_path / "run")
    policy = begun[0]
    trained, critic = load_file(str(tmp_path / "run" / "sft" / "model.safetensors")), policy.critic.state_dict()
    assert trained
    assert all(torch.equal(critic[name], weight) for name, weight in trained.items())
    assert same(dict(policy.lm.state_dict()), dict(critic))


def test_sampling_a_run_gives_a_line_for_each_completion_of_each_problem(dataset: str, tmp_path: Path) -> None:
    from stepcoder.rollouts import Decoding
    from stepcoder.sampling import Request, sample_run

    def request(*, completions: int = 2, temperature: float = 1.0, seed: int = 3) -> Request:
        return Request(dataset, "train", completions, Decoding(temperature, 0.9, max_tokens=6, batch=4), seed)

    run.train_run(dataset, config(updates=1), tmp_path / "run")
    written = []
    for name in ("one", "two"):
        out = tmp_path / f"{name}.jsonl"
        assert sample_run(tmp_path / "run", request(), out) == 12
        written.append([json.loads(line) for line in out.read_text().splitlines()])
    assert written[0] == written[1]
    assert [(line["problem_id"], line["sample_index"]) for line in written[0][:3]] == [
        ("made/0", 0),
        ("made/0", 1),
        ("made/1", 0),
    ]
    assert all(line["completion"].startswith("```python\n") for line in written[0])
    assert {line["finish_reason"] for line in written[0]} == {"length"}  # nothing is learned in one update
    assert json.loads((tmp_path / "one.meta.json").read_bytes())["model"]["name"] == "run/final"
    with pytest.raises(InputError, match=r"sampling.seed was 3, now 4. Repeat the options it was made with to go on"):
        sample_run(tmp_path / "run", request(seed=4), tmp_path / "one.jsonl")
    with pytest.raises(InputError, match=r"--completions 2 of the likeliest tokens would all be the same"):
        request(temperature=0.0)
    with pytest.raises(InputError, match=r"holds no policy yet"):
        sample_run(tmp_path / "none", request(completions=1), tmp_path / "x")
    with pytest.raises(ConfigError, match=r"--dtype int8 is not known; expected float32 or bfloat16"):
        replace(request(), dtype="int8")


def test_samples_end_where_the_model_reads_no_further(
    problems: list[Problem],
    write_dataset: Callable[..., Path],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Of two prompts one is longer than the model reads: its completion is empty; the other's is cut after five tokens."""
    from stepcoder.data import prompt_ids
    from stepcoder.policy import load_model
    from stepcoder.rollouts import Decoding
    from stepcoder.sampling import Request, sample_run

    held_out = [problems[0], replace(problems[1], description="Is n above two? " * 30)]
    dataset, out = str(write_dataset(problems, held_out)), tmp_path / "samples.jsonl"
    run.sft(dataset, config(), tmp_path / "run")
    final = tmp_path / "run" / "final"
    _, tokenizer = load_model(str(final), config())
    context = len(prompt_ids(held_out[0], "", tokenizer)) + 5
    assert len(prompt_ids(held_out[1], "", tokenizer)) > context
    shape = json.loads((final / "config.json").read_text())
    (final / "config.json").write_text(json.dumps(shape | {"max_position_embeddings": context}))
    assert sample_run(tmp_path / "run", Request(dataset, "validation", 1, Decoding(0.0, 1.0, 200, 4), 3), out) == 2
    cut, empty = [json.loads(line) for line in out.read_text().splitlines()]
    given = prompts.OPEN_FENCE
    assert len(tokenizer(cut["completion"].removeprefix(given), add_special_tokens=False)["input_ids"]) == 5
    assert empty["completion"] == given
    assert cut["finish_reason"] == empty["finish_reason"] == "length"
    assert f"1 of 2 prompts are longer than the {context} tokens that the model reads" in capsys.readouterr().err


@pytest.mark.filterwarnings("ignore:`is_gradient_checkpointing`:FutureWarning")  # peft asks transformers' old name
@pytest.mark.parametrize(
    ("of_run", "lora_rank", "asked", "loaded"),
    [
        ("bfloat16", 0, "", "bfloat16"),
        ("bfloat16", 0, "float32", "float32"),
        ("bfloat16", 2, "", "float32"),  # the adapters have been merged into the weights
    ],
)
def test_samples_are_written_in_the_type_that_the_run_was_computed_in(
    dataset: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    of_run: str,
    lora_rank: int,
    asked: str,
    loaded: str,
) -> None:
    from stepcoder import sampling
    from stepcoder.rollouts import Decoding

    seen = []
    generated = sampling.generated

    def watched(lm: Any, *arguments: Any) -> Any:
        seen.append(next(lm.parameters()).dtype)
        return generated(lm, *arguments)

    monkeypatch.setattr(sampling, "generated", watched)
    run.sft(dataset, config(dtype=of_run, lora_rank=lora_rank), tmp_path / "run")
    request = sampling.Request(dataset, "validation", 1, Decoding(0.0, 1.0, max_tokens=6, batch=4), 3, dtype=asked)
    assert sampling.sample_run(tmp_path / "run", request, tmp_path / "samples.jsonl") == 2
    assert set(seen) == {getattr(torch, loaded)}
    meta = json.loads((tmp_path / "samples.meta.json").read_bytes())
    assert meta["sampling"].get("dtype") == (None if loaded == "float32" else loaded)


def test_cccs_moves_levels_up_and_plain_ppo_gives_the_plain_task_only(dataset: str, tmp_path: Path) -> None:
    taught = {"sft_epochs": 60, "updates": 6, "plain_share": 0.0, "temperature": 0.3}
    run.train_run(dataset, config(**taught), tmp_path / "cccs")
    levels = [n["levels"] for n in metrics(tmp_path / "cccs")]
    assert levels[0] == {"1": 3}
    assert "2" in levels[-1]
    run.train_run(dataset, config(method="ppo", updates=1), tmp_path / "ppo")
    assert metrics(tmp_path / "ppo")[0]["levels"] == {"2": 3}
    assert metrics(tmp_path / "ppo")[0]["executed_share"] == 1.0


def test_fgo_shrinks_the_executed_share(dataset: str, tmp_path: Path) -> None:
    run.train_run(dataset, config(method="ppo+fgo", sft_epochs=60, updates=1, temperature=0.3), tmp_path / "run")
    [numbers] = metrics(tmp_path / "run")
    assert numbers["pass_rate"] > 0
    assert 0.1 < numbers["executed_share"] < 0.9  # the stand-in judge says that lines 1 and 2 of 5 ran


@pytest.mark.filterwarnings("ignore:`is_gradient_checkpointing`:FutureWarning")
@pytest.mark.parametrize("lora_rank", [0, 2])
def test_bfloat16_with_checkpointed_gradients_trains_float32_weights(
    dataset: str, tmp_path: Path, lora_rank: int
) -> None:
    asked = {"dtype": "bfloat16", "gradient_checkpointing": True, "lora_rank": lora_rank, "updates": 1}
    run.train_run(dataset, config(**asked), tmp_path / "run")
    [numbers] = metrics(tmp_path / "run")
    assert all(math.isfinite(v) for v in numbers.values() if isinstance(v, float))
    before, after = (final_weights(tmp_path / "run" / name) for name in ("sft", "final"))
    assert not same(before, after)
    assert after["model.embed_tokens.weight"].dtype is torch.float32
    assert abs(numbers["kl"]) < 0.05  # the reference is the policy still, but for the rounding


def test_an_update_ends_early_where_the_kl_passes_its_bound(dataset: str, tmp_path: Path) -> None:
    far = {"learning_rate": 0.05, "ppo_epochs": 3, "updates": 1}
    run.train_run(dataset, config(**far), tmp_path / "far")
    run.train_run(dataset, config(**far, stop_kl=1e-6), tmp_path / "stopped")
    far_kl, stopped_kl = (metrics(tmp_path / name)[0]["policy_kl"] for name in ("far", "stopped"))
    assert stopped_kl < far_kl
    assert not same(final_weights(tmp_path / "far" / "final"), final_weights(tmp_path / "stopped" / "final"))


def test_it_ends_within_a_pass_too(dataset: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    steps, learn = 0, ppo.ppo_step

    def counted(*arguments: Any, **named: Any) -> Any:
        nonlocal steps
        steps += 1
        return learn(*arguments, **named) | {"policy_kl": 0.1 if steps == 2 else 0.0}

    monkeypatch.setattr(ppo, "ppo_step", counted)
    run.train_run(dataset, config(ppo_epochs=1, minibatches=4, updates=1, stop_kl=0.05), tmp_path / "run")
    assert steps == 2


def test_a_gradient_that_is_no_number_is_told_before_it_spoils_the_weights(
    dataset: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    taken, loss_of = 0, sft.sft_loss

    def spoiled(policy: Any, *arguments: Any) -> Any:
        nonlocal taken
        taken += 1
        if taken == 2:
            policy.lm.model.norm.weight.register_hook(lambda gradient: gradient * math.inf)
        return loss_of(policy, *arguments)

    asked = SftConfig(**{k: v for k, v in TINY.items() if k in SftConfig.__slots__} | {"sft_epochs": 3})
    with monkeypatch.context() as patched, pytest.raises(TrainingError, match=r"SFT step 1: .* --sft-learning-rate"):
        patched.setattr(sft, "sft_loss", spoiled)
        patched.setattr(sft, "SAVE_EVERY_S", 0.0)
        run.sft(dataset, asked, tmp_path / "run")
    resumed = run.resumed_config(tmp_path / "run", dataset, {"sft_learning_rate": 1e-4}, SftConfig)
    assert run.sft(dataset, resumed, tmp_path / "run", resume=True)
    assert all(w.isfinite().all() for w in final_weights(tmp_path / "run" / "final").values())


def test_a_model_of_no_numbers_is_told_in_words(dataset: str, tmp_path: Path) -> None:
    started = tmp_path / "sft"
    run.train_run(dataset, config(updates=1), started)
    weights = load_file(str(started / "final" / "model.safetensors"))
    save_file(
        {k: w * math.nan for k, w in weights.items()}, str(started / "final" / "model.safetensors"), {"format": "pt"}
    )
    for top_p in (0.9, 1.0):
        with pytest.raises(TrainingError, match=r"scores of words are no numbers \(NaN\).* or name another --model"):
            run.train_run(dataset, config(model=str(started), sft_epochs=0, top_p=top_p), tmp_path / f"run-{top_p}")


def test_what_a_kill_left_between_two_renames_is_put_back(tmp_path: Path) -> None:
    for name in ("best", "checkpoints/.update-000002.old", ".sft-state.old", ".best.old"):
        (tmp_path / name).mkdir(parents=True)
    recover(tmp_path)
    found = sorted(str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*"))
    assert found == ["best", "checkpoints", "checkpoints/update-000002", "sft-state"]


def test_what_cannot_be_is_refused_before_anything_is_trained(dataset: str, tmp_path: Path) -> None:
    out = tmp_path / "run"
    with pytest.raises(DatasetError, match=r"none of the 6 problems .* fits into 4 tokens"):
        run.train_run(dataset, config(max_prompt_tokens=4), out)
    with pytest.raises(ConfigError, match="a model from scratch knows nothing: give --sft-epochs"):
        run.train_run(dataset, config(sft_epochs=0), out)
    with pytest.raises(InputError, match=r"--model /no/such/model cannot be loaded"):
        run.train_run(dataset, config(model="/no/such/model"), out)
    with pytest.raises(InputError, match=r"config.json cannot be read .*expected the folder of a run"):
        run.resumed_config(tmp_path / "nothing", dataset, {})
    with pytest.raises(ConfigError, match="--tracker pencil is not known; expected one of"):
        run.train_run(dataset, config(tracker="pencil"), tmp_path / "tracked")
    with pytest.raises(ConfigError, match="--tracker swanlab: its package is not installed; pip install swanlab"):
        run.train_run(dataset, config(tracker="swanlab"), tmp_path / "tracked")
    assert not (tmp_path / "tracked").exists()
    with pytest.raises(InputError, match="holds no reward model"):
        run.train_run(dataset, config(prm="typo", dense_reward="prm"), out)


def test_an_empty_split_to_validate_on_is_refused_before_supervised_training(
    dataset: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sft, "_step", None)  # it is not reached
    with pytest.raises(DatasetError, match=r"the split test of .* --validate-every 0"):
        run.train_run(dataset, config(validate_every=1, validation_split="test"), tmp_path / "run")


def untied(folder: Path, dataset: str, context: int) -> str:
    """A small model whose head over words has weights of its own, and that reads so many tokens."""
    from transformers import LlamaConfig, LlamaForCausalLM

    from stepcoder.data import load_split, new_tokenizer, tokenizer_texts

    tokenizer = new_tokenizer(tokenizer_texts(load_split(dataset, "train")), 300)
    sizes = {"hidden_size": 16, "intermediate_size": 32, "num_hidden_layers": 1, "num_attention_heads": 2}
    shape = LlamaConfig(
        vocab_size=len(tokenizer),
        **sizes,
        tie_word_embeddings=False,
        max_position_embeddings=context,
        eos_token_id=tokenizer.eos_token_id,
        bos_token_id=None,
    )
    LlamaForCausalLM(shape).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return str(folder)


def test_a_head_over_words_that_no_value_is_read_off_is_not_trained(dataset: str, tmp_path: Path) -> None:
    from stepcoder.setup import open_model

    given = config(model=untied(tmp_path / "model", dataset, 4096), critic="separate")
    policy, _ = open_model(given, [])
    assert not policy.critic.lm_head.weight.requires_grad
    assert policy.critic.model.embed_tokens.weight.requires_grad
    assert policy.lm.lm_head.weight.requires_grad
    assert run.train_run(dataset, given, tmp_path / "run")


def test_a_guide_s_programs_may_be_as_long_as_completions(problems: list[Problem]) -> None:
    tokenizer = new_tokenizer(tokenizer_texts(problems), 300)
    prompt = max(sft_example(problem, tokenizer).prompt for problem in problems)
    shape = PretrainedConfig(max_position_embeddings=prompt + 199)
    asked = {"max_prompt_tokens": prompt, "max_completion_tokens": 100}
    refuse_too_long(problems, tokenizer, config(method="ppo", **asked), shape)
    with pytest.raises(
        InputError, match=rf"prompts of up to {prompt + 100} tokens, .* completions of 100 are more than"
    ):
        refuse_too_long(problems, tokenizer, config(method="ppo+jsrl", guide="x", **asked), shape)


@pytest.mark.parametrize("sft_epochs", [0, 9])
def test_a_model_that_reads_fewer_tokens_than_a_row_may_have_is_refused(
    dataset: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, sft_epochs: int
) -> None:
    monkeypatch.setattr(sft, "_step", None)  # it is not reached
    short = untied(tmp_path / "model", dataset, 60)
    with pytest.raises(InputError, match=r"are more than the 60 tokens that the model reads; lower"):
        run.train_run(dataset, config(model=short, sft_epochs=sft_epochs), tmp_path / "run")


def test_what_reinforcement_learning_could_not_begin_with_is_refused_before_supervised_training(
    problems: list[Problem],
    dataset: str,
    write_dataset: Callable[..., Path],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(sft, "_step", None)  # it is not reached
    model = untied(tmp_path / "model", dataset, 4096)
    long = [replace(problem, description="word " * 300) for problem in problems[:2]]
    held_out = str(write_dataset(problems, long, name="long"))
    with pytest.raises(
        DatasetError, match=r"no problem of the split validation of .*long fits into the model's prompt"
    ):
        run.train_run(held_out, config(model=model, validate_every=1), tmp_path / "validation")
    with pytest.raises(DatasetError, match=r"no problem of the split validation of .*long fits"):
        run.train_run(held_out, config(validate_every=1), tmp_path / "from scratch")
    with pytest.raises(InputError, match="--guide nowhere cannot be loaded"):
        run.train_run(dataset, config(method="ppo+jsrl", guide="nowhere"), tmp_path / "guide")


def test_a_run_is_not_overwritten_nor_gone_on_with_under_other_options(
    dataset: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "run"
    run.train_run(dataset, config(updates=2), out)
    with pytest.raises(InputError, match=r"already holds a run; go on with it by --resume"):
        run.train_run(dataset, config(), out)
    with pytest.raises(InputError, match=r"was begun with --gamma 1.0, not 0.5"):
        run.resumed_config(out, dataset, {"gamma": 0.5})
    with pytest.raises(InputError, match=r"was begun with the dataset .*data, not other"):
        run.resumed_config(out, "other", {})
    (tmp_path / "link").symlink_to(dataset)
    monkeypatch.chdir(dataset)
    for spelling in (".", f"../{Path(dataset).name}", str(tmp_path / "link")):
        assert run.resumed_config(out, spelling, {}).updates == 2
    assert run.resumed_config(out, dataset, {"updates": 9}).updates == 9
    with pytest.raises(InputError, match=r"was begun with --preset tiny, not small"):
        run.resumed_config(out, dataset, {"preset": "small"})


def test_what_was_changed_at_a_resumption_still_holds_at_the_next(
    dataset: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Prolonged and interrupted: the command that is printed then, without any option, goes on to the new end."""
    out = tmp_path / "run"
    assert run.train_run(dataset, config(updates=1), out)
    learned = ppo._learned

    def interrupted(*arguments: Any) -> Any:
        os.kill(os.getpid(), signal.SIGINT)
        return learned(*arguments)

    monkeypatch.setattr(ppo, "_learned", interrupted)
    assert not run.train_run(
        dataset, run.resumed_config(out, dataset, {"updates": 3, "learning_rate": 1e-4}), out, resume=True
    )
    monkeypatch.setattr(ppo, "_learned", learned)
    again = run.resumed_config(out, dataset, {})
    assert (again.updates, again.learning_rate) == (3, 1e-4)
    assert run.train_run(dataset, again, out, resume=True)
    assert [line["update"] for line in metrics(out)] == [1, 2, 3]
    assert "| `learning_rate` | 0.0001 |" in (out / "final" / "README.md").read_text()


def test_a_run_does_not_go_on_from_other_weights(dataset: str, tmp_path: Path) -> None:
    """A run's folder stands for its best policy until there is a final one; which it was is remembered."""
    before, out = tmp_path / "before", tmp_path / "run"
    assert run.train_run(dataset, config(updates=1), before)
    (before / "final").rename(before / "best")
    begun = config(updates=1, model=str(before), sft_epochs=0)
    assert run.train_run(dataset, begun, out)
    assert "| base model | before |" in (out / "final" / "README.md").read_text()
    shutil.copytree(before / "best", before / "final")
    weights = load_file(str(before / "final" / "model.safetensors"))
    save_file({k: v + 1 for k, v in weights.items()}, str(before / "final" / "model.safetensors"), {"format": "pt"})
    again = run.resumed_config(out, dataset, {"updates": 2, "model": str(before)})
    assert again.model == str(before / "best")
    assert run.train_run(dataset, again, out, resume=True)
    shutil.rmtree(before / "best")
    (before / "final").rename(before / "best")
    with pytest.raises(
        InputError, match=r"the weights of .*best are not those that .*run was begun with .* put back the"
    ):
        run.train_run(dataset, run.resumed_config(out, dataset, {"updates": 3}), out, resume=True)


def test_a_model_of_the_hub_is_known_by_its_commit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(run, "model_config", lambda name: SimpleNamespace(_commit_hash=f"commit of {name}"))
    assert run._identity("ada/model") == "commit of ada/model"
    assert run._identity("") == ""


def test_a_run_does_not_go_on_with_other_problems_in_the_same_folder(
    problems: list[Problem], write_dataset: Callable[..., Path], tmp_path: Path
) -> None:
    dataset, out = write_dataset(problems, name="some"), tmp_path / "run"
    assert run.train_run(str(dataset), config(updates=2), out)
    dataset.rename(tmp_path / "before")
    write_dataset([replace(problem, description="Another question.") for problem in problems], name="some")
    with pytest.raises(InputError, match=r"some are not those that .*run was begun with .* put back the dataset"):
        run.train_run(str(dataset), config(updates=4), out, resume=True)
    shutil.rmtree(dataset)
    (tmp_path / "before").rename(dataset)
    assert run.train_run(str(dataset), config(updates=4), out, resume=True)


def test_a_dataset_whose_problems_have_one_level_has_no_curriculum(
    write_dataset: Callable[..., Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from tests.stepcoder.conftest import small_problem

    monkeypatch.setattr(sft, "_step", None)  # it is not reached
    flat = str(write_dataset([small_problem(1, code="print('big')\n")], name="flat"))
    with pytest.raises(InputError, match=r"no problem of .*flat has more than one level.* use --method ppo\+fgo"):
        run.train_run(flat, config(), tmp_path / "run")


def test_the_real_judge_pays_for_programs_that_are_right(
    dataset: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from appsplus.engine import LocalEngine

    monkeypatch.setattr(run, "LocalEngine", LocalEngine)
    run.train_run(dataset, config(sft_epochs=60, updates=2, temperature=0.3), tmp_path / "run")
    numbers = metrics(tmp_path / "run")
    assert numbers[0]["pass_rate"] > 0
    for line in (tmp_path / "run" / "samples.jsonl").read_text().splitlines():
        sample = json.loads(line)
        assert sample["reward"] == {"accepted": 1.0, "wrong_answer": -0.3, "run_time_error": -0.6}.get(
            sample["verdict"], -1.0
        )
