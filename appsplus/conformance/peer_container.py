"""A container for the judges of other projects, which run hostile programs with no sandbox of their own.

    outside        waits; killed, it takes everything with it
    `- init        PID 1 of new user, mount, PID, network, IPC and UTS namespaces
       `- driver   user nobody, no capabilities: what `enter` returns in

The file system is the host's, read-only; /tmp and /dev/shm are small and private, /proc shows the container alone. Of a
folder that only its owner may enter, and of /tmp, what the peer and its interpreter need stays, read-only.
Processes, address space and file size have limits, and under memory pressure the kernel takes the container first.
Not covered: what user nobody may read of the host's files; CPU time; memory up to the limit in each process.
"""

import contextlib
import ctypes
import os
import resource
import select
import signal
from collections.abc import Sequence
from pathlib import Path

from appsplus.judge import isolation
from appsplus.judge.isolation import call

PROCESSES = 128
ADDRESS_SPACE_MIB = 8192
TMP_MIB = 64
_PRIVATE_FOLDERS = ("/tmp", "/dev/shm")
_NAMESPACES = isolation.NEWNS | isolation.NEWPID | isolation.NEWNET | isolation.NEWIPC | isolation.NEWUTS
_RDONLY, _NOSUID, _NODEV, _NOEXEC, _BIND, _REC, _PRIVATE, _DETACH = 1, 2, 4, 8, 4096, 16384, 1 << 18, 2
_MOUNT_SETATTR, _AT_FDCWD, _AT_RECURSIVE = 442, -100, 0x8000
_NO_NEW_PRIVS, _SET_DUMPABLE = 38, 4


def enter(needed: Sequence[Path], lifeline: int) -> None:
    """Move into the container; returns in the driver. `needed`: folders it must be able to read.

    `lifeline`: a pipe's reading end; when its other end is closed, the container ends. (A signal at the parent's death
    would come at the death of the thread that started us.) Raises OSError where the kernel refuses it.
    """
    uid, gid = os.geteuid(), os.getegid()
    call("unshare", _NAMESPACES | (0 if uid == 0 else isolation.NEWUSER))
    if uid != 0:
        _map_user(uid, gid)
    _fork_init(lifeline)
    _mount(needed)
    _fork_driver()
    if uid == 0:
        os.setgroups([])
        os.setresgid(isolation.NOBODY, isolation.NOBODY, isolation.NOBODY)
        os.setresuid(isolation.NOBODY, isolation.NOBODY, isolation.NOBODY)
        isolation.prctl(_SET_DUMPABLE, 1)  # else /proc/self/uid_map belongs to root
        call("unshare", isolation.NEWUSER)  # its processes are then counted apart from others of nobody
        _map_user(isolation.NOBODY, isolation.NOBODY)
    isolation.drop_capabilities()
    isolation.prctl(_NO_NEW_PRIVS, 1)
    isolation.die_with_parent()  # again: the kernel forgets it with the user
    _limit()
    os.chdir("/tmp")


def contents() -> list[str]:
    """The processes besides init and this one, and what lies in the private folders."""
    processes = [path for path in Path("/proc").iterdir() if path.name.isdigit()]
    found = [str(path) for path in processes if int(path.name) not in (1, os.getpid())]
    return found + [str(path) for folder in _PRIVATE_FOLDERS for path in Path(folder).iterdir()]


def _map_user(uid: int, gid: int) -> None:
    for name, text in (("setgroups", "deny"), ("uid_map", f"{uid} {uid} 1"), ("gid_map", f"{gid} {gid} 1")):
        Path(f"/proc/self/{name}").write_text(text)


def _fork_init(lifeline: int) -> None:
    """Returns in PID 1 of the new namespace; this process kills it when the lifeline is cut, and ends with it."""
    child = os.fork()
    if child == 0:
        isolation.die_with_parent()
        return
    os.closerange(0, 3)
    handle, poll = os.pidfd_open(child), select.poll()
    poll.register(handle, select.POLLIN)
    poll.register(lifeline, 0)  # only its end is news
    poll.poll()
    signal.pidfd_send_signal(handle, signal.SIGKILL)
    _, status = os.waitpid(child, 0)
    os._exit(os.waitstatus_to_exitcode(status) & 0xFF)


def _fork_driver() -> None:
    """Returns in the driver; this process, as init, reaps orphans and ends when the driver does."""
    child = os.fork()
    if child == 0:
        isolation.die_with_parent()
        return
    os.closerange(0, 256)
    while True:
        ended, status = os.wait()
        if ended == child:
            os._exit(os.waitstatus_to_exitcode(status) & 0xFF)


def _mount(needed: Sequence[Path]) -> None:
    """Everything read-only; the private folders; and what is needed from below them, or from below closed folders."""
    cut = [path for path in dict.fromkeys(needed) if path.exists() and _covers(path)]
    kept = [(path, os.open(path, os.O_PATH)) for path in sorted(cut) if not any(o in path.parents for o in cut)]
    call("mount", b"none", b"/", None, _REC | _PRIVATE, None)
    _make_read_only(b"/")
    for folder in _PRIVATE_FOLDERS:
        _mount_tmpfs(folder, f"mode=1777,size={TMP_MIB}m,nr_inodes=4096")
    closed = {folder for path in cut for folder in _covers(path)} - set(_PRIVATE_FOLDERS)
    for folder in sorted(closed):
        _mount_tmpfs(folder, "mode=0755,size=64k")
    for path, descriptor in kept:
        path.mkdir(parents=True, exist_ok=True)
        call("mount", f"/proc/self/fd/{descriptor}".encode(), os.fsencode(path), None, _BIND | _REC, None)
        _make_read_only(os.fsencode(path))
        os.close(descriptor)
    for folder in closed:
        _make_read_only(os.fsencode(folder))
    try:
        call("mount", b"proc", b"/proc", b"proc", _NOSUID | _NODEV | _NOEXEC, None)
    except OSError:  # in some containers; the host's must not stay
        _mount_tmpfs("/proc", "size=4k")


def _covers(path: Path) -> list[str]:
    """The folder above a path that hides it from the driver: a private one, or the topmost that only its owner may enter."""
    for folder in reversed(path.parents):
        if str(folder) in _PRIVATE_FOLDERS or not folder.stat().st_mode & 0o001:
            return [str(folder)]
    return []


def _mount_tmpfs(folder: str, options: str) -> None:
    call("mount", b"tmpfs", os.fsencode(folder), b"tmpfs", _NOSUID | _NODEV, options.encode())


def _make_read_only(where: bytes) -> None:
    class MountAttributes(ctypes.Structure):
        _fields_ = tuple((name, ctypes.c_uint64) for name in ("set", "clear", "propagation", "userns"))

    attributes = MountAttributes(_RDONLY | _NOSUID, 0, 0, 0)
    size = ctypes.sizeof(attributes)
    call("syscall", _MOUNT_SETATTR, _AT_FDCWD, where, _AT_RECURSIVE, ctypes.byref(attributes), size)


def _limit() -> None:
    for kind, value in (
        (resource.RLIMIT_NPROC, PROCESSES),
        (resource.RLIMIT_AS, ADDRESS_SPACE_MIB << 20),
        (resource.RLIMIT_FSIZE, TMP_MIB << 20),
        (resource.RLIMIT_NOFILE, 512),
        (resource.RLIMIT_CORE, 0),
    ):
        resource.setrlimit(kind, (value, value))
    with contextlib.suppress(OSError):
        Path("/proc/self/oom_score_adj").write_text("1000")
