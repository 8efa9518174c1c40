"""What the runs showed: pass@1 and pass@k on held-out problems with intervals, differences, costs, and how programs fail.

Legend: A[s, p] is the share of the completions of held-out problem p that passed, by the policy of seed s; S seeds, P
problems. pass@1 is the mean of A, pass@k that of the unbiased estimate for each problem (arXiv:2107.03374), k = 8 or as many
completions as there are. A problem is long if its canonical solution has more than LONG_TOKENS tokens.

Intervals are percentiles of a bootstrap that draws seeds and problems anew, both with replacement and independently of each
other: they speak of other seeds and other problems. A difference is paired: the two methods' A on the same seeds and problems
are subtracted first. Whether a difference is larger in long programs is its mean there less its mean in short ones, each with
its own problems drawn, both with the same seeds.
"""

import json
import re
from collections import Counter
from collections.abc import Container, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from appsplus.evaluation import EXTRACTION_FAILED
from appsplus.evaluation.metrics import pass_at_k
from appsplus.problem import DIFFICULTIES, Verdict
from stepcoder.ablation.arms import ARMS, DIFFERENCES, PRM, SFT
from stepcoder.ablation.costs import an_update_of, spent
from stepcoder.ablation.reward_model import cost_of
from stepcoder.ablation.runs import GROUPS, LENGTHS, Job
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

MOST_K = 8
LONG_TOKENS = 100
"""Where arXiv:2410.17621 says that the gain of a process reward model sits: in responses over so many tokens."""
LENGTH_NAMES = {True: f"over {LONG_TOKENS} tokens", False: f"up to {LONG_TOKENS} tokens"}


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
    at_k: Shares | None = None  # (S, P), pass@k of each
    k: int = 1

    def of(self, problem_ids: Container[str], *, at_k: bool = False) -> Shares:
        """Some problems. (S, P) -> (S, some of P)."""
        shares = self.at_k if at_k and self.at_k is not None else self.shares
        return shares[:, [i for i, problem_id in enumerate(self.problem_ids) if problem_id in problem_ids]]


def k_of(problem_id: str) -> int:
    """How many branches a problem of the family has that unit tests reach."""
    found = re.search(r"/k(\d+)-", problem_id)
    if not found:
        raise ValueError(f"{problem_id} is no problem of the generated family")
    return int(found[1])


def interval(shares: Shares, seed: int = 0) -> Interval:
    """The mean, and its interval over resampled seeds and problems. (S, P) ->."""
    return contrast(shares, None, seed)


