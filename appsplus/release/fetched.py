"""A dataset of ours by its folder or by its id on the Hub."""

from pathlib import Path

from huggingface_hub import HfApi

from appsplus.errors import DatasetError, SourceError
from appsplus.release.manifest import NAME as MANIFEST
from appsplus.sources.hub import PREFIX, asking, parse_address

_ROWS = (MANIFEST, "data/*")


def dataset_folder(text: str, *, cache_dir: Path | None = None, endpoint: str | None = None) -> Path:
    """The folder that `text` names; of `[hub:]OWNER/NAME[@REVISION]` the manifest and the rows, fetched into the Hub's cache.

    Raises DatasetError where it is neither, SourceError where the Hub does not give it. A folder goes before an id.
    """
    if Path(text).exists():
        return Path(text)
    address = None
    if text.startswith(PREFIX) or text.partition("@")[0].count("/") == 1:
        address = parse_address(text if text.startswith(PREFIX) else PREFIX + text)
    if address is None or address.config is not None or text.startswith((".", "/", "~")):
        raise DatasetError(f"{text} is no folder; expected one that `appsplus build` wrote, or OWNER/NAME[@REVISION]")
    with asking(address):
        found = HfApi(endpoint=endpoint).snapshot_download(
            address.repo_id,
            repo_type="dataset",
            revision=address.revision,
            allow_patterns=list(_ROWS),
            cache_dir=cache_dir,
        )
    if not (Path(found) / MANIFEST).is_file():
        raise SourceError(f"{address} holds no {MANIFEST}; expected a dataset that `appsplus publish` pushed")
    return Path(found)
