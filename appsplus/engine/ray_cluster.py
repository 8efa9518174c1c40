"""Ray itself: one of our own on this machine, or a cluster that somebody runs; and what to do where there is none."""

import importlib.util
import logging
import os
import shutil
import signal
import socket
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from appsplus.errors import InputError, MissingExtraError, SandboxError

ANSWER_S = 10.0  # a cluster's address answers within so long
STORE_BYTES = 512 << 20  # of memory for the object store of a Ray of our own
_SOCKET_CHARS = 107 - len("/session_2026-01-01_00-00-00_000000_4194304/sockets/plasma_store")  # for what comes before
_SETTINGS = b"\x04"  # the type of the frame that HTTP/2, and so gRPC, begins with on either side
_GREETING = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + bytes(3) + _SETTINGS + bytes(5)
_NOWHERE = (
    "give the address that `ray start --head` printed, HOST:PORT, or auto for a cluster with a node on this machine"
)


@dataclass(frozen=True, slots=True)
class Node:
    """A node of the cluster that is up."""

    node_id: str
    name: str  # as its owner calls it: its host name, unless it was started with --node-name
    cpus: int


class Cluster:
    """A connection to Ray, until `close`.

    `address`: of a running cluster, HOST:PORT or "auto"; None starts one of `cpus` CPUs on this machine, for this
    process alone, and ends it in `close`. Where this process is connected already, that connection is used and left
    open. Raises MissingExtraError without Ray, and InputError for an address where there is no Ray that we can use.
    """

    def __init__(self, address: str | None, *, cpus: int) -> None:
        ray = load_ray()
        self.address = address
        self._folder: str | None = None
        self._is_ours = not ray.is_initialized()
        if not self._is_ours:
            self._check_connected_to(address)
            return
        try:
            if address is None:
                self._folder = _new_folder()
                self._start(cpus)
            else:
                self._connect(address)
        except BaseException:  # an interruption, too, must not leave anything behind
            self.close()
            raise

    @property
    def is_private(self) -> bool:
        """Whether it was started here, for us."""
        return self._folder is not None

    @property
    def what(self) -> str:
        """The cluster in words."""
        return "Ray on this machine" if self.address is None else f"the cluster at {self.address}"

    def nodes(self) -> list[Node]:
        """The nodes that are up and have CPUs, by name; names are unique."""
        ray = load_ray()
        rows = [row for row in ray.nodes() if row["Alive"] and row["Resources"].get("CPU", 0) >= 1]
        names = [_name(row) for row in rows]
        found = [
            Node(
                node_id=row["NodeID"],
                name=name if names.count(name) == 1 else f"{name} ({row['NodeID'][:6]})",
                cpus=int(row["Resources"]["CPU"]),
            )
            for row, name in zip(rows, names, strict=True)
        ]
        return sorted(found, key=lambda node: (node.name, node.node_id))

    def close(self) -> None:
        """Leave the cluster; end it, if it is ours."""
        if self._is_ours:
            with _own_signals():
                load_ray().shutdown()
            _print_nothing(False)
            self._is_ours = False
        if self._folder is not None:
            shutil.rmtree(self._folder, ignore_errors=True)

    def _start(self, cpus: int) -> None:
        assert self._folder is not None
        options: dict[str, Any] = {
            "num_cpus": cpus,
            "num_gpus": 0,
            "include_dashboard": False,
            "object_store_memory": STORE_BYTES,
            "_temp_dir": self._folder,
            # Programs have limits of their own; Ray's workers give way to everybody else unless told otherwise
            "_system_config": {"memory_monitor_refresh_ms": 0, "worker_niceness": 0},
        }
        try:
            self._init("local", **options)
        except (OSError, RuntimeError, ValueError, load_ray().exceptions.RayError) as error:
            raise SandboxError(
                f"Ray could not be started on this machine ({one_line(error)}); make room in {self._folder}"
                " and /dev/shm, or judge without it: --engine local"
            ) from error

    def _connect(self, address: str) -> None:
        if "://" in address:
            raise InputError(
                f"--address {address} is one of Ray Client, which cannot pass on answers as they come; run this command"
                " on a machine of the cluster, with --address auto"
            )
        try:
            _check_answers(_of_this_machine() if address == "auto" else address)
            self._init(address)
        except (OSError, RuntimeError, ValueError, load_ray().exceptions.RayError) as error:
            raise _no_connection(address, error) from error

    def _init(self, address: str, **options: Any) -> None:
        for name in ("ray", "ray._private.worker", "ray._private.authentication"):
            logging.getLogger(name).setLevel(logging.ERROR)
        _print_nothing(True)
        with _own_signals():
            load_ray().init(
                address=address, log_to_driver=False, configure_logging=False, logging_level=logging.ERROR, **options
            )

    def _check_connected_to(self, address: str | None) -> None:
        here = load_ray().get_runtime_context().gcs_address
        if address not in (None, "auto", here):
            raise InputError(
                f"this process is connected to the cluster at {here} already, and --address names {address};"
                " a process works with one cluster: leave the address out, or use another process"
            )


