"""A Hub on this machine: the part of the Hugging Face Hub's HTTP API that its own client and `datasets` ask for.

    with serving() as hub:
        hub.put("ada/set", {"train.jsonl": b"..."})
        HfApi(endpoint=hub.endpoint, token=hub.token)...
        hub.fail("PUT", "/storage/", Drop())          # the next such request only

Repositories are what git has: commits that are trees of files, branches and tags that name commits. Files by LFS go to a
storage of their own, on another host name as at the Hub, in parts where they are large; a commit may name only what is there.
What it has not: Xet (a client with `hf_xet` uploads by it unless HF_HUB_DISABLE_XET is set), pull requests, and rate limits
other than by `fail`.
"""

import fnmatch
import hashlib
import json
import re
import socket
import struct
import threading
from base64 import b64decode
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, quote, unquote, urlsplit

import yaml
from hub_state import LFS_ENDINGS, Answer, Blob, Drop, Fault, Hub, Lose, Repository, Tree
from huggingface_hub.utils import close_session

__all__ = ["Answer", "Drop", "Hub", "Lose", "serving"]


class _RefusedError(Exception):
    def __init__(self, status: int, code: str = "", message: str = "") -> None:
        super().__init__(status)
        self.status, self.code, self.message = status, code, message


Headers = Mapping[str, str]
Reply = tuple[int, bytes, Headers]


def _json(value: Any, headers: Headers | None = None, status: int = 200) -> Reply:
    return status, json.dumps(value).encode(), {"Content-Type": "application/json", **(headers or {})}


