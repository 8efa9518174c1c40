"""The figures of the scripts beside this, as SVG; the same results give the same bytes."""

from pathlib import Path
from typing import Any

from measured import machine  # noqa: F401  # makes `plots` of benchmarks/speed importable
from plots import pyplot, save

_OURS, _OTHERS, _PLAIN = "#1b6ca8", "#b8b8b8", "#8fae8b"
_KILLS = {"driver": ("X", "#b3413a"), "node": ("s", "#1b6ca8"), "process": (".", "#8c8c8c")}


def draw(found: dict[str, Any], folder: Path) -> list[Path]:
    """Draw what has been measured."""
    drawn = []
    sizes = sorted((row for name, row in found.items() if name.startswith("size ")), key=lambda row: row["problems"])
    if len(sizes) > 1:
        drawn.append(_draw_sizes(sizes, found.get("summary", {}), folder / "scaling_sizes.svg"))
    if "workers" in found:
        drawn.append(_draw_workers(found["workers"], folder / "scaling_workers.svg"))
    return drawn


def _draw_sizes(sizes: list[dict[str, Any]], summary: dict[str, Any], path: Path) -> Path:
    figure, (time, memory, disk) = pyplot().subplots(1, 3, figsize=(10.5, 3.0))
    counts = [row["problems"] for row in sizes]
    for label, values, colour in (
        ("full build", [row["core_s"] for row in sizes], _OURS),
        ("of it: the driver", [row["driver_core_s"] for row in sizes], _PLAIN),
        ("after one decision", [row["after_one_decision"]["core_s"] for row in sizes], _OTHERS),
    ):
        time.plot(counts, values, marker="o", ms=4, lw=1.2, color=colour, label=label)
    time.set_xscale("log")
    time.set_yscale("log")
    title = "core seconds"
    if summary:
        title += f" (full build: exponent {summary['exponent_core_s_as_measured']:.2f})"
    time.set_title(title)
    time.legend(frameon=False, fontsize=8)
    memory.plot(counts, [row["driver_peak_mib"] for row in sizes], marker="o", ms=4, lw=1.2, color=_OURS)
    memory.set_ylim(bottom=0)
    memory.set_title("peak memory of the driver, MiB")
    for label, name, colour in (
        ("source", "source_bytes", _PLAIN),
        ("dataset", "dataset_bytes", _OURS),
        ("cache", "cache_bytes", _OTHERS),
    ):
        disk.plot(counts, [row[name] / 1e6 for row in sizes], marker="o", ms=4, lw=1.2, color=colour, label=label)
    disk.set_ylim(bottom=0)
    disk.set_title("on disk, MB")
    disk.legend(frameon=False, fontsize=8)
    for axis in (time, memory, disk):
        axis.set_xlabel("problems")
    return save(figure, path)


def _draw_workers(found: dict[str, Any], path: Path) -> Path:
    figure, axis = pyplot().subplots(1, 1, figsize=(4.5, 2.6))
    counts = list(map(int, found["workers"]))
    rows = list(found["workers"].values())
    axis.bar([str(n) for n in counts], [row["efficiency"] for row in rows], width=0.6, color=_OURS)
    for place, row in enumerate(rows):
        axis.text(place, row["efficiency"], f"{row['efficiency']:.2f}", ha="center", va="bottom", fontsize=8)
    axis.axhline(0.9, color=_OTHERS, lw=0.8)
    axis.set_ylim(0, 1.15)
    axis.set_xlabel("workers, a CPU each")
    axis.set_title(f"efficiency, {found['problems']:,} problems")
    return save(figure, path)


def draw_ray(found: dict[str, Any], path: Path) -> Path:
    """Ray's time over the local engine's, a dot a pass, by the length of a job."""
    figure, axis = pyplot().subplots(1, 1, figsize=(5.5, 2.6))
    lengths = {max(float(length), found["least_ms"]): row for length, row in found["lengths"].items()}
    for length, row in lengths.items():
        axis.plot([length] * len(row["ratios"]), row["ratios"], ".", ms=4, color=_OTHERS)
    axis.plot(list(lengths), [row["ratio"] for row in lengths.values()], "o-", ms=4, lw=1.2, color=_OURS)
    axis.axhline(1.1, color=_PLAIN, lw=0.8)
    axis.set_xscale("log")
    axis.set_ylim(bottom=0)
    axis.set_xlabel("length of a job, ms (the line at 1.10 is the aim from 20 ms on)")
    axis.set_title("Ray's time over local's, median and passes")
    return save(figure, path)


def draw_faults(found: dict[str, Any], path: Path) -> Path:
    """What was killed when in each schedule, and when its build ended."""
    schedules = list(found["schedules"].values())
    figure, axis = pyplot().subplots(1, 1, figsize=(7.5, 0.8 + 0.16 * len(schedules)))
    axis.barh(range(len(schedules)), [s["wall_s"] for s in schedules], height=0.6, color="#e8e8e8")
    for kind, (marker, colour) in _KILLS.items():
        events = [(e["at_s"], place) for place, s in enumerate(schedules) for e in s["events"] if e["kind"] == kind]
        if events:
            axis.plot(*zip(*events, strict=True), marker, ms=5, color=colour, label=kind)
    axis.axvline(found["undisturbed"]["wall_s"], color=_PLAIN, lw=0.8)
    axis.set_xlabel("seconds (the line: the undisturbed build)")
    axis.set_ylabel("schedule")
    axis.set_yticks(range(0, len(schedules), 5))
    axis.legend(frameon=False, fontsize=8, ncols=3, loc="lower center", bbox_to_anchor=(0.5, 1.0))
    return save(figure, path)