def load_ray() -> Any:
    """The package. Raises MissingExtraError where it is not installed."""
    if importlib.util.find_spec("ray") is None:
        raise MissingExtraError("--engine ray needs the extra `ray`: pip install 'appsplus[ray]'")
    import ray

    return ray


def _print_nothing(is_quiet: bool) -> None:
    """Whether Ray keeps from standard output what its nodes complain of: results go there, and nothing else."""
    from ray._private import worker

    worker._worker_logs_enabled = not is_quiet  # `log_to_driver` is about other messages


@contextmanager
def _own_signals() -> Iterator[None]:
    """Whatever Ray does to the handlers of signals in the block is undone: who called us has handlers of its own."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _of_this_machine() -> str:
    """The address that "auto" stands for. Raises ConnectionError where no cluster has run here."""
    from ray._private.services import canonicalize_bootstrap_address

    address: str | None = canonicalize_bootstrap_address("auto")
    if address is None:
        raise ConnectionError("none runs here")
    return address


def _check_answers(address: str) -> None:
    """Raise InputError where no gRPC server answers. Ray itself would ask again and again, for many minutes."""
    host, _, port = address.rpartition(":")
    if not host or not port.isdigit():
        raise InputError(f"--address {address} is no address of a cluster; {_NOWHERE}")
    try:
        with socket.create_connection((host, int(port)), timeout=ANSWER_S) as connection:
            if (
                os.environ.get("RAY_USE_TLS", "0") == "0"
            ):  # Ray's own switch: a greeting in the clear is not answered then
                connection.sendall(_GREETING)
                answer = connection.recv(9)
                if answer[3:4] != _SETTINGS:
                    raise ConnectionError("what listens there is not Ray")
    except (OSError, OverflowError) as error:
        why = "no answer" if isinstance(error, TimeoutError) else getattr(error, "strerror", None) or error
        raise InputError(
            f"no cluster answers at {address} ({why}); see on its head node whether it is up (`ray status`), and {_NOWHERE}"
        ) from None


def _no_connection(address: str, error: Exception) -> InputError:
    words = " ".join(str(part) for part in (error, error.__cause__, error.__context__) if part)
    if "Version mismatch" in words:
        mismatch = " ".join(words[words.index("Version mismatch") :].split())
        return InputError(
            f"the cluster at {address} and this process do not go together ({mismatch}); install the same versions of"
            " Python and Ray on every node and here"
        )
    if "authentication" in words.lower() or "token" in words.lower():
        return InputError(
            f"the cluster at {address} asks for a token ({one_line(error)}); put its token where Ray looks for it"
            " (RAY_AUTH_MODE=token and RAY_AUTH_TOKEN, or ~/.ray/auth_token)"
        )
    if address == "auto":
        return InputError(f"no cluster was found on this machine ({one_line(error)}); {_NOWHERE}")
    return InputError(
        f"the cluster at {address} could not be joined ({one_line(error)}); this command must run on a machine of the"
        f" cluster (there: `ray start --address={address}`); {_NOWHERE}"
    )


def _new_folder() -> str:
    """A folder for a Ray of our own: where temporary files go, or, where Ray's sockets had too long names there, in /tmp."""
    prefix = "appsplus-ray-"
    folder = tempfile.mkdtemp(prefix=prefix)
    if len(str(Path(folder).absolute())) > _SOCKET_CHARS:
        Path(folder).rmdir()
        folder = tempfile.mkdtemp(prefix=prefix, dir="/tmp")
    return folder


def _name(row: dict[str, Any]) -> str:
    given: str = row.get("NodeName") or ""
    host: str = row.get("NodeManagerHostname") or row["NodeManagerAddress"]
    return host if given in ("", row["NodeManagerAddress"]) else given


def one_line(error: BaseException) -> str:
    """What an exception says, on one line."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return lines[0][:300] if lines else type(error).__name__
