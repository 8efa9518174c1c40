"""`stepcoder prm label RUN DIR --out PRM_DATA`: from the policies of a run to labelled prefixes; it resumes.

    PRM_DATA/config.json                    the options, the run, the data set
    PRM_DATA/.cache/completions.sqlite      every completion that was written
    PRM_DATA/.cache/judged.sqlite           every verdict
    PRM_DATA/.cache/update-000040.json      what came of a checkpoint: it is done
    PRM_DATA/.cache/update-000040.seconds   how long that took, a line a process
    PRM_DATA/lines/, responses/             the data set (`stepcoder.prm.dataset`)

The same command goes on: no completion is written twice, and the labels are those of a run that was never stopped, but for
what batches of other rows round otherwise (`stepcoder.prm.writer`).
"""

import fcntl
import json
import time
from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from appsplus.engine import Cache, LocalEngine
from appsplus.errors import InputError
from appsplus.jsonl import write_atomically
from appsplus.problem import Problem
from appsplus.release import data_hash
from appsplus.release.fetched import dataset_folder
from stepcoder.config import SftConfig, TrainConfig
from stepcoder.data import check_tokenizer, evenly, load_split, tokenizer_hash
from stepcoder.inputs import fitting
from stepcoder.policy import device_here, load_model
from stepcoder.prm.attempts import Attempts, Labelled
from stepcoder.prm.begun import begin, seconds_of, timed
from stepcoder.prm.card import write_card
from stepcoder.prm.dataset import (
    MANIFEST,
    SPLITS,
    held_out,
    line_rows,
    response_row,
    shard,
    write_rows,
)
from stepcoder.prm.lines import check_lines
from stepcoder.prm.options import MAY_CHANGE, LabelConfig
from stepcoder.prm.policies import Checkpoint, evenly_spaced
from stepcoder.prm.search import rounds_for
from stepcoder.prm.store import CompletionStore
from stepcoder.prm.writer import PolicyWriter, Sampling, Writer, weights_hash
from stepcoder.processes import terminated_as_interrupted
from stepcoder.progress import Progress
from stepcoder.rollouts import Judgements, Task
from stepcoder.saved_config import read_config

_CACHE, _CONFIG = ".cache", "config.json"


@dataclass(slots=True)
class Labelling:
    """What labelling works with."""

    out: Path
    dataset: str
    config: LabelConfig  # with the run's values where none were given
    of_run: TrainConfig
    progress: Progress


def label(run: Path, dataset: str, out: Path, config: LabelConfig, *, quiet: bool = False) -> dict[str, Any]:
    """Label responses of a run's policies, as far as that is not done; returns the manifest.

    Raises InputError where the run keeps too few policies, or `out` was begun with other options.
    """
    chosen = evenly_spaced(run, config.checkpoints)
    of_run, _ = read_config(TrainConfig, run)
    config = replace(
        config,
        temperature=config.temperature or of_run.temperature,
        top_p=config.top_p or of_run.top_p,
        max_tokens=config.max_tokens or of_run.max_completion_tokens,
    )
    document = {"run": str(run), "dataset": dataset, **asdict(config)}
    hashes = {one.name: weights_hash(one.folder) for one in chosen}
    made_from = {"policies": hashes, "problems": data_hash(dataset_folder(dataset))}
    begin(out / _CONFIG, document, "stepcoder prm label", MAY_CHANGE, made_from)
    (out / _CACHE).mkdir(exist_ok=True)
    work = Labelling(out, dataset, config, of_run, Progress(quiet=quiet))
    with _alone(out), work.progress, terminated_as_interrupted():
        waiting = [one for one in chosen if not _done(out, one).is_file()]
        if waiting:
            with (
                CompletionStore(out / _CACHE) as store,
                Cache(out / _CACHE) as cache,
                LocalEngine(workers=config.judge_workers or None, isolation=config.isolation, cache=cache) as engine,
                Judgements(
                    engine, threads=engine.workers, coverage=False, go_on="give the same command again"
                ) as judgements,
            ):
                for one in waiting:
                    with timed(_spent(out, one)):
                        _label_checkpoint(work, one, hashes[one.name], store, judgements)
        return _finish(work, chosen)


def _label_checkpoint(
    work: Labelling, one: Checkpoint, sha256: str, store: CompletionStore, judgements: Judgements
) -> None:
    config = work.config
    problems = load_split(work.dataset, config.split)
    lm, tokenizer = load_model(str(one.folder), SftConfig())
    check_tokenizer(tokenizer, str(one.folder))
    check_lines(tokenizer, str(one.folder))
    problems = fitting(problems, tokenizer, work.of_run, f"the split {config.split} of {work.dataset}")
    problems = evenly(problems, config.problems)
    lm = lm.to(device_here()).eval()
    sampling = Sampling(config.temperature, config.top_p, config.seed)
    writer = PolicyWriter(lm, tokenizer, sha256, sampling, config.batch)
    attempts, labelled = label_responses(problems, writer, tokenizer, judgements, store, work, one.name)
    apart = held_out([problem.problem_id for problem in problems], config.held_out_share)
    facts = {
        "checkpoint_sha256": sha256,
        "tokenizer_sha256": tokenizer_hash(tokenizer),
        "problem_ids": [problem.problem_id for problem in problems],
        **write_checkpoint(work, one.name, sha256, labelled, tokenizer, apart),
    }
    cost = {"completions": attempts.asked, "judge_failures": attempts.judge_failures}
    write_atomically(_done(work.out, one), (json.dumps(facts | {"cost": cost}, indent=1) + "\n").encode())
    work.progress.say(f"{one.name}: {attempts.written:,} completions written, {attempts.known:,} known before")


