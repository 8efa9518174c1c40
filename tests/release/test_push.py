"""A folder to the Hub, over HTTP, through huggingface_hub's own client, with every way in which it may break."""

import hashlib
import os
from pathlib import Path

import pytest
from hub_stand_in import Answer, Drop, Hub, Lose
from huggingface_hub import HfApi

from appsplus.errors import InputError
from appsplus.release.hub import Published, Push, Target

pytestmark = pytest.mark.filterwarnings("ignore:Use 'content=:DeprecationWarning")  # huggingface_hub's own

REPO = "ada/set"
BIG = bytes(range(256)) * 40  # 10,240 bytes: three parts of the stand-in's storage
CARD = b"---\ntags: [stepcoder]\n---\n# A set\n"
FILES = {"README.md": CARD, "data/a.parquet": BIG, "data/b.parquet": b"b" * 100, "figures/f.svg": b"<svg/>"}


def write(folder: Path, files: dict[str, bytes]) -> Path:
    for name, data in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(data)
    return folder


class Pushing:
    """Pushes a folder; remembers what was told and how long it would have waited."""

    def __init__(self, hub: Hub, folder: Path) -> None:
        self.hub, self.folder = hub, folder
        self.told: list[str] = []
        self.warned: list[str] = []
        self.waits_s: list[float] = []

    def __call__(self, files: dict[str, bytes], token: str | bool | None = None, **target: object) -> Published:
        folder = write(self.folder, files)
        api = HfApi(endpoint=self.hub.endpoint, token=self.hub.token if token is None else token)
        push = Push(
            api,
            Target(REPO, **{"kind": "dataset", **target}),
            {name: folder / name for name in files},
            lambda name: name.startswith("data/"),
            tell=self.told.append,
            warn=self.warned.append,
            sleep=self.waits_s.append,
        )
        return push.run("a message")


@pytest.fixture
def push(hub: Hub, tmp_path: Path) -> Pushing:
    return Pushing(hub, tmp_path / "folder")


