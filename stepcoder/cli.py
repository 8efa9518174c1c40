"""The console script `stepcoder`: command definitions only. What a command does lies in the modules it calls.

    sft         run            supervised training on canonical solutions
    train       run            PPO with CCCS and FGO, or another method, after its own supervised warm-up
    sample      sampling       completions of a run's policy, for `appsplus evaluate`
    report      report         one HTML page of a run
    publish     publish        a policy to the Hub, with its card
    curriculum  curriculum     the levels that a dataset gives
    prm label   prm            labels of prefixes: what the policy can still make of them
    prm train   prm            a reward model from them
    ablate      ablation       what the curriculum and the mask do, on generated problems

torch is loaded by the commands that need it, and not before.
"""

import json
import sys
from collections import Counter
from importlib import metadata
from pathlib import Path
from typing import Annotated, Any

import typer

from appsplus.errors import AppsplusError, DatasetError, InputError
from stepcoder.ablation import plan
from stepcoder.ablation.plan import AblationConfig
from stepcoder.config import DTYPES, POLICIES, Config, SftConfig, TrainConfig, configured
from stepcoder.curriculum import subtasks
from stepcoder.errors import ConfigError, is_out_of_memory
from stepcoder.flags import need_torch, with_flags
from stepcoder.presets import PRESETS
from stepcoder.prm.cli import app as prm_app
from stepcoder.unused import refuse_unused

