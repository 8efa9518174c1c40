"""What the runs showed: pass@1 on held-out problems with intervals, differences between methods, and how programs fail.

Legend: A[s, p] is the share of the completions of held-out problem p that passed, by the policy of seed s; S seeds, P
problems. pass@1 is the mean of A. Intervals are percentiles of a bootstrap that draws seeds and problems anew, both with
replacement and independently of each other: they speak of other seeds and other problems. A difference is paired: the two
methods' A on the same seeds and problems are subtracted first.
"""

import json
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from appsplus.evaluation import EXTRACTION_FAILED
from appsplus.problem import Verdict
from stepcoder.ablation.plan import NAMES, SFT
from stepcoder.ablation.runs import Job
from stepcoder.report import read_lines

Shares = npt.NDArray[np.float64]  # (S, P)

RESAMPLES = 10_000
LEVEL = 0.95
KINDS = {
    "accepted": (Verdict.ACCEPTED,),
    "wrong answer": (Verdict.WRONG_ANSWER,),
    "run-time error": (
        Verdict.RUN_TIME_ERROR,
        Verdict.TIME_LIMIT_EXCEEDED,
        Verdict.MEMORY_LIMIT_EXCEEDED,
        Verdict.OUTPUT_LIMIT_EXCEEDED,
    ),
    "compile error": (Verdict.COMPILE_ERROR, EXTRACTION_FAILED),
}
"""How completions end, in the paper's words: a limit that is passed is a run-time error; no program does not compile."""

DIFFERENCES = (
    ("stepcoder", "ppo"),
    ("stepcoder", "ppo+cccs"),
    ("stepcoder", "ppo+fgo"),
    ("ppo+cccs", "ppo"),
    ("ppo+fgo", "ppo"),
    ("ppo", SFT),
)


@dataclass(frozen=True, slots=True)
class Interval:
    """A mean and the interval that the bootstrap gives it."""

    value: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Examined:
    """The final policies of a method on the held-out problems."""

    seeds: tuple[int, ...]
    problem_ids: tuple[str, ...]
    shares: Shares  # (S, P)
    kinds: Mapping[str, float]  # share of completions by how they end

    def of_k(self, k: int) -> Shares:
        """The problems of k branches. (S, P) -> (S, P of k)."""
        return self.shares[:, [i for i, problem_id in enumerate(self.problem_ids) if k_of(problem_id) == k]]


def k_of(problem_id: str) -> int:
    """How many branches a problem of the family has that unit tests reach."""
    found = re.search(r"/k(\d+)-", problem_id)
    if not found:
        raise ValueError(f"{problem_id} is no problem of the generated family")
    return int(found[1])


