"""The Hub is a small server on this machine that speaks the part of the Hub's API that huggingface_hub asks for."""

import hashlib
import json
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import hub_stand_in
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hub_stand_in import Answer, Hub
from huggingface_hub.utils import close_session, disable_progress_bars, enable_progress_bars

from appsplus.errors import SourceError
from appsplus.problem import RawProblem
from appsplus.sources import Source, open_sources
from appsplus.sources.hub import HubAddress, parse_address

REPO = "codeparrot/apps"
REVISION = "refs/convert/parquet"


def parquet(question: str) -> bytes:
    sink = pa.BufferOutputStream()
    pq.write_table(pa.table({"problem_id": [0], "question": [question]}), sink)
    return sink.getvalue().to_pybytes()


def lines(question: str) -> bytes:
    return json.dumps({"question": question}).encode() + b"\n"


@contextmanager
def serving(files: dict[str, bytes], error: Answer | None = None) -> Iterator[Hub]:
    """A Hub that holds `files`, as one dataset with two branches."""
    with hub_stand_in.serving(always=error) as hub:
        for ref in ("main", REVISION):
            hub.put(REPO, files, ref=ref)
        yield hub


@pytest.fixture(autouse=True)
def quiet_and_direct(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1,localhost")
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", False)
    disable_progress_bars()
    yield
    enable_progress_bars()


def open_hub(spec: str, endpoint: str, cache_dir: Path) -> Source:
    (source,) = open_sources([spec], cache_dir=cache_dir, endpoint=endpoint)
    return source


def error_of(spec: str, cache_dir: Path, *, files: dict[str, bytes], error: Answer | None = None) -> str:
    with serving(files, error) as hub, pytest.raises(SourceError) as caught:
        open_hub(spec, hub.endpoint, cache_dir)
    return str(caught.value)


APPS = {
    "all/train/0000.parquet": parquet("a"),
    "all/test/0000.parquet": parquet("b"),
    "introductory/train/0000.parquet": parquet("c"),
    "README.md": b"x",
}


def test_apps_is_read_from_its_parquet_export(tmp_path: Path) -> None:
    with serving(APPS) as hub:
        source = open_hub(f"hub:{REPO}@{REVISION}", hub.endpoint, tmp_path)
    records = list(source.read())
    assert [(r.problem_id, r.description, r.source) for r in records if isinstance(r, RawProblem)] == [
        ("apps/test/0", "b", "hub:codeparrot/apps"),
        ("apps/train/0", "a", "hub:codeparrot/apps"),
    ]
    assert (source.name, source.location) == ("apps", f"hub:{REPO}@{REVISION}")
    assert source.revision == hub.repositories["dataset", REPO].refs[REVISION]
    assert [(entry.name, entry.sha256) for entry in source.inputs()] == [
        ("all/test/0000.parquet", hashlib.sha256(APPS["all/test/0000.parquet"]).hexdigest()),
        ("all/train/0000.parquet", hashlib.sha256(APPS["all/train/0000.parquet"]).hexdigest()),
    ]


def test_a_configuration_can_be_named(tmp_path: Path) -> None:
    with serving(APPS) as hub:
        source = open_hub(f"easy=hub:{REPO}@{REVISION}#introductory", hub.endpoint, tmp_path)
    assert [record.problem_id for record in source.read()] == ["easy/train/0"]
    assert not [request for request in hub.requests if "/all/" in request]


def test_what_is_in_the_cache_is_not_downloaded_again(tmp_path: Path) -> None:
    with serving(APPS) as hub:
        open_hub(f"hub:{REPO}@{REVISION}", hub.endpoint, tmp_path)
    with serving(APPS) as hub:
        source = open_hub(f"hub:{REPO}@{REVISION}", hub.endpoint, tmp_path)
    assert hub.requests == [
        f"GET /api/datasets/{REPO}/revision/{REVISION}",
        f"GET /api/datasets/{REPO}/tree/{source.revision}",
    ]


def test_json_lines_at_the_main_revision_are_read(tmp_path: Path) -> None:
    with serving({"test.jsonl": lines("y"), "train.jsonl": lines("x")}) as hub:
        source = open_hub(f"hub:{REPO}", hub.endpoint, tmp_path)
    assert [record.problem_id for record in source.read()] == ["apps/test/0", "apps/train/1"]


def test_several_configurations_need_a_choice(tmp_path: Path) -> None:
    files = {"interview/0.parquet": parquet("a"), "competition/0.parquet": parquet("b")}
    assert error_of(f"hub:{REPO}", tmp_path, files=files) == (
        "hub:codeparrot/apps holds several configurations; it has competition, interview; "
        "write hub:codeparrot/apps#CONFIG, or download the files and give their path"
    )


def test_a_repository_with_scripts_only_is_no_source(tmp_path: Path) -> None:
    assert error_of(f"hub:{REPO}", tmp_path, files={"apps.py": b""}).startswith("hub:codeparrot/apps is no source: ")


def test_a_missing_dataset_is_an_error(tmp_path: Path) -> None:
    message = error_of("hub:nobody/nothing", tmp_path, files={})
    assert message.startswith("hub:nobody/nothing: no such dataset, or a private one.")


def test_a_missing_revision_is_an_error(tmp_path: Path) -> None:
    message = error_of(f"hub:{REPO}@v9", tmp_path, files=APPS)
    assert message == f"hub:{REPO}@v9: the dataset exists, but not this revision. Check the part after @."


def test_a_gated_dataset_is_an_error(tmp_path: Path) -> None:
    message = error_of(f"hub:{REPO}", tmp_path, files={}, error=Answer(403, {"X-Error-Code": "GatedRepo"}))
    assert message.startswith(f"hub:{REPO} is gated: ask for access")


def test_a_hub_in_trouble_is_an_error(tmp_path: Path) -> None:
    message = error_of(f"hub:{REPO}", tmp_path, files={}, error=Answer(507))
    assert message.startswith(f"hub:{REPO}: the Hub answered 507. Try again later.")


def test_no_connection_is_an_error(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # bound and not listening: nobody answers here
        endpoint = f"http://127.0.0.1:{taken.getsockname()[1]}"
        with pytest.raises(SourceError, match=r"no download \(.*\)\. Check the connection"):
            open_hub(f"hub:{REPO}", endpoint, tmp_path)
    close_session()


def test_offline_mode_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    assert "HF_HUB_OFFLINE is set" in error_of(f"hub:{REPO}", tmp_path, files=APPS)


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("hub:a/b", HubAddress("a/b")),
        ("hub:a/b@refs/pr/1", HubAddress("a/b", "refs/pr/1")),
        ("hub:a/b#c", HubAddress("a/b", None, "c")),
        ("hub:a/b@v1#c", HubAddress("a/b", "v1", "c")),
    ],
)
def test_addresses_are_read(text: str, address: HubAddress) -> None:
    assert parse_address(text) == address


@pytest.mark.parametrize("text", ["hub:", "hub:@v1", "hub:a/b@", "hub:a/b#"])
def test_broken_addresses_are_refused(text: str) -> None:
    with pytest.raises(SourceError, match="expected hub:OWNER/NAME"):
        parse_address(text)


def test_a_repository_name_that_cannot_be_is_refused(tmp_path: Path) -> None:
    assert "Expected hub:OWNER/NAME" in error_of("x=hub:a/b/c", tmp_path, files={})
