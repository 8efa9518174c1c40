"""An evaluation from end to end: see that samples and problems fit, judge, count, and write down what was found."""

import platform
import tempfile
import time
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from appsplus.engine.judging import fair_limits
from appsplus.errors import InputError, SandboxError
from appsplus.evaluation.breakdowns import breakdowns
from appsplus.evaluation.extraction import EXTRACTION_FAILED
from appsplus.evaluation.fit import Fit
from appsplus.evaluation.judging import Engine, Judged, Progress, judge_samples
from appsplus.evaluation.metrics import RESAMPLES, metrics_of
from appsplus.evaluation.results import (
    SCHEMA_VERSION,
    FileFacts,
    JudgeFacts,
    LimitFacts,
    ProblemResult,
    Results,
    SampleVerdict,
    Unscored,
    read_results,
    verdicts_path,
    write_results,
    write_verdicts,
)
from appsplus.evaluation.samples import Samples, meta_path
from appsplus.evaluation.suite import Suite, conditional_statements
from appsplus.judge import version as judge_version
from appsplus.problem import Problem
from appsplus.release import disk_errors


def evaluate(
    suite: Suite,
    samples: Samples,
    fitting: Fit,
    engine: Engine,
    out: Path,
    *,
    seed: int = 0,
    name: str = "",
    command: str = "",
    progress: Progress | None = None,
) -> Results:
    """Judge the samples of a suite, and write the results to `out` and their verdicts beside it.

    `fitting` is what `fit` says of the two, `seed` is the bootstrap's. Raises InputError where `out` holds something else or
    cannot be written; SandboxError where the judge fails again and again, or on every sample. What was judged until then
    is in the engine's cache.
    """
    check_target(out, samples.path)
    if progress is not None:
        progress.start("judging", fitting.num_samples)
    started, before = time.monotonic(), Counter(engine.counts)
    tally = Tally()
    for problem, judged in judge_samples(suite, samples, engine, progress=progress):
        tally.enter(problem, judged)
    if len(tally.unscored) == fitting.num_samples:
        raise SandboxError(
            f"the judge failed on every sample, at last with: {tally.unscored[-1].error}. Nothing can be said of them:"
            " `appsplus doctor` may say what is wrong with this machine"
        )
    wall_s, counts = time.monotonic() - started, Counter(engine.counts)
    counts.subtract(before)
    limits, limits_by_problem = tally.limits()
    with disk_errors(out):
        verdicts_file = write_verdicts(verdicts_path(out), tally.verdicts)
        results = Results(
            schema_version=SCHEMA_VERSION,
            name=name or _name_of(samples),
            model=_model(samples.meta),
            dataset=suite.facts,
            judge=_judge_facts(engine),
            command=command,
            sampling=_sampling(samples.meta),
            num_samples=fitting.per_problem,
            k=fitting.ks,
            limits=limits,
            limits_by_problem=limits_by_problem,
            seeds={"bootstrap": seed, "bootstrap_resamples": RESAMPLES, "hash": 0},
            metrics=metrics_of(list(tally.problems.values()), fitting.ks, seed=seed),
            breakdowns=breakdowns(tally.problems.values(), fitting.ks, seed=seed),
            problems=tally.problems,
            extraction_failed=tally.outcomes[EXTRACTION_FAILED],
            unscored=tuple(tally.unscored),
            missing_problems=fitting.missing,
            warnings=_warnings(fitting, engine, tally),
            samples_file=FileFacts(samples.path.name, samples.sha256),
            verdicts_file=verdicts_file,
            time={
                "finished_at": datetime.now(UTC).isoformat(timespec="seconds"),
                "wall_s": round(wall_s, 2),
                "workers": engine.workers,
                "judged": counts["judged"],
                "cached": counts["cached"],
                "samples_per_s": round(fitting.num_samples / wall_s, 2) if wall_s else None,
            },
        )
        write_results(out, results)
    return results


