"""`appsplus evaluate`, `compare` and `results`: samples to results, two results side by side, and results for others."""

import json
import shlex
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from appsplus import jsonl
from appsplus.cli import UsageError
from appsplus.cli.engines import LOCAL, Address, EngineName, check_address, open_engine
from appsplus.cli.options import AsJson, CacheDir, Isolation, NoCache, Workers, open_cache
from appsplus.cli.progress import shown_progress
from appsplus.engine import Cache
from appsplus.evaluation.benchmarks import BENCHMARKS, benchmark_suite
from appsplus.evaluation.comparison import Comparison, first_samples
from appsplus.evaluation.comparison import compare as compare_results
from appsplus.evaluation.evaluate import evaluate as run_evaluation
from appsplus.evaluation.exports import (
    RELATIONSHIPS,
    every_eval_ever,
    every_eval_ever_path,
    hub_eval_results,
)
from appsplus.evaluation.fit import fit
from appsplus.evaluation.leaderboard.names import plain
from appsplus.evaluation.records import to_json
from appsplus.evaluation.results import Group, Metric, Results, read_results, verdicts_path
from appsplus.evaluation.samples import Samples
from appsplus.evaluation.suite import Suite, dataset_suite
from appsplus.judge import STRICT
from appsplus.release import disk_errors

FORMATS = ("every-eval-ever", "hub")
_WIDEST = 200  # characters of a line
ResultsFile = Annotated[Path, typer.Argument(metavar="RESULTS", help="A file that `appsplus evaluate` wrote.")]
Seed = Annotated[int, typer.Option(help="Of the bootstrap.")]


def evaluate(
    folder: Annotated[
        Path | None,
        typer.Argument(metavar="DIR", help="A dataset folder that `appsplus build` wrote.", show_default=False),
    ] = None,
    *,
    samples: Annotated[
        Path, typer.Option(help="The samples: ours, EvalPlus's or LiveCodeBench's shape.", show_default=False)
    ],
    out: Annotated[Path, typer.Option(help="The results file to write; verdicts go beside it.", show_default=False)],
    split: Annotated[str, typer.Option(help="train, validation, test or all.")] = "test",
    k: Annotated[str, typer.Option("--k", help="For pass@k: one number or several, as in 1,10.")] = "1",
    benchmark: Annotated[
        str, typer.Option(help=f"Instead of DIR: {' or '.join(BENCHMARKS)}, with --data.", show_default=False)
    ] = "",
    data: Annotated[
        Path | None, typer.Option(help="The benchmark's file, as its authors publish it.", show_default=False)
    ] = None,
    name: Annotated[str, typer.Option(help="The model's name [default: as the samples say].", show_default=False)] = "",
    partial: Annotated[
        bool, typer.Option("--partial", help="Leave out problems without a sample instead of refusing.")
    ] = False,
    seed: Seed = 0,
    workers: Workers = None,
    isolation: Isolation = STRICT,
    engine: EngineName = LOCAL,
    address: Address = None,
    no_cache: NoCache = False,
    cache_dir: CacheDir = None,
    as_json: AsJson = False,
) -> None:
    """Judge samples: pass@k, strict accuracy and test-case average, with intervals, by kind of problem and by verdict."""
    ks = _ks(k)
    check_address(engine, address)
    suite = _suite(folder, split, benchmark, data)
    with ExitStack() as stack:
        read = stack.enter_context(Samples(samples))
        fitting = fit(suite, read, ks, partial=partial)
        print(_header(suite, fitting.num_samples, fitting.per_problem), file=sys.stderr)
        cache = stack.enter_context(Cache(None) if no_cache else open_cache(cache_dir))
        judges = stack.enter_context(
            open_engine(engine, address, workers=workers, isolation=isolation, cache=cache, modules=suite.modules)
        )
        progress = stack.enter_context(shown_progress("samples", None, engine=judges))
        found = run_evaluation(
            suite,
            read,
            fitting,
            judges,
            out,
            seed=seed,
            name=name,
            command=shlex.join(["appsplus", *sys.argv[1:]]),
            progress=progress,
        )
    if as_json:
        print(json.dumps(to_json(found)))
    else:
        _print_results(found)
        print(f"\nResults: {out}\nVerdicts: {verdicts_path(out)}")


