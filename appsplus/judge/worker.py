"""The process that judges: PID 1 of a sandbox, warm, one job after another. Standard library only.

    parent (any process)  --socket-->  worker  --asks-->  template  --fork-->  program, one per run
                                                                      '-fork-->  compiler, one for many programs

The worker imports what programs usually import, isolates itself (`isolation`), says which rungs hold, and then does the
jobs: a text becomes code (`compiler`, which runs nothing of it), the code runs (`call_runs`, `stdin_runs`). All processes
are forked from a still copy of the worker (`template`), inherit its memory, page by page, and give up what is left to be
given up (`begin`); they are the worker's own children. After each job it kills and reaps what is left, empties /tmp, and
says so with an END frame.

The two sides talk in `frames`; expected outputs are in none of them.
"""

import _sitebuiltins
import builtins
import gc
import importlib
import os
import random
import resource
import signal
import socket
import sys
import threading
from functools import partial
from pathlib import Path
from typing import Any

from appsplus.judge import (
    begin,
    calibration,
    isolation,
    landlock,
    mappings,
    prelude,
    process,
    program,
    rlimits,
    root,
    scratch,
    seccomp,
    values,
)
from appsplus.judge.call_runs import judge_calls
from appsplus.judge.compiler import Compiler
from appsplus.judge.frames import Channel
from appsplus.judge.stdin_runs import judge_stdin
from appsplus.judge.template import Template
from appsplus.judge.waiting import Waiting

# What solutions import; what next to none does is left out, since every fork pays for it
WARM = (
    "abc array atexit bisect collections collections.abc contextlib copy dataclasses datetime decimal enum fractions"
    " functools heapq io itertools json math numbers operator os queue random re signal statistics string struct"
    " textwrap threading time traceback types typing"
).split()


def main(descriptor: str) -> None:
    """Isolate this process, then serve jobs from the socket until it closes."""
    channel = Channel(socket.socket(fileno=isolation.above_streams(int(descriptor))))
    waiting = Waiting()
    isolation.die_with_parent()
    _, options, _ = channel.receive()
    for name in WARM:  # while the whole library can still be read
        importlib.import_module(name)
    mappings.join()
    rungs = _isolate(options)
    for name in options["modules"]:
        importlib.import_module(name)
    nests = rungs.namespaces and "nested_pid_namespace" not in rungs.missing
    owns_tmp = rungs.root and nests  # else root mounted it, and we are nobody
    powers = begin.Powers(
        filter=seccomp.build_filter(refuse_kill=not nests) if rungs.seccomp else None,
        namespaces=rungs.namespaces,
    )
    setup = process.Setup(
        channel=channel,
        make_template=lambda: Template(partial(begin.prepared, powers), namespaces=nests),
        make_rules=(lambda: _landlock(rungs, options)) if rungs.landlock else None,
        waiting=waiting,
        owns_tmp=owns_tmp,
        killed_by_host_only=nests,
        base_memory_bytes=isolation.address_space_bytes(),
    )
    _prepare_interpreter(options["hidden"], options["hash_seed"])
    setup.template = setup.make_template()
    channel.send(b"H", {"rungs": vars(rungs), "python": sys.version, "scale": calibration.scale()})
    compiler = Compiler(setup)
    while True:
        try:
            _, request, _ = channel.receive()
        except EOFError:
            os._exit(0)
        if request["kind"] == "calibrate":
            channel.send(b"E", {"scale": calibration.scale()})
            continue
        end = _serve(setup, compiler, request)
        setup.placement.leave()
        if rungs.namespaces and not nests:  # else nothing outlives a program, its namespace's PID 1
            compiler.stop()
            setup.stop_template()
            _reap_strays()
        scratch.clear(mounted=owns_tmp)
        channel.send(b"E", end)