def interval(shares: Shares, seed: int = 0) -> Interval:
    """The mean, and its interval over resampled seeds and problems. (S, P) ->."""
    rng = np.random.default_rng(seed)
    seeds, problems = shares.shape
    weights_s = rng.multinomial(seeds, np.full(seeds, 1 / seeds), RESAMPLES) / seeds
    weights_p = rng.multinomial(problems, np.full(problems, 1 / problems), RESAMPLES) / problems
    means = ((weights_s @ shares) * weights_p).sum(1)
    low, high = np.quantile(means, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return Interval(float(shares.mean()), float(low), float(high))


def difference(one: Examined, other: Examined) -> Interval | None:
    """The paired difference of two methods over the seeds that both have; None where there is none."""
    both = [seed for seed in one.seeds if seed in other.seeds]
    if not both or one.problem_ids != other.problem_ids:
        return None
    rows = [[examined.seeds.index(seed) for seed in both] for examined in (one, other)]
    return interval(one.shares[rows[0]] - other.shares[rows[1]])


def examined(jobs: Sequence[Job]) -> dict[str, Examined]:
    """The methods of which runs are done, in the order of the jobs."""
    found: dict[str, list[Job]] = {}
    for job in jobs:
        if job.done:
            found.setdefault(job.method, []).append(job)
    return {method: _examined(of_method) for method, of_method in found.items()}


def _examined(jobs: Sequence[Job]) -> Examined:
    outcomes = [json.loads((job.folder / "test.json").read_text(encoding="utf-8")) for job in jobs]
    problem_ids = tuple(sorted(outcomes[0]))
    counts = [[Counter(of_run[problem_id]) for problem_id in problem_ids] for of_run in outcomes]
    shares = [[c[Verdict.ACCEPTED] / c.total() for c in row] for row in counts]
    total: Counter[str] = sum((c for row in counts for c in row), Counter())
    kinds = {kind: sum(total[name] for name in names) / total.total() for kind, names in KINDS.items()}
    return Examined(tuple(job.seed for job in jobs), problem_ids, np.array(shares), kinds)


def curve(jobs: Sequence[Job], method: str) -> list[tuple[int, list[float]]]:
    """(update, pass@1 on held-out problems of each seed that is there) while a method learned; update 0 is the warm-up."""
    points: dict[int, list[float]] = {}
    for job in jobs:
        if job.method == SFT and job.done:
            points.setdefault(0, []).append(float(_examined([job]).shares.mean()))
        if job.method == method != SFT:
            of_run: dict[int, Counter[bool]] = {}
            for line in read_lines(job.folder / "validation.jsonl"):
                counts = of_run.setdefault(line["update"], Counter())
                for outcome, number in line["outcomes"].items():
                    counts[outcome == Verdict.ACCEPTED] += number
            for update, counts in of_run.items():
                points.setdefault(update, []).append(counts[True] / counts.total())
    return sorted(points.items())


def summary(jobs: Sequence[Job]) -> dict[str, Any]:
    """All numbers, as JSON."""
    found = examined(jobs)
    ks = sorted({k_of(problem_id) for e in found.values() for problem_id in e.problem_ids})
    return {
        "interval": f"{LEVEL:.0%} bootstrap over seeds and problems, {RESAMPLES} resamples",
        "methods": {
            method: {
                "name": NAMES[method],
                "seeds": list(e.seeds),
                "problems": len(e.problem_ids),
                "pass@1": _json(interval(e.shares)),
                "by_seed": [float(mean) for mean in e.shares.mean(1)],
                "by_k": {str(k): _json(interval(e.of_k(k))) for k in ks},
                "outcomes": dict(e.kinds),
                "curve": [[update, values] for update, values in curve(jobs, method)],
                "seconds_an_update": _seconds(jobs, method),
            }
            for method, e in found.items()
        },
        "differences": [
            {"of": one, "from": other, **_json(between)}
            for one, other in DIFFERENCES
            if one in found and other in found and (between := difference(found[one], found[other]))
        ],
    }


def _json(found: Interval) -> dict[str, float]:
    return {"value": found.value, "low": found.low, "high": found.high}


def _seconds(jobs: Sequence[Job], method: str) -> float | None:
    """Median wall time of an update, where there are updates."""
    seconds = [
        float(line["update_s"])
        for job in jobs
        if job.method == method
        for line in read_lines(job.folder / "metrics.jsonl")
        if "update_s" in line
    ]
    return float(np.median(seconds)) if seconds else None


def markdown(numbers: Mapping[str, Any]) -> str:
    """The tables, for a page."""
    methods = numbers["methods"]
    ks = list(next(iter(methods.values()))["by_k"]) if methods else []
    kinds = list(KINDS)
    head = ["method", "seeds", "pass@1, held out", *(f"k = {k}" for k in ks)]
    rows = [
        [m["name"], str(len(m["seeds"])), _worded(m["pass@1"]), *(f"{100 * m['by_k'][k]['value']:.1f}" for k in ks)]
        for m in methods.values()
    ]
    ends = [[m["name"], *(f"{100 * m['outcomes'][kind]:.1f}" for kind in kinds)] for m in methods.values()]
    apart = [[f"{NAMES[d['of']]} - {NAMES[d['from']]}", _worded(d, sign="+")] for d in numbers["differences"]]
    note = f"Per cent; in brackets the {numbers['interval']}."
    tables = [
        _table(head, rows),
        _table(["paired difference", "points"], apart) if apart else "",
        _table(["method", *kinds], ends),
    ]
    return "\n\n".join([note, *filter(None, tables)]) + "\n"


def _worded(found: Mapping[str, float], sign: str = "") -> str:
    value, low, high = (format(100 * found[name], f"{sign}.1f") for name in ("value", "low", "high"))
    return f"{value} [{low}, {high}]"


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    line = ["---", *("---:" for _ in head[1:])]
    return "\n".join("| " + " | ".join(row) + " |" for row in (head, line, *rows))