class _Handler(BaseHTTPRequestHandler):
    """One request: find its fault or its route, answer."""

    hub: Hub
    lock: threading.Lock

    def log_message(self, format: str, *args: object) -> None:
        pass

    def handle_any(self) -> None:
        split = urlsplit(self.path)
        self.url, self.query = unquote(split.path), parse_qs(split.query)
        with self.lock:
            self.hub.requests.append(f"{self.command} {self.url}")
            fault = self._fault()
        if isinstance(fault, Drop):
            self.rfile.read(min(fault.after_bytes, int(self.headers.get("Content-Length", 0))))
            return self._reset()
        self.body = self._read()
        if isinstance(fault, Answer):
            return self._send(fault.status, b"", fault.headers)
        with self.lock:
            reply = self._routed()
        if isinstance(fault, Lose):
            return self._reset()
        return self._send(*reply)

    do_GET = do_HEAD = do_POST = do_PUT = handle_any  # noqa: N815

    def _fault(self) -> Fault | None:
        if self.hub.always is not None:
            return self.hub.always
        for position, (method, path, fault) in enumerate(self.hub.faults):
            if method == self.command and path in self.url:
                del self.hub.faults[position]
                return fault
        return None

    def _read(self) -> bytes:
        if self.headers.get("Transfer-Encoding") != "chunked":
            return self.rfile.read(int(self.headers.get("Content-Length", 0)))
        body = b""
        while size := int(self.rfile.readline(), 16):
            body += self.rfile.read(size)
            self.rfile.readline()
        self.rfile.readline()
        return body

    def _reset(self) -> None:
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.connection.close()

    def _send(self, status: int, body: bytes, headers: Headers) -> None:
        self.send_response(status)
        for name, value in {"Content-Length": str(len(body)), **headers}.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def _routed(self) -> Reply:
        try:
            if self.url.startswith("/storage/") and "Authorization" in self.headers:
                raise _RefusedError(400, "", "Only one auth mechanism allowed")
            for method, pattern, answer in _ROUTES:
                match = re.fullmatch(pattern, self.url)
                if match and self.command in method.split("|"):
                    return answer(self, **match.groupdict())
            raise _RefusedError(404, "", f"the stand-in does not know {self.command} {self.url}")
        except _RefusedError as error:
            headers = {"X-Error-Code": error.code, "X-Error-Message": error.message}
            body = json.dumps({"error": error.message}).encode()
            return error.status, body, {name: value for name, value in headers.items() if value}

    # who asks, and for what

    def _token(self) -> str:
        token = self.headers.get("Authorization", "").removeprefix("Bearer ")
        if token not in ("", self.hub.token, self.hub.reader):
            raise _RefusedError(401, "", "Invalid credentials in Authorization header")
        return token

    def _may_write(self, owner: str) -> None:
        token = self._token()
        if not token:
            raise _RefusedError(401, "", "Invalid username or password.")
        if token != self.hub.token or owner != self.hub.owner:
            raise _RefusedError(403, "", f"You don't have the rights to write under the namespace {owner!r}")

    def _repository(self, kind: str, repo: str, *, write: bool = False) -> Repository:
        token = self._token()
        found = self.hub.repositories.get(("dataset" if kind.startswith("datasets") else "model", repo))
        if found is None or (found.private and not token):
            raise _RefusedError(404 if token else 401, "RepoNotFound", "Repository not found")
        if write:
            self._may_write(repo.partition("/")[0])
        return found

    def _at(self, repository: Repository, revision: str) -> tuple[str, Tree]:
        commit = repository.resolve(revision)
        if commit is None:
            raise _RefusedError(404, "RevisionNotFound", f"Invalid rev id: {revision}")
        return commit, repository.commits[commit]

    # the API

    def whoami(self) -> Reply:
        token = self._token()
        if not token:
            raise _RefusedError(401, "", "Invalid username or password.")
        role = "write" if token == self.hub.token else "read"
        return _json({"type": "user", "name": self.hub.owner, "auth": {"accessToken": {"role": role}}})

    def create(self) -> Reply:
        asked = json.loads(self.body)
        owner = asked["organization"] or self.hub.owner
        self._may_write(owner)
        kind, repo_id = asked.get("type", "model"), f"{owner}/{asked['name']}"
        url = f"{self.hub.endpoint}/{'datasets/' if kind == 'dataset' else ''}{repo_id}"
        if (kind, repo_id) in self.hub.repositories:
            return _json({"error": "You already created this repo", "url": url}, status=409)
        private = asked.get("visibility") == "private" or asked.get("private") is True
        repository = self.hub.repositories[kind, repo_id] = Repository(private)
        rules = "".join(f"*{ending} filter=lfs diff=lfs merge=lfs -text\n" for ending in LFS_ENDINGS)
        repository.commit({".gitattributes": Blob(rules.encode(), False)}, "initial commit")
        return _json({"url": url, "name": repo_id})

    def validate_yaml(self) -> Reply:
        errors = []
        try:
            _front_matter(json.loads(self.body)["content"])
        except yaml.YAMLError as error:
            errors.append({"message": f"YAML Metadata Error: {error}"})
        return _json({"errors": errors, "warnings": []}, status=400 if errors else 200)

    def info(self, kind: str, repo: str, revision: str = "main") -> Reply:
        repository = self._repository(kind, repo)
        commit, tree = self._at(repository, revision)
        card = _front_matter(tree["README.md"].data.decode()) if "README.md" in tree else {}
        siblings = [{"rfilename": name} for name in sorted(tree)]
        found = {"id": repo, "sha": commit, "private": repository.private, "cardData": card, "siblings": siblings}
        return _json(found | {"tags": card.get("tags", []), "gated": False, "disabled": False, "downloads": 0})

    def tree(self, kind: str, repo: str, rest: str) -> Reply:
        repository = self._repository(kind, repo)
        known = [*repository.refs, *repository.tags, *repository.commits]
        revision = max((r for r in known if rest == r or rest.startswith(f"{r}/")), key=len, default=rest)
        _, tree = self._at(repository, revision)
        folder = rest.removeprefix(revision).strip("/")
        entries = _entries(tree, folder, recursive=self.query.get("recursive", [""])[0].lower() == "true")
        if not entries and folder:
            raise _RefusedError(404, "EntryNotFound", f"{folder} does not exist on {revision!r}")
        start = int(self.query.get("cursor", ["0"])[0])
        end = start + self.hub.page_entries
        recursive = self.query.get("recursive", ["false"])[0]
        following = f"{self.hub.endpoint}{quote(self.url)}?recursive={recursive}&cursor={end}"
        return _json(entries[start:end], {"Link": f'<{following}>; rel="next"'} if end < len(entries) else None)

    def paths_info(self, kind: str, repo: str, revision: str) -> Reply:
        _, tree = self._at(self._repository(kind, repo), revision)
        entries = _entries(tree, "", recursive=True)
        asked = parse_qs(self.body.decode())["paths"]
        return _json([entry for entry in entries if entry["path"] in asked])

    def refs(self, kind: str, repo: str) -> Reply:
        repository = self._repository(kind, repo)
        branches = [{"name": n, "ref": f"refs/heads/{n}", "targetCommit": c} for n, c in repository.refs.items()]
        tags = [{"name": n, "ref": f"refs/tags/{n}", "targetCommit": c} for n, c in repository.tags.items()]
        return _json({"branches": branches, "converts": [], "tags": tags})

    def tag(self, kind: str, repo: str, revision: str) -> Reply:
        repository = self._repository(kind, repo, write=True)
        commit, _ = self._at(repository, revision)
        name = json.loads(self.body)["tag"]
        if name in repository.tags:
            raise _RefusedError(409, "", f"Tag reference exists already: {name}")
        repository.tags[name] = commit
        return _json({"success": True})

    # commits

    def preupload(self, kind: str, repo: str, revision: str) -> Reply:
        _, tree = self._at(self._repository(kind, repo, write=True), revision)
        ignored = tree[".gitignore"].data.decode().split() if ".gitignore" in tree else []
        answers = []
        for file in json.loads(self.body)["files"]:
            path, old = file["path"], tree.get(file["path"])
            lfs = path.endswith(LFS_ENDINGS) or file["size"] > self.hub.part_bytes
            answer = {
                "path": path,
                "uploadMode": "lfs" if lfs else "regular",
                "shouldIgnore": any(fnmatch.fnmatch(path, pattern) for pattern in ignored),
            }
            answers.append(answer | ({"oid": old.sha256 if old.lfs else old.oid} if old else {}))
        return _json({"files": answers})

    def commit(self, kind: str, repo: str, revision: str) -> Reply:
        repository = self._repository(kind, repo, write=True)
        head, old = self._at(repository, revision)
        lines = [json.loads(line) for line in self.body.splitlines()]
        (header,) = (line["value"] for line in lines if line["key"] == "header")
        if header.get("parentCommit", head) != head:
            raise _RefusedError(412, "", "A commit has happened since. Please refresh and try again.")
        tree = dict(old)
        for line in lines:
            value = line["value"]
            match line["key"]:
                case "file":
                    tree[value["path"]] = Blob(b64decode(value["content"]), False)
                case "lfsFile":
                    if value["oid"] not in self.hub.storage:
                        raise _RefusedError(400, "", f"LFS object {value['oid']} was not uploaded")
                    tree[value["path"]] = Blob(self.hub.storage[value["oid"]], True)
                case "deletedFile":
                    if tree.pop(value["path"], None) is None:
                        raise _RefusedError(404, "EntryNotFound", "A file with this name doesn't exist")
        commit = repository.commit(tree, header["summary"], revision)
        return _json({"success": True, "commitOid": commit, "commitUrl": f"{self.hub.endpoint}/{repo}/commit/{commit}"})

    # files by LFS

    def lfs_batch(self, kind: str, repo: str) -> Reply:
        self._repository(kind, repo, write=True)
        objects = []
        for asked in json.loads(self.body)["objects"]:
            oid, size = asked["oid"], asked["size"]
            href, known = f"{self.hub.storage_host}/storage/{oid}", oid in self.hub.storage
            upload: dict[str, Any] = {"href": href}
            if size > self.hub.part_bytes:
                numbers = range(1, -(-size // self.hub.part_bytes) + 1)
                header = {str(n): f"{href}/{n}" for n in numbers} | {"chunk_size": str(self.hub.part_bytes)}
                upload = {"href": f"{self.hub.endpoint}/complete", "header": header}
            actions = {"upload": upload, "verify": {"href": f"{self.hub.endpoint}/verify"}}
            objects.append(asked if known else asked | {"actions": actions})
        return _json({"transfer": "basic", "objects": objects})

    def store(self, oid: str, part: str | None = None) -> Reply:
        self.hub.stored_bytes += len(self.body)
        if part is not None:
            self.hub.parts[oid, int(part)] = self.body
        elif hashlib.sha256(self.body).hexdigest() != oid:
            raise _RefusedError(400, "", "BadDigest")
        else:
            self.hub.storage[oid] = self.body
        return 200, b"", {"ETag": f'"{hashlib.md5(self.body).hexdigest()}"'}

    def complete(self) -> Reply:
        asked = json.loads(self.body)
        parts = [self.hub.parts.pop((asked["oid"], part["partNumber"])) for part in asked["parts"]]
        etags = [f'"{hashlib.md5(part).hexdigest()}"' for part in parts]
        data = b"".join(parts)
        if etags != [part["etag"] for part in asked["parts"]] or hashlib.sha256(data).hexdigest() != asked["oid"]:
            raise _RefusedError(400, "", "InvalidPart")
        self.hub.storage[asked["oid"]] = data
        return _json({"success": True})

    def verify(self) -> Reply:
        asked = json.loads(self.body)
        if len(self.hub.storage.get(asked["oid"], b"")) != asked["size"]:
            raise _RefusedError(404, "", "Object is not in the storage")
        return _json({"success": True})

    # files to read

    def resolve(self, kind: str, repo: str, rest: str) -> Reply:
        repository = self._repository(kind, repo)
        known = [*repository.refs, *repository.tags, *repository.commits]
        revision = max((r for r in known if rest.startswith(f"{r}/")), key=len, default=rest.partition("/")[0])
        commit, tree = self._at(repository, revision)
        blob = tree.get(rest.removeprefix(revision).lstrip("/"))
        if blob is None:
            raise _RefusedError(404, "EntryNotFound", "Entry not found")
        headers = {"X-Repo-Commit": commit}
        if not blob.lfs:
            return self._content(blob.data, headers | {"ETag": f'"{blob.oid}"'})
        self.hub.storage.setdefault(blob.sha256, blob.data)
        linked = {"X-Linked-ETag": f'"{blob.sha256}"', "X-Linked-Size": str(len(blob.data)), "ETag": f'"{blob.oid}"'}
        return 302, b"", headers | linked | {"Location": f"{self.hub.storage_host}/storage/{blob.sha256}"}

    def stored(self, oid: str) -> Reply:
        return self._content(self.hub.storage[oid], {"ETag": f'"{oid}"'})

    def _content(self, data: bytes, headers: Headers) -> Reply:
        asked = re.fullmatch(r"bytes=(\d+)-(\d*)", self.headers.get("Range", ""))
        if asked is None:
            return 200, data, {"Accept-Ranges": "bytes", **headers}
        start, end = int(asked[1]), min(int(asked[2] or len(data)) + 1, len(data))
        return 206, data[start:end], {"Content-Range": f"bytes {start}-{end - 1}/{len(data)}", **headers}


_REPO = r"(?P<kind>datasets|models)/(?P<repo>[^/]+/[^/]+)"
_WEB = r"/(?P<kind>datasets/|)(?P<repo>[^/]+/[^/]+)"
_ROUTES: list[tuple[str, str, Callable[..., Reply]]] = [
    ("GET", "/api/whoami-v2", _Handler.whoami),
    ("POST", "/api/repos/create", _Handler.create),
    ("POST", "/api/validate-yaml", _Handler.validate_yaml),
    ("GET", f"/api/{_REPO}", _Handler.info),
    ("GET", f"/api/{_REPO}/revision/(?P<revision>.+)", _Handler.info),
    ("GET", f"/api/{_REPO}/tree/(?P<rest>.+)", _Handler.tree),
    ("POST", f"/api/{_REPO}/paths-info/(?P<revision>.+)", _Handler.paths_info),
    ("GET", f"/api/{_REPO}/refs", _Handler.refs),
    ("POST", f"/api/{_REPO}/tag/(?P<revision>.+)", _Handler.tag),
    ("POST", f"/api/{_REPO}/preupload/(?P<revision>.+)", _Handler.preupload),
    ("POST", f"/api/{_REPO}/commit/(?P<revision>.+)", _Handler.commit),
    ("POST", rf"{_WEB}\.git/info/lfs/objects/batch", _Handler.lfs_batch),
    ("PUT", r"/storage/(?P<oid>[0-9a-f]{64})(?:/(?P<part>\d+))?", _Handler.store),
    ("POST", "/complete", _Handler.complete),
    ("POST", "/verify", _Handler.verify),
    ("GET|HEAD", f"{_WEB}/resolve/(?P<rest>.+)", _Handler.resolve),
    ("GET|HEAD", r"/storage/(?P<oid>[0-9a-f]{64})", _Handler.stored),
]


def _front_matter(text: str) -> dict[str, Any]:
    match = re.match(r"---\n(.*?)\n---\n", text, re.DOTALL)
    found = yaml.safe_load(match[1]) if match else {}
    return found if isinstance(found, dict) else {}


def _entries(tree: Tree, folder: str, *, recursive: bool) -> list[dict[str, Any]]:
    """What a listing of a folder says, folders included."""
    found: dict[str, dict[str, Any]] = {}
    prefix = f"{folder}/" if folder else ""
    for path, blob in sorted(tree.items()):
        if not path.startswith(prefix):
            continue
        steps = path.removeprefix(prefix).split("/")
        for depth in range(1, len(steps)):
            above = prefix + "/".join(steps[:depth])
            if recursive or depth == 1:
                found[above] = {"type": "directory", "path": above, "oid": "0" * 40, "size": 0}
        if recursive or len(steps) == 1:
            found[path] = {"type": "file", "path": path, "oid": blob.oid, "size": len(blob.data)}
            if blob.lfs:
                found[path]["lfs"] = {"oid": blob.sha256, "size": len(blob.data), "pointerSize": 134}
    return list(found.values())


@contextmanager
def serving(**settings: Any) -> Iterator[Hub]:
    """A Hub at an endpoint of its own, for as long as the block lasts."""
    hub = Hub(**settings)
    handler = type("Handler", (_Handler,), {"hub": hub, "lock": threading.Lock()})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    server.daemon_threads = True
    hub.endpoint, hub.storage_host = (f"http://{host}:{server.server_port}" for host in ("127.0.0.1", "localhost"))
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield hub
    finally:
        close_session()
        server.shutdown()
        thread.join()
        server.server_close()
