"""`stepcoder prm train PRM_DATA --out PRM`: a scalar head on the policy's weights learns the labels of line ends.

    loss = mean over the line ends of a batch of responses of (R(prefix) - label)^2,    label +1, -1 or 0

Comments and blank lines are learned as 0, so that they earn nothing. What is held out is the split test of PRM_DATA: other
problems. One process; on a GPU where there is one. A training that was stopped goes on where its last checkpoint is.

    PRM/prm_options.json      the options, and whose weights it began with
    PRM/train.jsonl           the loss of each step
    PRM/model.safetensors ... as transformers loads it, values.safetensors beside it
    PRM/prm.json              what it was trained on, and the held-out measures: it is done
    PRM/report.html           the same as a page

| option | origin |
|---|---|
| squared error at line ends, from the policy's weights; 0 for comments | the paper's (arXiv:2410.17621) |
| `--selection` `full`, `remove-hard`, `medium-only`, `revised-only` | the paper's names; what is hard and medium: ours |
| learning rate, epochs, batch; 0 for blank lines and docstrings too | ours |
"""

import json
import math
import random
import shutil
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch
from accelerate.utils import set_seed

from appsplus.errors import InputError
from appsplus.jsonl import write_atomically
from stepcoder.data import pad_id_of, tokenizer_hash
from stepcoder.errors import ConfigError, TrainingError
from stepcoder.policy import device_here, save_policy, whole_state
from stepcoder.prm.begun import begin
from stepcoder.prm.dataset import labels_hash, read_manifest, read_rows
from stepcoder.prm.measures import Scored, measured, summary
from stepcoder.prm.model import MARK, RewardModel, line_scores, new_reward_model, padded
from stepcoder.prm.options import PrmConfig
from stepcoder.prm.policies import policies_of
from stepcoder.prm.report import write_report
from stepcoder.prm.selections import Row, selected
from stepcoder.progress import Progress
from stepcoder.run import policy_folder
from stepcoder.sft import learning_rate_share

OPTIONS, LOSSES, _STATE = "prm_options.json", "train.jsonl", ".state.pt"


def train_reward_model(
    data: Path, out: Path, config: PrmConfig, policy: Path | None = None, *, quiet: bool = False
) -> dict[str, Any]:
    """Train a reward model on labelled prefixes, from where it was to its end; returns the held-out measures.

    `policy`: whose weights it begins with; None: the last of the run that was labelled. Raises InputError, TrainingError.
    """
    manifest = read_manifest(data)
    folder = policy_folder(policy) if policy else policies_of(_run_of(data))[-1].folder
    rows = selected(read_rows(data, "responses", "train"), config.selection)
    held_out = read_rows(data, "responses", "test")
    set_seed(config.seed)
    model, tokenizer = new_reward_model(folder, config)
    if tokenizer_hash(tokenizer) != manifest["tokenizer_sha256"]:
        raise ConfigError(
            f"the policy in {folder} has another tokenizer than the one that {data} was labelled with, so its tokens mean"
            " something else; give --policy the run that was labelled"
        )
    if (out / MARK).is_file():
        raise InputError(f"{out} already holds a reward model; name another --out")
    begin(
        out / OPTIONS,
        {"data": str(data), "policy": str(folder), **asdict(config)},
        "stepcoder prm train",
        frozenset(("micro_rows", "gradient_checkpointing")),
        made_from={"labels": labels_hash(data)},
    )
    device = device_here()
    pad_id = pad_id_of(tokenizer)
    model = model.to(device)
    with Progress(quiet=quiet) as progress:
        progress.say(f"{len(rows):,} responses to learn, {len(held_out):,} held out")
        told = lambda step, of, loss: progress.advance("reward model", step, of, f"squared error {loss:.3f}")  # noqa: E731
        learn(model, rows, config, out, pad_id, told)
        scored = scored_ends(model.eval(), held_out, pad_id, config.micro_rows)
        measures = dict(summary(scored))
        learned = measured(scored_ends(model, rows, pad_id, config.micro_rows))
    facts = {
        "data": {"counts": manifest["counts"], "labels": manifest["labels"], "k": manifest["options"]["k"]},
        "selection": config.selection,
        "responses": len(rows),
        "learned": learned,
        "held_out": measures,
    }
    write_report(out, facts)
    _save(model, tokenizer, out, facts)
    (out / _STATE).unlink(missing_ok=True)
    return measures


