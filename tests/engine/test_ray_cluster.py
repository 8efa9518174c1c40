"""Where there is no cluster that we can use: within seconds, with what to do."""

import socket
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("ray", reason="Ray is not installed (the extra `ray`)")

from appsplus.engine import ray_cluster
from appsplus.engine.ray_cluster import Cluster, Node
from appsplus.engine.ray_engine import shared_out
from appsplus.errors import InputError


@pytest.fixture
def listener() -> Iterator[socket.socket]:
    """Somebody listens, and says nothing."""
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        found.listen(5)
        yield found


def address_of(listener: socket.socket) -> str:
    return f"127.0.0.1:{listener.getsockname()[1]}"


def failing(error: BaseException, cause: BaseException | None = None) -> Any:
    def init(self: Cluster, address: str, **options: object) -> None:
        raise error from cause

    return init


@pytest.fixture
def answering(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every address answers as gRPC does."""
    monkeypatch.setattr(ray_cluster, "_check_answers", str)


def test_a_listener_that_says_nothing_is_given_up_soon(
    listener: socket.socket, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ray_cluster, "ANSWER_S", 0.2)
    with pytest.raises(InputError, match=r"no cluster answers at 127.0.0.1:\d+ \(no answer\); see on its head node"):
        Cluster(address_of(listener), cpus=1)


def test_a_server_of_another_kind_is_told_from_ray(listener: socket.socket) -> None:
    def answer() -> None:
        connection, _ = listener.accept()
        with connection:
            connection.recv(100)
            connection.sendall(b"HTTP/1.0 400 Bad Request\r\n\r\n")

    answering = threading.Thread(target=answer)
    answering.start()
    with pytest.raises(InputError, match="what listens there is not Ray"):
        Cluster(address_of(listener), cpus=1)
    answering.join()


def test_a_version_mismatch_names_both_versions_and_what_to_do(
    answering: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    words = (
        "Version mismatch: The cluster was started with:\n    Ray: 2.61.0\n    Python: 3.12.1\n"
        "This process on node 10.0.0.2 was started with:\n    Ray: 2.60.0\n    Python: 3.11.7\n"
    )
    error = failing(ConnectionError("Failed to connect to Ray cluster at 10.0.0.1:6379"), RuntimeError(words))
    monkeypatch.setattr(Cluster, "_init", error)
    with pytest.raises(InputError) as raised:
        Cluster("10.0.0.1:6379", cpus=1)
    text = str(raised.value)
    assert "Ray: 2.61.0 Python: 3.12.1" in text
    assert "Ray: 2.60.0 Python: 3.11.7" in text
    assert text.endswith("install the same versions of Python and Ray on every node and here")


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (RuntimeError("No node found matching this IP"), "could not be joined .*must run on a machine of the cluster"),
        (RuntimeError("Authentication token is missing"), "asks for a token .*RAY_AUTH_TOKEN"),
    ],
)
def test_a_cluster_that_does_not_take_us_in_is_an_error_that_says_what_to_do(
    error: Exception, expected: str, answering: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Cluster, "_init", failing(error))
    with pytest.raises(InputError, match=f"the cluster at 10.0.0.1:6379 {expected}"):
        Cluster("10.0.0.1:6379", cpus=1)


def test_what_nodes_complain_of_is_kept_from_standard_output(
    answering: None, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from ray._private.worker import print_to_stdstream

    monkeypatch.setattr("ray.init", dict)
    told = {"lines": ["the raylet has died"], "pid": "raylet", "is_err": False}
    cluster = Cluster("10.0.0.1:6379", cpus=1)
    print_to_stdstream(told, ignore_prefix=False)
    assert capsys.readouterr().out == ""
    cluster.close()
    print_to_stdstream({**told, "lines": ["the raylet has died again"]}, ignore_prefix=False)
    assert "died again" in capsys.readouterr().out


def test_where_names_of_sockets_would_be_too_long_a_ray_of_our_own_is_in_tmp(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    deep = tmp_path / ("d" * 60)
    deep.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(deep))
    folder = Path(ray_cluster._new_folder())
    assert folder.parent == Path("/tmp")
    assert list(deep.iterdir()) == []
    folder.rmdir()
    monkeypatch.setattr(tempfile, "tempdir", "/tmp")
    folder = Path(ray_cluster._new_folder())
    assert len(f"{folder}/session_2026-11-23_16-40-00_123456_4194303/sockets/plasma_store") <= 107
    folder.rmdir()


def test_a_node_without_room_is_not_told_to_install_anything() -> None:
    from appsplus.engine.ray_start import NotStartedError, _not_started

    text = "repr=<appsplus.engine.ray_node.NodeJudges object>\nOSError: [Errno 28] No space left on device"
    assert isinstance(_not_started(NODES[0], RuntimeError(text)), NotStartedError)
    for other in ("No module named 'appsplus.engine.newer'", "Can't get attribute 'NodeJudges' on <module 'appsplus'>"):
        assert "install on every node" in str(_not_started(NODES[0], RuntimeError(other)))


NODES = [Node("1", "a", 16), Node("2", "b", 2), Node("3", "c", 8)]


@pytest.mark.parametrize(
    ("workers", "expected"), [(None, [16, 2, 8]), (26, [16, 2, 8]), (3, [1, 1, 1]), (10, [4, 2, 4]), (2, [1, 1])]
)
def test_workers_are_shared_out_evenly_as_far_as_nodes_have_cpus(workers: int | None, expected: list[int]) -> None:
    assert [cpus for _, cpus in shared_out(NODES, workers, "the cluster")] == expected


def test_more_workers_than_cpus_are_refused_with_what_there_is() -> None:
    with pytest.raises(
        InputError, match=r"^the cluster has 26 CPUs \(a 16, b 2, c 8\), and 27 are asked for; ask for few"
    ):
        shared_out(NODES, 27, "the cluster")
    with pytest.raises(InputError, match=r"has 0 CPUs \(no node with a CPU\), and at least 1 are asked for"):
        shared_out([], None, "the cluster")
