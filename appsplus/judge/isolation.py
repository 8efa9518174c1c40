"""How a judge worker gives up the machine, rung by rung. Standard library only; runs in the worker, before any program.

    namespaces    user, mount, PID, network, IPC and UTS namespaces of its own
    root          see `root`: an empty file system with the interpreter and its libraries
    user          as root: the worker becomes nobody (65534); programs have no capabilities in either case
    no_new_privs  no program gains what the worker has given up
    seccomp       see `seccomp`
    landlock      see `landlock`; where the kernel has it
    rlimits       see `rlimits`: address space, CPU seconds, file size, open files, threads, no core dumps
    cgroup        see `cgroup`; where one may be made

Each rung that the kernel refuses is reported with what would make it available; nothing is lowered silently.
"""

import contextlib
import ctypes
import fcntl
import os
import resource
import signal
import socket
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

libc = ctypes.PyDLL(None, use_errno=True)
libc.signal.restype = ctypes.c_void_p
for _name in (
    "capset",
    "chdir",
    "dup2",
    "fork",
    "getrusage",
    "prctl",
    "setns",
    "setrlimit",
    "setsid",
    "syscall",
    "unshare",
):
    getattr(libc, _name)  # found once, here, and not in every program's process

NEWNS, NEWUTS, NEWIPC, NEWUSER, NEWPID, NEWNET = (
    0x00020000, 0x04000000, 0x08000000, 0x10000000, 0x20000000, 0x40000000,
)  # fmt: skip
_PR_SET_PDEATHSIG, _PR_SET_DUMPABLE, _PR_SET_NO_NEW_PRIVS, _PR_GET_NO_NEW_PRIVS = 1, 4, 38, 39
_CAP_SYS_ADMIN, _TO_CHANGE_USER = 21, (0, 5, 6, 7)  # CAP_CHOWN, KILL, SETGID, SETUID
NOBODY = 65534
STACK_MIB = 256
_HIGH = 64  # a descriptor that no program's standard stream is put over
_ALLOW = (
    "allow unprivileged user namespaces (sysctl kernel.unprivileged_userns_clone=1,"
    " kernel.apparmor_restrict_unprivileged_userns=0, user.max_user_namespaces above 0; in a container: docker run"
    " --security-opt seccomp=unconfined --security-opt apparmor=unconfined)"
)


@dataclass
class Rungs:
    """What is in force, and for each thing that is not, why, and what would make it so."""

    namespaces: bool = False
    root: bool = False
    proc: bool = False
    user: bool = False
    no_new_privs: bool = False
    seccomp: bool = False
    landlock: bool = False
    rlimits: bool = False
    cgroup: bool = False
    missing: dict[str, str] = field(default_factory=dict)


def call(name: str, *arguments: object) -> int:
    """A libc function by name. Raises OSError with its errno."""
    result: int = getattr(libc, name)(*arguments)
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{name}: {os.strerror(number)}")
    return result


def prctl(option: int, value: int) -> None:
    """prctl(2) with one argument. Raises OSError."""
    call("prctl", option, value, 0, 0, 0)


def above_streams(descriptor: int) -> int:
    """The same file at a number that no program's standard stream is put over; the descriptor itself is closed."""
    high = fcntl.fcntl(descriptor, fcntl.F_DUPFD_CLOEXEC, _HIGH)
    os.close(descriptor)
    return high


def die_with_parent() -> None:
    """Be killed when the process that started us ends, however it ends."""
    prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


def is_mighty() -> bool:
    """Whether this is root with all that it takes to make namespaces and then become nobody; a container's root is not."""
    return may_become_nobody() and _may(_CAP_SYS_ADMIN)


def may_become_nobody() -> bool:
    """Whether this is root that may change its user; not in a user namespace that knows no other."""
    return os.geteuid() == 0 and all(map(_may, _TO_CHANGE_USER)) and _knows_nobody()