app = typer.Typer(
    name="stepcoder",
    help="StepCoder: the reference PPO trainer for datasets built by appsplus.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)

app.add_typer(prm_app)

_CANDIDATES, _WIDTH = 8, 4  # of `sample`, where they are not given
Dataset = Annotated[
    str, typer.Argument(metavar="DIR", help="A folder that `appsplus build` wrote, or a Hub id of one.")
]
Preset = Annotated[str | None, typer.Option(help=f"Values of all other flags: {', '.join(PRESETS)}; tiny unless told.")]
Out = Annotated[Path, typer.Option(metavar="RUN", help="The folder of the run.")]
Resume = Annotated[bool, typer.Option("--resume", help="Go on exactly from where RUN was saved last.")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Print what it would take of memory and time, and stop.")]


@app.callback(invoke_without_command=True)
def version(show: bool = typer.Option(False, "--version", help="Print the version and exit.")) -> None:
    """StepCoder: the reference PPO trainer for datasets built by appsplus."""
    if show:
        typer.echo(metadata.version("appsplus"))
        raise typer.Exit


@app.command()
@with_flags(SftConfig)
def sft(
    dataset: Dataset,
    *,
    out: Out,
    preset: Preset = None,
    resume: Resume = False,
    dry_run: DryRun = False,
    given: dict[str, Any],
) -> None:
    """Train a model on canonical solutions; the policy is in RUN/final."""
    config = _finished(SftConfig, dataset, out, preset, given, resume=resume, dry_run=dry_run)
    if config is not None:
        print(
            f"the policy is in {out / 'final'}; go on with: stepcoder train {dataset} --preset {config.preset} --model {out}"
            " --sft-epochs 0 --out RUN"
        )


@app.command()
@with_flags(TrainConfig)
def train(
    dataset: Dataset,
    *,
    out: Out,
    preset: Preset = None,
    resume: Resume = False,
    dry_run: DryRun = False,
    given: dict[str, Any],
) -> None:
    """Train a policy by PPO with CCCS and FGO, or by another --method, after a supervised warm-up; it is in RUN/final."""
    if _finished(TrainConfig, dataset, out, preset, given, resume=resume, dry_run=dry_run) is not None:
        print(f"the policy is in {out / 'final'}, its numbers in {out / 'metrics.jsonl'}")


def _finished(
    kind: type[Config],
    dataset: str,
    out: Path,
    preset: str | None,
    given: dict[str, Any],
    *,
    resume: bool,
    dry_run: bool,
) -> Config | None:
    """Do a run, a new one or one from where it was; its options. None where --dry-run was all that was asked for."""
    config = kind() if resume else configured(kind, preset or "tiny", given)
    if not resume:
        refuse_unused(config, given)
    need_torch()
    from stepcoder import run
    from stepcoder.estimate import estimate

    if resume:
        config = run.resumed_config(out, dataset, given | ({"preset": preset} if preset else {}), kind)
    if dry_run:
        print(estimate(dataset, run.with_model(config)))
        return None
    command, work = ("train", run.train_run) if isinstance(config, TrainConfig) else ("sft", run.sft)
    if not work(dataset, config, out, resume=resume):  # type: ignore[arg-type]
        print(f"interrupted; go on with: stepcoder {command} {dataset} --out {out} --resume", file=sys.stderr)
        raise typer.Exit(130)
    return config


@app.command()
def sample(
    run: Annotated[Path, typer.Argument(metavar="RUN", help="The folder of a run, or of a model.")],
    *,
    data: Annotated[str, typer.Option(metavar="DIR", help="A dataset folder, or a Hub id.")],
    out: Annotated[Path, typer.Option(metavar="FILE", help="Where samples.jsonl goes.")],
    split: Annotated[str, typer.Option(help="train, validation or test.")] = "test",
    completions: Annotated[int, typer.Option(min=1, help="Completions of each problem.")] = 1,
    temperature: Annotated[float, typer.Option(min=0, help="Of sampling; 0: the likeliest token.")] = 0.0,
    top_p: Annotated[float, typer.Option(min=0, max=1, help="Nucleus.")] = 0.95,
    max_tokens: Annotated[int, typer.Option(min=1, help="Longest completion.")] = 1024,
    batch: Annotated[int, typer.Option(min=1, help="Completions generated at once.")] = 32,
    dtype: Annotated[
        str,
        typer.Option(help=f"Of the weights, {' or '.join(DTYPES)}; the run's unless told, float32 after LoRA."),
    ] = "",
    seed: Annotated[int, typer.Option(help="Of the sampling.")] = 0,
    rerank: Annotated[str, typer.Option(help="prm: give those that a reward model likes best.")] = "",
    prm: Annotated[str, typer.Option(metavar="PRM", help="The reward model that `stepcoder prm train` wrote.")] = "",
    candidates: Annotated[
        int, typer.Option(help="--rerank: it chooses from so many; --search: tries a line.")
    ] = _CANDIDATES,
    search: Annotated[str, typer.Option(help="lines: it chooses line by line, not among whole programs.")] = "",
    width: Annotated[int, typer.Option(help="--search: prefixes that are kept.")] = _WIDTH,
    critic_sampling: Annotated[
        str, typer.Option(help="refine, repair or both: write again what fails example tests (a run of coderl).")
    ] = "",
    example_tests: Annotated[int, typer.Option(help="--critic-sampling: the first so many unit tests.")] = 1,
    repair_model: Annotated[
        str, typer.Option(metavar="MODEL", help="--critic-sampling: what repairs; the policy unless told.")
    ] = "",
    repair_top: Annotated[int, typer.Option(help="--critic-sampling: programs that are repaired, in turns.")] = 1,
    isolation: Annotated[str, typer.Option(help="--critic-sampling: of the judge.")] = "strict",
) -> None:
    """Write a policy's completions of the plain tasks, one a line, as they come. Stopped, the same command goes on."""
    if rerank not in ("", "prm") or bool(rerank) != bool(prm) or (search and not rerank):
        raise ConfigError("--rerank prm and --prm PRM go together, and --search needs both")
    if rerank and critic_sampling:
        raise ConfigError("--rerank and --critic-sampling choose in two ways; give one of them")
    for name, given, other in (
        ("--candidates", candidates != _CANDIDATES and not rerank, "--rerank"),
        ("--width", width != _WIDTH and not search, "--search"),
        ("--repair-model", bool(repair_model) and not critic_sampling, "--critic-sampling"),
        ("--repair-top", repair_top != 1 and not critic_sampling, "--critic-sampling"),
        ("--example-tests", example_tests != 1 and not critic_sampling, "--critic-sampling"),
    ):
        if given:
            raise ConfigError(f"{name} is of {other}, which is not given; give it, or leave {name} away")
    need_torch()
    from stepcoder.methods.critic_sampling import CriticSampling
    from stepcoder.rollouts import Decoding
    from stepcoder.sampling import Request, Reranking, sample_run

    request = Request(
        data,
        split,
        completions,
        Decoding(temperature, top_p, max_tokens, batch),
        seed,
        Reranking(prm, candidates, search, width) if rerank else None,
        CriticSampling(critic_sampling, example_tests, repair_model, repair_top, isolation)
        if critic_sampling
        else None,
        dtype,
    )
    try:
        count = sample_run(run, request, out)
    except KeyboardInterrupt:
        print("interrupted; the same command goes on from where it was", file=sys.stderr)
        raise typer.Exit(130) from None
    except (MemoryError, RuntimeError) as error:
        if not is_out_of_memory(error):
            raise
        raise InputError(
            f"the memory does not hold the model and --batch {batch}; what was written is in {out}: give --dtype bfloat16, or"
            " a smaller --batch, and another --out, for samples depend on them"
        ) from None
    print(f"{count:,} completions are in {out}")


@app.command()
def report(
    run: Annotated[Path, typer.Argument(metavar="RUN", help="The folder of a run, finished or under way.")],
    *,
    out: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Where the page goes; RUN/report.html unless told.")
    ] = None,
) -> None:
    """Write one HTML page of a run: learning curves, curriculum, samples with executed and masked tokens."""
    from stepcoder.report import write_report

    print(f"open {write_report(run, out)}")


@app.command()
def publish(
    run: Annotated[Path, typer.Argument(metavar="RUN", help="The folder of a run, or of a model.")],
    repo_id: Annotated[str, typer.Argument(metavar="REPO_ID", help="OWNER/NAME on the Hub; made where it is missing.")],
    *,
    policy: Annotated[str, typer.Option(help="Which of the run's policies: final, best or sft.")] = "final",
    private: Annotated[bool, typer.Option("--private", help="Make a new repository private.")] = False,
    tag: Annotated[
        str | None, typer.Option(help="Name of this version, such as v1.0; it can never mean another one.")
    ] = None,
    not_secret: Annotated[
        list[str] | None,
        typer.Option(help="A text that looks like a secret or a local path, and is none; may be repeated."),
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Check the folder and say what would be sent; asks no server.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document on standard output.")] = False,
) -> None:
    """Check a policy and its card, and push them to the Hugging Face Hub. Exits with 1, sending nothing, on a finding."""
    from appsplus.release.hub import Target, open_hub
    from appsplus.release.leaks import Leaks
    from appsplus.release.publish import publish as run_publish
    from stepcoder.publish import model_parcel

    if policy not in POLICIES:
        raise ConfigError(f"--policy {policy!r} is not known; expected one of: {', '.join(POLICIES)}")
    target = Target(repo_id, "model", private, tag)
    parcel = model_parcel(run, policy, Leaks((Path.home(), run.resolve()), not_secret or ()))
    api = None if dry_run else open_hub(bars=sys.stderr.isatty())
    outcome = run_publish(parcel, target, api, tell=_say, warn=_say)
    print(json.dumps(outcome.to_json()) if as_json else "\n".join(outcome.lines()))
    if parcel.findings:
        raise typer.Exit(1)


def _say(line: str) -> None:
    print(f"publishing: {line}", file=sys.stderr, flush=True)


@app.command()
def curriculum(
    dataset: Annotated[Path, typer.Argument(metavar="DIR", help="A dataset folder that `appsplus build` wrote.")],
    problem_id: Annotated[
        str | None, typer.Argument(metavar="[PROBLEM_ID]", help="Show the levels of one problem.")
    ] = None,
    split: Annotated[str, typer.Option(help="train, validation or test.")] = "train",
) -> None:
    """Show the levels of the curriculum: how many problems have how many, or what one problem gives at each."""
    found = list(subtasks(dataset, split))
    if problem_id is None:
        levels = Counter(s.levels for s in found if s.level == 1)
        for count, problems in sorted(levels.items()):
            print(f"{count:>3} levels: {problems:,} problems")
        return
    chosen = [s for s in found if s.problem_id == problem_id]
    if not chosen:
        raise DatasetError(
            f"{dataset} has no problem {problem_id!r} in {split}; name another --split, or see `appsplus stats`"
        )
    for subtask in chosen:
        print(f"--- level {subtask.level} of {subtask.levels}: {len(subtask.prefix)} characters given")
        print(subtask.prefix, end="█\n")


@app.command()
@with_flags(AblationConfig, plan.PRESETS, without=plan.NOT_CHOSEN)
def ablate(
    *,
    out: Annotated[Path, typer.Option(metavar="DIR", help="Where everything goes; what is there already goes on.")],
    preset: Annotated[str, typer.Option(help=f"Values of all other flags: {', '.join(plan.PRESETS)}.")] = "experiment",
    given: dict[str, Any],
) -> None:
    """Compare methods, the parts of StepCoder or another --suite, on generated problems or yours; DIR gets the tables."""
    config = configured(AblationConfig, preset, given, plan.PRESETS)
    plan.refuse_idle(config, given)
    need_torch()
    from stepcoder.ablation.experiment import ablate as compare
    from stepcoder.ablation.runs import InterruptedRunError

    try:
        table = compare(out, config)
    except (InterruptedRunError, KeyboardInterrupt):
        print("interrupted; the same command goes on from where it was", file=sys.stderr)
        raise typer.Exit(130) from None
    print(table.read_text(encoding="utf-8"))
    print(f"the tables are in {table} and {table.with_suffix('.json')}, the figures beside them")


def main() -> None:
    """The console script `stepcoder`."""
    try:
        app()
    except AppsplusError as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(2 if isinstance(error, ConfigError) else 1)
    except KeyboardInterrupt:
        print("interrupted; what was saved is whole", file=sys.stderr)
        sys.exit(130)
