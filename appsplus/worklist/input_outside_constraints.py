"""`input_outside_constraints`: a unit test breaks a bound that the description states.

Better silent than wrong: a bound counts only where it is certain whose it is. For a function: the bound of a parameter that
the starter code names so, of its length or of all its elements. For standard input: the bound of the one integer on the first
line, named in the sentence "the first line contains a single integer n (1 <= n <= 100)". Two different bounds of one name
silence both, and so does a number that may have lost its power sign (109 for 10^9), a table of test groups, and a bound that
most unit tests break: then it was read wrongly.
"""

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from appsplus import jsonl
from appsplus.problem import IOFormat, Problem
from appsplus.release.worklist import WorkReason
from appsplus.worklist import patches
from appsplus.worklist.case import Case, Doubt, cut
from appsplus.worklist.programs import nodes

SLUG = "input_outside_constraints"
_SHOWN_TESTS = 10
_HUGEST_POWER = 40
_BESIDE_CHARS = 60
_NUMBER_CHARS = 80  # of a bound, at most
_LESS = ("<", "≤", "⩽", "\\l", "&l")  # what every sign that `_plain` reads as "less" begins with
_NUMBER = r"[-+]?\d{1,3}(?:,\d{3})+|[-+]?\d+(?:\s*(?:\^|\*\*)\s*\d+)?|[-+]?\d+\s*\*\s*10\s*(?:\^|\*\*)\s*\d+"
_NAME = r"[A-Za-z_]\w*(?:\.length|\[i\](?:\.length)?)?|len\([A-Za-z_]\w*\)"
_NO_MORE = r"(?![\w^*(]|\.\d| ?[-+*/^]| ?x ?10| \d)"  # "1 000", or part of an expression
_BOUND = re.compile(rf"(?<![\w.^*<=\[])(?<!\d )({_NUMBER}) ?(<=|<) ?({_NAME}) ?(<=|<) ?({_NUMBER}){_NO_MORE}")
_BETWEEN = re.compile(rf"<=? ?(?=({_NAME}) ?<)")
_LOST_POWER = re.compile(r"[-+]?(?:10(?:[2-9]|1\d)|2(?:3[0-2]|6[2-4]))")
_GROUPS = re.compile(r"\b(?:sub-?tasks?|(?:test )?groups?|(?:small|large) (?:data|input)|test set)\b", re.I)
_FIRST_LINE = re.compile(
    r"\bthe first line(?: of (?:the )?input)?\s+(?:contains|consists of|has|is)\s+(?:a single|one|an|a|only one|exactly one)"
    r"\s+(?:positive |non-?negative )?(?:integer|number)(?: number)?,?\s+([A-Za-z])\b",
    re.I,
)


@dataclass(frozen=True, slots=True)
class Bound:
    """`low <= name <= high`, as the description has it."""

    name: str
    low: int
    high: int
    quote: str


def find(case: Case) -> Iterator[Doubt]:
    """The doubt about unit tests that are not what the description promises."""
    problem = case.problem
    if problem is None or case.rejection is not None:
        return
    broken = list(_broken(problem))
    tests = sorted({row["unit_test"] for row in broken})
    if not tests or 2 * len(tests) > len(problem.unit_tests):
        return
    count = f"{len(tests)} of {len(problem.unit_tests)} unit tests"
    detail = f"{count} break a bound that the description states: {broken[0]['says']}; {broken[0]['is']}"
    words = "drop these unit tests, or correct the bound in the description"
    proposal = patches.without_tests(case.raw, tests)
    evidence = {"unit_tests": broken[:_SHOWN_TESTS], "broken": tests[:100]}
    yield Doubt(WorkReason(SLUG, detail, evidence, proposal, words), 0.6)


def bounds(description: str) -> dict[str, Bound]:
    """The bounds that a description states, by name; those that are stated twice, and differently, left out."""
    if not any(sign in description for sign in _LESS):
        return {}
    text = _plain(description)
    matches = list(_bounds_in(text))
    if not matches:
        return {}
    read, stated = Counter(match[3] for match in matches), Counter(match[1] for match in _BETWEEN.finditer(text))
    found: dict[str, Bound | None] = {name: None for name in read if stated[name] > read[name]}  # one was not read
    for match in matches:
        low, high = _value(match[1]), _value(match[5])
        name = re.sub(r"len\((\w+)\)", r"\1.length", match[3])
        if low is None or high is None or low > high:
            found[name] = None
            continue
        bound = Bound(name, low + (match[2] == "<"), high - (match[4] == "<"), match[0])
        known = found.setdefault(name, bound)
        if known is not None and (known.low, known.high) != (bound.low, bound.high):
            found[name] = None
    return {name: bound for name, bound in found.items() if bound is not None}


def _bounds_in(text: str) -> Iterator[re.Match[str]]:
    """As `_BOUND.finditer`, which tries at each number of the text: only those that stand before a name are looked at."""
    at = 0
    for between in _BETWEEN.finditer(text):
        if between.start() < at:
            continue
        match = _BOUND.search(text, max(at, between.start() - _NUMBER_CHARS))
        if match is None:
            return
        yield match
        at = match.end()


