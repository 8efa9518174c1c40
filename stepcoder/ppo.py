"""PPO with CCCS and FGO (arXiv:2402.01391): the training loop, from top to bottom, then what one update does.

Other methods are this loop with other parts: `stepcoder/methods/` has them, and the seams.

for each update:
    problems            the next ones, in an order shuffled anew each pass
    levels              the curriculum: how much of a program each problem's prompt gives
    completions         several for each prompt, from the policy; BREAD: others for problems where all of them fail
    reports             the judge runs prefix + completion on the unit tests, meanwhile
    log-probabilities   policy, values and reference read the completions, meanwhile too (with BREAD: afterwards)
    rewards             from the verdicts, less a penalty for leaving the reference, token by token; reward shaping
    advantages          by GAE, from the values; or as the method has it
    executed_keep       FGO: only tokens of executed lines stay in the policy loss
    epochs, minibatches of clipped policy loss + value loss - entropy (`stepcoder/step.py`)
    pass rates          move the curriculum
"""

import math
import time
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from itertools import chain
from typing import Any

import torch
from torch import Tensor

from appsplus.problem import Verdict
from stepcoder.advantages import next_kl_coef
from stepcoder.batch import Batch, Read, assembled, keep_of, read_once, reward_of
from stepcoder.branching import branched, branches
from stepcoder.checkpoint import Checkpoints, State
from stepcoder.config import TrainConfig
from stepcoder.data import Tokens
from stepcoder.errors import TrainingError
from stepcoder.methods.baselines import earned, task_of
from stepcoder.methods.ground_truth import truth_of
from stepcoder.methods.parts import Offsets, group_numbers
from stepcoder.metrics import RunLog
from stepcoder.prm.lines import lines_of
from stepcoder.prm.reward import line_numbers
from stepcoder.rollouts import Begun, Collected, Completion, Decoding, Judged, Judgements, Task, begin, offsets_of
from stepcoder.setup import Trainer
from stepcoder.step import Numbers, ppo_step
from stepcoder.validation import validate


@dataclass(frozen=True, slots=True)
class Scored:
    """A judged completion with all that the loss needs of it."""

    judged: Judged
    reward: float
    offsets: list[tuple[int, int]]
    keep: list[float]
    shaped: list[float] = field(default_factory=list)  # what reward shaping gives to each token; empty: nothing


def train(trainer: Trainer, config: TrainConfig, judgements: Judgements, log: RunLog, checkpoints: Checkpoints) -> bool:
    """Train from the last checkpoint, or from the start, to the end; False where an interruption ended it before.

    Raises TrainingError where the run cannot go on; the last checkpoint is whole then.
    """
    state = checkpoints.restored(trainer) or State(update=0, kl_coef=config.kl_coef, best=-1.0)
    processes = trainer.accelerator.num_processes  # what they were asked before an interruption counts, shared evenly
    judgements.asked, judgements.failed = state.judged // processes, state.judge_failures // processes
    log.begin(state.update, config)
    while state.update < config.updates:
        began, asked, failed = time.monotonic(), judgements.asked, judgements.failed
        problems = trainer.sampler.take(config.problems_per_update)
        levels = {p.problem_id: trainer.curriculum.level(p.problem_id) for p in problems}
        tasks = [trainer.task(p, levels[p.problem_id]) for p in problems for _ in range(config.completions_per_problem)]
        begun = _begun(trainer, config, judgements, trainer.share(tasks))
        read = None if branches(trainer) else _read(trainer, config, begun.completions)
        complete = partial(_completions, trainer, config, judgements)
        plain = begun.collected(judgements)
        rolled = branched(trainer, problems, plain, config.completions_per_problem, complete)
        tasks += [trainer.task(p, rolled.anchors[p.problem_id]) for p in problems if p.problem_id in rolled.anchors]
        greedy = _take_baselines(trainer, config, judgements, tasks)
        scored = _scored(trainer, config, rolled.collected.judged)
        numbers = _learned(trainer, config, scored, read, state)
        _move_curriculum(trainer, scored)
        state = replace(state, update=state.update + 1, kl_coef=_next_kl(config, state, numbers))
        numbers |= _told(trainer, scored, rolled.collected, began) | rolled.numbers | {"kl_coef": state.kl_coef}
        numbers |= trainer.method.numbers(trainer.gathered) | greedy | _lines(trainer, scored)
        numbers["programs"] += greedy.get("greedy_completions", 0.0)
        if config.validate_every and state.update % config.validate_every == 0:
            found = validate(trainer, config, judgements, state.update)
            numbers |= {f"validation_{name}": value for name, value in found.numbers.items()}
            log.validation(state.update, found.by_problem())
            if found.numbers["pass_rate"] >= state.best:
                state = replace(state, best=found.numbers["pass_rate"])
                checkpoints.keep_best(trainer)
        judged, numbers["judge_failures"] = _summed(trainer, judgements.asked - asked, judgements.failed - failed)
        state = state.counted(judged, numbers["judge_failures"])
        log.update(state.update, config.updates, numbers, _levels(levels | rolled.anchors), _samples(scored, config))
        checkpoints.keep_policy(trainer, state.update)
        if checkpoints.due(state.update) or state.update == config.updates:
            checkpoints.save(trainer, state)
        if trainer.interrupted():
            checkpoints.save(trainer, state)
            return state.update == config.updates
    return True


