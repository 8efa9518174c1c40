"""The commands `stepcoder prm label` and `stepcoder prm train`: definitions only."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

import typer

from stepcoder.errors import TrainingError, is_disk_full, is_out_of_memory
from stepcoder.flags import need_torch, with_flags
from stepcoder.prm.options import NOT_CHOSEN, PRESETS, LabelConfig, PrmConfig

app = typer.Typer(
    name="prm",
    help="A process reward model: what each line of a program is worth.",
    no_args_is_help=True,
    add_completion=False,
)


@app.command()
@with_flags(LabelConfig, PRESETS)
def label(
    run: Annotated[Path, typer.Argument(metavar="RUN", help="A run of `stepcoder train` with --keep-policies.")],
    dataset: Annotated[str, typer.Argument(metavar="DIR", help="A dataset folder, or a Hub id.")],
    *,
    out: Annotated[Path, typer.Option(metavar="PRM_DATA", help="Where the labels go; what is there goes on.")],
    given: dict[str, Any],
) -> None:
    """Label prefixes of responses by what the policy can still make of them; the data set is in PRM_DATA."""
    config = LabelConfig(**given)
    need_torch()
    from stepcoder.prm.label import label as label_run

    with _in_words(out, "where it was", f"a lower --batch than {config.batch}"):
        manifest = label_run(run, dataset, out, config)
    counts, labels = manifest["counts"], manifest["labels"]
    shown = ", ".join(f"{counts.get(kind, 0):,} {kind}" for kind in ("correct", "revised", "wrong"))
    made = sum(cost["completions"] for cost in manifest["cost"].values())
    print(f"{made:,} completions; responses: {shown}")
    print("line ends: " + ", ".join(f"{labels.get(name, 0):,} labelled {name}" for name in ("+1", "-1", "+0")))
    print(f"the data set is in {out}; go on with: stepcoder prm train {out} --out PRM")


@app.command()
@with_flags(PrmConfig, PRESETS, without=NOT_CHOSEN)
def train(
    data: Annotated[Path, typer.Argument(metavar="PRM_DATA", help="What `stepcoder prm label` wrote.")],
    *,
    out: Annotated[Path, typer.Option(metavar="PRM", help="Where the reward model goes; what is there goes on.")],
    policy: Annotated[
        Path | None, typer.Option(metavar="RUN", help="Whose weights it begins with; the labelled run's, unless told.")
    ] = None,
    given: dict[str, Any],
) -> None:
    """Train a reward model on labelled prefixes, and measure it on held-out problems."""
    config = PrmConfig(**given)
    need_torch()
    from stepcoder.prm.measures import TOLD
    from stepcoder.prm.report import worded
    from stepcoder.prm.training import train_reward_model

    with _in_words(out, "its last checkpoint", f"a lower --micro-rows than {config.micro_rows}"):
        found = train_reward_model(data, out, config, policy)
    print(
        f"held out, {found['line_ends']:,} line ends: "
        + ", ".join(f"{name.replace('_', ' ')} {worded(found[name])}" for name in TOLD)
    )
    print(f"the reward model is in {out}; open {out / 'report.html'}")


@contextmanager
def _in_words(out: Path, where: str, smaller: str) -> Iterator[None]:
    """What ended the work, and how it goes on from `where`; `smaller`: what needs less memory."""
    try:
        yield
    except KeyboardInterrupt:
        print(f"interrupted; the same command goes on from {where}", file=sys.stderr)
        raise typer.Exit(130) from None
    except (MemoryError, RuntimeError, OSError) as error:
        if is_out_of_memory(error):
            raise TrainingError(
                f"out of memory; give the command again with {smaller}: it goes on from {where}"
            ) from None
        if is_disk_full(error):
            raise TrainingError(f"{out} cannot be written ({error}); make room, then give the command again") from None
        raise
