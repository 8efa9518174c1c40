"""A folder to the Hugging Face Hub: one commit that makes a repository what the folder is, and a tag on it.

    look at the repository -> send every changed file that is large, one by one -> commit all changes at once -> look again

Large files lie in the Hub's storage by their hash before any commit names them, so a push that broke goes on where it
was: what arrived is not sent again. One commit (`create_commit`), and not `upload_folder`, which commits in parts: whoever
loads the repository meanwhile sees the old version or the new one, never half of each. The commit names the one it was
planned on; where somebody else has committed meanwhile, the plan is made anew. In the end the repository is read again
and compared, file by file.
"""

import hashlib
import re
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Any, TypeVar

from huggingface_hub import CommitOperationAdd, CommitOperationDelete, HfApi
from huggingface_hub.errors import HFValidationError, HTTPError, RepositoryNotFoundError  # type: ignore[attr-defined]
from huggingface_hub.hf_api import RepoFile
from huggingface_hub.utils import disable_progress_bars, validate_repo_id  # type: ignore[attr-defined]

from appsplus.errors import InputError
from appsplus.release.hub_errors import in_words, pause_after, told
from appsplus.release.manifest import sha256_of

OURS = "stepcoder"  # a tag in the YAML of every card that this project writes
_WAITS_S = (1.0, 2.0, 4.0, 8.0, 16.0)
_TAG = re.compile(r"(?!.*\.\.)(?!.*\.lock$)[A-Za-z0-9][A-Za-z0-9._-]*(?<!\.)")
_Answer = TypeVar("_Answer")


@dataclass(frozen=True, slots=True)
class Target:
    """Where a folder goes."""

    repo_id: str  # "OWNER/NAME"
    kind: str  # "dataset" or "model"
    private: bool = False
    tag: str | None = None

    def __post_init__(self) -> None:
        """Raise InputError for a name or a tag that cannot be."""
        try:
            validate_repo_id(self.repo_id)
        except HFValidationError as error:
            raise InputError(f"REPO_ID {self.repo_id!r}: {str(error).rstrip('.')}; expected OWNER/NAME") from None
        if "/" not in self.repo_id:
            raise InputError(
                f"REPO_ID {self.repo_id!r} names no owner; expected OWNER/NAME, with your user name or a team's"
            )
        if self.tag is not None and (self.tag == "main" or not _TAG.fullmatch(self.tag)):
            raise InputError(
                f"--tag {self.tag!r} cannot be a tag; expected letters, digits, '.', '_' and '-', such as v1.0"
            )

    def __str__(self) -> str:
        return self.repo_id


@dataclass(frozen=True, slots=True)
class Published:
    """What a push came to."""

    repo_id: str
    kind: str
    url: str  # of the revision, in a browser
    commit: str
    tag: str | None
    private: bool
    uploaded: tuple[str, ...]  # names of files; none where the repository was already what the folder is
    deleted: tuple[str, ...]
    unchanged: int

    def lines(self) -> Iterator[str]:
        """What to tell the user."""
        kind = "private" if self.private else "public"
        if self.uploaded or self.deleted:
            deleted = f", {len(self.deleted):,} deleted" if self.deleted else ""
            done = f"{len(self.uploaded):,} files sent, {self.unchanged:,} were there{deleted}"
        else:
            done = "it was there already, nothing was sent"
        yield f"Published {self.repo_id} ({kind} {self.kind}), commit {self.commit}: {done}."
        yield f"    {self.url}"


@dataclass(frozen=True, slots=True)
class _Plan:
    """What is to be done, and on which commit it was decided."""

    head: str
    uploads: tuple[str, ...]
    deletions: tuple[str, ...]

    @property
    def is_empty(self) -> bool:
        return not self.uploads and not self.deletions


def open_hub(*, bars: bool) -> HfApi:
    """The Hub that huggingface_hub is set up for (HF_ENDPOINT), with its token; `bars`: whether uploads draw bars."""
    if not bars:
        disable_progress_bars()
    return HfApi(library_name="appsplus", library_version=metadata.version("appsplus"))


