"""Whether the verdicts of a submission are true: some of its samples are judged again, here, by us.

Every sample must lead to the program that its verdict names. Of all samples a share is drawn, and no fewer than LEAST: those
whose key, hashed with the samples' hash and a seed, comes first. Nobody chooses the draw, and anybody can repeat it; whoever
does not want a submitter to know it before gives a seed that nobody else knows. What was drawn is judged again, and must come
out the same.

Where it does not, it is judged REPEATS times more, without a cache, and it is fair to say why:

| what we see | what it is |
|---|---|
| one of our verdicts is the one claimed | `unsteady`: the program's own doing (chance, time); the claim may be true |
| ours was near the time limit, and one of the two says that time ran out | `near_limit`: the machine's doing |
| ours was near the time limit, the verdict is the same, and other unit tests passed | `near_limit` |
| anything else | a mismatch: the submission is refused |

A program can take as long as it likes, so that it is always near the limit. Where the clock would excuse more claims that are
better than what we see than a share NEAR of those drawn, and more than one, they are mismatches, too.
"""

import hashlib
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from fractions import Fraction
from math import ceil

from appsplus.engine.judging import program_hash
from appsplus.evaluation.extraction import EXTRACTION_FAILED, NoProgram
from appsplus.evaluation.judging import Engine, Judged, Progress, judge_samples, spellings
from appsplus.evaluation.leaderboard.validation import Key
from appsplus.evaluation.results import JUDGE_ERROR, SampleVerdict
from appsplus.evaluation.samples import Samples
from appsplus.evaluation.suite import Suite
from appsplus.problem import Verdict

LEAST = 20  # samples judged again, or all where there are fewer: a small submission is cheap to check
REPEATS = 2
NEAR = 0.05

Verdicts = Mapping[Key, SampleVerdict]


@dataclass(frozen=True, slots=True)
class Mismatch:
    """A sample on which our judge contradicts what was handed in."""

    problem_id: str
    sample_index: int
    program_sha256: str | None
    claimed: str  # verdict
    claimed_passed: int  # unit tests
    found: str
    found_passed: int
    num_tests: int


@dataclass(frozen=True, slots=True)
class Rejudged:
    """What judging some samples again has shown."""

    num_samples: int
    drawn: int
    agreed: int
    near_limit: int
    unsteady: int
    mismatches: tuple[Mismatch, ...]
    errors: tuple[str, ...]  # of our judge; of no meaning for the submission, but it has not been checked


def draw(keys: Collection[Key], *, share: float, seed: str, samples_sha256: str) -> list[Key]:
    """The samples to judge again: that share of them, rounded up, and at least LEAST, in the order of the verdicts."""
    count = max(LEAST, ceil(Fraction(str(share)) * len(keys)))
    drawn = set(sorted(keys, key=lambda key: _place(key, seed, samples_sha256))[:count])
    return [key for key in keys if key in drawn]


def _place(key: Key, seed: str, samples_sha256: str) -> bytes:
    text = f"{seed}\n{samples_sha256}\n{key[1]}\n{key[0]}"
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest()


def other_programs(suite: Suite, samples: Samples, verdicts: Verdicts) -> list[str]:
    """Why the verdicts are not those on these samples; empty if they may be. Runs nothing."""
    found = dict(_programs(suite, samples))
    wrong = sorted(key for key in found.keys() | verdicts.keys() if not _is_of(verdicts, found, key))
    if not wrong:
        return []
    some = ", ".join(f"{index} of {problem_id[:80]!r}" for problem_id, index in wrong[:5])
    more = f" and {len(wrong) - 5:,} more" if len(wrong) > 5 else ""
    return [
        f"the verdicts of {len(wrong):,} samples are not on the programs in `{samples.path.name}` (sample {some}{more});"
        " expected one verdict on the program of each sample: evaluate these samples again"
    ]


