"""What to say where an optional dependency is not installed."""

from collections.abc import Iterator
from contextlib import contextmanager

from appsplus.errors import MissingExtraError


@contextmanager
def needs(extra: str) -> Iterator[None]:
    """Imports of the block come with an extra. Raises MissingExtraError, which names it, where one is not installed."""
    try:
        yield
    except ModuleNotFoundError as error:
        package = (error.name or "").partition(".")[0]
        if package in ("appsplus", "stepcoder"):
            raise  # ours, and no matter of an extra
        raise MissingExtraError(
            f"this integration needs {package}, which is not installed: pip install 'appsplus[{extra}]'"
        ) from error
