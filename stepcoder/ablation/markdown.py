"""The tables of a summary (`table.summary`), as Markdown."""

from collections.abc import Mapping, Sequence
from typing import Any

from stepcoder.ablation.arms import ARMS
from stepcoder.ablation.table import KINDS, LENGTH_NAMES
from stepcoder.prm.measures import TOLD
from stepcoder.prm.report import worded


def markdown(numbers: Mapping[str, Any]) -> str:
    """The tables, for a page."""
    methods = numbers["methods"]
    groups = list(next(iter(methods.values()))["by_group"]) if methods else []
    words = "k = {}" if numbers["grouped_by"] == "k" else "{}"
    k = next(iter(methods.values()))["k"] if methods else 1
    rows = [
        [
            m["name"],
            str(len(m["seeds"])),
            _worded(m["pass@1"]),
            _worded(m["pass@k"]),
            *(f"{100 * m['by_group'][name]['value']:.1f}" for name in groups),
        ]
        for m in methods.values()
    ]
    problems = next(iter(methods.values()))["problems"] if methods else 0
    note = f"Per cent, of {problems:,} held-out problems; in brackets the {numbers['interval']}."
    tables = [
        _table(["method", "seeds", "pass@1, held out", f"pass@{k}", *map(words.format, groups)], rows),
        _lengths_table(methods, k),
        _differences_table(numbers["differences"], k),
        _same_update_table(numbers["differences"]),
        _table(
            ["method", *KINDS],
            [[m["name"], *(f"{100 * m['outcomes'][e]:.1f}" for e in KINDS)] for m in methods.values()],
        ),
        _costs_table(methods),
        _reward_models_table(numbers["reward_models"]),
    ]
    return "\n\n".join([note, *filter(None, tables)]) + "\n"


def _lengths_table(methods: Mapping[str, Any], k: int) -> str:
    names = _lengths_of(list(methods.values()))
    head = ["method", *(f"{what}, {name}" for name in names for what in ("pass@1", f"pass@{k}"))]
    rows = [
        [m["name"], *(_worded(m["by_length"][name][what]) for name in names for what in ("pass@1", "pass@k"))]
        for m in methods.values()
    ]
    return _table(head, rows) if names else ""


def _differences_table(differences: Sequence[Mapping[str, Any]], k: int) -> str:
    names = _lengths_of(differences)
    rows = [
        [
            _compared(d),
            _worded(d, "+"),
            _worded(d["pass@k"], "+"),
            *(_worded(d["by_length"].get(name), "+") for name in names),
            *([_worded(d["long_less_short"], "+")] if names else []),
        ]
        for d in differences
    ]
    head = ["paired difference, points", "pass@1", f"pass@{k}", *(f"pass@1, {name}" for name in names)]
    head += ["long less short"] if names else []
    return _table(head, rows) if rows else ""


def _same_update_table(differences: Sequence[Mapping[str, Any]]) -> str:
    found = [(_compared(d), d["same_update"]) for d in differences if d["same_update"]]
    names = _lengths_of([at for _, at in found])
    rows = [
        [of, str(at["update"]), _worded(at, "+"), *(_worded(at["by_length"].get(name), "+") for name in names)]
        for of, at in found
    ]
    head = ["paired difference at the same update, points", "update", "pass@1", *(f"pass@1, {name}" for name in names)]
    return _table(head, rows) if rows else ""


def _compared(difference: Mapping[str, Any]) -> str:
    return f"{ARMS[difference['of']].title} - {ARMS[difference['from']].title}"


def _lengths_of(found: Sequence[Mapping[str, Any]]) -> list[str]:
    return [name for name in LENGTH_NAMES.values() if any(one["by_length"].get(name) for one in found)]


def _costs_table(methods: Mapping[str, Any]) -> str:
    rows = [
        [
            m["name"],
            *(f"{m['spent'][name]:,.0f}" for name in ("completions", "labelling", "of_labelled_run", "programs")),
            f"{m['spent']['wall_s'] / 60:.1f}",
            *(f"{m['spent'][name] / 60:.1f}" for name in ("generate_s", "judge_wait_s")),
        ]
        for m in methods.values()
        if m["spent"]
    ]
    head = ["mean of a run", "completions", "of them for labels", "beside them: of the labelled run", "programs judged"]
    head += ["minutes"]
    head += ["of them writing", "only waiting for the judge"]
    return _table(head, rows) if rows else ""


def _reward_models_table(models: Sequence[Mapping[str, Any]]) -> str:
    head = ["reward model of seed", "labels +1", "-1", "held-out line ends", "accuracy", "AUROC", "calibration error"]
    rows = [
        [
            str(m["seed"]),
            *(f"{m['labels'].get(label, 0):,}" for label in ("+1", "-1")),
            f"{m['held_out']['line_ends']:,}",
            *(worded(m["held_out"][name]) for name in TOLD),
        ]
        for m in models
    ]
    return _table(head, rows) if rows else ""


def _worded(found: Mapping[str, float] | None, sign: str = "") -> str:
    if found is None:
        return "-"
    value, low, high = (format(100 * found[name], f"{sign}.1f") for name in ("value", "low", "high"))
    return f"{value} [{low}, {high}]"


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    line = ["---", *("---:" for _ in head[1:])]
    return "\n".join("| " + " | ".join(row) + " |" for row in (head, line, *rows))
