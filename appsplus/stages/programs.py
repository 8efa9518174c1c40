"""Solutions as their source has them, made into programs that Python 3 can read; every repair is proved by inspection.

    globals_restored   APPS turned `global x` into `nonlocal x` when it wrapped programs in a function
    exits_restored     ... and `exit()` into `return`
    tabs_expanded      tabs mixed with spaces, which Python 3 refuses, count as 8 columns
    imports_added      names that graders offer without an import (`appsplus.judge.prelude`) are imported

A program that still does not parse afterwards is kept as it was. Nothing is parsed in this process.
"""

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from appsplus.engine.judging import Judging
from appsplus.judge import Inspection, prelude
from appsplus.judge.inspection import expand_tabs
from appsplus.problem import Change

_ROUNDS = 60  # repairs of one program; each mends one line, or one kind of flaw
_SENTENCES = {
    "globals_restored": "`nonlocal` at a place where only `global` can be meant became `global` again",
    "exits_restored": "`return` outside a function, where only an exit can be meant, became `raise SystemExit`",
    "tabs_expanded": "tabs that Python 3 refuses beside spaces count as 8 columns now",
    "imports_added": "names that graders offer without an import are imported",
}
_NONLOCAL = re.compile(r"no binding for nonlocal .+ found \(line (\d+)\)|nonlocal declaration not .+ \(line (\d+)\)")
_RETURN = re.compile(r"'return' outside function \(line (\d+)\)")
_COMMENTS = r"(?:[ \t]*(?:#[^\n]*)?\n)*"
_DOCSTRING = r"(?:[rRuU]?(?:\"\"\"(?s:.*?)\"\"\"|'''(?s:.*?)''')[ \t]*(?:#[^\n]*)?\n)?"
_FUTURES = r"(?:from[ \t]+__future__[ \t]+import[ \t]*(?:\([^)]*\)|(?:[^\n(\\]|\\\n)*)[ \t]*\n" + _COMMENTS + ")*"
_TOP = re.compile(rf"(?:#[^\n]*\n)*(?:{_COMMENTS}{_DOCSTRING}{_COMMENTS}{_FUTURES})?")


@dataclass(frozen=True, slots=True)
class Programs:
    """Programs, what their texts say, and what was done to them."""

    codes: tuple[str, ...]
    inspections: tuple[Inspection, ...]
    changes: tuple[Change, ...]


def repaired(codes: Sequence[str], judging: Judging) -> Programs:
    """Each program once, mended where its text proves how. Raises SandboxError."""
    originals = list(dict.fromkeys(codes))
    first = judging.inspect(originals)
    texts, found = list(originals), list(first)
    done: list[list[str]] = [[] for _ in originals]
    for _ in range(_ROUNDS):
        attempts = {i: attempt for i in range(len(texts)) if (attempt := _attempt(texts[i], found[i], done[i]))}
        if not attempts:
            break
        inspections = judging.inspect([text for text, _ in attempts.values()])
        for (i, (text, what)), inspection in zip(attempts.items(), inspections, strict=True):
            done[i].append(what)
            if what != "imports_added" or not inspection.syntax_error:
                texts[i], found[i] = text, inspection
            else:
                done[i][-1] = "imports_refused"
    for i, inspection in enumerate(found):
        if inspection.syntax_error:
            texts[i], found[i], done[i] = originals[i], first[i], []
    inspected = dict(zip(texts, found, strict=True))
    counts = Counter(what for items in done for what in set(items) if what in _SENTENCES)
    changes = [Change(what, f"{_SENTENCES[what]} ({n} solutions)") for what, n in sorted(counts.items())]
    if repeated := len(codes) - len(inspected):
        changes.append(
            Change("repeated_solution_dropped", f"a solution that is there twice is kept once ({repeated} times)")
        )
    return Programs(tuple(inspected), tuple(inspected.values()), tuple(changes))


def _attempt(text: str, found: Inspection, done: Sequence[str]) -> tuple[str, str] | None:
    """(a text that may be better, what was done), by what the inspection says."""
    if match := _NONLOCAL.search(found.syntax_error):
        return _on_line(text, int(match[1] or match[2]), r"\bnonlocal\b", "global", "globals_restored")
    if match := _RETURN.search(found.syntax_error):
        return _on_line(text, int(match[1]), r"\breturn\b(?=\s*(?:;|#|$))", "raise SystemExit", "exits_restored")
    if found.syntax_error:
        if not found.tab_error or "tabs_expanded" in done:
            return None
        return "\n".join(expand_tabs(line) for line in text.split("\n")), "tabs_expanded"
    if done and done[-1].startswith("imports_"):
        return None
    lines = _import_lines(found.undefined)
    if not lines:
        return None
    match = _TOP.match(text)
    place = match.end() if match else 0
    return text[:place] + lines + text[place:], "imports_added"


def _on_line(text: str, number: int, pattern: str, replacement: str, what: str) -> tuple[str, str] | None:
    lines = text.split("\n")
    if not 1 <= number <= len(lines):
        return None
    lines[number - 1], count = re.subn(pattern, replacement, lines[number - 1])
    return ("\n".join(lines), what) if count else None


def _import_lines(undefined: Sequence[str]) -> str:
    """One line a module, e.g. "from typing import List, Optional"."""
    origins = prelude.origins()
    heads: dict[str, list[str]] = {}
    for statement in (origins[name] for name in undefined if name in origins):
        head, _, name = statement.rpartition("import ")
        heads.setdefault(head, []).append(name)
    lines = [f"import {name}" for name in sorted(heads.pop("", []))]
    lines += [f"{head}import {', '.join(sorted(names))}" for head, names in sorted(heads.items())]
    return "".join(f"{line}\n" for line in lines)