def rejudged(
    suite: Suite,
    samples: Samples,
    verdicts: Verdicts,
    drawn: Collection[Key],
    *,
    engine: Engine,
    again: Engine,
    progress: Progress | None = None,
) -> Rejudged:
    """Judge the drawn samples; those that come out differently once more, by `again`, which has no cache.

    Raises SandboxError and InputError as `judge_samples` does.
    """
    ours = _judged(suite, samples, engine, drawn, progress)
    errors = {key: judged.error for key, judged in ours.items() if judged.verdict.verdict == JUDGE_ERROR}
    differing = [key for key in drawn if key not in errors and not _same(ours[key].verdict, verdicts[key])]
    unsteady: set[Key] = set()
    for _ in range(REPEATS):
        if left := [key for key in differing if key not in unsteady]:
            repeated = _judged(suite, samples, again, left, None)
            unsteady |= {key for key, judged in repeated.items() if _same(judged.verdict, verdicts[key])}
    near = {key for key in differing if key not in unsteady and _is_near(ours[key].verdict, verdicts[key])}
    better = {key for key in near if _worth(verdicts[key]) > _worth(ours[key].verdict)}
    if len(better) > max(1, NEAR * len(drawn)):
        near -= better
    mismatches = [_mismatch(ours[k].verdict, verdicts[k]) for k in differing if k not in unsteady and k not in near]
    return Rejudged(
        num_samples=len(verdicts),
        drawn=len(drawn),
        agreed=len(drawn) - len(differing) - len(errors),
        near_limit=len(near),
        unsteady=len(unsteady),
        mismatches=tuple(mismatches),
        errors=tuple(sorted(set(errors.values()))),
    )


def _programs(suite: Suite, samples: Samples) -> Iterator[tuple[Key, str | None]]:
    """The hash of the program of each sample; None where it has none."""
    spelled = spellings(suite, samples)
    for problem in suite.problems():
        for sample in samples.of(spelled.get(problem.problem_id, problem.problem_id)):
            program = suite.program(problem, sample)
            key = (problem.problem_id, sample.sample_index)
            yield key, None if isinstance(program, NoProgram) else program_hash(program.text)


def _is_of(verdicts: Verdicts, programs: Mapping[Key, str | None], key: Key) -> bool:
    if key not in verdicts or key not in programs:
        return False
    has_none = verdicts[key].verdict == EXTRACTION_FAILED
    return verdicts[key].program_sha256 == programs[key] and has_none == (programs[key] is None)


def _judged(
    suite: Suite, samples: Samples, engine: Engine, only: Collection[Key], progress: Progress | None
) -> dict[Key, Judged]:
    """By sample. No sample but these is read."""
    found = judge_samples(suite, samples, engine, only=frozenset(only), progress=progress)
    return {(j.verdict.problem_id, j.verdict.sample_index): j for _, of_problem in found for j in of_problem}


def _same(ours: SampleVerdict, claimed: SampleVerdict) -> bool:
    return (ours.verdict, ours.passed_tests) == (claimed.verdict, claimed.passed_tests)


def _is_near(ours: SampleVerdict, claimed: SampleVerdict) -> bool:
    """Whether the clock may be all that the two disagree about."""
    late = Verdict.TIME_LIMIT_EXCEEDED in (ours.verdict, claimed.verdict)
    return ours.near_limit and (late or ours.verdict == claimed.verdict)


def _worth(verdict: SampleVerdict) -> tuple[bool, int]:
    return verdict.verdict == Verdict.ACCEPTED, verdict.passed_tests


def _mismatch(ours: SampleVerdict, claimed: SampleVerdict) -> Mismatch:
    return Mismatch(
        problem_id=ours.problem_id,
        sample_index=ours.sample_index,
        program_sha256=ours.program_sha256,
        claimed=claimed.verdict,
        claimed_passed=claimed.passed_tests,
        found=ours.verdict,
        found_passed=ours.passed_tests,
        num_tests=ours.num_tests,
    )
