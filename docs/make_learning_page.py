"""Write what was measured into benchmarks/learning/README.md: python docs/make_learning_page.py [OUT | SUITE].

OUT is a folder of `stepcoder ablate`; SUITE is one that is recorded, whose tables are made anew from its archive. What the
runs of OUT left goes to benchmarks/learning/SUITE/runs.tar.xz, of the seeds of which all runs are done: the archive is the
raw data of the numbers and figures beside it, and what another machine goes on from. The tables go to the page between the
marks of the suite, with the command, seeds, versions and commits that they belong to; what they have of a method goes to its
own page in docs/methods/. The speed of generation comes from benchmarks/results/generation.json.
"""

import io
import json
import re
import shutil
import sys
import tarfile
import tempfile
from pathlib import Path
from typing import Any

from appsplus.errors import InputError
from stepcoder.ablation.arms import ARMS, SUITES
from stepcoder.ablation.experiment import write_results
from stepcoder.ablation.markdown import markdown
from stepcoder.ablation.plan import PRESETS, AblationConfig
from stepcoder.ablation.provenance import FILE_NAME as MADE_BY
from stepcoder.ablation.reward_model import COST
from stepcoder.ablation.runs import DONE, GROUPS, LENGTHS, PROBLEMS, jobs
from stepcoder.config import configured, flag
from stepcoder.saved_config import read_config

ROOT = Path(__file__).resolve().parents[1]
FOLDER = ROOT / "benchmarks" / "learning"
PAGE = FOLDER / "README.md"
METHODS = ROOT / "docs" / "methods"
SPEED = ROOT / "benchmarks" / "results" / "generation.json"
FIGURES = ("curves.svg", "by_group.svg", "outcomes.svg")
ARCHIVE = "runs.tar.xz"
KEPT = ("config.json", DONE, LENGTHS, GROUPS, COST, MADE_BY, "metrics.jsonl", "validation.jsonl")
"""What the archive has of a run: all that the tables and figures are made of, and that tells that it is done."""
OF_PAGES = {
    "methods": {
        "ppo": ("ppo", "sft"),
        "grpo": ("grpo",),
        "rloo": ("rloo",),
        "ppocoder": ("ppocoder",),
        "coderl": ("coderl", "coderl-rl"),
        "rltf": ("rltf", "rltf-rl"),
        "prm": ("prm-dense", "prm-value", "prm-both", "stepcoder+prm"),
    },
    "starts": {"curricula": ("ppo+cccs", "ppo+r3", "ppo+adaback")},
}
"""The pages of docs/methods/, and which arms of a suite each is about."""
_ANYWHERE = frozenset(
    {"dataset", "preset", "workers", "judge_workers", "not_the_papers"}
)  # no part of what was measured


def archive(out: Path, path: Path) -> None:
    """Pack what the runs of whole seeds left; the bytes depend on nothing else. Raises InputError where no seed is whole."""
    config, _ = read_config(AblationConfig, out)
    if config.problems_from:
        raise InputError(
            f"the page is about generated problems; the tables of those of {out} are in {out / 'table.md'}"
        )
    of_seeds = [
        [job for group in jobs(out, config) for job in group if job.seed == seed] for seed in range(config.seeds)
    ]
    folders = [job.folder for of_seed in of_seeds if all(job.done for job in of_seed) for job in of_seed]
    if not folders:
        raise InputError(f"{out} has no seed of which all runs are done; go on with: stepcoder ablate --out {out}")
    left = [file for folder in folders for name in KEPT if (file := folder / name).is_file()]
    with tarfile.open(path, "w:xz") as packed:
        for file in (out / "config.json", out / PROBLEMS, *left):
            content = file.read_bytes().replace(str(out).encode(), b"OUT")
            entry = tarfile.TarInfo(str(file.relative_to(out)))
            entry.size = len(content)
            packed.addfile(entry, io.BytesIO(content))


def results(path: Path, folder: Path) -> None:
    """Unpack an archive into a folder and write the tables and figures of its runs there."""
    with tarfile.open(path) as packed:
        packed.extractall(folder, filter="data")
    config, _ = read_config(AblationConfig, folder)
    write_results(folder, [job for group in jobs(folder, config) for job in group], config)


