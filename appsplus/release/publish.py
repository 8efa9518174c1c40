"""A dataset folder, checked and pushed to the Hugging Face Hub."""

from collections.abc import Callable
from pathlib import Path

from huggingface_hub import HfApi

from appsplus.release.checks import Checked
from appsplus.release.hub import Published, Push, Target

_OURS = (
    "data",
    "figures",
    "worklist",
    "ledger",
)  # folders at the top of a dataset; further ledgers are "ledger-2", ...


def publish_dataset(
    folder: Path,
    checked: Checked,
    target: Target,
    *,
    api: HfApi,
    tell: Callable[[str], None] = lambda _: None,
    warn: Callable[[str], None] = lambda _: None,
) -> Published:
    """Push what was checked, and nothing else. Raises InputError, ValueError where something was found against the folder."""
    if checked.findings or checked.manifest is None:
        raise ValueError(f"{folder} has findings against it; it must not be published")
    files = {name: folder / name for name in checked.files}
    counts = checked.manifest.counts
    message = f"APPS+: {counts['problems']:,} problems, built by appsplus {checked.manifest.appsplus}"
    return Push(api, target, files, _is_ours, tell=tell, warn=warn).run(message)


def load_line(published: Published) -> str:
    """The line of Python that loads exactly what was published."""
    return f'load_dataset("{published.repo_id}", revision="{published.tag or published.commit}")'


def _is_ours(name: str) -> bool:
    top, inside, _ = name.partition("/")
    return bool(inside) and (top in _OURS or top.startswith("ledger-"))