def _take_baselines(trainer: Trainer, config: TrainConfig, judgements: Judgements, tasks: Sequence[Task]) -> Numbers:
    """Have the likeliest completion of each task judged, where a method compares with it."""
    baselines = trainer.method.baselines
    if baselines is None or baselines.kind != "greedy":
        return {}
    distinct = {(task.problem.problem_id, task.level): task for task in tasks}
    mine = trainer.share(list(distinct.values()))
    judged = _begun(trainer, config, judgements, mine, greedy=True).collected(judgements).judged
    more = [
        sum(given) for given in _shaped(trainer, judged, [offsets_of(j.completion, trainer.tokenizer) for j in judged])
    ]
    found = trainer.gathered([(task_of(j), earned(j, config.reward, s)) for j, s in zip(judged, more, strict=True)])
    baselines.take_greedy(found)
    return {"greedy_reward": _mean(one for _, (one, _) in found), "greedy_completions": float(len(distinct))}


def _begun(
    trainer: Trainer, config: TrainConfig, judgements: Judgements, tasks: Sequence[Task], *, greedy: bool = False
) -> Begun:
    decoding = Decoding.of(config)
    with trainer.generating() as lm:
        return begin(lm, trainer.tokenizer, tasks, judgements, decoding.greedy() if greedy else decoding)


def _completions(trainer: Trainer, config: TrainConfig, judgements: Judgements, tasks: Sequence[Task]) -> Collected:
    return _begun(trainer, config, judgements, tasks).collected(judgements)


def _read(trainer: Trainer, config: TrainConfig, completions: Sequence[Completion]) -> Read:
    """What the policy as it is, its values and the reference say of some completions."""
    trainer.policy.train()
    with trainer.accelerator.autocast():
        return read_once(
            completions,
            policy=trainer.policy,
            unwrapped=trainer.unwrapped,
            reference=trainer.reference,
            pad_id=trainer.pad_id,
            device=trainer.device,
            micro_rows=config.micro_rows,
            temperature=config.temperature,
            predict_outcomes=config.parts.outcomes,
            turns=trainer.turns,
        )


def _shaped(trainer: Trainer, judged: Sequence[Judged], spans: Sequence[Offsets]) -> list[list[float]]:
    """What reward shaping gives to each token of some completions; nothing where there is none."""
    return trainer.method.shaped(judged, spans) if trainer.method.shapings else [[] for _ in judged]


def _scored(trainer: Trainer, config: TrainConfig, judged: Sequence[Judged]) -> list[Scored]:
    spans = [offsets_of(j.completion, trainer.tokenizer) for j in judged]
    shaped = _shaped(trainer, judged, spans)
    return [
        Scored(j, reward_of(j, config.reward), offsets, keep_of(j, offsets, config.executed), given)
        for j, offsets, given in zip(judged, spans, shaped, strict=True)
    ]


