"""From results files to the rows of a leaderboard, and to what was refused and why."""

from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from appsplus.errors import InputError
from appsplus.evaluation.judging import Engine, Progress
from appsplus.evaluation.leaderboard.names import distinct_names, file_names, plain, shown_name
from appsplus.evaluation.leaderboard.rejudging import Mismatch, Rejudged, draw, other_programs, rejudged
from appsplus.evaluation.leaderboard.submission import Submission, read_submission
from appsplus.evaluation.leaderboard.terms import Terms, terms_of
from appsplus.evaluation.leaderboard.validation import reasons_against, sample_verdicts
from appsplus.evaluation.samples import Samples
from appsplus.evaluation.suite import Suite

_LONGEST_REASON = 2000  # characters
SHARE = 0.05  # of the samples of each submission, judged again


@dataclass(frozen=True, slots=True)
class Entry:
    """A submission that stands in the table."""

    submission: Submission
    name: str  # as shown; no two alike
    file: str  # of its page, without ending; no two alike
    rejudged: Rejudged | None  # None: nothing of this leaderboard was judged again

    @property
    def key(self) -> str:
        """SHA-256 (hex) of its results file."""
        return self.submission.key


@dataclass(frozen=True, slots=True)
class Refusal:
    """A submission that does not, and why."""

    name: str  # of the model, as shown; empty where it could not be read
    file_name: str
    reasons: tuple[str, ...]
    mismatches: tuple[Mismatch, ...] = ()


@dataclass(frozen=True, slots=True)
class Board:
    """All that the site tells."""

    terms: Terms
    entries: tuple[Entry, ...]  # by name
    refusals: tuple[Refusal, ...]
    share: float  # of the samples judged again
    seed: str  # which, with the samples' hash, chose them


@dataclass(frozen=True, slots=True)
class Rejudging:
    """How samples are judged again. `again` has no cache: it is asked where `engine` contradicts a submission."""

    engine: Engine
    again: Engine
    share: float = SHARE
    seed: str = "0"


def make_board(
    paths: Sequence[Path], suite: Suite, rejudging: Rejudging | None, progress: Progress | None = None
) -> Board:
    """Check every submission. `rejudging` None: no sample is judged again, and the site says so.

    The order of the paths does not matter. Raises SandboxError where the judge fails again and again, and InputError where
    its cache cannot be used any more; a submission that cannot be used is a Refusal.
    """
    terms = terms_of(suite)
    accepted: dict[str, tuple[Submission, Rejudged | None]] = {}
    refusals: list[Refusal] = []
    for path in sorted(paths):
        checked = _checked(path, terms, suite, rejudging, progress)
        if isinstance(checked, Refusal):
            refusals.append(checked)
        elif (submission := checked[0]).key in accepted:
            same = accepted[submission.key][0].results_path.name
            reason = f"{path} is the same file as {same}; expected each once: leave one out"
            refusals.append(_refusal(path, submission, reason))
        else:
            accepted[submission.key] = checked
    names = distinct_names({key: submission.results.name for key, (submission, _) in accepted.items()})
    files = file_names({key: submission.results.name for key, (submission, _) in accepted.items()})
    entries = [Entry(submission, names[key], files[key], again) for key, (submission, again) in accepted.items()]
    entries.sort(key=lambda entry: (entry.name.casefold(), entry.key))
    share, seed = (rejudging.share, rejudging.seed) if rejudging else (0.0, "")
    return Board(terms, tuple(entries), tuple(refusals), share, seed)


def _checked(
    path: Path, terms: Terms, suite: Suite, rejudging: Rejudging | None, progress: Progress | None
) -> tuple[Submission, Rejudged | None] | Refusal:
    submission = None
    with ExitStack() as stack:
        try:
            submission = read_submission(path)
            if reasons := reasons_against(submission, terms):
                return _refusal(path, submission, *reasons)
            samples = stack.enter_context(Samples(submission.samples_path))
            verdicts = sample_verdicts(submission)
            if reasons := other_programs(suite, samples, verdicts):
                return _refusal(path, submission, *reasons)
        except InputError as error:
            return _refusal(path, submission, str(error))
        if rejudging is None:
            return submission, None
        drawn = draw(verdicts, share=rejudging.share, seed=rejudging.seed, samples_sha256=samples.sha256)
        if progress:
            progress.start(f"judging again {shown_name(submission.results.name)}", len(drawn))
        found = rejudged(
            suite, samples, verdicts, drawn, engine=rejudging.engine, again=rejudging.again, progress=progress
        )
    if found.errors:
        failures = (f"the judge of this leaderboard failed, run the command again: {error}" for error in found.errors)
        return _refusal(path, submission, *failures)
    if found.mismatches:
        reason = (
            f"of {found.drawn:,} samples that were judged again, {len(found.mismatches):,} came out differently; expected the"
            " verdicts handed in: evaluate the samples again, on an idle machine"
        )
        return _refusal(path, submission, reason, mismatches=found.mismatches)
    return submission, found


def _refusal(
    path: Path, submission: Submission | None, *reasons: str, mismatches: tuple[Mismatch, ...] = ()
) -> Refusal:
    """A refusal that tells nothing of the folders that the files lie in here."""
    name = shown_name(submission.results.name) if submission else ""
    told = (plain(reason.replace(f"{path.parent}/", ""))[:_LONGEST_REASON] for reason in reasons)
    return Refusal(name, plain("/".join(path.parts[-2:])), tuple(told), mismatches)
