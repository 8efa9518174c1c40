"""`stepcoder report RUN`: one HTML page of a run, without scripts and without anything from elsewhere.

It is made from RUN/metrics.jsonl, RUN/samples.jsonl, RUN/sft.jsonl and RUN/config.json, of a run that may be under way.
Completions are hostile: all text is escaped by the template, characters that are not shown, or that turn text around, are
made visible, and the page's own policy forbids scripts, images and requests.
"""

import json
import math
import unicodedata
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined

from appsplus.errors import InputError
from appsplus.jsonl import write_atomically
from stepcoder.charts import Series, heat_map, line_chart, stacked_chart
from stepcoder.glossary import BY_NAME, NOT_NUMBERS

REPORT = "report.html"
COLUMNS = 80  # of the heat map, at most
SAMPLES = 18  # shown, at most: from the first updates, from the middle, from the last
SAMPLE_CHARS = 4000  # of a completion, at most
AVERAGED = 10  # updates at the start and at the end that the figures at the top are means of

GROUPS: tuple[tuple[str, tuple[str, ...]], ...] = (  # the first charts of the page; what is in none has its own below
    ("Pass rate", ("pass_rate", "plain_pass_rate", "validation_pass_rate")),
    ("Mean reward", ("reward_mean", "validation_reward_mean")),
    ("What the reward model believes, and the truth", ("prm_belief", "prm_paid", "pass_rate")),
    ("Dense reward", ("prm_reward", "prm_reward_passed", "prm_reward_failed")),
    ("KL to the reference", ("kl",)),
    ("Executed tokens", ("executed_share",)),
    ("Completion length", ("response_tokens",)),
)
_OUTCOMES = tuple(name for name in BY_NAME if name.startswith("share_"))
_FIGURES = ("pass_rate", "plain_pass_rate", "validation_pass_rate", "reward_mean", "kl", "executed_share")


@dataclass(frozen=True, slots=True)
class Chart:
    """One chart of the page."""

    title: str
    unit: str
    svg: str
    legend: tuple[tuple[int, str], ...]  # place and name of its series, where there are several


@dataclass(frozen=True, slots=True)
class Figure:
    """A number at the start and at the end of the run."""

    title: str
    first: str
    last: str


@dataclass(frozen=True, slots=True)
class ShownSample:
    """A completion, cut into runs of tokens that stayed in the loss, or did not."""

    title: str
    verdict: str
    reward: str
    kept: str
    prefix_chars: int
    runs: tuple[tuple[bool, str], ...]  # (stayed in the loss, text)
    cut: bool  # the rest is not shown


def write_report(run: Path, out: Path | None = None) -> Path:
    """Write the page of a run to `out`, or to RUN/report.html; returns where it is.

    Raises InputError where RUN has no metrics.
    """
    path = out or run / REPORT
    try:
        write_atomically(path, render(run).encode("utf-8", "backslashreplace"))
    except OSError as error:
        raise InputError(f"{path} cannot be written ({error.strerror}); name another file with --out") from None
    return path


