"""The empty root file system of a judge's worker. Standard library only; runs in the worker, before any program.

In it are, read-only: the interpreter's library, the folders that its shared libraries lie in, the time zones, /dev/null and
its kin, and the packages that are offered, below /site. A private /tmp of 16 MiB is all that can be written. /proc shows a
program itself and nothing else. Packages beside the libraries (site-packages) are hidden: programs have what is offered.
"""

import ctypes
import itertools
import os
import re
import sys
import sysconfig
from functools import cache
from pathlib import Path

from appsplus.judge.isolation import Rungs, call

_RDONLY, _NOSUID, _NODEV, _NOEXEC, _REMOUNT, _BIND, _REC, _PRIVATE = 1, 2, 4, 8, 32, 4096, 16384, 1 << 18
MNT_DETACH = 2
_MOUNT_SETATTR = 442
TMP_MIB = 16
DEVICES = ("null", "zero", "full", "random", "urandom")
_LIBRARIES = ("/lib", "/lib64", "/usr/lib", "/usr/lib64")
_IN_A_CONTAINER = "in a container: docker run --security-opt apparmor=unconfined --security-opt systempaths=unconfined"


def enter(rungs: Rungs, interpreter: list[Path], offered: list[Path]) -> None:
    """Make an empty root, and move into it. `interpreter`: what to show at its own place; `offered`: packages for /site."""
    try:
        _build(rungs, interpreter, offered)
        rungs.root = True
    except OSError as error:
        rungs.missing["root"] = f"an empty root could not be mounted ({error}); {_IN_A_CONTAINER}"
        rungs.missing.setdefault("proc", "it needs the empty root")


@cache  # asked again after the user has changed, who may not look
def interpreter_paths() -> list[Path]:
    """What the interpreter needs to import its standard library: that, its shared libraries, and nothing else of the host."""
    wanted = [Path(sysconfig.get_path("stdlib")), Path(sysconfig.get_path("platstdlib")), Path("/usr/share/zoneinfo")]
    wanted += sorted(Path(sys.base_prefix, "lib").glob("libpython*.so*"))
    wanted += [Path("/usr/lib/locale", name) for name in ("C.utf8", "C.UTF-8")]  # the programs' locale
    links = [path for path in map(Path, _LIBRARIES) if path.is_symlink()]  # /lib -> usr/lib: either name is used
    return [path for path in dict.fromkeys([*wanted, *links, *_shared_libraries()]) if path.exists()]


@cache
def folders_to_read() -> list[Path]:
    """The same where there is no root of our own: no links, which lead to folders that hold more."""
    return [path for path in interpreter_paths() if not path.is_symlink()]


def _shared_libraries() -> list[Path]:
    """The folders of the system and of the interpreter that this process has libraries from, for modules that it has not
    loaded may need others of them; what lies elsewhere by itself. Where it cannot be told, all that the system has.
    """
    try:
        names = [line.split(maxsplit=5)[5] for line in Path("/proc/self/maps").read_text().splitlines() if "/" in line]
    except OSError:
        return [path for path in map(Path, _LIBRARIES) if not path.is_symlink()]
    own = Path(sysconfig.get_path("platstdlib"))
    files = {path for path in map(Path, names) if re.search(r"\.so(\.|$)", path.name) and not path.is_relative_to(own)}
    found = {path for path in files if not path.name.startswith("libpython")}  # which is shown anyway
    return sorted({path.parent if _holds_libraries(path.parent) else path for path in found})


def _holds_libraries(folder: Path) -> bool:
    in_system = re.match(r"(/usr)?/lib[0-9x]*(/|$)", str(folder))
    return in_system is not None or folder == Path(sys.base_prefix, "lib")


def _build(rungs: Rungs, interpreter: list[Path], offered: list[Path]) -> None:
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
