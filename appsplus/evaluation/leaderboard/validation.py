"""Whether a submission may stand in the table: every reason why not, each with what is there, what should be, what to do.

Nothing in the results file is believed: counts are those of the verdicts, facts of problems those of the dataset, and the
figures those of the counts. That the verdicts are true is for `rejudging` to find out.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from math import isclose

from appsplus.errors import InputError
from appsplus.evaluation.extraction import EXTRACTION_FAILED
from appsplus.evaluation.leaderboard.submission import LARGEST_INT, Submission
from appsplus.evaluation.leaderboard.terms import Terms
from appsplus.evaluation.metrics import metrics_of
from appsplus.evaluation.results import JUDGE_ERROR, Metric, ProblemResult, Results, SampleVerdict, read_verdicts
from appsplus.problem import Verdict

MOST_KS, LARGEST_K = 10, 1000  # of pass@k, in one submission
_NAMED = 5  # of many, in a reason
_OUTCOMES = {*map(str, Verdict), EXTRACTION_FAILED, JUDGE_ERROR}

Key = tuple[str, int]  # problem_id, sample_index


def reasons_against(submission: Submission, terms: Terms) -> list[str]:
    """Why the submission cannot stand beside the others; empty if it can. Reads the verdicts, judges nothing."""
    results = submission.results
    if other := list(_other_terms(results, terms)):
        return other  # all else would follow from it
    found = [*_other_problems(results, terms), *_unscored(results)]
    try:
        verdicts = sample_verdicts(submission)
    except InputError as error:
        return [*found, str(error)]
    found += _other_counts(results, verdicts.values(), terms)
    return found or list(_other_figures(results))


def sample_verdicts(submission: Submission) -> dict[Key, SampleVerdict]:
    """Every verdict of a submission by its sample. Raises InputError for a line that is none, or a second of one sample."""
    found: dict[Key, SampleVerdict] = {}
    for verdict in read_verdicts(submission.verdicts_path):
        key = (verdict.problem_id, verdict.sample_index)
        if max(map(abs, (verdict.sample_index, verdict.passed_tests, verdict.num_tests))) > LARGEST_INT:
            raise InputError(
                f"{submission.verdicts_path} has a number above {LARGEST_INT:,}; expected counts: evaluate again"
            )
        if key in found:
            raise InputError(
                f"{submission.verdicts_path} has two verdicts on sample {key[1]} of {key[0]!r}; expected one: evaluate again"
            )
        if verdict.verdict not in _OUTCOMES:
            raise InputError(
                f"{submission.verdicts_path} calls sample {key[1]} of {key[0]!r} {verdict.verdict[:40]!r}; expected one of"
                f" {', '.join(sorted(_OUTCOMES))}: evaluate again"
            )
        found[key] = verdict
    return found


def _other_terms(results: Results, terms: Terms) -> Iterator[str]:
    dataset = results.dataset
    if dataset.sha256 != terms.dataset.sha256:
        yield (
            f"it was judged on the dataset {dataset.name[:80]!r} with the hash {dataset.sha256[:64]!r}; this leaderboard is"
            f" of {terms.dataset.name!r} with the hash {terms.dataset.sha256}: evaluate the samples on that one"
        )
    if dataset.split != terms.dataset.split:
        yield (
            f"it was judged on the split {dataset.split[:40]!r}; this leaderboard is of {terms.dataset.split!r}: evaluate"
            f" with --split {terms.dataset.split}"
        )
    if results.judge.version != terms.judge_version:
        yield (
            f"it was judged by version {results.judge.version[:80]!r} of the judge; this leaderboard's is"
            f" {terms.judge_version!r}: evaluate the samples again with that one (`appsplus doctor` tells the version)"
        )


def _other_problems(results: Results, terms: Terms) -> Iterator[str]:
    if missing := [problem_id for problem_id in terms.problems if problem_id not in results.problems]:
        yield (
            f"{len(missing):,} of the {len(terms.problems):,} problems have no sample ({_some(missing)}); a row needs them"
            " all: sample the rest, and evaluate again"
        )
    if unknown := sorted(results.problems.keys() - terms.problems.keys()):
        yield (
            f"{len(unknown):,} of its problems are not in the split {terms.dataset.split} ({_some(unknown)}); expected none:"
            f" evaluate again on {terms.dataset.name!r}"
        )
    known = {problem_id: facts for problem_id, facts in terms.problems.items() if problem_id in results.problems}
    for name in ("difficulty", "io_format", "num_unit_tests", "conditional_statements"):
        if wrong := [i for i, facts in known.items() if getattr(results.problems[i], name) != getattr(facts, name)]:
            given, right = getattr(results.problems[wrong[0]], name), getattr(known[wrong[0]], name)
            yield (
                f"{len(wrong):,} problems have another {name} than in the dataset ({_some(wrong)}; the first"
                f" {str(given)[:40]!r}, expected {str(right)!r}): evaluate again"
            )


def _unscored(results: Results) -> Iterator[str]:
    if any(problem.num_unscored for problem in results.problems.values()) or results.unscored:
        yield (
            f"the judge failed on {len(results.unscored):,} samples, which have no score; a row needs a verdict on each:"
            " evaluate again, which judges those only"
        )


def _other_counts(results: Results, verdicts: Iterable[SampleVerdict], terms: Terms) -> Iterator[str]:
    counted = _counted(verdicts)
    wrong: list[str] = []
    for problem_id in sorted(results.problems.keys() | counted.keys()):
        given, facts = results.problems.get(problem_id), terms.problems.get(problem_id)
        tally, shares = counted.get(problem_id, (Counter(), []))
        if given is None or facts is None or not _agrees(given, tally, shares, facts.num_unit_tests):
            wrong.append(problem_id)
    if wrong:
        yield (
            f"the counts of {len(wrong):,} problems in the results are not those of its verdicts ({_some(wrong)}); expected"
            f" what `{results.verdicts_file.name[:80]}` adds up to: evaluate again"
        )


def _counted(verdicts: Iterable[SampleVerdict]) -> dict[str, tuple[Counter[str], list[tuple[int, int]]]]:
    """Per problem: samples by verdict, and (passed, given) unit tests of each scored sample."""
    counted: dict[str, tuple[Counter[str], list[tuple[int, int]]]] = {}
    for verdict in verdicts:
        tally, shares = counted.setdefault(verdict.problem_id, (Counter(), []))
        tally[verdict.verdict] += 1
        if verdict.is_scored:
            shares.append((verdict.passed_tests, verdict.num_tests))
    return counted


def _agrees(given: ProblemResult, tally: Counter[str], shares: list[tuple[int, int]], num_unit_tests: int) -> bool:
    scored = {verdict: n for verdict, n in tally.items() if verdict != JUDGE_ERROR}
    if any(total != num_unit_tests or not 0 <= passed <= total for passed, total in shares):
        return False
    if sum(passed == total for passed, total in shares) != scored.get(Verdict.ACCEPTED, 0):
        return False  # accepted is whoever passes every unit test, and nobody else
    average = sum(passed / total for passed, total in shares) / len(shares) if shares else None
    return (
        {verdict: n for verdict, n in given.verdicts.items() if n} == scored
        and given.num_samples == sum(scored.values()) > 0
        and given.num_correct == scored.get(Verdict.ACCEPTED, 0)
        and given.num_unscored == tally[JUDGE_ERROR]
        and given.test_case_average is not None
        and average is not None
        and isclose(given.test_case_average, average, abs_tol=1e-9)
    )


def _other_figures(results: Results) -> Iterator[str]:
    """Only the values: intervals come from random numbers, and the site shows its own."""
    if 1 not in results.k:
        yield f"it has no pass@1, by which rows are ranked, only k = {results.k[:_NAMED]}: evaluate again with --k 1"
        return
    if len(results.k) > MOST_KS or max(results.k) > LARGEST_K:
        yield (
            f"it claims pass@k for {len(results.k):,} values of k, up to {max(results.k):,}; expected at most {MOST_KS}, none"
            f" above {LARGEST_K:,}: evaluate again with fewer"
        )
        return
    if max(results.k) > min(problem.num_samples for problem in results.problems.values()) or min(results.k) < 1:
        yield f"it claims pass@k for k = {results.k[:_NAMED]}, for which some problem has too few samples: evaluate again"
        return
    counts = {problem.num_samples for problem in results.problems.values()}
    if results.num_samples != (counts.pop() if len(counts) == 1 else None):
        yield f"it claims {results.num_samples} samples per problem, and its counts say otherwise: evaluate again"
    own = metrics_of(list(results.problems.values()), results.k, seed=0)
    if wrong := [name for name in sorted(own.keys() | results.metrics.keys()) if not _same(name, own, results.metrics)]:
        yield f"its {_some(wrong)} cannot be computed from its verdicts; expected the figures they give: evaluate again"


def _same(name: str, one: Mapping[str, Metric], other: Mapping[str, Metric]) -> bool:
    return name in one and name in other and isclose(one[name].value, other[name].value, abs_tol=1e-9)


def _some(names: list[str]) -> str:
    shown = ", ".join(repr(name[:80]) for name in names[:_NAMED])
    return f"{shown} and {len(names) - _NAMED:,} more" if len(names) > _NAMED else shown