def _isolate(options: dict[str, Any]) -> isolation.Rungs:
    rungs = isolation.Rungs(cgroup=options["cgroup"])
    _, most = resource.getrlimit(resource.RLIMIT_STACK)
    wanted = isolation.STACK_MIB << 20
    resource.setrlimit(resource.RLIMIT_STACK, (wanted if most < 0 else min(wanted, most), most))
    threading.stack_size(16 << 20)
    offered = [Path(path) for path in options["packages"]]
    tmp = Path(options["tmp"])
    as_root = isolation.is_mighty()
    hidden = isolation.hidden_from_nobody([*root.interpreter_paths(), *offered])
    if os.geteuid() == 0 and not as_root:
        isolation.become_nobody(rungs, tmp, hidden)
    root.folders_to_read()  # looked for while all of it can be seen
    isolation.enter_namespaces(rungs, as_root=as_root)
    if rungs.namespaces:
        root.enter(rungs, root.interpreter_paths(), offered)
    if not rungs.root:  # the packages lie among others, which are not offered
        parents = list(dict.fromkeys(str(path.parent) for path in offered))
        sys.path += parents
        for name in options["modules"]:
            importlib.import_module(name)
        sys.path[:] = [path for path in sys.path if path not in parents]
    isolation.drop_user(rungs, tmp, hidden, as_root=as_root)
    if as_root and rungs.root and "nested_pid_namespace" not in rungs.missing:
        root.mount_tmp()  # over root's, which nobody may not throw away
    isolation.gain_nothing(rungs)
    found = {
        "rlimits": rlimits.refused(as_root=not rungs.user),
        "seccomp": seccomp.refused(),
        "landlock": landlock.refused(),
    }
    for name, refused in found.items():
        setattr(rungs, name, not refused)
        rungs.missing |= {name: refused} if refused else {}
    if not rungs.cgroup:
        rungs.missing["cgroup"] = options["no_cgroup"]
    if rungs.root:
        sys.path.append("/site")
    else:
        scratch.use(options["tmp"])
    os.chdir(scratch.folder())
    return rungs


def _landlock(rungs: isolation.Rungs, options: dict[str, Any]) -> int:
    devices = [Path("/dev", name) for name in root.DEVICES]
    if rungs.root:
        return landlock.rules([Path("/")], [scratch.folder()], devices)
    readable = [*root.folders_to_read(), *map(Path, options["packages"]), Path("/proc/self")]
    return landlock.rules(readable, [scratch.folder()], devices)


def _prepare_interpreter(hidden: str, seed: int) -> None:
    """What every program finds: no trace of this package, the recursion limit of the judge, a still heap."""
    prelude.names()  # made once, here, as is what the compiler and the encoders make at their first use
    compile("def f(a: int) -> list[int]:\n    return [x for x in range(a)]", "", "exec")
    values.decode(values.encode([1, "a", 0.5, {"a": None}]))
    program.make_streams()
    program.make_modules()
    sys.path[:] = [path for path in sys.path if path != hidden]
    for name in [name for name in sys.modules if name.partition(".")[0] == "appsplus"]:
        del sys.modules[name]
    sys.path_importer_cache.clear()
    for name in ("exit", "quit"):  # -S leaves them out
        setattr(builtins, name, _sitebuiltins.Quitter(name, "Ctrl-D"))
    builtins.help = _sitebuiltins._Helper()
    for name in ("copyright", "credits", "license"):
        setattr(builtins, name, _sitebuiltins._Printer(name, ""))
    sys.setrecursionlimit(program.RECURSION_LIMIT)
    sys.set_int_max_str_digits(0)
    os.umask(0o022)
    isolation.let_signals_end_an_init()
    mappings.join()
    random.seed(seed)  # chance is the same in every run, and another under another hash seed
    gc.collect()
    gc.freeze()


def _serve(setup: process.Setup, compiler: Compiler, request: dict[str, Any]) -> dict[str, Any]:
    """Do one job; what its END frame says. Raises ConnectionError when the parent is gone."""
    job = process.job_of(request, setup.base_memory_bytes)
    if request["kind"] == "inspect":
        setup.channel.send(b"I", {}, compiler.inspect(job, request["offered"]))
        return {}
    compiled = compiler.compile(job)
    if compiled.error is None:
        (judge_stdin if job.entry_point is None else judge_calls)(setup, job, compiled)
    return {"error": compiled.error, "executable": compiled.executable}


def _reap_strays() -> None:
    try:
        os.kill(-1, signal.SIGKILL)
        while True:
            os.waitpid(-1, 0)
    except (ProcessLookupError, ChildProcessError):
        return
