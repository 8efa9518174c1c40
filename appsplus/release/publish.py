"""A checked folder to the Hugging Face Hub, and what to tell of it: the same for datasets and for models."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from huggingface_hub import HfApi

from appsplus.release.checks import check_dataset
from appsplus.release.hub import Published, Push, Target
from appsplus.release.leaks import Finding, Leaks
from appsplus.release.manifest import FileFact

_FOLDERS = ("data", "figures", "worklist", "ledger")  # of a dataset, at its top; further ledgers are "ledger-2", ...


def _nothing(_: str) -> None:
    pass


@dataclass(frozen=True, slots=True)
class Parcel:
    """A folder that was checked, and what publishing it takes."""

    folder: Path
    files: Mapping[str, FileFact]  # that go, by name
    findings: tuple[Finding, ...]  # against it; with any, nothing goes
    message: str  # of the commit
    owned: Callable[[str], bool]  # whether a file in the repository that is not in the folder is to be deleted
    load: tuple[str, ...]  # Python that loads it, with {repo_id} and {revision}


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of it."""

    parcel: Parcel
    target: Target
    published: Published | None  # None: there are findings, or it was not to be sent

    @property
    def load(self) -> tuple[str, ...]:
        """The Python that loads exactly what was published; () where nothing was."""
        if self.published is None:
            return ()
        revision = self.published.tag or self.published.commit
        return tuple(line.format(repo_id=self.target.repo_id, revision=revision) for line in self.parcel.load)

    def to_json(self) -> dict[str, Any]:
        """Everything, for programs."""
        return {
            "repo_id": self.target.repo_id,
            "findings": [asdict(finding) for finding in self.parcel.findings],
            "files": [{"name": name, **asdict(fact)} for name, fact in self.parcel.files.items()],
            "published": self.published and asdict(self.published),
            "load": "\n".join(self.load) or None,
        }

    def lines(self) -> Iterator[str]:
        """Everything, for people."""
        files, findings = self.parcel.files, self.parcel.findings
        if findings:
            yield from map(str, findings)
            many = f"{len(findings):,} findings stand" if len(findings) > 1 else "1 finding stands"
            yield f"{self.parcel.folder} is not published: {many} against it."
        elif self.published is None:
            size = sum(fact.bytes for fact in files.values())
            yield f"Nothing stands against {self.parcel.folder}."
            yield f"To {self.target} would go {len(files):,} files, {size:,} bytes:"
            yield from (f"{fact.bytes:>16,}  {name}" for name, fact in files.items())
        else:
            yield from self.published.lines()
            yield "Load it:"
            yield from (f"    {line}" for line in self.load)


def dataset_parcel(folder: Path, leaks: Leaks, tell: Callable[[str], None] = _nothing) -> Parcel:
    """Check a dataset folder, see `check_dataset`. Raises DatasetError where it is no folder."""
    checked = check_dataset(folder, leaks, tell)
    manifest = checked.manifest
    built = (
        f"{manifest.counts.get('problems', 0):,} problems, built by appsplus {manifest.appsplus}" if manifest else ""
    )
    return Parcel(
        folder=folder,
        files=checked.files,
        findings=checked.findings,
        message=f"APPS+: {built}",
        owned=_is_of_a_dataset,
        load=("from datasets import load_dataset", 'problems = load_dataset("{repo_id}", revision="{revision}")'),
    )


def publish(
    parcel: Parcel,
    target: Target,
    api: HfApi | None,
    *,
    tell: Callable[[str], None] = _nothing,
    warn: Callable[[str], None] = _nothing,
) -> Outcome:
    """Push what was checked, and nothing else; nothing at all where there are findings, or no `api`. Raises InputError."""
    if parcel.findings or api is None:
        return Outcome(parcel, target, None)
    files = {name: parcel.folder / name for name in parcel.files}
    push = Push(api, target, files, parcel.owned, tell=tell, warn=warn)
    return Outcome(parcel, target, push.run(parcel.message))


def _is_of_a_dataset(name: str) -> bool:
    top, inside, _ = name.partition("/")
    return bool(inside) and (top in _FOLDERS or top.startswith("ledger-"))