def _ks(text: str) -> tuple[int, ...]:
    try:
        ks = tuple(int(part) for part in text.split(","))
    except ValueError:
        raise UsageError(f"--k {text} is no list of numbers; expected one or several, as in 1,10") from None
    if min(ks) < 1:
        raise UsageError(f"--k {text} asks for pass@{min(ks)}; expected numbers from 1")
    return ks


def _suite(folder: Path | None, split: str, benchmark: str, data: Path | None) -> Suite:
    if bool(benchmark) == (folder is not None):
        raise UsageError("expected a dataset folder, or --benchmark with --data, and not both")
    if folder is not None:
        if data is not None:
            raise UsageError("--data goes with --benchmark; expected a dataset folder alone")
        return dataset_suite(folder, split)
    if benchmark not in BENCHMARKS:
        raise UsageError(f"--benchmark {benchmark} is not known; expected one of: {', '.join(BENCHMARKS)}")
    if data is None:
        raise UsageError(f"--benchmark {benchmark} needs --data, the file that its authors publish")
    return benchmark_suite(benchmark, data)


def _header(suite: Suite, num_samples: int, per_problem: int | None) -> str:
    facts = suite.facts
    each = "" if per_problem is None else f", {per_problem:,} a problem"
    what = f"split {facts.split} of {facts.name}" if suite.judge_version else facts.name
    return f"{what}: {facts.num_problems:,} problems; {num_samples:,} samples{each}"


def results(
    path: ResultsFile,
    *,
    to: Annotated[
        str, typer.Option(help=f"Write it in another format: {' or '.join(FORMATS)}.", show_default=False)
    ] = "",
    out: Annotated[
        Path | None,
        typer.Option(help="Where to: a folder for every-eval-ever, a YAML file for hub.", show_default=False),
    ] = None,
    model: Annotated[str, typer.Option(help="The model's id on the Hub, DEVELOPER/MODEL.", show_default=False)] = "",
    dataset: Annotated[str, typer.Option(help="The dataset's id on the Hub, if it is there.", show_default=False)] = "",
    task: Annotated[str, typer.Option(help="For hub: the task in the dataset's eval.yaml.")] = "default",
    metric: Annotated[str, typer.Option(help="For hub: the metric.")] = "pass@1",
    source_url: Annotated[str, typer.Option(help="For hub: where the results can be seen.", show_default=False)] = "",
    organization: Annotated[
        str, typer.Option(help="For every-eval-ever: who reports the results.", show_default=False)
    ] = "",
    relationship: Annotated[
        str, typer.Option(help=f"For every-eval-ever, to the model's developer: {', '.join(RELATIONSHIPS)}.")
    ] = "other",
    as_json: AsJson = False,
) -> None:
    """Show a results file, or write it as Every Eval Ever or the Hub's .eval_results want it."""
    found = read_results(path)
    if to:
        if to not in FORMATS:
            raise UsageError(f"--to {to} is not known; expected one of: {', '.join(FORMATS)}")
        if out is None:
            raise UsageError(f"--to {to} needs --out")
        if to == "hub":
            text, target = _hub_yaml(found, dataset, task, metric, source_url), out
        else:
            if not model or not organization:
                raise UsageError("--to every-eval-ever needs --model DEVELOPER/MODEL and --organization")
            record = every_eval_ever(
                found, model_id=model, organization=organization, relationship=relationship, dataset_repo=dataset
            )
            text, target = json.dumps(record, indent=2) + "\n", out / every_eval_ever_path(found, model)
        with disk_errors(target):
            target.parent.mkdir(parents=True, exist_ok=True)
            jsonl.write_atomically(target, text.encode())
        print(target)
    elif as_json:
        print(json.dumps(to_json(found)))
    else:
        _print_results(found)


def _hub_yaml(found: Results, dataset: str, task: str, metric: str, source_url: str) -> str:
    import yaml

    if not dataset:
        raise UsageError("--to hub needs --dataset OWNER/NAME, where the leaderboard is")
    entries = hub_eval_results(found, dataset_repo=dataset, task_id=task, source_url=source_url, metric=metric)
    text: str = yaml.safe_dump(entries, sort_keys=False)
    return text


