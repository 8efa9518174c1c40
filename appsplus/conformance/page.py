"""The page docs/judge.md, made of recorded results and of nothing else, so that a test can make it again."""

import re
from collections.abc import Iterator

from appsplus.conformance.case import Case, Group
from appsplus.conformance.results import OURS, Outcome, Results, Row

_PROJECTS = {
    "apps": "[hendrycks/apps](https://github.com/hendrycks/apps)",
    "livecodebench": "[LiveCodeBench](https://github.com/LiveCodeBench/LiveCodeBench)",
    "evalplus": "[EvalPlus](https://github.com/evalplus/evalplus)",
    "verl": "[verl](https://github.com/volcengine/verl) (prime_code)",
}
_GROUPS = {
    Group.HONEST: ("Honest programs", "Right programs. A judge that refuses one loses a good answer."),
    Group.WRONG: ("Wrong programs", "Wrong programs. A judge that accepts one rewards a bad answer."),
    Group.HOSTILE: (
        "Hostile programs",
        "Programs made against the judge. Those that must be accepted try an attack and print whether it succeeded: a"
        " judge is right when it contains the attack and goes on to judge the program as it would any other.",
    ),
}
_INTRO = """\
# The judge, case by case

<!-- Generated from benchmarks/results/conformance.json; do not edit: python docs/make_judge_page.py -->

What our judge, and the judges of other projects, say of {cases} programs whose verdict is known. Each program is in
[`appsplus/conformance/cases/`](../appsplus/conformance/cases/), with its unit tests and the reason it is there.

```bash
appsplus judge-conformance                                  # our judge; exits with 1 if it gets a case wrong
appsplus judge-conformance --case leaves-by-exit-0          # one case
appsplus judge-conformance --peer apps=CHECKOUT --peer livecodebench=CHECKOUT --peer evalplus=CHECKOUT \\
    --peer verl=CHECKOUT --out benchmarks/results/conformance.json --docs docs/judge.md
```

**How to read it.** ✓ is right. ✗ is wrong, with what the judge said. – was not asked: the judge has no such input format,
values or checkers, or the program would harm a machine without a sandbox. Ours must give the verdict that is named, on
every unit test. A peer is right when it accepts exactly the programs whose verdict is *accepted*: its finer verdicts are
not compared. A judge that hangs or dies gives *no answer*, which is wrong. Peers have no sandbox and run in a container
of ours that keeps this machine safe; an attack that only this container stopped counts in the peer's favour.
"""


def make_page(results: Results, cases: tuple[Case, ...]) -> str:
    """The whole page, as Markdown. Raises KeyError for results of a case that is not in the table."""
    whys = {case.name: case.why for case in cases}
    notes: dict[str, int] = {}
    parts = [_INTRO.format(cases=len(results.rows)), _machine(results), _summary(results)]
    for group, (title, text) in _GROUPS.items():
        rows = [row for row in results.rows if row.group is group]
        if rows:
            parts.append(f"## {title}\n\n{text}\n\n" + _table(results, rows, whys, notes))
    if notes:
        parts.append("## No answer\n\n" + "".join(f"[^{n}]: {_escaped(text)}\n" for text, n in notes.items()))
    return "\n".join(parts)


def _machine(results: Results) -> str:
    m = results.machine
    held = [name for name, holds in m["rungs"].items() if holds]
    ours = f"appsplus {m['appsplus']} (judge {m['judge']}), isolation {m['isolation']}: {', '.join(held)}"
    lines = [
        f"- ours: {ours}",
        *(f"- {name}: {_PROJECTS.get(name, name)} at {commit[:12]}" for name, commit in results.peers.items()),
        f"- machine: {m['architecture']}, {m['cpus']} CPUs, Linux {m['kernel']}, CPython {m['python']}, {m['user']} user",
    ]
    match results.leftovers:
        case None:
            left = "not looked for in this run"
        case ():
            left = "nothing: no process, file or segment of shared memory, and an honest program is judged as before"
        case found:
            left = "; ".join(found)
    lines.append(f"- left behind by the hostile programs in our judge: {_escaped(left)}")
    return "**What was run.**\n\n" + "\n".join(lines) + "\n"


def _summary(results: Results) -> str:
    header = f"| group | cases | {' | '.join(results.judges)} |\n|---|--:|{'--:|' * len(results.judges)}\n"
    lines = []
    for group in (*Group, None):
        rows = sum(group in (None, row.group) for row in results.rows)
        if rows:
            cells = [_told(*results.count(judge, group)) for judge in results.judges]
            name = "**all**" if group is None else str(group)
            lines.append(f"| {name} | {rows} | {' | '.join(cells)} |\n")
    return "## Right, of those asked\n\n" + header + "".join(lines)


def _told(right: int, asked: int, not_asked: int) -> str:
    if not asked:
        return "–"
    return f"{right} of {asked}" + (f" (– {not_asked})" if not_asked else "")


def _table(results: Results, rows: list[Row], whys: dict[str, str], notes: dict[str, int]) -> str:
    header = f"| case | verdict | {' | '.join(results.judges)} |\n|---|---|{'---|' * len(results.judges)}\n"
    return header + "".join(_lines(results, rows, whys, notes))


def _lines(results: Results, rows: list[Row], whys: dict[str, str], notes: dict[str, int]) -> Iterator[str]:
    for row in rows:
        cells = [_cell(judge, row.outcomes[judge], notes) for judge in results.judges]
        name = f"{row.name}<br><sub>{_escaped(whys[row.name])}</sub>"
        yield f"| {name} | {_escaped(row.verdict)} | {' | '.join(cells)} |\n"


def _cell(judge: str, outcome: Outcome, notes: dict[str, int]) -> str:
    if outcome.right is None:
        return "–"
    if outcome.right:
        return "✓"
    said = outcome.answer
    if judge == OURS and outcome.detail:
        said += f": {outcome.detail}"
    cell = f"✗ {_escaped(said)}"
    if outcome.answer == "no answer":
        cell += f"[^{notes.setdefault(outcome.detail or 'nothing is known', len(notes) + 1)}]"
    return cell


def _escaped(text: str) -> str:
    """Text that means nothing else in Markdown or HTML."""
    text = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return re.sub(r"([\\`*_{}\[\]|~^])", r"\\\1", text)