def contrast(shares: Shares, others: Shares | None, seed: int = 0) -> Interval:
    """The mean on some problems less that on others, which have the same seeds: these are drawn once for both, problems
    apart. (S, P), (S, Q) ->.
    """
    rng = np.random.default_rng(seed)
    seeds = shares.shape[0]
    weights_s = rng.multinomial(seeds, np.full(seeds, 1 / seeds), RESAMPLES) / seeds
    means, value = np.zeros(RESAMPLES), 0.0
    for sign, some in ((1, shares), (-1, others)):
        if some is not None:
            problems = some.shape[1]
            weights_p = rng.multinomial(problems, np.full(problems, 1 / problems), RESAMPLES) / problems
            means += sign * ((weights_s @ some) * weights_p).sum(1)
            value += sign * float(some.mean())
    low, high = np.quantile(means, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return Interval(value, float(low), float(high))


def difference(
    one: Examined, other: Examined, problem_ids: Container[str] | None = None, *, at_k: bool = False
) -> Interval | None:
    """The paired difference of two methods over the seeds that both have, on some problems; None where there is none."""
    shares = _paired(one, other, one.problem_ids if problem_ids is None else problem_ids, at_k=at_k)
    return None if shares is None else interval(shares)


def _paired(one: Examined, other: Examined, problem_ids: Container[str], *, at_k: bool = False) -> Shares | None:
    both = [seed for seed in one.seeds if seed in other.seeds]
    if not both or one.problem_ids != other.problem_ids or (at_k and one.k != other.k):
        return None
    shares = [
        examined.of(problem_ids, at_k=at_k)[[examined.seeds.index(seed) for seed in both]] for examined in (one, other)
    ]
    return shares[0] - shares[1] if shares[0].shape[1] else None


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
    k = min(MOST_K, *(c.total() for row in counts for c in row))
    at_k = [[pass_at_k(c.total(), c[Verdict.ACCEPTED], k) for c in row] for row in counts]
    return Examined(tuple(job.seed for job in jobs), problem_ids, np.array(shares), kinds, np.array(at_k), k)


def validated(jobs: Sequence[Job], method: str) -> dict[int, Examined]:
    """The policies of a method on held-out problems while it learned, by update, in their order.

    Updates that every seed has: labels may leave one seed fewer than another.
    """
    found: dict[int, dict[int, dict[str, float]]] = {}  # shares by update, seed and problem
    for job in jobs:
        if job.method == method != SFT:
            for line in read_lines(job.folder / "validation.jsonl"):
                counts = Counter(line["outcomes"])
                shares = found.setdefault(line["update"], {}).setdefault(job.seed, {})
                shares[line["problem_id"]] = counts[Verdict.ACCEPTED] / counts.total()
    whole = max(map(len, found.values()), default=0)
    problem_ids = tuple(sorted({i for of_seeds in found.values() for shares in of_seeds.values() for i in shares}))
    return {
        update: Examined(
            tuple(of_seeds),
            problem_ids,
            np.array([[shares[i] for i in problem_ids] for shares in of_seeds.values()]),
            {},
        )
        for update, of_seeds in sorted(found.items())
        if len(of_seeds) == whole and all(len(shares) == len(problem_ids) for shares in of_seeds.values())
    }


def curve(jobs: Sequence[Job], method: str) -> list[tuple[int, list[float]]]:
    """(update, pass@1 on held-out problems of each seed that is there) while a method learned; update 0 is the warm-up."""
    of_warm_ups = [float(_examined([job]).shares.mean()) for job in jobs if job.method == SFT and job.done]
    points = [(update, [float(mean) for mean in e.shares.mean(1)]) for update, e in validated(jobs, method).items()]
    return [(0, of_warm_ups), *points] if of_warm_ups else points


def summary(jobs: Sequence[Job]) -> dict[str, Any]:
    """All numbers, as JSON."""
    found = examined(jobs)
    by_length = _by_length(jobs)
    grouped_by, groups = grouped(jobs, sorted({problem_id for e in found.values() for problem_id in e.problem_ids}))
    return {
        "grouped_by": grouped_by,
        "interval": f"{LEVEL:.0%} bootstrap over seeds and problems, {RESAMPLES} resamples",
        "methods": {
            method: {
                "name": ARMS[method].title,
                "seeds": list(e.seeds),
                "problems": len(e.problem_ids),
                "pass@1": _json(interval(e.shares)),
                "k": e.k,
                "pass@k": _json(interval(e.of(e.problem_ids, at_k=True))),
                "by_seed": [float(mean) for mean in e.shares.mean(1)],
                "by_group": {name: _json(interval(e.of(chosen))) for name, chosen in groups.items()},
                "by_length": {name: _of_length(e, chosen) for name, chosen in by_length.items()},
                "outcomes": dict(e.kinds),
                "curve": [[update, values] for update, values in curve(jobs, method)],
                "completions": _completions(jobs, method),
                "seconds_an_update": _seconds(jobs, method),
                "spent": asdict(of_runs) if (of_runs := spent([j for j in jobs if j.method == method])) else None,
            }
            for method, e in found.items()
        },
        "differences": [
            {
                "of": one,
                "from": other,
                **_json(between),
                **_apart(found[one], found[other], by_length),
                "same_update": _at_the_same_update(validated(jobs, one), validated(jobs, other), by_length),
            }
            for one, other in DIFFERENCES
            if one in found and other in found and (between := difference(found[one], found[other]))
        ],
        "reward_models": [
            {"seed": seed, **asdict(cost)}
            for out, seed in sorted({(job.out, job.seed) for job in jobs})
            if (cost := cost_of(Job(out, PRM, seed).folder))
        ],
    }


def grouped(jobs: Sequence[Job], problem_ids: Sequence[str]) -> tuple[str, dict[str, frozenset[str]]]:
    """What the held-out problems are told apart by, "difficulty" or "k", and those of each group, from easy to hard."""
    of_problems = _of_warm_up(jobs, GROUPS)
    by = "difficulty" if of_problems else "k"
    of_problems = of_problems or {problem_id: str(k_of(problem_id)) for problem_id in problem_ids}
    names = DIFFICULTIES if by == "difficulty" else sorted(set(of_problems.values()), key=int)
    groups = {name: frozenset(i for i in problem_ids if of_problems[i] == name) for name in names}
    return by, {name: group for name, group in groups.items() if group}


def _of_warm_up(jobs: Sequence[Job], name: str) -> dict[str, Any]:
    """What the warm-ups noted of each held-out problem, the same for all seeds; empty where none has."""
    for job in jobs:
        path = Job(job.out, SFT, job.seed).folder / name
        if path.is_file():
            found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
            return found
    return {}


def _by_length(jobs: Sequence[Job]) -> dict[str, frozenset[str]]:
    """The held-out problems by the length of their canonical solutions; empty where no warm-up has counted its tokens."""
    lengths = _of_warm_up(jobs, LENGTHS)
    return {
        name: frozenset(i for i, tokens in lengths.items() if (tokens > LONG_TOKENS) == long)
        for long, name in LENGTH_NAMES.items()
        if lengths
    }


def _of_length(examined: Examined, problem_ids: frozenset[str]) -> dict[str, Any] | None:
    shares = examined.of(problem_ids)
    if not shares.shape[1]:
        return None
    at_k = _json(interval(examined.of(problem_ids, at_k=True)))
    return {"problems": shares.shape[1], "pass@1": _json(interval(shares)), "pass@k": at_k}


def _apart(one: Examined, other: Examined, by_length: Mapping[str, frozenset[str]]) -> dict[str, Any]:
    """A difference in pass@k, and in pass@1 by length; and by how much it is larger in long programs than in short ones."""
    at_k = difference(one, other, at_k=True)
    lengths = {name: _paired(one, other, chosen) for name, chosen in by_length.items()}
    long, short = (lengths.get(LENGTH_NAMES[which]) for which in (True, False))
    return {
        "pass@k": _json(at_k) if at_k else None,
        "by_length": {name: None if found is None else _json(interval(found)) for name, found in lengths.items()},
        "long_less_short": None if long is None or short is None else _json(contrast(long, short)),
    }


def _at_the_same_update(
    one: Mapping[int, Examined], other: Mapping[int, Examined], by_length: Mapping[str, frozenset[str]]
) -> dict[str, Any] | None:
    """A difference at the last update that both were examined at, where one of them had fewer in its budget of completions:
    what a method does apart from what it costs. None where both had as many.
    """
    update = max(one.keys() & other.keys(), default=0)
    if not update or max(one) == max(other):
        return None
    if not (found := difference(one[update], other[update])):
        return None
    lengths = {name: difference(one[update], other[update], chosen) for name, chosen in by_length.items()}
    return {
        "update": update,
        **_json(found),
        "by_length": {name: between and _json(between) for name, between in lengths.items()},
    }


def _completions(jobs: Sequence[Job], method: str) -> dict[str, float] | None:
    """What an update has written, and what was written before the first, for labels: where a curve begins, and its step."""
    of_method = [job for job in jobs if job.method == method]
    steps = [step for job in of_method if (step := an_update_of(job))]
    if not steps:
        return None
    labels = [cost.completions for job in of_method if (cost := cost_of(Job(job.out, PRM, job.seed).folder))]
    before = sum(labels) / len(labels) if labels and ARMS[method].prm else 0.0
    return {"an_update": steps[0], "before": before}


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
