"""What a model's page says in words: how to repeat its run, on how many samples it stands, what judging again has shown.

Text of others is cut to what a page can bear; the whole is in the raw results.
"""

from collections.abc import Iterator
from typing import Any

from appsplus import jsonl
from appsplus.evaluation.benchmarks import BENCHMARKS
from appsplus.evaluation.leaderboard.board import Entry
from appsplus.evaluation.leaderboard.names import shown_text
from appsplus.evaluation.results import DatasetFacts, LimitFacts
from appsplus.evaluation.suite import ALL

_LONGEST_FACT = 4000  # characters of a command or of JSON


def facts_of(entry: Entry) -> Iterator[tuple[str, str]]:
    """What one needs to know to repeat a run, by name."""
    results = entry.submission.results
    dataset, judge = results.dataset, results.judge
    revision = f", revision {dataset.revision}" if dataset.revision else ""
    yield "dataset", shown_text(f"{dataset.name}, split {dataset.split}{revision}", _LONGEST_FACT)
    yield "dataset, SHA-256", dataset.sha256
    missing = f", without {', '.join(judge.missing)}" if judge.missing else ""
    yield (
        "judge",
        shown_text(f"{judge.version}, isolation {judge.isolation}{missing}, Python {judge.python}", _LONGEST_FACT),
    )
    yield "command", shown_text(results.command, _LONGEST_FACT) or "not stated"
    yield "model", _json(results.model)
    yield "sampling", _json(results.sampling)
    yield "limits of a unit test", _limits(results.limits, len(results.limits_by_problem))
    seeds = ", ".join(f"{name} {seed}" for name, seed in sorted(results.seeds.items())[:20])
    yield "seeds", shown_text(seeds, _LONGEST_FACT) or "none"
    yield "samples, SHA-256", results.samples_file.sha256
    yield "verdicts, SHA-256", results.verdicts_file.sha256
    yield "evaluated", shown_text(str(results.time.get("finished_at", "")), 80) or "not stated"


def _limits(limits: LimitFacts, others: int) -> str:
    told = (
        f"{limits.cpu_s:g} CPU seconds of the reference machine, {limits.wall_s:g} s of wall time, {limits.memory_mib} MiB of"
        f" memory, {limits.output_mib} MiB of output"
    )
    return f"{told}; {others:,} problems have others, for what the canonical solution needs" if others else told


def _json(value: dict[str, Any]) -> str:
    try:
        return shown_text(jsonl.dumps(value), _LONGEST_FACT) if value else "not stated"
    except RecursionError:
        return "nested too deep to be shown; see the raw results"


def command_of(entry: Entry) -> str:
    """How to judge the samples of a row again."""
    results = entry.submission.results
    ks = ",".join(map(str, results.k))
    return f"appsplus evaluate {problems_of(results.dataset)} --samples {results.samples_file.name} --k {ks} --out again.json"


def problems_of(dataset: DatasetFacts) -> str:
    """The arguments of `appsplus evaluate` that name the problems."""
    if dataset.name in BENCHMARKS and dataset.split == ALL:
        return f"--benchmark {dataset.name} --data FILE"
    return f"DIR --split {dataset.split}"


def samples_told(entry: Entry) -> str:
    """How many samples a row stands on."""
    counts = [problem.num_samples for problem in entry.submission.results.problems.values()]
    low, high = min(counts), max(counts)
    if low != high:
        return f"{low:,} to {high:,} samples a problem"
    return f"{low:,} sample{'s' if low > 1 else ''} a problem"


def rejudged_told(entry: Entry) -> str:
    """What became of the samples that were judged again."""
    found = entry.rejudged
    if found is None:
        return "No sample was judged again for this leaderboard."
    told = f"{found.drawn:,} of {found.num_samples:,} samples were judged again for this leaderboard"
    if found.agreed == found.drawn:
        return f"{told}, and all came out the same."
    parts = [f"{found.agreed:,} came out the same"]
    parts += [f"{found.near_limit:,} differed near the time limit"] if found.near_limit else []
    parts += [f"{found.unsteady:,} by chance, as the program itself is unsteady"] if found.unsteady else []
    return f"{told}: {', '.join(parts)}."