def learn(
    model: RewardModel,
    rows: Sequence[Row],
    config: PrmConfig,
    out: Path,
    pad_id: int,
    told: Callable[[int, int, float], None],
) -> None:
    """Train the model in place, going on from a checkpoint in `out` where there is one. Raises TrainingError for NaN."""
    head = list(model.policy.value_head.parameters())
    trunk = [p for p in model.policy.lm.parameters() if p.requires_grad]
    optimizer = torch.optim.AdamW([{"params": trunk}, {"params": head}], weight_decay=config.weight_decay)
    per_epoch = math.ceil(len(rows) / config.batch_responses)
    steps = config.epochs * per_epoch
    start = _restored(out, model, optimizer)
    model.train()
    order: list[Row] = []
    for step in range(start, steps):
        epoch, at = divmod(step, per_epoch)
        if not order or not at:
            order = random.Random(f"{config.seed}:{epoch}").sample(list(rows), len(rows))
        batch = order[at * config.batch_responses : (at + 1) * config.batch_responses]
        share = learning_rate_share(step, steps, config.warmup_share)
        for group, peak in zip(optimizer.param_groups, (config.learning_rate, config.head_learning_rate), strict=True):
            group["lr"] = peak * share
        loss = _step(model, optimizer, batch, config, pad_id)
        if not math.isfinite(loss):
            raise TrainingError(f"the loss of step {step + 1} is {loss}; lower --learning-rate, or use --dtype float32")
        with (out / LOSSES).open("a", encoding="utf-8") as file:
            file.write(json.dumps({"step": step + 1, "loss": loss}) + "\n")
        if (step + 1) % config.checkpoint_every == 0:
            _checkpoint(out, model, optimizer, step + 1)
        told(step + 1, steps, loss)


def _step(model: RewardModel, optimizer: Any, batch: Sequence[Row], config: PrmConfig, pad_id: int) -> float:
    """One optimiser step, a few rows at a time; the mean squared error of its line ends."""
    device = next(model.parameters()).device
    ends = sum(len(row["labels"]) for row in batch)
    ordered = sorted(batch, key=lambda row: len(row["prompt_ids"]) + len(row["token_ids"]))
    total = 0.0
    mixed = torch.autocast(device.type, torch.bfloat16) if config.dtype == "bfloat16" else nullcontext()
    for start in range(0, len(ordered), config.micro_rows):
        some = ordered[start : start + config.micro_rows]
        ids, attention = padded([[*row["prompt_ids"], *row["token_ids"]] for row in some], pad_id)
        places = [(i, len(row["prompt_ids"]) + token) for i, row in enumerate(some) for token in row["line_tokens"]]
        labels = torch.tensor([float(label) for row in some for label in row["labels"]], device=device)
        with mixed:
            scores = model(ids.to(device), attention.to(device))
        at = torch.tensor(places, device=device)
        loss = ((scores[at[:, 0], at[:, 1]].float() - labels) ** 2).sum() / ends
        loss.backward()
        total += float(loss.detach())
    torch.nn.utils.clip_grad_norm_([p for p in model.parameters() if p.requires_grad], config.max_grad_norm)
    optimizer.step()
    optimizer.zero_grad()
    return total


def scored_ends(model: RewardModel, rows: Sequence[Row], pad_id: int, micro_rows: int) -> list[Scored]:
    """Every line end of some responses with its label and its score."""
    found = line_scores(
        model,
        [row["prompt_ids"] for row in rows],
        [row["token_ids"] for row in rows],
        [row["line_tokens"] for row in rows],
        pad_id=pad_id,
        device=next(model.parameters()).device,
        rows=micro_rows,
    )
    return [
        Scored(label, score, line, row["lines"], len(row["token_ids"]), row["difficulty"])
        for row, scores in zip(rows, found, strict=True)
        for line, label, score in zip(row["line_numbers"], row["labels"], scores, strict=True)
    ]


def _run_of(data: Path) -> Path:
    try:
        run = Path(str(json.loads((data / "config.json").read_text(encoding="utf-8")).get("run", "")))
    except (OSError, ValueError):
        raise InputError(f"{data} does not say which run it was labelled from; name that run with --policy") from None
    if not policies_of(run):
        raise InputError(f"the run that {data} was labelled from is not in {run} any more; name it with --policy")
    return run


def _checkpoint(out: Path, model: RewardModel, optimizer: Any, step: int) -> None:
    half = out / f"{_STATE}.half"
    try:
        torch.save({"model": model.state_dict(), "optimizer": optimizer.state_dict(), "step": step}, half)
        half.replace(out / _STATE)
    except (OSError, RuntimeError) as error:
        half.unlink(missing_ok=True)
        raise TrainingError(f"{out} cannot be written ({error}); make room, then give the command again") from error


def _restored(out: Path, model: RewardModel, optimizer: Any) -> int:
    """Put everything back as the last checkpoint has it; how many steps are done. Later losses are forgotten."""
    step = 0
    if (out / _STATE).is_file():
        saved = torch.load(out / _STATE, map_location=next(model.parameters()).device, weights_only=True)
        model.load_state_dict(saved["model"])
        optimizer.load_state_dict(saved["optimizer"])
        step = int(saved["step"])
    if (out / LOSSES).is_file():
        lines = (out / LOSSES).read_text(encoding="utf-8").splitlines(keepends=True)[:step]
        (out / LOSSES).write_text("".join(lines), encoding="utf-8")
    return step


def _save(model: RewardModel, tokenizer: Any, out: Path, facts: dict[str, Any]) -> None:
    half = out / ".half"
    try:
        shutil.rmtree(half, ignore_errors=True)
        save_policy(model.policy, whole_state(model.policy), tokenizer, half)
        for path in half.iterdir():
            path.replace(out / path.name)
        half.rmdir()
        write_atomically(out / MARK, (json.dumps(facts, indent=1) + "\n").encode())
    except OSError as error:
        raise TrainingError(f"{out} cannot be written ({error}); make room, then give the command again") from error