def render(run: Path) -> str:
    """The page as text. Raises InputError where RUN has no metrics."""
    lines = [line for line in read_lines(run / "metrics.jsonl") if isinstance(line.get("update"), int)]
    steps = [line for line in read_lines(run / "sft.jsonl") if isinstance(line.get("step"), int)]
    if not lines and not steps:
        raise InputError(
            f"{run} has no metrics yet; expected metrics.jsonl, which `stepcoder train` writes after its first update, or"
            " sft.jsonl, which supervised training writes"
        )
    environment = Environment(
        loader=PackageLoader("stepcoder"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    config = read_config(run)
    return environment.get_template("report.html.j2").render(
        run=visible(run.resolve().name),
        config={name: visible(str(value)) for name, value in config.items()},
        updates=lines[-1]["update"] if lines else 0,
        steps=steps[-1]["step"] if steps else 0,
        supervised=_supervised(steps),
        planned=config.get("updates", ""),
        figures=figures(lines),
        charts=_grouped(lines),
        others=_alone(lines),
        outcomes=_outcomes(lines),
        levels=_levels(lines),
        samples=[_shown(sample) for sample in _chosen(list(read_lines(run / "samples.jsonl")))],
    )


def visible(text: str) -> str:
    """Text whose every character can be seen: controls, format characters and lone surrogates as their escapes."""
    return "".join(
        c if c in "\n\t" or unicodedata.category(c) not in ("Cc", "Cf", "Cs", "Zl", "Zp") else _escape(c) for c in text
    )


def _escape(character: str) -> str:
    return "\\r" if character == "\r" else f"\\u{ord(character):04x}"


def read_lines(path: Path) -> Iterator[dict[str, Any]]:
    """The objects of a file of JSON lines; none where there is no file. A torn last line is left out."""
    if not path.is_file():
        return
    with path.open(encoding="utf-8", errors="replace") as file:
        for line in file:
            try:
                value = json.loads(line)
            except (ValueError, RecursionError):
                continue
            if isinstance(value, dict):
                yield value


def read_config(run: Path) -> dict[str, Any]:
    """What RUN/config.json says, lists and all; nothing where there is none."""
    try:
        config = json.loads((run / "config.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return {str(k): v for k, v in config.items() if v not in ("", None)} if isinstance(config, dict) else {}


def points(lines: Sequence[Mapping[str, Any]], name: str) -> list[tuple[float, float]]:
    """(update, value) of a metric, in the updates that have it."""
    return [(line["update"], float(line[name])) for line in lines if isinstance(line.get(name), int | float)]


def figures(lines: Sequence[Mapping[str, Any]]) -> list[Figure]:
    """The numbers at the top: means of the first updates and of the last."""
    found: list[Figure] = []
    for name in _FIGURES:
        values = [y for _, y in points(lines, name) if math.isfinite(y)]
        if values:
            size = min(AVERAGED, max(1, len(values) // 2))
            first, last = sum(values[:size]) / size, sum(values[-size:]) / size
            found.append(Figure(_title(name), _worded(name, first), _worded(name, last)))
    return found


def _grouped(lines: Sequence[Mapping[str, Any]]) -> list[Chart]:
    """The groups whose first number the run has."""
    return [_chart(lines, title, names) for title, names in GROUPS if _chart(lines, title, names[:1]).svg]


def _alone(lines: Sequence[Mapping[str, Any]]) -> list[Chart]:
    """A chart for each number that has none in a group, in the glossary's order; names that it lacks come last."""
    order = {name: place for place, name in enumerate(BY_NAME)}
    shown = {name for _, names in GROUPS for name in names}.union(NOT_NUMBERS, _OUTCOMES)
    names = sorted({name for line in lines for name in line} - shown, key=lambda n: (order.get(n, len(order)), n))
    return [chart for name in names if (chart := _chart(lines, _title(name), (name,))).svg]


def _chart(lines: Sequence[Mapping[str, Any]], title: str, names: Sequence[str]) -> Chart:
    series = [Series(_title(name), found) for name in names if (found := points(lines, name))]
    unit = BY_NAME[names[0]].unit if names[0] in BY_NAME else ""
    legend = tuple((place, s.name) for place, s in enumerate(series)) if len(series) > 1 else ()
    return Chart(title, "" if unit == "share" else unit, line_chart(series, share=unit == "share", label=title), legend)


def _supervised(steps: Sequence[Mapping[str, Any]]) -> Chart:
    """The loss of supervised training over its steps."""
    found = [(step["step"], float(step["loss"])) for step in steps if isinstance(step.get("loss"), int | float)]
    return Chart("Loss", "nats a token", line_chart([Series("loss", found)], share=False, label="Loss"), ())


def _outcomes(lines: Sequence[Mapping[str, Any]]) -> Chart:
    """Outcomes over updates; each keeps its colour, and those that never came are not in the legend."""
    series = [Series(_title(name), [(x["update"], _finite(x.get(name))) for x in lines]) for name in _OUTCOMES]
    legend = tuple((place, s.name) for place, s in enumerate(series) if any(y for _, y in s.points))
    return Chart("Outcomes", "", stacked_chart(series, label="Outcomes") if legend else "", legend)


def _finite(value: Any) -> float:
    return float(value) if isinstance(value, int | float) and math.isfinite(value) else 0.0


def _levels(lines: Sequence[Mapping[str, Any]]) -> str:
    """The heat map: which share of an update's problems was given at which level."""
    counts = [(line["update"], _counted(line.get("levels"))) for line in lines]
    rows = sorted({level for _, levels in counts for level in levels})
    size = max(1, math.ceil(len(counts) / COLUMNS))
    columns = []
    for i in range(0, len(counts), size):
        group = counts[i : i + size]
        total: Counter[int] = sum((levels for _, levels in group), Counter())
        first, last = group[0][0], group[-1][0]
        name = f"update {first}" if first == last else f"updates {first}-{last}"
        columns.append((name, {level: count / total.total() for level, count in total.items()}))
    return heat_map(columns, rows, label="Levels of the curriculum over updates")


def _counted(levels: Any) -> Counter[int]:
    if not isinstance(levels, dict):
        return Counter()
    return Counter({int(k): n for k, n in levels.items() if str(k).isdecimal() and isinstance(n, int) and n > 0})


def _chosen(samples: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """A third from the start, a third around the middle, a third from the end."""
    if len(samples) <= SAMPLES:
        return list(samples)
    third, middle = SAMPLES // 3, len(samples) // 2
    return [*samples[:third], *samples[middle - third // 2 : middle - third // 2 + third], *samples[-third:]]


def _shown(sample: Mapping[str, Any]) -> ShownSample:
    completion = str(sample.get("completion", ""))
    offsets, keep = sample.get("token_offsets") or [], sample.get("keep") or []
    runs: list[tuple[bool, str]] = []
    at = 0
    for (start, end), kept in zip(offsets, keep, strict=False):
        start, end = max(start, at), min(end, SAMPLE_CHARS)
        if start >= end:
            continue
        _extend(runs, True, completion[at:start])  # of no token: cannot be told
        _extend(runs, kept > 0, completion[start:end])
        at = end
    _extend(runs, True, completion[at:SAMPLE_CHARS])
    share = f"{sum(1 for k in keep if k > 0)} of {len(keep)} tokens" if keep else "not known"
    reward = sample.get("reward")
    return ShownSample(
        title=visible(
            f"update {sample.get('update', '?')}, {sample.get('problem_id', '?')}, level {sample.get('level', '?')}"
        ),
        verdict=visible(str(sample.get("verdict", "?"))),
        reward=f"{reward:+.2f}" if isinstance(reward, int | float) else "?",
        kept=share,
        prefix_chars=int(sample.get("prefix_chars") or 0),
        runs=tuple((kept, visible(text)) for kept, text in runs),
        cut=len(completion) > SAMPLE_CHARS,
    )


def _extend(runs: list[tuple[bool, str]], kept: bool, text: str) -> None:
    if text and runs and runs[-1][0] == kept:
        runs[-1] = (kept, runs[-1][1] + text)
    elif text:
        runs.append((kept, text))


def _title(name: str) -> str:
    return BY_NAME[name].title if name in BY_NAME else visible(name)


def _worded(name: str, value: float) -> str:
    return f"{value:.1%}" if BY_NAME[name].unit == "share" else f"{value:.3g}"