def label_responses(
    problems: Sequence[Problem],
    writer: Writer,
    tokenizer: Any,
    judgements: Judgements,
    store: CompletionStore,
    work: Labelling,
    name: str,
) -> tuple[Attempts, list[Labelled]]:
    """The responses of one policy to some problems, each with its transition."""
    config = work.config
    told = lambda what, done, of: work.progress.advance(f"{name}, {what}", done, of)  # noqa: E731
    attempts = Attempts(writer, tokenizer, judgements, store, max_tokens=config.max_tokens, told=told)
    began = time.monotonic()
    tasks = [Task.of(problem, (0,), 1, tokenizer) for problem in problems]
    lengths = [problem.canonical_solution.count("\n") + 1 for problem in problems]
    most = config.responses * sum(1 + config.k * rounds_for(lines) for lines in lengths)
    work.progress.say(f"{name}: about {most:,} completions at most, if responses are as long as canonical solutions")
    responses = attempts.responses(tasks, config.responses)
    failed = [response for response in responses if not response.passed]
    left = sum(config.k * rounds_for(len(response.lines.code_ends)) for response in failed)
    pace_s = (time.monotonic() - began) / attempts.written if attempts.written else 0.0
    about = f", about {left * pace_s / 60:.1f} minutes" if pace_s else ""
    work.progress.say(f"{name}: {len(failed):,} of {len(responses):,} responses fail; up to {left:,} attempts{about}")
    return attempts, attempts.labelled(responses, config.k)


def write_checkpoint(
    work: Labelling, name: str, sha256: str, labelled: Sequence[Labelled], tokenizer: Any, apart: Collection[str]
) -> dict[str, Any]:
    """Write the rows of a checkpoint, those of the problems `apart` into the split test; how many there are of what."""
    kinds: Counter[str] = Counter()
    of_lines: Counter[str] = Counter()
    for split in SPLITS:
        chosen = [
            one
            for one in labelled
            if (one.response.judged.completion.task.problem.problem_id in apart) == (split == "test")
            and one.response.lines.ends
        ]
        rows = [response_row(one, name, sha256, work.config.k, tokenizer) for one in chosen]
        write_rows(shard(work.out, "responses", split, name), "responses", rows)
        pairs = zip(rows, chosen, strict=True)
        lines = [line for row, one in pairs for line in line_rows(row, one.response.offsets)]
        write_rows(shard(work.out, "lines", split, name), "lines", lines)
        of_lines.update(f"{line['label']:+d}" for line in lines)
        kinds.update(kind_of(one) for one in chosen)
        kinds[f"lines_{split}"] += len(lines)
    kinds["without_a_program"] += sum(not one.response.lines.ends for one in labelled)
    return {"counts": dict(kinds), "labels": dict(of_lines)}


def kind_of(one: Labelled) -> str:
    """What a response is: correct as it is, revised (wrong, with a prefix that can be completed), or wrong from the start."""
    return "correct" if one.response.passed else "revised" if one.found.low else "wrong"


def _finish(work: Labelling, chosen: Sequence[Checkpoint]) -> dict[str, Any]:
    done = {one.name: json.loads(_done(work.out, one).read_text(encoding="utf-8")) for one in chosen}
    hashes = {facts["tokenizer_sha256"] for facts in done.values()}
    assert len(hashes) == 1, "policies of one run have one tokenizer"
    counts: Counter[str] = Counter()
    of_lines: Counter[str] = Counter()
    for facts in done.values():
        counts.update(facts["counts"])
        of_lines.update(facts["labels"])
    manifest = {
        "name": "appsplus-prm",
        "options": asdict(work.config),
        "dataset": {
            "name": Path(work.dataset).name if Path(work.dataset).is_dir() else work.dataset,
            "data_hash": data_hash(dataset_folder(work.dataset)),
        },
        "tokenizer_sha256": hashes.pop(),
        "checkpoints": {name: facts["checkpoint_sha256"] for name, facts in done.items()},
        "problems": len({problem_id for facts in done.values() for problem_id in facts["problem_ids"]}),
        "counts": dict(sorted(counts.items())),
        "labels": dict(sorted(of_lines.items())),
        "cost": {one.name: done[one.name]["cost"] | {"seconds": seconds_of(_spent(work.out, one))} for one in chosen},
    }
    write_atomically(work.out / MANIFEST, (json.dumps(manifest, indent=1) + "\n").encode())
    write_card(work.out, manifest)
    return manifest


def _done(out: Path, one: Checkpoint) -> Path:
    return out / _CACHE / f"{one.name}.json"


def _spent(out: Path, one: Checkpoint) -> Path:
    return out / _CACHE / f"{one.name}.seconds"


@contextmanager
def _alone(out: Path) -> Iterator[None]:
    with (out / _CACHE / "lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise InputError(
                f"another `stepcoder prm label` works in {out}; wait for it, or name another --out"
            ) from None
        yield
