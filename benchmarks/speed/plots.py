"""The figures of `judge.py` and `soak.py`, as SVG; the same results give the same bytes."""

import sys
from pathlib import Path
from typing import Any

_OURS, _OTHERS, _PLAIN = "#1b6ca8", "#b8b8b8", "#8fae8b"
_NAMES = {"ours": "APPS+", "apps": "APPS", "livecodebench": "LiveCodeBench", "evalplus": "EvalPlus", "verl": "verl"}
_PROCESSES = ("python -I -S", "python -I", "bubblewrap")


def pyplot() -> Any:
    """matplotlib, ready for reproducible SVG. Exits with what to install where it is missing."""
    try:
        import matplotlib
    except ModuleNotFoundError:
        sys.exit("the figures were measured and written; drawing them needs matplotlib: pip install matplotlib")
    matplotlib.use("svg")
    matplotlib.rcParams.update(
        {
            "svg.hashsalt": "appsplus",
            "svg.fonttype": "none",
            "font.size": 9,
            "axes.spines.top": False,
            "axes.spines.right": False,
            "figure.constrained_layout.use": True,
        }
    )
    import matplotlib.pyplot

    return matplotlib.pyplot


def save(figure: Any, path: Path) -> Path:
    """Write a figure, without date."""
    figure.savefig(path, metadata={"Date": None})
    path.write_text("\n".join(line.rstrip() for line in path.read_text().splitlines()) + "\n")
    return path


def draw_judge(results: dict[str, Any], folder: Path) -> list[Path]:
    """Draw what has been measured."""
    groups, drawn = results["groups"], []
    for name, unit, wanted in (
        ("judge_call", "programs", ("call-tiny", "call-many", "call-heavy")),
        ("judge_stdin", "tests", ("stdin-tiny", "stdin-many", "stdin-imports", "stdin-usual", "stdin-heavy")),
    ):
        there = [group for group in wanted if group in groups]
        if there:
            drawn.append(_draw_rates(groups, there, unit, folder / f"{name}.svg"))
    if "ms_per_job" in groups.get("breakdown", {}):
        drawn.append(_draw_cost(groups["breakdown"], folder / "judge_cost.svg"))
    return drawn


def _draw_rates(groups: dict[str, Any], wanted: list[str], unit: str, path: Path) -> Path:
    figure, axes = pyplot().subplots(1, len(wanted), figsize=(4.0 * len(wanted), 2.8), squeeze=False)
    for axis, group in zip(axes[0], wanted, strict=True):
        workers = max(groups[group]["workers"], key=int)
        table = groups[group]["workers"][workers]
        names = list(table)[::-1]
        rates = [table[name][f"{unit}_per_s"] for name in names]
        middle = [rate["median"] for rate in rates]
        low = [rate["median"] - rate["min"] for rate in rates]
        high = [rate["max"] - rate["median"] for rate in rates]
        colours = [_OURS if n == "ours" else _PLAIN if n in _PROCESSES else _OTHERS for n in names]
        labels = [_NAMES.get(name, name) for name in names]
        axis.barh(labels, middle, xerr=[low, high], color=colours, error_kw={"lw": 0.8, "capsize": 2})
        for position, name in enumerate(names):
            slower = table[name]["times_slower_than_ours"]["median"]
            text = f" {middle[position]:.3g}" + ("" if name == "ours" else f"  (ours: {slower:.1f} times)")
            axis.text(middle[position] + high[position], position, text, va="center", fontsize=8)
        axis.set_xlim(0, max(m + h for m, h in zip(middle, high, strict=True)) * 1.5)
        axis.set_title(f"{group}, {workers} workers")
        axis.set_xlabel(f"{unit} per second")
    return save(figure, path)


def _draw_cost(measured: dict[str, Any], path: Path) -> Path:
    figure, (left, right, last) = pyplot().subplots(1, 3, figsize=(14.0, 2.8), width_ratios=(3, 2, 2))
    table = measured["ms_per_job"]
    kinds = ("stdin, 1 test", "call, 1 test", "compile error")
    for number, kind in enumerate(kinds):
        values = [table[name][kind]["cpu"]["median"] for name in table]
        places = [position + (number - 1) * 0.27 for position in range(len(table))]
        left.barh(places, values, height=0.25, label=kind, color=(_OURS, _PLAIN, _OTHERS)[number])
    left.set_yticks(range(len(table)), list(table))
    left.invert_yaxis()
    left.set_xlim(0, left.get_xlim()[1] * 1.35)
    left.legend(frameon=False, fontsize=8, loc="upper right")
    left.set_xlabel("CPU ms a job, all processes")
    further = measured["further_test_ms"]
    rows = [(f"{form}, {name}", further[name][form]["cpu"]["median"]) for form in ("stdin", "call") for name in further]
    rows += [(name, value) for name, value in measured["floors_ms"].items() if name.endswith("CPU")]
    labels = [name.removesuffix(", CPU").replace(" of a warm interpreter", "") for name, _ in rows]
    right.barh(labels, [value for _, value in rows], color=[_OURS] * 4 + [_OTHERS] * (len(rows) - 4))
    right.invert_yaxis()
    right.set_xlabel("CPU ms a further test; floors")
    for number, (group, spent) in enumerate(measured["by_process_ms"].items()):
        names = [name for name in spent if name != "unit_tests"]
        places = [position + (number - 0.5) * 0.4 for position in range(len(names))]
        values = [spent[name]["median"] / spent["unit_tests"] for name in names]
        last.barh(places, values, height=0.38, label=group, color=(_OURS, _PLAIN)[number])
        last.set_yticks(range(len(names)), names)
    last.invert_yaxis()
    last.legend(frameon=False, fontsize=8)
    last.set_xlabel("CPU ms a unit test of real programs")
    return save(figure, path)


def draw_soak(samples: list[dict[str, Any]], path: Path) -> Path:
    """Memory, descriptors and time over the executions."""
    figure, axes = pyplot().subplots(1, 3, figsize=(10.5, 2.6))
    done = [sample["executions"] for sample in samples]
    series = (
        ("resident MiB", ("parent_mib", "workers_mib")),
        ("count", ("descriptors", "processes", "shared_memory")),
        ("ms an execution, mean", ("ms_per_execution", "cpu_ms_per_execution")),
    )
    for axis, (title, names) in zip(axes, series, strict=True):
        for name in names:
            axis.plot(done, [sample[name] for sample in samples], lw=1, label=name.replace("_", " "))
        axis.set_ylim(bottom=0)
        axis.set_title(title)
        axis.set_xlabel("executions")
        axis.legend(frameon=False, fontsize=8)
    return save(figure, path)
