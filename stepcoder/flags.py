"""A command's flags and their help, made from the fields of its config."""

import inspect
from collections.abc import Callable, Collection, Mapping
from dataclasses import fields
from importlib import util
from typing import Any

import typer

from appsplus.errors import MissingExtraError
from stepcoder.config import flag
from stepcoder.presets import OF_METHODS, OF_SHAPINGS, PRESETS

_OPTIONAL: dict[Any, Any] = {bool: bool | None, int: int | None, float: float | None, str: str | None}


Presets = Mapping[str, Mapping[str, Any]]


def with_flags(
    kind: type[Any], presets: Presets = PRESETS, *, without: Collection[str] = ()
) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Give a command one flag for each field of a config; those that are given arrive as the argument `given`.

    `without`: fields that are no choice here.
    """

    def decorate(command: Callable[..., None]) -> Callable[..., None]:
        own = [p for p in inspect.signature(command).parameters.values() if p.name != "given"]
        names = [f.name for f in fields(kind) if f.name != "preset" and f.name not in without]

        def called(**values: Any) -> None:
            given = {name: values.pop(name) for name in names}
            command(**values, given={name: value for name, value in given.items() if value is not None})

        added = [_parameter(kind, name, presets) for name in names]
        called.__name__, called.__doc__ = command.__name__, command.__doc__
        called.__signature__ = inspect.Signature([*own, *added])  # type: ignore[attr-defined]
        called.__annotations__ = {p.name: p.annotation for p in [*own, *added]}
        return called

    return decorate


def need_torch() -> None:
    """Raises MissingExtraError where the trainer's packages are not installed."""
    missing = [name for name in ("torch", "transformers", "accelerate") if util.find_spec(name) is None]
    if missing:
        raise MissingExtraError(
            f"the trainer needs {', '.join(missing)}, not installed here; pip install 'appsplus[train]' (torch first,"
            " where it is to be a particular build)"
        )


def _parameter(kind: type[Any], name: str, presets: Presets) -> inspect.Parameter:
    [found] = [f for f in fields(kind) if f.name == name]
    words = f"{found.metadata['help']} [{_default(name, found.default, presets)}]"
    names = f"{flag(name)}/--no-{flag(name)[2:]}" if found.type is bool else flag(name)
    default = typer.Option(None, names, help=words, show_default=False)
    return inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=_OPTIONAL[found.type])


def _default(name: str, value: Any, presets: Presets) -> str:
    """What holds where the flag is not given; presets and methods that say otherwise are named."""
    sources = {**presets, **OF_METHODS, **{f"+{name}": brought for name, brought in OF_SHAPINGS.items()}}
    shown = {preset: values[name] for preset, values in sources.items() if values.get(name, value) != value}
    plain = "empty" if value == "" else str(value)
    return "; ".join([plain, *(f"{preset}: {other}" for preset, other in shown.items())])
