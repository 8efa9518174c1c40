"""What can go wrong between us and the Hub: what may pass, and what to tell the user of the rest."""

from collections.abc import Iterator
from contextlib import contextmanager

from huggingface_hub.errors import (  # type: ignore[attr-defined]  # HTTPError is its HTTP client's
    HfHubHTTPError,
    HTTPError,
    LocalTokenNotFoundError,
    OfflineModeIsEnabled,
)

from appsplus.errors import InputError

_LONGEST_WAIT_S = 600.0  # that a server may ask for
_PASSING = frozenset({408, 412, 429, 500, 502, 503, 504})  # 412: somebody else has committed meanwhile
_TOKENS = "https://huggingface.co/settings/tokens"


def _cause(error: BaseException) -> BaseException:
    """huggingface_hub wraps what happened in an upload into a RuntimeError."""
    inner = error.__cause__
    return inner if isinstance(error, RuntimeError) and isinstance(inner, HTTPError) else error


def pause_after(error: BaseException, wait_s: float) -> float | None:
    """Seconds to wait before another attempt; None where none would help."""
    error = _cause(error)
    if isinstance(error, HfHubHTTPError):
        if error.response.status_code not in _PASSING:
            return None
        asked = error.response.headers.get("Retry-After", "")
        asked_s = float(asked) if asked.isdigit() else 0.0
        return None if asked_s > _LONGEST_WAIT_S else max(wait_s, asked_s)
    return wait_s if isinstance(error, HTTPError) else None


def told(error: BaseException) -> str:
    """What went wrong, in a few words."""
    error = _cause(error)
    if isinstance(error, HfHubHTTPError):
        return f"the Hub answered {error.response.status_code}"
    said = str(error) or type(error).__name__
    return f"the connection broke ({said})" if isinstance(error, HTTPError) else said


@contextmanager
def in_words(repo_id: str) -> Iterator[None]:
    """Turn the errors of huggingface_hub into sentences that say what to do."""
    kept = "What was sent is kept: the same command goes on from there"
    try:
        yield
    except LocalTokenNotFoundError as error:
        raise InputError(
            f"no token: publishing {repo_id} needs one that may write ({_TOKENS}); log in with `hf auth login`, or set"
            " HF_TOKEN"
        ) from error
    except OfflineModeIsEnabled as error:
        raise InputError(f"{repo_id}: HF_HUB_OFFLINE is set; unset it to publish") from error
    except HfHubHTTPError as error:
        raise InputError(_refused(repo_id, error, kept)) from error
    except (HTTPError, RuntimeError, OSError) as error:
        raise InputError(f"{repo_id}: {told(error)}. {kept}") from error
    except ValueError as error:  # what huggingface_hub makes of an answer that it does not understand, or a bad card
        raise InputError(f"{repo_id}: the Hub does not take it ({error})") from error


def _refused(repo_id: str, error: HfHubHTTPError, kept: str) -> str:
    status, said = error.response.status_code, (error.server_message or str(error).strip().splitlines()[0]).rstrip(".")
    if status == 401:
        return (
            f"{repo_id}: the Hub does not know the token ({said}); expected one that may write ({_TOKENS}): log in with"
            " `hf auth login`, or set HF_TOKEN"
        )
    if status == 403:
        owner = repo_id.partition("/")[0]
        return (
            f"{repo_id}: the token may not write there ({said}); expected one with write access to {owner} ({_TOKENS})"
        )
    if status in _PASSING:
        return f"{repo_id}: the Hub answered {status}, time and again ({said}). {kept}"
    return f"{repo_id}: the Hub answered {status} ({said}). {kept}"