def _may(capability: int) -> bool:
    data = (ctypes.c_uint32 * 6)()  # effective, permitted and inheritable, the lower halves first
    call("capget", ctypes.byref(_CapabilityHeader(0x20080522, 0)), ctypes.byref(data))
    return bool(data[0] >> capability & 1)


def _knows_nobody() -> bool:
    maps = [_outside(name, NOBODY) for name in ("uid_map", "gid_map")]
    try:
        return None not in maps and Path("/proc/self/setgroups").read_text().strip() != "deny"
    except OSError:
        return True


def _outside(name: str, number: int) -> int | None:
    """What a user or group of this namespace is outside of it, None where it is nobody; itself where /proc is hidden."""
    try:
        text = Path(f"/proc/self/{name}").read_text()
    except OSError:
        return number
    for first, outside, count in (map(int, line.split()) for line in text.splitlines()):
        if first <= number < first + count:
            return outside + number - first
    return None


def hidden_from_nobody(paths: Sequence[Path]) -> str:
    """What to say of the first of some paths, at most 100, that nobody may not read; empty where there is none.

    A child tries. Also empty where this process may not become nobody.
    """
    if not may_become_nobody():
        return ""
    child = fork()
    if child == 0:
        found = 0
        try:
            _change_user(None)
            modes = [os.R_OK | (os.X_OK if path.is_dir() else 0) for path in paths]
            allowed = [os.access(path, mode) for path, mode in zip(paths, modes, strict=True)]
            found = (*allowed, False).index(False) + 1
        finally:
            os._exit(found)
    _, status = os.waitpid(child, 0)
    number = os.waitstatus_to_exitcode(status)
    if number == len(paths) + 1:
        return ""
    return (
        f"only root may read {paths[max(0, number - 1)]}, which programs need; install where every user may read, or start as"
        " an ordinary user (docker run --user 1000)"
    )


def become_nobody(rungs: Rungs, folder: Path, hidden: str) -> None:
    """Root that may not make namespaces, a container's: an ordinary user may make one of users, and all others inside it.

    `folder` becomes nobody's; `hidden`: see `hidden_from_nobody`. Where it cannot be, the reason is the rung's.
    """
    if hidden:
        rungs.missing["user"] = hidden
    elif may_become_nobody():
        _change_user(folder)
        prctl(_PR_SET_DUMPABLE, 1)  # else /proc/self/uid_map belongs to root
    elif _outside("uid_map", 0) == 0:  # else it is somebody else's root, an ordinary user outside
        rungs.missing["user"] = "root may not become another user here; start as one (docker run --user 1000)"


def enter_namespaces(rungs: Rungs, *, as_root: bool) -> None:
    """Move this process, and all it starts, into namespaces of their own. Returns in a child that is PID 1.

    The original process waits for the child and ends with it.
    """
    kinds = NEWNS | NEWPID | NEWNET | NEWIPC | NEWUTS | (0 if as_root else NEWUSER)
    if refused := _refused(kinds):
        rungs.missing["namespaces"] = f"the kernel refused them ({refused}); {_ALLOW}"
        rungs.missing["root"] = rungs.missing["proc"] = "it needs namespaces"
        return
    _unshare(kinds)
    _become_init()
    rungs.namespaces = True
    with contextlib.suppress(OSError):
        socket.sethostname("judge")  # the host's is none of a program's business, and differs from host to host


def _refused(kinds: int) -> str:
    """Why there can be no such namespaces, empty where there can. A child tries: who is half inside does not come out."""
    child = fork()
    if child == 0:
        failed = 1
        try:
            _unshare(kinds)
            failed = 0
        except OSError as error:
            failed = error.errno or 1
        finally:
            os._exit(failed)
    _, status = os.waitpid(child, 0)
    return os.strerror(os.waitstatus_to_exitcode(status)) if status else ""


def _unshare(kinds: int) -> None:
    uid, gid = os.geteuid(), os.getegid()
    call("unshare", kinds)
    if kinds & NEWUSER:
        for name, text in (("setgroups", "deny"), ("uid_map", f"0 {uid} 1"), ("gid_map", f"0 {gid} 1")):
            Path(f"/proc/self/{name}").write_text(text)


