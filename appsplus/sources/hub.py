"""`hub:OWNER/NAME[@REVISION][#CONFIG]`: the data files of a dataset on the Hugging Face Hub, for `rows` to read.

The revision is resolved to its commit once, and everything is read at that commit. Scripts of a repository are never
run; APPS itself is read from its Parquet export: `hub:codeparrot/apps@refs/convert/parquet`.
"""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from huggingface_hub import HfApi
from huggingface_hub.errors import (  # type: ignore[attr-defined]  # HTTPError is its HTTP client's
    GatedRepoError,
    HfHubHTTPError,
    HFValidationError,
    HTTPError,
    OfflineModeIsEnabled,
    RepositoryNotFoundError,
    RevisionNotFoundError,
)

from appsplus.errors import SourceError
from appsplus.sources.row_files import RowFile, choose, split_of

PREFIX = "hub:"
_FORM = re.compile(r"hub:(?P<repo>[^@#]+)(?:@(?P<revision>[^#]+))?(?:#(?P<config>.+))?")


@dataclass(frozen=True, slots=True)
class HubAddress:
    """Where a dataset is."""

    repo_id: str  # "OWNER/NAME"
    revision: str | None = None  # a branch, tag, commit, or reference such as refs/convert/parquet; None: main
    config: str | None = None  # a top-level folder of the repository

    @property
    def name(self) -> str:
        """The name of the repository without its owner."""
        return self.repo_id.rpartition("/")[2]

    def __str__(self) -> str:
        return PREFIX + self.repo_id + (f"@{self.revision}" if self.revision else "")


@dataclass(frozen=True, slots=True)
class Download:
    """The data files of a repository, on this machine."""

    commit: str
    files: tuple[RowFile, ...]


def parse_address(text: str) -> HubAddress:
    """Read `hub:OWNER/NAME[@REVISION][#CONFIG]`. Raises SourceError."""
    match = _FORM.fullmatch(text)
    if match is None:
        raise SourceError(
            f"got {text!r}; expected hub:OWNER/NAME[@REVISION][#CONFIG], e.g. hub:codeparrot/apps@refs/convert/parquet"
        )
    return HubAddress(match["repo"], match["revision"], match["config"])


def download(address: HubAddress, *, cache_dir: Path | None = None, endpoint: str | None = None) -> Download:
    """Fetch the data files, or find them in the cache. Raises SourceError.

    `cache_dir` and `endpoint` None: those of huggingface_hub. Progress bars of huggingface_hub go to stderr.
    """
    api = HfApi(endpoint=endpoint)
    with asking(address):
        commit = api.dataset_info(address.repo_id, revision=address.revision).sha
        if commit is None:
            raise SourceError(f"{address}: the Hub names no commit for it; give a commit as REVISION.")
        names = api.list_repo_files(address.repo_id, repo_type="dataset", revision=commit)
        how = f"write {address}#CONFIG, or download the files and give their path"
        chosen = choose(names, str(address), address.config, how)
        files = tuple(
            RowFile(name, Path(_fetch(api, address, name, commit, cache_dir)), split_of(name)) for name in chosen
        )
    return Download(commit, files)


def _fetch(api: HfApi, address: HubAddress, name: str, commit: str, cache_dir: Path | None) -> str:
    return api.hf_hub_download(address.repo_id, name, repo_type="dataset", revision=commit, cache_dir=cache_dir)


@contextmanager
def asking(address: HubAddress) -> Iterator[None]:
    """Turn the errors of huggingface_hub into sentences that say what to do."""
    try:
        yield
    except GatedRepoError as error:
        message = f"{address} is gated: ask for access on its page, then log in with `hf auth login`."
        raise SourceError(message) from error
    except RepositoryNotFoundError as error:
        message = f"{address}: no such dataset, or a private one. Check OWNER/NAME, or log in with `hf auth login`."
        raise SourceError(message) from error
    except RevisionNotFoundError as error:
        message = f"{address}: the dataset exists, but not this revision. Check the part after @."
        raise SourceError(message) from error
    except HFValidationError as error:
        raise SourceError(f"{address}: {error}. Expected hub:OWNER/NAME[@REVISION][#CONFIG].") from error
    except OfflineModeIsEnabled as error:
        message = f"{address}: HF_HUB_OFFLINE is set. Unset it, or give the path of files that you have."
        raise SourceError(message) from error
    except HfHubHTTPError as error:
        status = error.response.status_code
        raise SourceError(f"{address}: the Hub answered {status}. Try again later. ({error})") from error
    except (HTTPError, OSError) as error:
        message = (
            f"{address}: no download ({error}). Check the connection and the disk, or give the path of local files."
        )
        raise SourceError(message) from error
