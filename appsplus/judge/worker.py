"""The process that judges: PID 1 of a sandbox, warm, one job after another. Standard library only.

    parent (any process)  --socket-->  worker  --fork-->  supervisor, one per job  --fork-->  program, one per run
                          <--------------------------------'

The worker imports what programs usually import, isolates itself (`isolation`), says which rungs hold, and then forks a
supervisor for each job (`supervisor.supervise`), which answers the parent itself. When a supervisor has ended, for
whatever reason, the worker kills and reaps everything that is left, empties /tmp, and says so with an END frame.

The two sides talk in `frames`; expected outputs are in none of them.
"""

import _sitebuiltins
import builtins
import gc
import importlib
import os
import resource
import signal
import socket
import sys
import threading
import traceback
from pathlib import Path
from typing import Any

from appsplus.judge import isolation, process, program, seccomp, supervisor
from appsplus.judge.frames import receive, send

WARM = (
    "abc array atexit bisect cmath collections collections.abc contextlib copy dataclasses datetime decimal enum fractions"
    " functools hashlib heapq io itertools json math numbers operator os queue random re signal statistics string struct"
    " textwrap threading time traceback types typing"
).split()
_CONNECTION_LOST = 3


def main(descriptor: str) -> None:
    """Isolate this process, then serve jobs from the socket until it closes."""
    connection = socket.socket(fileno=int(descriptor))
    isolation.die_with_parent()
    _, options, _ = receive(connection)
    for name in WARM:  # while the whole library can still be read
        importlib.import_module(name)
    rungs = _isolate(options)
    for name in options["modules"]:
        importlib.import_module(name)
    setup = process.Setup(
        connection=connection,
        filter=seccomp.build_filter(refuse_kill=not rungs.namespaces) if rungs.seccomp else None,
        nested_pid_namespace=rungs.namespaces and "nested_pid_namespace" not in rungs.missing,
        capabilities=rungs.namespaces,
        base_memory_bytes=isolation.address_space_bytes(),
    )
    _prepare_interpreter(options["hidden"])
    send(connection, b"H", {"rungs": vars(rungs), "python": sys.version})
    while True:
        try:
            _, job, _ = receive(connection)
        except EOFError:
            os._exit(0)
        _serve(setup, job, init=rungs.namespaces, private_tmp=rungs.root)


def _isolate(options: dict[str, Any]) -> isolation.Rungs:
    rungs = isolation.Rungs()
    soft = isolation.STACK_MIB << 20
    resource.setrlimit(resource.RLIMIT_STACK, (soft, soft))
    threading.stack_size(16 << 20)
    as_root = os.geteuid() == 0
    isolation.enter(rungs, isolation.interpreter_paths(), [Path(p) for p in options["packages"]], as_root=as_root)
    isolation.drop_user(rungs, as_root=as_root)
    rungs.seccomp = seccomp.supported()
    if not rungs.seccomp:
        rungs.missing["seccomp"] = f"no table of system calls for {os.uname().machine}"
    if rungs.root:
        sys.path.append("/site")
    os.chdir("/tmp")
    return rungs


def _prepare_interpreter(hidden: str) -> None:
    """What every program finds: no trace of this package, the recursion limit of the judge, a still heap."""
    sys.path[:] = [path for path in sys.path if path != hidden]
    for name in [name for name in sys.modules if name.partition(".")[0] == "appsplus"]:
        del sys.modules[name]
    sys.path_importer_cache.clear()
    for name in ("exit", "quit"):  # -S leaves them out
        setattr(builtins, name, _sitebuiltins.Quitter(name, "Ctrl-D"))
    sys.setrecursionlimit(program.RECURSION_LIMIT)
    sys.set_int_max_str_digits(0)
    os.umask(0o022)
    gc.collect()
    gc.freeze()


def _serve(setup: process.Setup, job: dict[str, Any], *, init: bool, private_tmp: bool) -> None:
    child = os.fork()
    if child == 0:
        status = 1
        try:
            isolation.die_with_parent()
            supervisor.supervise(setup, job)
            status = 0
        except (BrokenPipeError, ConnectionError):
            status = _CONNECTION_LOST
        except Exception:
            traceback.print_exc()  # to the parent's log
        finally:
            os._exit(status)
    _, status = os.waitpid(child, 0)
    if init:
        _reap_strays()
    if private_tmp:
        isolation.clear_tmp()
    send(setup.connection, b"E", {"exit": os.waitstatus_to_exitcode(status)})


def _reap_strays() -> None:
    try:
        os.kill(-1, signal.SIGKILL)
        while True:
            os.waitpid(-1, 0)
    except (ProcessLookupError, ChildProcessError):
        return