def _learned(
    trainer: Trainer, config: TrainConfig, scored: Sequence[Scored], read: Read | None, state: State
) -> Numbers:
    """Train on some completions, in `ppo_epochs` passes, or less where the KL to their policy grows too far.

    `read`: what was read while they were judged, if anything was.
    """
    judged = [s.judged for s in scored]
    read = _read(trainer, config, [j.completion for j in judged]) if read is None else read.of(judged)
    trainer.policy.train()
    batch = assembled(
        read,
        judged,
        [s.keep for s in scored],
        [s.reward for s in scored],
        kl_coef=state.kl_coef if config.kl_in == "reward" else 0.0,
        gamma=config.gamma,
        lam=config.lam,
        whiten_advantages=config.whiten_advantages,
        mask_kl=config.fgo and config.mask_kl,
        reduce=trainer.sum,
        shaped=[s.shaped for s in scored] if trainer.method.shapings else None,
        groups=group_numbers([_result(s)[:2] for s in scored], trainer.gathered),
        advantages_of=trainer.method.advantages,
        offsets=[s.offsets for s in scored],
        gathered=trainer.gathered,
    )
    trainer.set_learning_rates(state.update)
    truths = _truths(trainer, scored, batch) if config.ground_truth_coef else {}
    values_only = state.update < config.critic_warmup_updates
    parts = min(trainer.gathered([min(config.minibatches, len(scored))]))  # the judge may have failed on some
    steps: list[Numbers] = []
    for chosen in chain.from_iterable(minibatches(len(scored), parts) for _ in range(config.ppo_epochs)):
        rows = batch.rows(chosen)
        steps.append(ppo_step(trainer, config, rows, values_only=values_only, kl_coef=state.kl_coef, truths=truths))
        _refuse_nan(steps[-1], state.update + 1)
        if config.stop_kl and steps[-1]["policy_kl"] > config.stop_kl:
            break
    return _batch_numbers(trainer, batch) | {name: _mean(step[name] for step in steps) for name in steps[0]}


def _truths(trainer: Trainer, scored: Sequence[Scored], batch: Batch) -> dict[int, Tokens]:
    """By the number of its task, the rest of the canonical solution that each completion stands beside."""
    tasks = zip(batch.groups.tolist(), (s.judged.completion.task for s in scored), strict=True)
    return {group: truth_of(task, trainer.tokenizer) for group, task in dict(tasks).items()}


def minibatches(completions: int, count: int) -> list[Tensor]:
    """A random partition of the completions into `count` parts of nearly equal size; indices."""
    return list(torch.randperm(completions).tensor_split(count))


def _refuse_nan(step: Numbers, update: int) -> None:
    bad = {name: value for name, value in step.items() if not math.isfinite(value)}
    if bad:
        raise TrainingError(
            f"update {update}: {', '.join(f'{name} is {value}' for name, value in bad.items())}; expected finite numbers."
            " The last checkpoint is whole: go on from it with --resume and a lower --learning-rate or --max-grad-norm"
        )


def _batch_numbers(trainer: Trainer, batch: Batch) -> Numbers:
    keep = batch.response_keep
    kl = torch.where(keep > 0, batch.old_logprobs - batch.ref_logprobs, torch.zeros_like(keep))
    explained = (batch.returns - batch.old_values) * keep
    sums = [keep.sum(), batch.executed_keep.sum(), kl.sum(), torch.tensor(float(len(keep)), device=keep.device)]
    sums += [
        (batch.old_values * keep).sum(),
        (explained**2).sum(),
        (batch.returns * keep).sum(),
        (batch.returns**2).sum(),
    ]
    tokens, executed, kl_sum, rows, values, residual, returns, squares = trainer.sum(torch.stack(sums)).tolist()
    spread = squares - returns**2 / max(tokens, 1.0)
    explained_share = 1.0 - residual / spread if spread > 1e-8 else 0.0
    of_values = {"value_mean": values / max(tokens, 1.0), "value_explained": explained_share}
    return {
        "kl": kl_sum / max(tokens, 1.0),
        "kl_per_completion": kl_sum / max(rows, 1.0),
        "executed_share": executed / max(tokens, 1.0),
        "response_tokens": tokens / max(rows, 1.0),
    } | (of_values if trainer.config.parts.critic else {})