def section(numbers: dict[str, Any]) -> str:
    """What the page has between the marks of a suite: what the numbers are of, the tables and the figures."""
    options = numbers["of"]["options"]
    suite = options["suite"]
    figures = "\n\n".join(f"![{Path(name).stem.replace('_', ' ')}]({suite}/{name})" for name in FIGURES)
    told = [
        f"`{command(options)}`; all numbers: [table.json]({suite}/table.json); what the runs left:"
        f" [{ARCHIVE}]({suite}/{ARCHIVE}).",
        "",
        *(
            f"- Seed{'s'[: len(of['seeds']) - 1]} {', '.join(map(str, of['seeds']))}: version {of['version']}, commit"
            f" `{of['commit'][:10]}`, torch {of['torch']}, transformers {of['transformers']}, Python {of['python']},"
            f" {of['cpus']} CPUs{', ' + of['cpu'] if 'cpu' in of else ''}."
            for of in numbers["of"]["made_by"]
        ),
    ]
    done = {seed for of in numbers["of"]["made_by"] for seed in of["seeds"]}
    if len(done) < options["seeds"]:
        told.append(
            f"- {len(done)} of {options['seeds']} seeds are done. To go on: `mkdir OUT && tar xf"
            f" benchmarks/learning/{suite}/{ARCHIVE} -C OUT`, then the command above."
        )
    return "\n".join([*told, "", markdown(numbers), figures, ""])


def of_method(numbers: dict[str, Any], arms: tuple[str, ...]) -> str:
    """What the page of a method has of the numbers of a suite: its arms, and what they are compared with."""
    differences = [d for d in numbers["differences"] if d["of"] in arms]
    shown = {*arms, *(d["from"] for d in differences)}
    mine = {
        **numbers,
        "methods": {name: method for name, method in numbers["methods"].items() if name in shown},
        "differences": differences,
        "reward_models": numbers["reward_models"] if any(ARMS[name].prm for name in arms) else [],
    }
    seeds = sorted({seed for of in numbers["of"]["made_by"] for seed in of["seeds"]})
    told = (
        f"`{command(numbers['of']['options'])}`, seed{'s'[: len(seeds) - 1]} {', '.join(map(str, seeds))};"
        " all methods, curves, versions and commits: [benchmarks/learning](../../benchmarks/learning/README.md)."
    )
    return f"{told}\n\n{markdown(mine)}"


def command(options: dict[str, Any]) -> str:
    """The command that has these options: the preset, and what differs from it."""
    plain = configured(AblationConfig, options["preset"], {}, PRESETS)
    words = [
        f"{flag(name)} {value}"
        for name, value in options.items()
        if name not in _ANYWHERE and value != getattr(plain, name, value)
    ]
    preset = [] if options["preset"] == "experiment" else [f"--preset {options['preset']}"]
    return " ".join(["stepcoder ablate", *preset, *words, "--out OUT"])


def speed(found: dict[str, Any]) -> str:
    """What the page has of the speed of generation."""
    of, batches = found["machine"], found["batches"]
    rows = [
        f"| {batch} | " + " | ".join(f"{way['tokens_per_cpu_s']:,}" for way in ways.values()) + " |"
        for batch, ways in batches.items()
    ]
    names = [name.replace("_", " ") for name in next(iter(batches.values()))]
    repeat = len(next(iter(next(iter(batches.values())).values()))["all"])
    head = [f"| prompts | {' | '.join(names)} |", "| ---: " * (len(names) + 1) + "|", *rows]
    told = (
        f"Tokens per CPU second, medians of {repeat}: `{of['command']}`; commit `{of['commit'][:10]}`, torch {of['torch']},"
        f" transformers {of['transformers']}, {of['cpu']}, one thread."
    )
    return "\n".join([told, "", *head, ""])


def on_page(page: str, suite: str, made: str) -> str:
    """The page with this between the marks of the suite. Raises ValueError where it has none."""
    begin, end = f"<!-- {suite} -->\n", f"<!-- end of {suite} -->"
    changed, count = re.subn(
        re.escape(begin) + ".*?" + re.escape(end), lambda _: begin + "\n" + made + "\n" + end, page, flags=re.DOTALL
    )
    if count != 1:
        raise ValueError(f"expected one pair of marks {begin.strip()} and {end}; got {count}")
    return changed


def main() -> None:
    """The files of what is named, and the pages."""
    page = on_page(PAGE.read_text(encoding="utf-8"), "generation", speed(json.loads(SPEED.read_text(encoding="utf-8"))))
    for named in sys.argv[1:]:
        if named in SUITES:
            suite = named
        else:
            suite = read_config(AblationConfig, Path(named))[0].suite
            (FOLDER / suite).mkdir(exist_ok=True)
            archive(Path(named), FOLDER / suite / ARCHIVE)
        into = FOLDER / suite
        with tempfile.TemporaryDirectory() as folder:
            results(into / ARCHIVE, Path(folder))
            for name in ("table.json", *FIGURES):
                shutil.copyfile(Path(folder) / name, into / name)
        numbers = json.loads((into / "table.json").read_text(encoding="utf-8"))
        page = on_page(page, suite, section(numbers))
        for name, arms in OF_PAGES.get(suite, {}).items():
            path = METHODS / f"{name}.md"
            text = on_page(path.read_text(encoding="utf-8"), suite, of_method(numbers, arms))
            path.write_text(text, encoding="utf-8")
    PAGE.write_text(page, encoding="utf-8")


if __name__ == "__main__":
    main()
