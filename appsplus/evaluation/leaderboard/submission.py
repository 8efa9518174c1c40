"""A submission: a results file, and beside it the verdicts and the samples that it names by hash.

The files may come from anyone. Their names lead nowhere else, they are regular files, of bounded size, with lines of bounded
length, and what they hold is what the results say it is; what it is worth is for `validation` and `rejudging` to find out.
"""

import hashlib
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from appsplus.errors import InputError
from appsplus.evaluation import records
from appsplus.evaluation.results import FileFacts, Results, read_results
from appsplus.evaluation.samples import meta_path

LARGEST_RESULTS_MIB = 64
LARGEST_VERDICTS_MIB = 512  # more than two million samples
LARGEST_SAMPLES_MIB = 4096
LONGEST_LINE_MIB = 64
LARGEST_INT = 2**53
_MIB = 1 << 20
_LONG_NUMBER = re.compile(rb"[\s:,\[]-?[0-9]{10000}")  # to read one of millions of digits would take for ever
_OVERLAP = 10_010  # bytes: more than _LONG_NUMBER matches
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,100}\.jsonl?")  # as they are published under it, no other kind of file
_EXPECTED_NAME = (
    "expected a file in the same folder with a name of letters, digits, `.`, `_` and `-` that ends in .json or .jsonl"
)


@dataclass(frozen=True, slots=True)
class Submission:
    """Three files that belong together."""

    key: str  # SHA-256 (hex) of the results file
    results: Results
    results_path: Path
    verdicts_path: Path
    samples_path: Path


def read_submission(path: Path) -> Submission:
    """The submission of a results file. Raises InputError where a file is missing, too big, or not the one it should be."""
    if not _NAME.fullmatch(path.name):
        raise InputError(f"{path} has a name that cannot be published; {_EXPECTED_NAME}: rename it")
    key = _checked_hash(path, LARGEST_RESULTS_MIB, "a results file that `appsplus evaluate` wrote")
    try:
        results = read_results(path)
        beyond = _has_large_int(records.to_json(results))
    except (OverflowError, RecursionError):
        beyond = True
    if beyond:
        raise InputError(f"{path} holds a number or a nesting beyond all measure; expected figures: evaluate again")
    verdicts = _belonging(path, results.verdicts_file, "verdicts", LARGEST_VERDICTS_MIB)
    samples = _belonging(path, results.samples_file, "samples", LARGEST_SAMPLES_MIB)
    if meta_path(samples).exists():
        _checked_hash(meta_path(samples), LARGEST_RESULTS_MIB, "how the samples were made")
    return Submission(key, results, path, verdicts, samples)


def _belonging(results: Path, facts: FileFacts, what: str, largest_mib: int) -> Path:
    """The file beside the results that they name, with the hash that they name."""
    if not _NAME.fullmatch(facts.name):
        raise InputError(
            f"{results} names {facts.name[:80]!r} as its {what}; {_EXPECTED_NAME}: rename it, and evaluate again"
        )
    path = results.parent / facts.name
    expected = f"the {what} of {results.name}; hand them in beside it"
    if path.is_symlink():
        raise InputError(f"{path} is a symbolic link; expected {expected}")
    found = _checked_hash(path, largest_mib, expected)
    if found != facts.sha256:
        raise InputError(
            f"{path} has the SHA-256 {found}, and {results.name} is about a file with {facts.sha256[:64]!r}; evaluate again"
        )
    return path


def _checked_hash(path: Path, largest_mib: int, expected: str) -> str:
    """SHA-256 (hex) of a regular file that is neither too big nor has a line too long to be read."""
    if not path.is_file():
        what = "is no regular file" if path.exists() else "is not there"
        raise InputError(f"{path} {what}; expected {expected}")
    size = path.stat().st_size
    if size > largest_mib * _MIB:
        raise InputError(
            f"{path} has {size / _MIB:,.0f} MiB; a leaderboard reads at most {largest_mib:,} MiB of {expected}"
        )
    digest, line, before = hashlib.sha256(), 0, b""
    try:
        with path.open("rb") as file:
            while chunk := file.read(_MIB):
                digest.update(chunk)
                end = chunk.rfind(b"\n")
                line = line + len(chunk) if end < 0 else len(chunk) - end - 1
                if line > LONGEST_LINE_MIB * _MIB:
                    raise InputError(f"{path} has a line of more than {LONGEST_LINE_MIB} MiB; expected {expected}")
                if _LONG_NUMBER.search(before + chunk):
                    raise InputError(f"{path} holds a number of more than 10,000 digits; expected {expected}")
                before = chunk[-_OVERLAP:]
    except OSError as error:
        raise InputError(f"{path} cannot be read ({error.strerror}); expected {expected}") from None
    return digest.hexdigest()


def _has_large_int(value: Any) -> bool:
    if isinstance(value, dict):
        return any(map(_has_large_int, value.values()))
    if isinstance(value, list):
        return any(map(_has_large_int, value))
    return isinstance(value, int) and abs(value) > LARGEST_INT