class Push:
    """One push; made for a command, used once."""

    def __init__(
        self,
        api: HfApi,
        target: Target,
        files: Mapping[str, Path],
        owned: Callable[[str], bool],
        *,
        tell: Callable[[str], None] = lambda _: None,
        warn: Callable[[str], None] = lambda _: None,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        """`files`: what the repository is to hold, by name there.

        `owned`: whether a file that the repository has, and the folder has not, is deleted: a reader would take it for a
        part of the folder. `tell` hears of every file that is sent, `warn` of every failure that may pass.
        """
        self._api, self._target, self._files, self._owned = api, target, files, owned
        self._tell, self._warn, self._sleep = tell, warn, sleep
        self._hashes: dict[tuple[Path, bool], str] = {}
        self._additions: dict[str, CommitOperationAdd] = {}  # that were sent
        self._tried: _Plan | None = None  # the last plan with something to do

    def run(self, message: str) -> Published:
        """Make the repository what the folder is; where it is so already, change nothing. Raises InputError.

        The repository is made where it is missing. A tag that exists on other content, a public repository where a private
        one was asked for, and one that holds something else than what this project publishes, are refused before anything is
        sent.
        """
        target = self._target
        with in_words(target.repo_id):
            self._again(self._api.whoami)
            private = self._ready()
            tagged = self._again(self._tagged)
            if tagged is not None:
                return self._published(tagged, private, _Plan(tagged, (), ()))
            done = self._again(lambda: self._changed(message))
            head = self._again(lambda: self._plan("main"))
            if not head.is_empty:
                raise InputError(
                    f"{target} does not hold what was sent: {', '.join((*head.uploads, *head.deletions))}. See whether a"
                    " .gitignore in the repository leaves it out, or somebody else is writing there; then publish again"
                )
            if target.tag is not None:
                self._again(lambda: self._tag(head.head))
            return self._published(head.head, private, done)

    def _ready(self) -> bool:
        """Find or make the repository; whether it is private."""
        api, target = self._api, self._target

        def ask() -> Any:
            return api.repo_info(target.repo_id, repo_type=target.kind)

        try:
            info = self._again(ask)
        except RepositoryNotFoundError:
            private = (
                True if target.private else None
            )  # None: public, unless the owner is a team that wants it otherwise
            self._again(lambda: api.create_repo(target.repo_id, repo_type=target.kind, private=private, exist_ok=True))
            info = self._again(ask)
        if target.private and not info.private:
            raise InputError(
                f"{target} exists and is public, but --private was given; make it private in its settings, or name another"
            )
        card = getattr(info, "card_data", None)
        foreign = [name for name in self._again(lambda: self._listing("main")) if not name.startswith(".")]
        if foreign and OURS not in ((card and card.tags) or ()):
            raise InputError(
                f"{target} holds something else than what this project publishes ({foreign[0]}, and a card without the tag"
                f" {OURS!r}); name another repository, or empty this one"
            )
        return bool(info.private)

    def _tagged(self) -> str | None:
        """The commit of the tag, where it exists and is what the folder is."""
        tag = self._target.tag
        commit = None if tag is None else self._commit_of(tag)
        if tag is None or commit is None:
            return None
        if not self._plan(tag).is_empty:
            raise InputError(
                f"{self._target} has a tag {tag} already, with other content (commit {commit[:7]}); choose another --tag: a"
                " version that somebody may have loaded does not change"
            )
        return commit

    def _changed(self, message: str) -> _Plan:
        """One whole attempt: plan, send, commit; what was done in the end, by this attempt or by those before it."""
        api, target, plan = self._api, self._target, self._plan("main")
        if plan.is_empty:  # at once, or after a commit whose answer was lost
            return self._tried or plan
        self._tried = plan
        for number, name in enumerate(plan.uploads, start=1):
            if name not in self._additions:
                path = self._files[name]
                self._tell(f"{name}, {number} of {len(plan.uploads)}, {path.stat().st_size:,} bytes")
                addition = CommitOperationAdd(name, path)
                api.preupload_lfs_files(target.repo_id, [addition], repo_type=target.kind, free_memory=False)
                self._additions[name] = addition
        api.create_commit(
            target.repo_id,
            [
                *(self._additions[name] for name in plan.uploads),
                *(CommitOperationDelete(name, is_folder=False) for name in plan.deletions),
            ],
            commit_message=message,
            repo_type=target.kind,
            parent_commit=plan.head,
        )
        return plan

    def _tag(self, commit: str) -> None:
        target = self._target
        assert target.tag is not None
        self._api.create_tag(
            target.repo_id, tag=target.tag, revision=commit, repo_type=target.kind, exist_ok=True
        )  # exists: the answer to our own request was lost, or somebody else was faster
        if self._commit_of(target.tag) != commit:
            raise InputError(f"somebody else has made the tag {target.tag} on {target} meanwhile; choose another --tag")

    def _commit_of(self, tag: str) -> str | None:
        refs = self._api.list_repo_refs(self._target.repo_id, repo_type=self._target.kind)
        return next((ref.target_commit for ref in refs.tags if ref.name == tag), None)

    def _plan(self, revision: str) -> _Plan:
        info = self._api.repo_info(self._target.repo_id, repo_type=self._target.kind, revision=revision)
        assert info.sha is not None
        there = self._listing(info.sha)
        uploads = [name for name, path in self._files.items() if name not in there or not self._is(path, there[name])]
        deletions = [name for name in there if name not in self._files and self._owned(name)]
        return _Plan(info.sha, tuple(sorted(uploads)), tuple(sorted(deletions)))

    def _listing(self, revision: str) -> dict[str, RepoFile]:
        target = self._target
        entries = self._api.list_repo_tree(target.repo_id, recursive=True, revision=revision, repo_type=target.kind)
        return {entry.path: entry for entry in entries if isinstance(entry, RepoFile)}

    def _is(self, path: Path, there: RepoFile) -> bool:
        """Whether a file of the repository has this content: by SHA-256 in the large storage, else as git hashes it."""
        if path.stat().st_size != there.size:
            return False
        by_sha256 = there.lfs is not None
        if (path, by_sha256) not in self._hashes:
            self._hashes[path, by_sha256] = sha256_of(path) if by_sha256 else _git_hash(path)
        return self._hashes[path, by_sha256] == (there.lfs.sha256 if there.lfs else there.blob_id)

    def _published(self, commit: str, private: bool, done: _Plan) -> Published:
        target = self._target
        web = f"{self._api.endpoint}/{'datasets/' if target.kind == 'dataset' else ''}{target.repo_id}"
        return Published(
            repo_id=target.repo_id,
            kind=target.kind,
            url=f"{web}/tree/{target.tag or commit}",
            commit=commit,
            tag=target.tag,
            private=private,
            uploaded=done.uploads,
            deleted=done.deletions,
            unchanged=len(self._files) - len(done.uploads),
        )

    def _again(self, ask: Callable[[], _Answer]) -> _Answer:
        """Ask; where the network or the Hub fails in a way that may pass, wait and ask again, a few times.

        huggingface_hub does so for uploads, but not for commits, tags and questions.
        """
        for wait_s in _WAITS_S:
            try:
                return ask()
            except (HTTPError, RuntimeError) as error:
                pause_s = pause_after(error, wait_s)
                if pause_s is None:
                    raise
                self._warn(f"{told(error)}; trying again in {pause_s:.0f} s")
                self._sleep(pause_s)
        return ask()


def _git_hash(path: Path) -> str:
    data = path.read_bytes()  # such files are small, or they were in the large storage
    return hashlib.sha1(b"blob %d\0" % len(data) + data).hexdigest()