@pytest.fixture
def no_waiting(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """huggingface_hub's own waits between attempts, recorded instead of waited for."""
    waits: list[float] = []
    monkeypatch.setattr("huggingface_hub.utils._http.time.sleep", waits.append)
    return waits


def published_files(hub: Hub, revision: str = "main") -> dict[str, bytes]:
    return {name: data for name, data in hub.files(REPO, revision).items() if name != ".gitattributes"}


def test_a_push_makes_the_repository_the_folder_in_one_commit_and_tags_it(push, hub):
    done = push(FILES, tag="v1.0", private=True)
    repository = hub.repositories["dataset", REPO]
    assert published_files(hub, "v1.0") == FILES
    assert (repository.private, repository.messages) == (True, ["initial commit", "a message"])
    assert repository.tags == {"v1.0": done.commit} == {"v1.0": repository.refs["main"]}
    assert done.uploaded == tuple(sorted(FILES))
    assert (done.deleted, done.unchanged, done.private) == ((), 0, True)
    assert done.url == f"{hub.endpoint}/datasets/{REPO}/tree/v1.0"
    assert push.told[0] == f"README.md, 1 of 4, {len(CARD)} bytes"


def test_a_large_file_goes_in_parts(push, hub):
    push(FILES)
    oid = hashlib.sha256(BIG).hexdigest()
    assert [hub.count(f"PUT /storage/{oid}/{part}") for part in (1, 2, 3, 4)] == [1, 1, 1, 0]
    assert hub.storage[oid] == BIG


def test_a_second_push_of_the_same_changes_nothing(push, hub):
    first = push(FILES, tag="v1")
    hub.requests.clear()
    second = push(FILES, tag="v1")
    assert (second.commit, second.uploaded, second.unchanged) == (first.commit, (), 4)
    assert {request.split()[0] for request in hub.requests} == {"GET"}
    assert push(FILES).commit == first.commit


def test_a_new_version_sends_what_changed_and_deletes_what_went(push, hub):
    first = push(FILES, tag="v1")
    hub.stored_bytes = 0
    changed = {"README.md": CARD + b"More.\n", "data/a.parquet": BIG, "figures/f.svg": FILES["figures/f.svg"]}
    done = push(changed, tag="v2")
    assert (done.uploaded, done.deleted, done.unchanged) == (("README.md",), ("data/b.parquet",), 2)
    assert published_files(hub, "v2") == changed
    assert published_files(hub, "v1") == FILES
    assert hub.stored_bytes == 0
    assert first.commit != done.commit


def test_files_of_others_in_the_repository_stay(push, hub):
    hub.put(REPO, {".gitattributes": b"", "README.md": CARD, "LICENSE": b"MIT", "data/old.parquet": b"old"})
    assert push(FILES).deleted == ("data/old.parquet",)
    assert published_files(hub)["LICENSE"] == b"MIT"


def test_a_tag_that_exists_never_comes_to_mean_something_else(push, hub):
    push(FILES, tag="v1")
    stored = dict(hub.storage)
    with pytest.raises(InputError, match=r"ada/set has a tag v1 already, with other content \(commit [0-9a-f]{7}\)"):
        push(FILES | {"data/c.parquet": b"c"}, tag="v1")
    assert (published_files(hub), hub.storage) == (FILES, stored)


def test_publishing_an_old_version_again_does_not_roll_the_repository_back(push, hub):
    first = push(FILES, tag="v1")
    newer = FILES | {"data/c.parquet": b"c"}
    push(newer, tag="v2")
    again = push(FILES, tag="v1")
    assert (again.commit, again.uploaded) == (first.commit, ())
    assert published_files(hub) == newer


def test_a_connection_that_drops_in_mid_upload_is_taken_up_again(push, hub, no_waiting):
    hub.fail("PUT", "/storage/", Drop(after_bytes=3000))
    push(FILES)
    assert published_files(hub) == FILES
    assert no_waiting == [1]


def test_a_push_that_broke_continues_without_sending_again_what_arrived(push, hub, no_waiting):
    lost = hashlib.sha256(FILES["data/b.parquet"]).hexdigest()
    hub.fail("PUT", f"/storage/{lost}", Drop(after_bytes=50), times=1000)
    with pytest.raises(InputError, match=r"ada/set: the connection broke .*What was sent is kept: the same command"):
        push(FILES)
    assert (published_files(hub), hub.stored_bytes) == ({}, len(BIG))
    assert push.waits_s == [1, 2, 4, 8, 16]
    hub.faults.clear()
    hub.stored_bytes = 0
    assert push(FILES).uploaded == tuple(sorted(FILES))
    assert published_files(hub) == FILES
    assert hub.stored_bytes == len(FILES["data/b.parquet"])


@pytest.mark.parametrize("where", ["/api/whoami-v2", "/repos/create", "/tree/", "/preupload/", "objects/batch"])
@pytest.mark.parametrize("fault", [Answer(503), Answer(429, {"Retry-After": "3"}), Drop()], ids=["503", "429", "drop"])
def test_a_failure_that_passes_does_not_matter_wherever_it_happens(push, hub, no_waiting, where, fault):
    hub.fail("GET" if where in ("/api/whoami-v2", "/tree/") else "POST", where, fault)
    push(FILES, tag="v1")
    assert published_files(hub, "v1") == FILES
    waits = [*push.waits_s, *no_waiting]
    assert len(waits) == 1
    assert waits[0] >= (3 if isinstance(fault, Answer) and fault.headers else 1)


@pytest.mark.parametrize("where", ["/repos/create", "/commit/", "/tag/"])
@pytest.mark.parametrize("fault", [Lose(), Answer(500), Answer(429, {"Retry-After": "7"})], ids=["lost", "500", "429"])
def test_what_changes_the_repository_is_done_once_even_if_the_answer_is_lost(push, hub, where, fault):
    hub.fail("POST", where, fault)
    done = push(FILES, tag="v1")
    assert hub.repositories["dataset", REPO].messages == ["initial commit", "a message"]
    assert (published_files(hub, "v1"), done.uploaded) == (FILES, tuple(sorted(FILES)))
    assert push.waits_s == [7 if isinstance(fault, Answer) and fault.headers else 1]
    assert len(push.warned) == 1


def test_a_server_that_asks_for_too_long_a_wait_ends_the_push(push, hub):
    hub.fail("POST", "/commit/", Answer(429, {"Retry-After": "86400"}))
    with pytest.raises(InputError, match=r"the Hub answered 429, .*What was sent is kept"):
        push(FILES)
    assert push.waits_s == []


def test_a_hub_that_stays_in_trouble_ends_the_push_with_what_to_do(push, hub):
    hub.fail("POST", "/commit/", Answer(502), times=6)
    with pytest.raises(InputError, match=r"the Hub answered 502, time and again .*the same command goes on from there"):
        push(FILES)
    assert push.waits_s == [1, 2, 4, 8, 16]
    assert push.warned[0] == "the Hub answered 502; trying again in 1 s"
    assert push(FILES).uploaded == tuple(sorted(FILES))


def test_a_commit_of_somebody_else_in_between_is_planned_around(push, hub, monkeypatch):
    hub.put(REPO, {"README.md": CARD, "data/b.parquet": b"old"})
    original = HfApi.create_commit
    meddled = []

    def meddling(api, repo_id, *args, **kwargs):
        if not meddled:
            meddled.append(hub.put(REPO, {"README.md": CARD, "data/meanwhile.parquet": b"x"}))
        return original(api, repo_id, *args, **kwargs)

    monkeypatch.setattr(HfApi, "create_commit", meddling)
    done = push(FILES)
    assert published_files(hub) == FILES
    assert done.deleted == ("data/meanwhile.parquet",)
    assert push.warned == ["the Hub answered 412; trying again in 1 s"]


def test_what_the_repository_ignores_is_not_passed_over_in_silence(push, hub):
    hub.put(REPO, {".gitignore": b"*.svg", "README.md": CARD})
    with pytest.raises(InputError, match=r"does not hold what was sent: figures/f\.svg\. See whether a \.gitignore"):
        push(FILES, tag="v1")
    assert hub.repositories["dataset", REPO].tags == {}


def test_a_repository_that_holds_something_else_is_left_alone(push, hub):
    theirs = {"README.md": b"---\ntags: [images]\n---\n", "cats.zip": b"cats"}
    hub.put(REPO, theirs)
    with pytest.raises(InputError, match=r"ada/set holds something else than what this project publishes"):
        push(FILES)
    assert hub.files(REPO) == theirs


def test_private_is_not_asked_for_in_vain(push, hub):
    push(FILES)
    with pytest.raises(InputError, match="exists and is public, but --private was given"):
        push(FILES | {"data/c.parquet": b"c"}, private=True)
    assert published_files(hub) == FILES


def test_a_private_repository_stays_private(push, hub):
    push(FILES, private=True)
    assert push(FILES | {"data/c.parquet": b"c"}).private


@pytest.mark.parametrize(
    ("token", "message"),
    [
        ("hf_wrong", r"the Hub does not know the token \(Invalid user token\); expected one that may write"),
        ("hf_" + "reads" * 7, r"the token may not write there \(.*\); expected one with write access to ada"),
    ],
)
def test_a_wrong_token_is_told_before_anything_happens(push, hub, token, message):
    with pytest.raises(InputError, match=message):
        push(FILES, token=token)
    assert hub.repositories == {}


def test_a_model_goes_the_same_way(push, hub):
    files = {"README.md": CARD, "model.safetensors": BIG}
    done = push(files, kind="model")
    found = hub.files(REPO, kind="model")
    del found[".gitattributes"]
    assert (found, done.url) == (files, f"{hub.endpoint}/{REPO}/tree/{done.commit}")


@pytest.mark.parametrize("repo_id", ["set", "ada/a b", "ada/set/more", "", "ada/-set"])
def test_a_name_that_cannot_be_is_refused(repo_id):
    with pytest.raises(InputError, match="expected OWNER/NAME"):
        Target(repo_id, "dataset")


@pytest.mark.parametrize("tag", ["", "main", "a b", "a..b", "x.lock", "-v", "v1."])
def test_a_tag_that_cannot_be_is_refused(tag):
    with pytest.raises(InputError, match="cannot be a tag"):
        Target(REPO, "dataset", tag=tag)


@pytest.mark.parametrize("tag", ["v1", "1.0", "2026-01-02", "v1.0_rc-1", "a.b.c"])
def test_usual_tags_are_taken(tag):
    assert Target(REPO, "dataset", tag=tag).tag == tag


def test_a_file_that_vanished_after_the_check_is_told_by_its_name(push, hub, monkeypatch):
    original = HfApi.create_repo

    def vanishing(api, *args, **kwargs):
        (push.folder / "data" / "b.parquet").unlink()
        return original(api, *args, **kwargs)

    monkeypatch.setattr(HfApi, "create_repo", vanishing)
    with pytest.raises(InputError, match=r"ada/set: .*b\.parquet"):
        push(FILES)
    assert published_files(hub) == {}


def test_offline_mode_is_told(push, monkeypatch):
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    with pytest.raises(InputError, match="HF_HUB_OFFLINE is set"):
        push(FILES)


def test_without_a_token_it_says_where_to_get_one(push, monkeypatch, tmp_path):
    monkeypatch.setattr("huggingface_hub.constants.HF_TOKEN_PATH", os.fspath(tmp_path / "none"))
    with pytest.raises(InputError, match="no token: publishing ada/set needs one that may write"):
        push(FILES, token=True)
