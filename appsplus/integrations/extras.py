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
        if (error.name or "").partition(".")[0] == "appsplus":
            raise  # ours, and no matter of an extra
        raise MissingExtraError(
            f"this integration needs {error.name}, which is not installed: pip install 'appsplus[{extra}]'"
        ) from error
