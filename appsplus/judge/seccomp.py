"""The system calls that a program may not make, as a classic BPF filter. Standard library only; runs in the sandbox.

A list of what is refused, not of what is allowed: interpreters differ in what they need, and what a program could reach
is already cut by namespaces and an empty root. Refused: new processes (threads stay allowed), running other programs,
tracing and reading other processes, sockets, mounts and namespaces, files in memory that no limit counts, kernel keys,
BPF, io_uring, shared memory segments and message queues that would outlive the program, loading modules, and every call
of a foreign architecture.
"""

import ctypes
import platform

_ALLOW, _KILL_PROCESS, _ERRNO = 0x7FFF0000, 0x80000000, 0x00050000
_EPERM, _EAGAIN, _ENOSYS = 1, 11, 38
_CLONE_THREAD = 0x00010000

# name: (x86_64, aarch64); None where the architecture has no such call
_REFUSED: dict[str, tuple[int | None, int | None]] = {
    "fork": (57, None), "vfork": (58, None), "execve": (59, 221), "execveat": (322, 281),
    "ptrace": (101, 117), "process_vm_readv": (310, 270), "process_vm_writev": (311, 271), "kcmp": (312, 272),
    "pidfd_getfd": (438, 438), "pidfd_open": (434, 434), "pidfd_send_signal": (424, 424), "process_madvise": (440, 440),
    "socket": (41, 198), "connect": (42, 203), "bind": (49, 200),
    "mount": (165, 40), "umount2": (166, 39), "pivot_root": (155, 41), "chroot": (161, 51), "unshare": (272, 97),
    "setns": (308, 268), "open_tree": (428, 428), "move_mount": (429, 429), "fsopen": (430, 430),
    "fsconfig": (431, 431), "fsmount": (432, 432), "fspick": (433, 433), "mount_setattr": (442, 442),
    "open_by_handle_at": (304, 265), "name_to_handle_at": (303, 264),
    "memfd_create": (319, 279), "add_key": (248, 217), "request_key": (249, 218), "keyctl": (250, 219),
    "bpf": (321, 280), "perf_event_open": (298, 241), "userfaultfd": (323, 282),
    "io_uring_setup": (425, 425), "io_uring_enter": (426, 426), "io_uring_register": (427, 427),
    "shmget": (29, 194), "shmat": (30, 196), "semget": (64, 190), "msgget": (68, 186), "mq_open": (240, 180),
    "init_module": (175, 105), "finit_module": (313, 273), "delete_module": (176, 106), "kexec_load": (246, 104),
    "reboot": (169, 142), "swapon": (167, 224), "swapoff": (168, 225), "acct": (163, 89), "syslog": (103, 116),
    "personality": (135, 92), "quotactl": (179, 60), "iopl": (172, None), "ioperm": (173, None),
    "settimeofday": (164, 170), "clock_settime": (227, 112), "setpriority": (141, 140), "sched_setattr": (314, 274),
}  # fmt: skip
_CLONE = (56, 220)
_CLONE3 = 435
_KILL = (62, 129)
_TGKILL = (234, 131)
_PRLIMIT = (302, 261)
_ARCHITECTURES = {"x86_64": (0, 0xC000003E), "aarch64": (1, 0xC00000B7)}


class _Filter(ctypes.Structure):
    _fields_ = (("code", ctypes.c_ushort), ("jt", ctypes.c_ubyte), ("jf", ctypes.c_ubyte), ("k", ctypes.c_uint))


class _Program(ctypes.Structure):
    _fields_ = (("length", ctypes.c_ushort), ("filter", ctypes.POINTER(_Filter)))


def supported() -> bool:
    """Whether this machine's architecture has a table here."""
    return platform.machine() in _ARCHITECTURES


def build_filter(*, refuse_kill: bool) -> _Program:
    """The filter, to be installed by `install`. `refuse_kill`: where no PID namespace hides other processes."""
    column, architecture = _ARCHITECTURES[platform.machine()]
    refused = [pair[column] for pair in _REFUSED.values() if pair[column] is not None]
    if refuse_kill:
        refused.append(_KILL[column])
    special = (
        _limits_of_others(_PRLIMIT[column]) if refuse_kill else _when_it_kills_itself(_KILL[column], _TGKILL[column])
    )
    return _assemble(sorted(n for n in refused if n is not None), _CLONE[column], architecture, special)


def _limits_of_others(prlimit: int) -> list[tuple[int, int, int, int]]:
    """Without a PID namespace a program can name its parent: only its own limits, of process 0, are open to it."""
    load, equal, answer = 0x20, 0x15, 0x06
    return [
        (equal, 0, 4, prlimit),
        (load, 0, 0, 16),
        (equal, 0, 1, 0),
        (answer, 0, 0, _ALLOW),
        (answer, 0, 0, _ERRNO | _EPERM),
    ]


def _when_it_kills_itself(kill: int, tgkill: int) -> list[tuple[int, int, int, int]]:
    """A program is PID 1 of its namespace, where the kernel ignores its SIGKILL to itself; the filter does not."""
    load, equal, answer = 0x20, 0x15, 0x06
    return [
        (equal, 0, 6, kill),
        (load, 0, 0, 24),  # the signal
        (equal, 0, 3, 9),
        (load, 0, 0, 16),  # the process: 1, or 0 for its group
        (equal, 6, 0, 1),
        (equal, 5, 0, 0),
        (answer, 0, 0, _ALLOW),
        (equal, 0, 4, tgkill),
        (load, 0, 0, 32),
        (equal, 1, 0, 9),
        (answer, 0, 0, _ALLOW),
        (answer, 0, 0, _KILL_PROCESS),
    ]


def _assemble(refused: list[int], clone: int, architecture: int, special: list[tuple[int, int, int, int]]) -> _Program:
    load, equal, above, bits, answer = 0x20, 0x15, 0x35, 0x45, 0x06
    code = [
        (load, 0, 0, 4),
        (equal, 1, 0, architecture),
        (answer, 0, 0, _KILL_PROCESS),
        (load, 0, 0, 0),
        (above, 0, 1, 0x40000000),  # the x32 calls of x86_64
        (answer, 0, 0, _KILL_PROCESS),
        (equal, 0, 1, _CLONE3),
        (answer, 0, 0, _ERRNO | _ENOSYS),  # libc then falls back to clone, whose flags can be read
        (equal, 0, 4, clone),
        (load, 0, 0, 16),
        (bits, 1, 0, _CLONE_THREAD),
        (answer, 0, 0, _ERRNO | _EAGAIN),
        (answer, 0, 0, _ALLOW),
        *special,
    ]
    for position, number in enumerate(refused):
        code.append((equal, len(refused) - position, 0, number))
    code += [(answer, 0, 0, _ALLOW), (answer, 0, 0, _ERRNO | _EPERM)]
    filters = (_Filter * len(code))(*(_Filter(*instruction) for instruction in code))
    program = _Program(len(code), filters)
    program._keep = filters  # the kernel reads it at installation
    return program


def install(program: _Program, prctl: "ctypes._NamedFuncPointer") -> None:
    """Set no_new_privs and the filter for this process, for good. Raises OSError."""
    if prctl(38, 1, 0, 0, 0) or prctl(22, 2, ctypes.byref(program), 0, 0):
        number = ctypes.get_errno()
        raise OSError(number, "seccomp could not be installed")