def _move_curriculum(trainer: Trainer, scored: Sequence[Scored]) -> None:
    """Tell the curriculum each problem's pass rate; all processes tell it the same."""
    passed: dict[tuple[str, int], list[bool]] = defaultdict(list)
    for problem_id, level, outcome in trainer.gathered([_result(s) for s in scored]):
        passed[problem_id, level].append(outcome == Verdict.ACCEPTED)
    for (problem_id, level), outcomes in sorted(passed.items()):
        trainer.curriculum.update(problem_id, level, sum(outcomes) / len(outcomes))


def _result(scored: Scored) -> tuple[str, int, str]:
    task = scored.judged.completion.task
    return task.problem.problem_id, task.level, scored.judged.outcome


def _next_kl(config: TrainConfig, state: State, numbers: Numbers) -> float:
    if config.kl_control == "fixed":
        return state.kl_coef
    return next_kl_coef(
        state.kl_coef,
        numbers["kl_per_completion"],
        target=config.kl_target,
        horizon=config.kl_horizon,
        completions=config.completions,
    )


def _told(trainer: Trainer, scored: Sequence[Scored], collected: Collected, began: float) -> Numbers:
    rows = trainer.gathered([(s.reward, *_result(s), trainer.is_plain(s.judged.completion.task)) for s in scored])
    outcomes = Counter(outcome for _, _, _, outcome, _ in rows)
    plain = [outcome == Verdict.ACCEPTED for *_, outcome, is_plain in rows if is_plain]
    rewards: dict[tuple[str, int], set[float]] = defaultdict(set)
    for given, problem_id, level, *_ in rows:
        rewards[problem_id, level].add(given)
    tokens, programs = _summed(trainer, collected.response_tokens, collected.programs)
    seconds = time.monotonic() - began
    numbers = {
        "reward_mean": _mean(given for given, *_ in rows),
        "pass_rate": outcomes[Verdict.ACCEPTED] / len(rows),
        "mixed_share": sum(len(given) > 1 for given in rewards.values()) / len(rewards),
        "programs": programs,
        "tokens_per_s": tokens / collected.generate_s,
        "generate_s": collected.generate_s,
        "judge_wait_s": collected.wait_s,
        "update_s": seconds,
    }
    if trainer.method.shapings:
        numbers["shaped_reward"] = _mean(trainer.gathered([sum(s.shaped) for s in scored]))
    if plain:
        numbers["plain_pass_rate"] = sum(plain) / len(plain)
    shares = {f"share_{verdict}": outcomes[verdict] / len(rows) for verdict in (*Verdict, "extraction_failed")}
    return numbers | shares


def _levels(given: dict[str, int]) -> dict[str, int]:
    return {str(level): count for level, count in sorted(Counter(given.values()).items())}


def _lines(trainer: Trainer, scored: Sequence[Scored]) -> Numbers:
    lines = [lines_of(s.judged.completion.text, s.judged.completion.program, s.offsets) for s in scored]
    return line_numbers(trainer.gathered([(of.count, of.comments) for of in lines]))


def _samples(scored: Sequence[Scored], config: TrainConfig) -> list[dict[str, Any]]:
    step = max(1, len(scored) // max(1, config.samples_per_update))
    return [_sample(s) for s in scored[::step][: config.samples_per_update]]


def _sample(scored: Scored) -> dict[str, Any]:
    completion, report = scored.judged.completion, scored.judged.report
    lines = None
    if report is not None and report.executable_lines is not None:
        lines = sorted({n for t in report.unit_tests for n in t.executed_lines or ()})
    return {
        "problem_id": completion.task.problem.problem_id,
        "level": completion.task.level,
        "prefix_chars": len(completion.task.prefix),
        "completion": completion.text,
        "verdict": scored.judged.outcome,
        "reward": scored.reward,
        "executed_lines": lines,
        "token_offsets": [list(span) for span in scored.offsets],
        "keep": scored.keep,
    }


def _summed(trainer: Trainer, *counts: float) -> list[float]:
    """Of all processes."""
    return list(trainer.sum(torch.tensor(counts, dtype=torch.float64, device=trainer.device)).tolist())


def _mean(values: Iterable[float]) -> float:
    found = list(values)
    return sum(found) / len(found) if found else 0.0