def _plain(description: str) -> str:
    """A description without markup, Unicode and LaTeX signs as ASCII, single blanks only; lines stay lines."""
    text = description
    for sign, plain in (
        (r"\leqslant", "<="), (r"\leq", "<="), (r"\le", "<="), ("≤", "<="), ("⩽", "<="), ("&lt;", "<"), ("&le;", "<="),
        (r"\lt", "<"), ("−", "-"), ("–", "-"), (r"\cdot", "*"), (r"\times", "*"), ("·", "*"), ("×", "*"), ("⋅", "*"),
    ):  # fmt: skip
        text = text.replace(sign, plain)
    text = re.sub(r"<sup>\s*(\d+)\s*</sup>", r"^\1", text)
    text = re.sub(r"\^\s*\{\s*(\d+)\s*\}", r"^\1", text)
    text = re.sub(r"[$`~]|^[*-] |\\[,;:! ]", " ", text, flags=re.M)
    return "\n".join(" ".join(line.split()) for line in text.split("\n"))


def _value(text: str) -> int | None:
    """The number; None for one that is beyond reason, or may be a power that lost its sign."""
    if _LOST_POWER.fullmatch(text):
        return None
    text = text.replace(",", "").replace(" ", "").replace("**", "^")
    factor, _, power = text.rpartition("*")
    base, _, exponent = power.partition("^")
    if exponent and int(exponent) > _HUGEST_POWER:
        return None
    sign = -1 if base.startswith("-") else 1
    value: int = sign * abs(int(base)) ** int(exponent or 1)
    return value * int(factor) if factor else value


def _broken(problem: Problem) -> Iterator[dict[str, Any]]:
    stated = bounds(problem.description)
    if not stated:
        return
    if problem.io_format is IOFormat.STDIN:
        yield from _first_line_broken(problem, stated)
    else:
        names = parameters(problem.starter_code, str(problem.entry_point))
        for number, test in enumerate(problem.unit_tests):
            for name, value in zip(names, jsonl.loads(test.input), strict=False):
                for bound, what, actual in _violations(name, value, stated):
                    yield _row(number, test.input, bound, f"{what} is {_short(actual)}")
                    break


def _violations(name: str, value: Any, stated: dict[str, Bound]) -> Iterator[tuple[Bound, str, int]]:
    own = stated.get(name)
    if own and _is_int(value) and not own.low <= value <= own.high:
        yield own, name, value
    length = stated.get(f"{name}.length")
    if length and isinstance(value, list | str) and not length.low <= len(value) <= length.high:
        yield length, f"the length of {name}", len(value)
    items = stated.get(f"{name}[i]")
    if items and isinstance(value, list):
        outside = (v for v in value if _is_int(v) and not items.low <= v <= items.high)
        yield from ((items, f"an element of {name}", v) for v in outside)


def _is_int(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _first_line_broken(problem: Problem, stated: dict[str, Bound]) -> Iterator[dict[str, Any]]:
    text = _plain(problem.description).replace("\n", " ")
    if _GROUPS.search(text):
        return  # each group of unit tests has bounds of its own
    said = _FIRST_LINE.search(text)
    bound = stated.get(said[1]) if said else None
    if said is None or bound is None or not _stands_beside(text, said):
        return
    firsts = [test.input.lstrip("\n").partition("\n")[0].split() for test in problem.unit_tests]
    if not all(len(words) == 1 and re.fullmatch(r"-?\d{1,60}", words[0]) for words in firsts):
        return  # the first line is something else than one integer: the sentence was read wrongly
    for number, [word] in enumerate(firsts):
        if not bound.low <= int(word) <= bound.high:
            yield _row(number, problem.unit_tests[number].input, bound, f"{bound.name} is {_short(int(word))}")


def _stands_beside(text: str, said: re.Match[str]) -> bool:
    """Whether the bound follows the sentence at once, so that it is this line's."""
    bound = _BOUND.search(text, said.end(1))
    if bound is None or bound[3] != said[1]:
        return False
    between = text[said.end(1) : bound.start()]
    return len(between) < _BESIDE_CHARS and "." not in between


def _row(number: int, given: str, bound: Bound, fact: str) -> dict[str, Any]:
    return {"unit_test": number, "says": bound.quote, "is": fact, "input": cut(given)}


def _short(value: int) -> str:
    return str(value) if abs(value) < 10**60 else "a number of more than 60 digits"


def parameters(program: str, entry_point: str) -> list[str]:
    """The names of a function's positional parameters, without `self`; none where it is defined twice, or not at all."""
    found: list[list[str]] = []
    for node in nodes(program):
        name = node.child_by_field_name("name") if node.type == "function_definition" else None
        listed = node.child_by_field_name("parameters") if name is not None else None
        if name is not None and listed is not None and name.text == entry_point.encode("utf-8", "replace"):
            texts = [child.text.decode("utf-8", "replace") for child in listed.named_children if child.text]
            names = [re.split(r"[:=\s]", text)[0] for text in texts]
            found.append(names[1:] if names[:1] == ["self"] else names)
    return found[0] if len(found) == 1 else []
