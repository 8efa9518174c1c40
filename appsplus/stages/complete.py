"""Is everything there: a description, a solution, tests, as many outputs as inputs, and a task that tests can check.

A statement that asks for a conversation (an interactive problem) or for named files cannot be checked by text in, text
out. Only what the statement says outright counts here; mentioning an "interactive installation" does not.
"""

import re
from typing import Any

from appsplus.problem import RawProblem, Reason, Rejection

_IMAGE = re.compile(
    r"!\[[^\]]{0,500}\](?:\([^)]{0,2000}\)|\[[^\]]{0,500}\])|<img\b[^>]{0,2000}>|<image>|\[image\]"
    r"|\\includegraphics(?:\[[^\]]{0,500}\])?\{[^}]{0,500}\}",
    re.I,
)
_LINK = re.compile(r"\[[^\]]{0,500}\]\([^)]{0,2000}\)|<a\b[^>]{0,2000}>.{0,2000}?</a>|https?://\S+", re.I | re.S)
_MARKUP = re.compile(r"<[^<>]{1,200}>")
_SEE_PICTURE = re.compile(
    r"\b(?:please |kindly )?(?:see|refer to|look at|check|read|view|open|click(?: on)?|as shown in|given in|shown in)\b"
    r"[^.\n]{0,30}\b(?:pictures?|images?|figures?|screenshots?|attachments?|pdf|links?|here|below|above)\b[^.\n]{0,30}",
    re.I,
)
_HEADING = re.compile(
    r"^\W*(?:problem(?: statement)?|statement|task|description|input(?: format)?|output(?: format)?|constraints?|notes?|"
    r"(?:sample |example )?(?:inputs?|outputs?)|samples?|examples?|explanation)\W*\d*\W*$",
    re.I | re.M,
)
_PLACEHOLDER = re.compile(r"\bdescription is not available\b|\bno description (?:is )?available\b", re.I)
_PLACEHOLDER_CHARS = 200
_ENOUGH_LETTERS = 25  # beside pictures and links; fewer describe nothing

_INTERACTIVE = re.compile(
    r"\bthis (?:problem |task )?is (?:an? )?\W{0,3}(?:interactive|reactive)\W{0,3} (?:problem|task|challenge)\b"
    r"|\bthis (?:problem|task) is \W{0,3}interactive\b"
    r"|\bthe interactor\b",
    re.I,
)
_INTERACTION_SECTION = re.compile(r"^\W*interaction(?: protocol)?\W*$", re.I | re.M)
_FLUSH = re.compile(
    r"\bflush(?:ing)?\b[^.\n]{0,40}\b(?:output|stdout|buffer)|\b(?:fflush|stdout\.flush|cout\.flush)\b", re.I
)
_FILE = r"[\"'`«“*]*[\w-]+\.(?:txt|in|inp|dat)\b[\"'`»”*]*"
_FILE_INPUT = re.compile(
    rf"(?:^|[.;]\s)\W*input(?: file)?(?: name)?\s*[:\-–]\s*{_FILE}"
    rf"|\b(?:read|reads|given|provided|stored|contained|located|input|data)\b[^.\n]{{0,40}}\b(?:from|in) (?:the |an? )?"
    rf"(?:input |text )*(?:file )?(?:named |called )?{_FILE}"
    rf"|\bthe (?:input |text )?file {_FILE} (?:contains|consists)\b",
    re.I | re.M,
)
_STANDARD_INPUT = re.compile(r"\bstandard input\b|\bstdin\b|\bkeyboard\b|\bconsole\b", re.I)


def complete(raw: RawProblem) -> RawProblem | Rejection:
    """The problem itself, or what it lacks. What the solutions and tests are worth is for later stages."""
    accepted = raw.review is not None and raw.review.acceptance is not None
    judgement = () if accepted else (_unsuited_to_tests,)  # a person has the final word about what the text means
    checks = (_lacking_description, *judgement, _lacking_solution, _lacking_tests)
    return next((rejection for check in checks if (rejection := check(raw)) is not None), raw)


def _lacking_description(raw: RawProblem) -> Rejection | None:
    text = raw.description.strip("\ufeff \t\r\n")
    if not text:
        return Rejection(Reason.MISSING_DESCRIPTION, "the description is empty")
    if len(text) < _PLACEHOLDER_CHARS and _PLACEHOLDER.search(text):
        return Rejection(
            Reason.MISSING_DESCRIPTION, "the description only says that there is none", {"description": text}
        )
    pictures, links = _IMAGE.findall(text), _LINK.findall(_IMAGE.sub(" ", text))
    letters = _letters_beside_pictures(text)
    if (pictures or links) and letters < _ENOUGH_LETTERS:
        detail = f"beside {len(pictures)} pictures and {len(links)} links, {letters} letters of description remain"
        return Rejection(Reason.IMAGE_ONLY_DESCRIPTION, detail, {"description": text[:2000]})
    if not letters:
        return Rejection(Reason.MISSING_DESCRIPTION, "the description has headings only", {"description": text[:2000]})
    return None


def _letters_beside_pictures(text: str) -> int:
    for pattern in (_IMAGE, _LINK, _MARKUP, _SEE_PICTURE, _HEADING):
        text = pattern.sub(" ", text)
    return sum(map(str.isalpha, text))


def _unsuited_to_tests(raw: RawProblem) -> Rejection | None:
    found = _INTERACTIVE.search(raw.description)
    if found is None and _FLUSH.search(raw.description):
        found = _INTERACTION_SECTION.search(raw.description)
    if found is not None:
        return _quoting("the statement describes an interactive problem", raw.description, found)
    if raw.entry_point is None:
        for found in _FILE_INPUT.finditer(raw.description):
            if not _STANDARD_INPUT.search(_line_around(raw.description, found)):
                return _quoting("the statement asks to read a named file", raw.description, found)
    return None


def _line_around(text: str, found: re.Match[str]) -> str:
    end = text.find("\n", found.end())
    return text[text.rfind("\n", 0, found.start() + 1) + 1 : len(text) if end < 0 else end]


def _quoting(finding: str, text: str, found: re.Match[str]) -> Rejection:
    quote = " ".join(text[max(0, found.start() - 60) : found.end() + 60].split())
    return Rejection(Reason.INTERACTIVE_OR_FILE_IO, f"{finding}: … {quote} …", {"quote": quote})


def _lacking_solution(raw: RawProblem) -> Rejection | None:
    if any(solution.strip("\ufeff\0 \t\r\n\f\v") for solution in raw.solutions):
        return None
    given = f"{len(raw.solutions)} solutions, all of them blank" if raw.solutions else "no solution"
    return Rejection(Reason.MISSING_SOLUTION, f"the source has {given}", {"solutions": len(raw.solutions)})


def _lacking_tests(raw: RawProblem) -> Rejection | None:
    counts = {"inputs": len(raw.inputs or ()), "outputs": len(raw.outputs or ())}
    if not raw.inputs or not raw.outputs:
        detail = f"unit tests need inputs and outputs; got {counts['inputs']} and {counts['outputs']}"
        return Rejection(Reason.MISSING_TESTS, detail, counts)
    if len(raw.inputs) != len(raw.outputs):
        detail = f"{counts['inputs']} inputs, but {counts['outputs']} outputs"
        return Rejection(Reason.UNBALANCED_TESTS, detail, counts)
    if raw.entry_point is None and not any(map(_says_something, raw.outputs)):
        return Rejection(Reason.MISSING_TESTS, "every expected output is blank", counts)
    return None


def _says_something(output: Any) -> bool:
    if isinstance(output, str):
        return bool(output.strip())
    return output is not None and output != []