def check_target(out: Path, samples: Path) -> None:
    """Raise InputError where results cannot be written to `out`, or would replace something else."""
    theirs = {path.resolve() for path in (samples, meta_path(samples))}
    if clash := next((path for path in (out, verdicts_path(out)) if path.resolve() in theirs), None):
        raise InputError(f"{clash} belongs to the samples, and would be overwritten; choose another --out")
    if out.exists():
        try:
            read_results(out)
        except InputError as error:
            raise InputError(
                f"{out} holds something else than results of an evaluation ({error}); choose another --out"
            ) from None
    with disk_errors(out):
        out.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=out.parent) as file:
            file.write(b"0" * 4096)


class Tally:
    """What the samples came to, counted problem by problem."""

    def __init__(self) -> None:
        self.problems: dict[str, ProblemResult] = {}
        self.verdicts: list[SampleVerdict] = []
        self.unscored: list[Unscored] = []
        self.outcomes: Counter[str] = Counter()
        self._limits: dict[str, LimitFacts] = {}

    def enter(self, problem: Problem, judged: Iterable[Judged]) -> None:
        """Count the samples of one problem."""
        judged = list(judged)
        scored = [item.verdict for item in judged if item.verdict.is_scored]
        failed = [item for item in judged if not item.verdict.is_scored]
        self.problems[problem.problem_id] = problem_result(problem, scored, len(failed))
        self.verdicts += [item.verdict for item in judged]
        self.unscored += [Unscored(i.verdict.problem_id, i.verdict.sample_index, i.error) for i in failed]
        self.outcomes.update(item.verdict.verdict for item in judged)
        self._limits[problem.problem_id] = LimitFacts(**asdict(fair_limits(problem)))

    def limits(self) -> tuple[LimitFacts, dict[str, LimitFacts]]:
        """The limits of most problems, and those of the others."""
        [(usual, _)] = Counter(self._limits.values()).most_common(1)
        return usual, {problem_id: limits for problem_id, limits in self._limits.items() if limits != usual}


def problem_result(problem: Problem, scored: Sequence[SampleVerdict], unscored: int) -> ProblemResult:
    """What the scored samples of one problem came to."""
    shares = [verdict.passed_tests / verdict.num_tests for verdict in scored]
    verdicts = Counter(verdict.verdict for verdict in scored)
    return ProblemResult(
        num_samples=len(scored),
        num_correct=verdicts["accepted"],
        verdicts=dict(sorted(verdicts.items())),
        test_case_average=sum(shares) / len(shares) if shares else None,
        num_unit_tests=len(problem.unit_tests),
        difficulty=problem.difficulty,
        io_format=problem.io_format.value,
        conditional_statements=conditional_statements(problem),
        num_unscored=unscored,
    )


def _judge_facts(engine: Engine) -> JudgeFacts:
    lacking = {name for name, holds in engine.rungs.items() if holds is False} | set(engine.rungs.get("missing", ()))
    return JudgeFacts(judge_version(), engine.isolation, platform.python_version(), tuple(sorted(lacking)))


def _warnings(fitting: Fit, engine: Engine, tally: Tally) -> tuple[str, ...]:
    warnings = list(fitting.warnings)
    if tally.unscored:
        problems = len({item.problem_id for item in tally.unscored})
        warnings.append(
            f"the judge failed on {len(tally.unscored):,} samples of {problems:,} problems; they are in no figure, and the"
            " same command judges them again"
        )
    if missing := _judge_facts(engine).missing:
        warnings.append(f"programs ran with --isolation {engine.isolation}, without {', '.join(missing)}")
    return tuple(warnings)


def _name_of(samples: Samples) -> str:
    named = _model(samples.meta).get("name")
    return str(named) if named else samples.path.name.removesuffix(".jsonl").removesuffix(".json")


def _model(meta: dict[str, Any]) -> dict[str, Any]:
    model = meta.get("model")
    return {"name": model} if isinstance(model, str) else _object(model)


def _sampling(meta: dict[str, Any]) -> dict[str, Any]:
    """The parameters, and with them the prompt's template and the command."""
    further = {name: meta[name] for name in ("backend", "template", "command") if name in meta}
    return _object(meta.get("sampling")) | further


def _object(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}
