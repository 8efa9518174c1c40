"""The commands, put together. Loading this loads everything that any of them needs."""

from importlib import metadata

import typer

from appsplus.cli import (
    build,
    conformance,
    contamination,
    dataset,
    diff,
    evaluation,
    export,
    leaderboard,
    ledger,
    merge,
    programs,
    publish,
    review,
    sample,
    worklist,
)

app = typer.Typer(
    name="appsplus",
    help="APPS+: programming problems that were run, checked, repaired or rejected with a reason.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
app.command()(build.build)
app.command()(merge.merge)
app.command()(dataset.stats)
app.command()(dataset.show)
app.command()(dataset.explain)
app.command()(worklist.worklist)
app.command()(export.export)
app.command()(programs.judge)
app.command()(conformance.judge_conformance)
app.command()(review.review)
app.command()(evaluation.evaluate)
app.command()(evaluation.compare)
app.command()(evaluation.results)
app.command()(sample.sample)
app.command()(leaderboard.leaderboard)
app.command()(publish.publish)
app.command()(diff.diff)
app.command()(contamination.contamination)
app.command()(programs.doctor)
app.command()(programs.cache)
app.add_typer(ledger.app, name="ledger")


@app.callback(invoke_without_command=True)
def version(show: bool = typer.Option(False, "--version", help="Print the version and exit.")) -> None:
    """APPS+: programming problems that were run, checked, repaired or rejected with a reason."""
    if show:
        typer.echo(metadata.version("appsplus"))
        raise typer.Exit
