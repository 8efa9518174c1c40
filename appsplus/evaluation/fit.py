"""Do samples and problems fit together? What can be known to be wrong is said before a program has run."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from appsplus.errors import InputError
from appsplus.evaluation.judging import spellings
from appsplus.evaluation.metrics import check_k
from appsplus.evaluation.samples import Samples
from appsplus.evaluation.suite import Suite
from appsplus.judge import version as judge_version
from appsplus.release.schema import REJECTED_SPLIT

_NAMED = 3  # problems, in a message


@dataclass(frozen=True, slots=True)
class Fit:
    """Which samples will be judged, and what a reader of the figures should know about them."""

    ks: tuple[int, ...]  # for pass@k, ascending
    num_samples: int  # in all
    per_problem: int | None  # None: not the same for all problems
    missing: tuple[str, ...]  # problems without a sample
    warnings: tuple[str, ...]


def fit(suite: Suite, samples: Samples, ks: Sequence[int], *, partial: bool) -> Fit:
    """Check samples against the problems that they are for.

    Raises InputError for a sample of a problem that the dataset does not have, for problems without a sample unless
    `partial`, where no sample is for this split, and for a k that some problem has too few samples for.
    """
    spelled = spellings(suite, samples)
    wanted = set(suite.problem_ids)
    places = Counter(suite.elsewhere(problem_id) for problem_id in spelled if problem_id not in wanted)
    _refuse_unknown(suite, samples, spelled)
    others = ", ".join(f"{count:,} of {split}" for split, count in sorted(places.items()))
    present = [problem_id for problem_id in suite.problem_ids if problem_id in spelled]
    if not present:
        raise InputError(
            f"{samples.path} has samples for no problem of the split {suite.facts.split} of {suite.facts.name} (problems:"
            f" {others}); choose their split with --split, or --split all"
        )
    missing = tuple(problem_id for problem_id in suite.problem_ids if problem_id not in spelled)
    if missing and not partial:
        raise InputError(
            f"{samples.path} has no sample for {len(missing):,} of {len(suite.problem_ids):,} problems ({_some(missing)});"
            " expected one at least for each: sample them, or evaluate the others alone with --partial"
        )
    counts = {problem_id: samples.count(spelled[problem_id]) for problem_id in present}
    fewest = min(present, key=counts.__getitem__)
    for k in ks:
        check_k(k, counts[fewest], f" ({fewest})")
    return Fit(
        ks=tuple(sorted(set(ks))),
        num_samples=sum(counts.values()),
        per_problem=counts[fewest] if len(set(counts.values())) == 1 else None,
        missing=missing,
        warnings=tuple(_warnings(suite, samples, missing, others)),
    )


def _refuse_unknown(suite: Suite, samples: Samples, spelled: Mapping[str, str]) -> None:
    wanted = set(suite.problem_ids)
    unknown = [i for i in spelled if i not in wanted and suite.elsewhere(i) in ("", REJECTED_SPLIT)]
    if not unknown:
        return
    lines = ", ".join(f"{spelled[i]} in line {samples.line(spelled[i])}" for i in unknown[:_NAMED])
    rejected = [problem_id for problem_id in unknown if suite.elsewhere(problem_id)]
    why = f"; the build rejected {len(rejected):,} of them, such as {rejected[0]}" if rejected else ""
    raise InputError(
        f"{samples.path} has samples for {len(unknown):,} problems that are not in {suite.facts.name} ({lines}"
        f"{', ...' if len(unknown) > _NAMED else ''}){why}; ids look like {suite.problem_ids[0]}. Evaluate on the dataset"
        " that the samples were made from, or remove them"
    )


def _warnings(suite: Suite, samples: Samples, missing: Sequence[str], others: str) -> list[str]:
    warnings = []
    if missing:
        warnings.append(f"{len(missing):,} of {len(suite.problem_ids):,} problems have no sample, and are in no figure")
    if others:
        warnings.append(f"samples of other splits were left out (problems: {others})")
    if suite.judge_version and suite.judge_version != judge_version():
        warnings.append(
            f"the dataset was verified by judge {suite.judge_version}, the samples were judged by {judge_version()}: build"
            " the dataset again to be sure that its canonical solutions still pass"
        )
    made_from = samples.meta.get("dataset")
    sha256 = str(made_from.get("sha256", "")) if isinstance(made_from, dict) else ""
    if sha256 and sha256 != suite.facts.sha256:
        warnings.append(
            f"the samples were made from another version of the dataset ({sha256[:12]}) than they were judged on"
            f" ({suite.facts.sha256[:12]}): their prompts may differ"
        )
    return warnings


def _some(names: Sequence[str]) -> str:
    return ", ".join(names[:_NAMED]) + (", ..." if len(names) > _NAMED else "")