def drop_user(rungs: Rungs, folder: Path, hidden: str, *, as_root: bool) -> None:
    """Started as root: become nobody, keeping only capabilities that are void outside a user namespace of our own.

    Without a root of our own `folder` is nobody's then, and `hidden` must be empty, or programs would not find what they
    import. Raises PermissionError where it is not.
    """
    if os.geteuid() == 0 and hidden and not rungs.root:
        raise PermissionError(hidden)
    if as_root or (not rungs.namespaces and may_become_nobody()):
        _change_user(None if rungs.root else folder)
    if as_root and rungs.namespaces:
        prctl(_PR_SET_DUMPABLE, 1)  # else /proc/self/uid_map belongs to root
        kinds = NEWUSER | NEWPID | NEWNS
        if refused := _refused(kinds):
            rungs.missing["nested_pid_namespace"] = f"no user namespace for nobody ({refused}); {_ALLOW}"
        else:
            _unshare(kinds)
            _become_init()
    rungs.user = "user" not in rungs.missing
    prctl(_PR_SET_DUMPABLE, 0)


def _change_user(folder: Path | None) -> None:
    """Become nobody, whose the folder is then."""
    if folder is not None:
        os.chown(folder, NOBODY, NOBODY)
    os.setgroups([])
    os.setresgid(NOBODY, NOBODY, NOBODY)
    os.setresuid(NOBODY, NOBODY, NOBODY)
    die_with_parent()  # again: the kernel forgets it with the user


def gain_nothing(rungs: Rungs) -> None:
    """From here on no program that is started, and no file's mark, gives this process or its children any right."""
    with contextlib.suppress(OSError):
        prctl(_PR_SET_NO_NEW_PRIVS, 1)
    rungs.no_new_privs = libc.prctl(_PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 1
    if not rungs.no_new_privs:
        rungs.missing["no_new_privs"] = "this kernel is older than Linux 3.5; take a newer one"


def fork() -> int:
    """Like `os.fork`, at half its cost: without the hooks of modules, which a process with one thread does not need."""
    return call("fork")


def _become_init() -> None:
    child = os.fork()
    if child == 0:
        die_with_parent()
        return
    die_with_parent()  # again: the kernel forgets it when user or capabilities change
    prctl(_PR_SET_DUMPABLE, 0)
    with contextlib.suppress(OSError):
        os.closerange(3, 256)
    _, status = os.waitpid(child, 0)
    os._exit(os.waitstatus_to_exitcode(status) & 0xFF)


class _CapabilityHeader(ctypes.Structure):
    _fields_ = (("version", ctypes.c_uint32), ("pid", ctypes.c_int))


NO_CAPABILITIES = ctypes.byref(_CapabilityHeader(0x20080522, 0)), ctypes.byref((ctypes.c_uint32 * 6)())  # for capset


def drop_capabilities() -> None:
    """Give up every capability of this process. Raises OSError."""
    call("capset", *NO_CAPABILITIES)


def let_signals_end_an_init() -> None:
    """Make signals end a program as in a shell, though it is PID 1 of its namespace, which the kernel spares.

    A handler of C that leaves with the signal's number; Python still believes that the signal has none. What cannot be
    handled, SIGKILL from the program itself, is up to `seccomp`.
    """
    leave = ctypes.cast(libc._exit, ctypes.c_void_p)
    for number in (
        signal.SIGHUP, signal.SIGQUIT, signal.SIGUSR1, signal.SIGUSR2, signal.SIGALRM, signal.SIGTERM,
        signal.SIGVTALRM, signal.SIGPROF,
    ):  # fmt: skip
        libc.signal(int(number), leave)


def address_space_bytes() -> int:
    """What this process has mapped so far; a program's memory limit counts from there."""
    # /proc may be missing; then a generous figure for a bare interpreter
    try:
        return int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    except OSError:
        return 256 << 20
