"""What the Hub on this machine knows: repositories, its storage, the requests that came, and the faults to come."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field

LFS_ENDINGS = (".parquet", ".safetensors", ".bin")


@dataclass(frozen=True)
class Blob:
    """A file in a commit."""

    data: bytes
    lfs: bool

    @property
    def oid(self) -> str:
        """As git names it: an LFS file by its pointer."""
        data = self.data
        if self.lfs:
            sha256 = hashlib.sha256(self.data).hexdigest()
            data = f"version https://git-lfs.github.com/spec/v1\noid sha256:{sha256}\nsize {len(data)}\n".encode()
        return hashlib.sha1(b"blob %d\0" % len(data) + data).hexdigest()

    @property
    def sha256(self) -> str:
        return hashlib.sha256(self.data).hexdigest()


Tree = Mapping[str, Blob]


@dataclass
class Repository:
    private: bool
    commits: dict[str, Tree] = field(default_factory=dict)  # by commit
    refs: dict[str, str] = field(default_factory=dict)  # "main", "refs/convert/parquet", ... -> commit
    tags: dict[str, str] = field(default_factory=dict)
    messages: list[str] = field(default_factory=list)  # of commits

    def commit(self, tree: Tree, message: str, ref: str = "main") -> str:
        content = json.dumps([len(self.commits), message, {name: blob.oid for name, blob in sorted(tree.items())}])
        commit = hashlib.sha1(content.encode()).hexdigest()
        self.commits[commit] = dict(tree)
        self.refs[ref] = commit
        self.messages.append(message)
        return commit

    def resolve(self, revision: str) -> str | None:
        found = self.refs.get(revision) or self.tags.get(revision)
        return found or (revision if revision in self.commits else None)


@dataclass(frozen=True)
class Answer:
    """A fault: the request is read, and answered with an error."""

    status: int
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Drop:
    """A fault: the connection is reset when so much of the request's body has arrived."""

    after_bytes: int = 0


@dataclass(frozen=True)
class Lose:
    """A fault: what is asked for is done, but the connection is reset instead of an answer."""


Fault = Answer | Drop | Lose


@dataclass
class Hub:
    """What the server knows. Tests set it up and look at it."""

    endpoint: str = ""
    storage_host: str = ""  # as S3 does, it refuses a request that brings the token of the Hub
    token: str = "hf_" + "stand" * 7
    reader: str = "hf_" + "reads" * 7  # a token that may only read
    owner: str = "ada"
    part_bytes: int = 10_000_000  # LFS files larger than this go in parts
    page_entries: int = 1000  # of a listing
    repositories: dict[tuple[str, str], Repository] = field(default_factory=dict)  # by "dataset" or "model", and id
    storage: dict[str, bytes] = field(default_factory=dict)  # by SHA-256
    parts: dict[tuple[str, int], bytes] = field(default_factory=dict)
    requests: list[str] = field(default_factory=list)
    stored_bytes: int = 0  # that arrived in the storage, whole files and parts
    faults: list[tuple[str, str, Fault]] = field(default_factory=list)
    always: Answer | None = None  # to every request

    def put(
        self,
        repo_id: str,
        files: Mapping[str, bytes],
        *,
        kind: str = "dataset",
        ref: str = "main",
        private: bool = False,
    ) -> str:
        """Make a commit that holds these files alone, in a repository that is made where there is none."""
        repository = self.repositories.setdefault((kind, repo_id), Repository(private))
        tree = {name: Blob(data, name.endswith(LFS_ENDINGS)) for name, data in files.items()}
        return repository.commit(tree, "put", ref)

    def files(self, repo_id: str, revision: str = "main", kind: str = "dataset") -> dict[str, bytes]:
        """What a revision holds."""
        repository = self.repositories[kind, repo_id]
        return {name: blob.data for name, blob in repository.commits[repository.resolve(revision) or ""].items()}

    def fail(self, method: str, path: str, fault: Fault, times: int = 1) -> None:
        """The next so many requests of this method whose path holds this text fail."""
        self.faults += [(method, path, fault)] * times

    def count(self, start: str) -> int:
        """How many requests began so, as "PUT /storage"."""
        return sum(request.startswith(start) for request in self.requests)
