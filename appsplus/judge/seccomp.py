"""The system calls that a program may not make, as a classic BPF filter. Standard library only; runs in the sandbox.

A list of what is refused, not of what is allowed: interpreters differ in what they need, and what a program could reach
is already cut by namespaces and an empty root. Refused: new processes (threads stay allowed), running other programs,
tracing and reading other processes, a CPU limit of its own (its end would look like the host's doing), sockets (but for a
pair of its own), mounts and namespaces, files in memory that no limit counts, kernel keys, BPF, io_uring, shared memory
segments and message queues that would outlive the program, loading modules, and every call of a foreign architecture.
"""

import ctypes
import errno
import os
import platform

from appsplus.judge.isolation import libc

_ALLOW, _KILL_PROCESS, _ERRNO = 0x7FFF0000, 0x80000000, 0x00050000
_EPERM, _EAGAIN, _ENOSYS = 1, 11, 38
SET_FILTER = 22, 2  # prctl: PR_SET_SECCOMP, SECCOMP_MODE_FILTER
_RLIMIT_CPU = 0
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
    "sched_setscheduler": (144, 119), "sched_setparam": (142, 118),
}  # fmt: skip
_Code = list[tuple[int, int, int, int]]  # instructions: operation, jumps if true and if not, operand
_Cases = dict[int, _Code]
_LOAD, _EQUAL, _AT_LEAST, _BITS, _ANSWER = 0x20, 0x15, 0x35, 0x45, 0x06
_ARGUMENT = (16, 24, 32)  # where the arguments of a call lie
_ALLOWED: _Code = [(_ANSWER, 0, 0, _ALLOW)]
_REFUSE: _Code = [(_ANSWER, 0, 0, _ERRNO | _EPERM)]
_ENDED: _Code = [(_ANSWER, 0, 0, _KILL_PROCESS)]
_CLONE = (56, 220)
_CLONE3 = 435
_KILL = (62, 129)
_TGKILL = (234, 131)
_SIGNAL_OTHERS = ((200, 130), _TGKILL, (129, 138), (297, 240))  # tkill, tgkill, rt_sigqueueinfo, rt_tgsigqueueinfo
_FCNTL, _SET_OWNER = (72, 25), (8, 10, 15)  # F_SETOWN, F_SETSIG, F_SETOWN_EX
_IOCTL, _SET_GROUP = (16, 29), (0x8901, 0x8902)  # FIOSETOWN, SIOCSPGRP
_PRLIMIT = (302, 261)
_SETRLIMIT = (160, 164)
_SOCKETPAIR, _AF_UNIX = (53, 199), 1
_ARCHITECTURES = {"x86_64": (0, 0xC000003E), "aarch64": (1, 0xC00000B7)}


class _Filter(ctypes.Structure):
    _fields_ = (("code", ctypes.c_ushort), ("jt", ctypes.c_ubyte), ("jf", ctypes.c_ubyte), ("k", ctypes.c_uint))


class _Program(ctypes.Structure):
    _fields_ = (("length", ctypes.c_ushort), ("filter", ctypes.POINTER(_Filter)))


def refused() -> str:
    """Why there can be no filter here, and what would help; empty where there can be one."""
    if platform.machine() not in _ARCHITECTURES:
        return f"no table of system calls for {platform.machine()}; run on {' or '.join(_ARCHITECTURES)}"
    result = libc.prctl(*SET_FILTER, None, 0, 0)  # a filter at no address: a kernel that knows filters says so
    if result == -1 and ctypes.get_errno() == errno.EFAULT:
        return ""
    return f"the kernel takes no filters ({os.strerror(ctypes.get_errno())}); take one with CONFIG_SECCOMP_FILTER"


