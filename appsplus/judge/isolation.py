"""How a judge worker gives up the machine, rung by rung. Standard library only; runs in the worker, before any program.

    namespaces    user, mount, PID, network, IPC and UTS namespaces of its own
    root          an empty file system with the interpreter's libraries (read-only), /dev/null and its kin,
                  and a private /tmp of 16 MiB; nothing of the host's files, and /proc shows a program only itself
    user          as root: the worker becomes nobody (65534); programs have no capabilities in either case
    seccomp       see `seccomp`
    landlock      see `landlock`; where the kernel has it
    rlimits       see `rlimits`: address space, CPU seconds, file size, open files, threads, no core dumps
    cgroup        see `cgroup`; where one may be made

Each rung that the kernel refuses is reported with what would make it available; nothing is lowered silently.
"""

import contextlib
import ctypes
import fcntl
import itertools
import os
import resource
import signal
import socket
import sys
import sysconfig
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

libc = ctypes.PyDLL(None, use_errno=True)
libc.signal.restype = ctypes.c_void_p
for _name in (
    "capset",
    "chdir",
    "dup2",
    "fork",
    "getrusage",
    "pivot_root",
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
_RDONLY, _NOSUID, _NODEV, _NOEXEC, _REMOUNT, _BIND, _REC, _PRIVATE = 1, 2, 4, 8, 32, 4096, 16384, 1 << 18
MNT_DETACH = 2
_MOUNT_SETATTR = 442
_PR_SET_PDEATHSIG, _PR_SET_DUMPABLE = 1, 4
NOBODY = 65534
TMP_MIB = 16
STACK_MIB = 256
_HIGH = 64  # a descriptor that no program's standard stream is put over
DEVICES = ("null", "zero", "full", "random", "urandom")


@dataclass
class Rungs:
    """What is in force, and for each thing that is not, why, and what would make it so."""

    namespaces: bool = False
    root: bool = False
    proc: bool = False
    user: bool = False
    seccomp: bool = False
    landlock: bool = False
    rlimits: bool = True
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


def enter(rungs: Rungs, interpreter: list[Path], offered: list[Path], *, as_root: bool) -> None:
    """Move this process, and all it starts, into namespaces and an empty root. Returns in a child that is PID 1.

    `interpreter`: directories to show read-only at their own place; `offered`: packages to show below /site.
    The original process waits for the child and ends with it.
    """
    uid, gid = os.geteuid(), os.getegid()
    try:
        call("unshare", NEWNS | NEWPID | NEWNET | NEWIPC | NEWUTS | (0 if as_root else NEWUSER))
    except OSError as error:
        rungs.missing["namespaces"] = (
            f"the kernel refused them ({error.strerror}); allow unprivileged user namespaces"
            " (sysctl kernel.unprivileged_userns_clone=1, kernel.apparmor_restrict_unprivileged_userns=0),"
            " or give the container CAP_SYS_ADMIN (docker run --security-opt seccomp=unconfined)"
        )
        rungs.missing["root"] = rungs.missing["proc"] = "it needs namespaces"
        return
    if not as_root:
        _map_user(uid, gid)
    _become_init()
    rungs.namespaces = True
    with contextlib.suppress(OSError):
        socket.sethostname("judge")  # the host's is none of a program's business, and differs from host to host
    try:
        _build_root(rungs, interpreter, offered)
        rungs.root = True
    except OSError as error:
        rungs.missing["root"] = f"an empty root could not be mounted ({error})"
        rungs.missing.setdefault("proc", "it needs the empty root")


def drop_user(rungs: Rungs, *, as_root: bool) -> None:
    """Started as root: become nobody, keeping only capabilities that are void outside a user namespace of our own."""
    if not as_root:
        rungs.user = True
        prctl(_PR_SET_DUMPABLE, 0)
        return
    os.setgroups([])
    os.setresgid(NOBODY, NOBODY, NOBODY)
    os.setresuid(NOBODY, NOBODY, NOBODY)
    die_with_parent()  # again: the kernel forgets it with the user
    rungs.user = True
    if rungs.namespaces:
        prctl(_PR_SET_DUMPABLE, 1)  # else /proc/self/uid_map belongs to root
        try:
            call("unshare", NEWUSER | NEWPID | NEWNS)
            _map_user(NOBODY, NOBODY)
            _become_init()
            if rungs.root:
                mount_tmp()  # over root's, which nobody may not throw away
        except OSError as error:
            rungs.missing["nested_pid_namespace"] = f"no user namespace for nobody ({error})"
    prctl(_PR_SET_DUMPABLE, 0)


def fork() -> int:
    """Like `os.fork`, at half its cost: without the hooks of modules, which a process with one thread does not need."""
    return call("fork")


def _map_user(uid: int, gid: int) -> None:
    for name, text in (("setgroups", "deny"), ("uid_map", f"0 {uid} 1"), ("gid_map", f"0 {gid} 1")):
        Path(f"/proc/self/{name}").write_text(text)


def _become_init() -> None:
    child = os.fork()
    if child == 0:
        die_with_parent()
        return
    die_with_parent()  # again: the kernel forgets it when user or capabilities change
    with contextlib.suppress(OSError):
        os.closerange(3, 256)
    _, status = os.waitpid(child, 0)
    os._exit(os.waitstatus_to_exitcode(status) & 0xFF)


@cache  # asked again after the user has changed, who may not look
def interpreter_paths() -> list[Path]:
    """What the interpreter needs to import its standard library: libraries and nothing else of the host."""
    wanted = [Path(sysconfig.get_path("stdlib")), Path(sysconfig.get_path("platstdlib"))]
    wanted += [Path(p) for p in ("/lib", "/lib64", "/usr/lib", "/usr/lib64", "/usr/share/zoneinfo")]
    library = Path(sys.base_prefix) / "lib"
    wanted += sorted(library.glob("libpython*.so*"))
    return [path for path in dict.fromkeys(wanted) if path.exists()]


def _build_root(rungs: Rungs, interpreter: list[Path], offered: list[Path]) -> None:
    call("mount", b"none", b"/", None, _REC | _PRIVATE, None)
    sources = [(path, os.open(path, os.O_PATH)) for path in interpreter if not path.is_symlink()]
    links = [(path, path.readlink()) for path in interpreter if path.is_symlink()]
    packages = [(Path("/site") / path.name, os.open(path, os.O_PATH)) for path in offered]
    devices = [(Path("/dev") / n, os.open(f"/dev/{n}", os.O_PATH)) for n in DEVICES]
    base = Path("/tmp")
    _mount_tmpfs(base, "mode=0755,size=1m")
    os.chdir(base)
    for target, descriptor in sources + packages:
        _bind(base, target, descriptor)
    for target, descriptor in devices:
        _bind(base, target, descriptor)
    for target, link in links:
        inside = base / target.relative_to("/")
        inside.parent.mkdir(parents=True, exist_ok=True)
        if not inside.exists() and not inside.is_symlink():
            inside.symlink_to(link)
    _hide_site_packages(base, interpreter)
    _mount_proc(rungs, base)
    for name in ("stdin", "stdout", "stderr"):
        (base / "dev" / name).symlink_to(f"/proc/self/fd/{('stdin', 'stdout', 'stderr').index(name)}")
    (base / "dev" / "fd").symlink_to("/proc/self/fd")
    (base / "tmp").mkdir()
    call("pivot_root", b".", b".")
    call("umount2", b".", MNT_DETACH)
    os.chdir("/")
    mount_tmp()
    call("mount", b"none", b"/", None, _REMOUNT | _BIND | _RDONLY | _NOSUID | _NODEV, None)
    for _, descriptor in sources + packages + devices:
        os.close(descriptor)


def _bind(base: Path, target: Path, descriptor: int) -> None:
    inside = base / target.relative_to("/")
    source = f"/proc/self/fd/{descriptor}"
    if Path(source).is_dir():
        inside.mkdir(parents=True, exist_ok=True)
    else:
        inside.parent.mkdir(parents=True, exist_ok=True)
        inside.touch()
    where = os.fsencode(inside)
    call("mount", source.encode(), where, None, _BIND | _REC, None)
    if target.parts[1] != "dev":
        _make_read_only(where)


def _make_read_only(where: bytes) -> None:
    class MountAttributes(ctypes.Structure):
        _fields_ = tuple((name, ctypes.c_uint64) for name in ("set", "clear", "propagation", "userns"))

    attributes = MountAttributes(_RDONLY | _NOSUID | _NODEV, 0, 0, 0)
    recursive = 0x8000
    try:
        call("syscall", _MOUNT_SETATTR, -100, where, recursive, ctypes.byref(attributes), ctypes.sizeof(attributes))
    except OSError:  # before Linux 5.12
        call("mount", b"none", where, None, _REMOUNT | _BIND | _RDONLY | _NOSUID | _NODEV, None)


def _hide_site_packages(base: Path, interpreter: list[Path]) -> None:
    """Those of the interpreter, and of any other that lies among the libraries: /usr/lib/python3/dist-packages."""
    shown = [base / path.relative_to("/") for path in interpreter if not path.is_symlink()]
    names = "site-packages", "dist-packages", "python*/site-packages", "python*/dist-packages"
    found = [inside for path, name in itertools.product(shown, names) for inside in path.glob(name) if inside.is_dir()]
    for inside in dict.fromkeys(found):
        _mount_tmpfs(inside, "mode=0555,size=4k")


def _mount_proc(rungs: Rungs, base: Path) -> None:
    (base / "proc").mkdir()
    for options in (b"hidepid=invisible,subset=pid", b"hidepid=2"):
        try:
            call("mount", b"proc", os.fsencode(base / "proc"), b"proc", _NOSUID | _NODEV | _NOEXEC, options)
            rungs.proc = True
            rungs.missing.pop("proc", None)
            return
        except OSError as error:
            rungs.missing["proc"] = f"no private /proc, so /dev/stdin cannot be opened by name ({error})"


def _mount_tmpfs(where: Path, options: str) -> None:
    call("mount", b"tmpfs", os.fsencode(where), b"tmpfs", _NOSUID | _NODEV, options.encode())


def mount_tmp() -> None:
    """An empty private /tmp."""
    _mount_tmpfs(Path("/tmp"), f"mode=1777,size={TMP_MIB}m,nr_inodes=4096")


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