def compare(
    a: Annotated[Path, typer.Argument(metavar="A", help="A results file.")],
    b: Annotated[Path, typer.Argument(metavar="B", help="Another, on the same problems.")],
    *,
    seed: Seed = 0,
    as_json: AsJson = False,
) -> None:
    """Compare two models on the same problems: differences B - A with paired intervals, and McNemar's exact test."""
    results_a, results_b = read_results(a), read_results(b)
    lacking = [path for path in map(verdicts_path, (a, b)) if not path.is_file()]
    verdicts = None if lacking else (first_samples(a, results_a), first_samples(b, results_b))
    found = compare_results(results_a, results_b, verdicts, seed=seed)
    if as_json:
        print(json.dumps(asdict(found)))
        return
    _print_comparison(found)
    if lacking:
        print(f"McNemar's test needs {lacking[0]}, which is not there.")


def _print_comparison(found: Comparison) -> None:
    table = _table(f"{found.num_problems:,} problems", f"A: {found.a}", f"B: {found.b}", "B - A", "95 % interval", "")
    for d in found.differences:
        interval = f"{100 * d.low:+.1f} to {100 * d.high:+.1f}"
        clear = ("B is better" if d.value > 0 else "A is better") if d.is_clear else "tied"
        table.add_row(d.metric, _percent(d.a), _percent(d.b), f"{100 * d.value:+.1f}", interval, clear)
    _print_table(table)
    if found.mcnemar is not None:
        m = found.mcnemar
        print(
            f"\nFirst samples: both solve {m.both:,}, only A {m.only_a:,}, only B {m.only_b:,}, neither {m.neither:,};"
            f" McNemar's exact test: p = {m.p_value:.3g}"
        )
    _warn(found.warnings)


def _print_results(found: Results) -> None:
    facts = found.dataset
    print(f"{plain(found.name)} on {plain(facts.name)}, split {facts.split}\n")
    shown = [name for name in found.metrics if name != "strict_accuracy" or "pass@1" not in found.metrics]
    titles = ["pass@1 = strict accuracy" if name == "pass@1" else name.replace("_", " ") for name in shown]
    table = _table("", "problems", *titles)
    table.add_row("all", f"{len(found.problems):,}", *(_cell(found.metrics[name]) for name in shown))
    for kind, groups in _kinds(found):
        for label, group in groups.items():
            cells = (_cell(group.metrics.get(name)) for name in shown)
            table.add_row(Text(plain(kind + label)), f"{group.num_problems:,}", *cells)
    _print_table(table)
    verdicts = found.breakdowns.verdict
    total = sum(verdicts.values())
    told = ", ".join(f"{count:,} {verdict} ({100 * count / total:.1f} %)" for verdict, count in verdicts.items())
    print(f"\n{total:,} samples scored: {told}.")
    run = found.time
    if all(
        isinstance(run.get(name), int | float) for name in ("judged", "cached", "wall_s")
    ):  # files of others have none
        print(f"Judged {run['judged']:,} programs, knew {run['cached']:,} already; {run['wall_s']:.1f} s.")
    _warn(found.warnings)


def _kinds(found: Results) -> Iterator[tuple[str, dict[str, Group]]]:
    by = found.breakdowns
    for kind, groups in (("", by.difficulty), ("", by.io_format), ("conditionals ", by.conditional_statements)):
        if len(groups) > 1:
            yield kind, groups


def _table(*columns: str) -> Table:
    table = Table(box=None, pad_edge=False, header_style="bold")
    for number, column in enumerate(columns):
        table.add_column(Text(column), justify="right" if number else "left")
    return table


def _print_table(table: Table) -> None:
    """Lines of a table are as long as they are, on any terminal and in a file."""
    Console(width=_WIDEST).print(table)


def _cell(metric: Metric | None) -> str:
    return "" if metric is None else f"{_percent(metric.value)} [{100 * metric.low:.1f}, {100 * metric.high:.1f}]"


def _percent(value: float) -> str:
    return f"{100 * value:.1f}"


def _warn(warnings: tuple[str, ...]) -> None:
    for warning in warnings:
        print(f"warning: {warning}", file=sys.stderr)