def build_filter(*, refuse_kill: bool) -> _Program:
    """The filter; `begin` installs it. `refuse_kill`: where no PID namespace of its own hides other processes."""
    column, architecture = _ARCHITECTURES[platform.machine()]
    cases: _Cases = {number: _REFUSE for pair in _REFUSED.values() if (number := pair[column]) is not None}
    cases[_CLONE3] = [(_ANSWER, 0, 0, _ERRNO | _ENOSYS)]  # libc then falls back to clone, whose flags can be read
    cases[_CLONE[column]] = [
        (_LOAD, 0, 0, _ARGUMENT[0]),
        (_BITS, 1, 0, _CLONE_THREAD),
        (_ANSWER, 0, 0, _ERRNO | _EAGAIN),
        *_ALLOWED,
    ]
    cases[_SOCKETPAIR[column]] = [(_LOAD, 0, 0, _ARGUMENT[0]), (_EQUAL, 0, 1, _AF_UNIX), *_ALLOWED, *_REFUSE]
    cases[_SETRLIMIT[column]] = [(_LOAD, 0, 0, _ARGUMENT[0]), (_EQUAL, 0, 1, _RLIMIT_CPU), *_REFUSE, *_ALLOWED]
    cases[_PRLIMIT[column]] = [
        (_LOAD, 0, 0, _ARGUMENT[1]),
        (_EQUAL, 0, 4, _RLIMIT_CPU),
        (_LOAD, 0, 0, _ARGUMENT[2]),  # the new limit: none in a question; half of an address at a time
        (_EQUAL, 0, 3, 0),
        (_LOAD, 0, 0, _ARGUMENT[2] + 4),
        (_EQUAL, 0, 1, 0),
        *_ALLOWED,
        *_REFUSE,
    ]
    if refuse_kill:
        # Without a PID namespace a program can name its parent: it may change its own limits, process 0, and no other's
        cases[_KILL[column]] = _REFUSE
        cases[_PRLIMIT[column]] = [(_LOAD, 0, 0, _ARGUMENT[0]), (_EQUAL, 0, 7, 0), *cases[_PRLIMIT[column]]]
        cases |= {pair[column]: _REFUSE for pair in _SIGNAL_OTHERS}
        for call, commands in ((_FCNTL, _SET_OWNER), (_IOCTL, _SET_GROUP)):  # whom the kernel sends signals for a file
            tests = [(_EQUAL, len(commands) - i, 0, command) for i, command in enumerate(commands)]
            cases[call[column]] = [(_LOAD, 0, 0, _ARGUMENT[1]), *tests, *_ALLOWED, *_REFUSE]
    else:
        # A program is PID 1 of its namespace, where the kernel ignores its SIGKILL to itself; the filter does not
        cases[_KILL[column]] = [
            (_LOAD, 0, 0, _ARGUMENT[1]),
            (_EQUAL, 0, 3, 9),
            (_LOAD, 0, 0, _ARGUMENT[0]),  # the process: 1, or 0 for its group
            (_EQUAL, 2, 0, 1),
            (_EQUAL, 1, 0, 0),
            *_ALLOWED,
            *_ENDED,
        ]
        cases[_TGKILL[column]] = [(_LOAD, 0, 0, _ARGUMENT[2]), (_EQUAL, 1, 0, 9), *_ALLOWED, *_ENDED]
    return _program(
        [
            (_LOAD, 0, 0, 4),
            (_EQUAL, 1, 0, architecture),
            *_ENDED,
            (_LOAD, 0, 0, 0),
            (_AT_LEAST, 0, 1, 0x40000000),  # the x32 calls of x86_64
            *_ENDED,
            *_search(_ranges(cases)),
        ]
    )


def _ranges(cases: _Cases) -> list[tuple[int, _Code]]:
    """From which number on which code holds, ascending."""
    found: list[tuple[int, _Code]] = [(0, _ALLOWED)]
    for number in sorted(cases):
        for start, code in ((number, cases[number]), (number + 1, cases.get(number + 1, _ALLOWED))):
            if found[-1][0] == start:
                found.pop()
            if not found or found[-1][1] is not code:
                found.append((start, code))
    return found


def _search(ranges: list[tuple[int, _Code]]) -> _Code:
    """A binary search. The kernel tries a filter on every number when it is installed, which a list makes twice as dear."""
    if len(ranges) == 1:
        return ranges[0][1]
    middle = len(ranges) // 2
    below = _search(ranges[:middle])
    return [(_AT_LEAST, len(below), 0, ranges[middle][0]), *below, *_search(ranges[middle:])]


def _program(code: _Code) -> _Program:
    filters = (_Filter * len(code))(*(_Filter(*instruction) for instruction in code))
    program = _Program(len(code), filters)
    program._keep = filters  # the kernel reads it at installation
    return program
