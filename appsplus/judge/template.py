"""The process that programs are forked from: warm, and still. Standard library only.

A fork shares all memory, and whoever writes to a page first must copy it. A worker writes to many between two forks: it
reads frames, keeps clocks, collects answers. So it is not the worker that is forked but this process, which has seen what
the worker has seen up to then, and does nothing but fork. What it starts are the worker's children (CLONE_PARENT), for the
worker to time, to kill and to reap.

A request is a task (`task`) and some descriptors; the answer is a PID, or minus an errno.
"""

import contextlib
import ctypes
import os
import signal
import socket
import struct
from collections.abc import Callable, Sequence
from typing import NoReturn

from appsplus.judge import isolation, rlimits
from appsplus.judge.isolation import NEWPID, call
from appsplus.judge.task import LARGEST_MESSAGE

_CLONE = {"x86_64": 56, "aarch64": 220}  # the number of the system call
_PARENT, _CLEAR_TID, _SET_TID = 0x00008000, 0x00200000, 0x01000000
_PR_GET_TID_ADDRESS = 40
_ANSWER = struct.Struct("<i")
_MOST = 6  # descriptors of a request
Prepare = Callable[[bytes, bytes], Callable[[], NoReturn]]
_SPACE = socket.CMSG_SPACE(_MOST * struct.calcsize("i"))


class Template:
    """The worker's end."""

    def __init__(self, prepare: Prepare, *, namespaces: bool) -> None:
        """Fork it from this process as it is now. `prepare`: from a request, what the forked process is to do;
        `namespaces`: each is PID 1 of a namespace of its own.
        """
        self._connection, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.pid = isolation.fork()
        if self.pid == 0:
            with contextlib.suppress(OSError):
                _serve(theirs, prepare, namespaces=namespaces)
            os._exit(1)
        theirs.close()

    def fork(self, task: bytes, descriptors: Sequence[int]) -> int:
        """Have a process started: its PID. Raises OSError."""
        socket.send_fds(self._connection, [task], descriptors)
        answer = self._connection.recv(_ANSWER.size)
        if len(answer) < _ANSWER.size:
            raise ConnectionError("the process that programs are forked from has died")
        [pid] = _ANSWER.unpack(answer)
        if pid < 0:
            raise OSError(-pid, f"no process for a program: {os.strerror(-pid)}")
        return int(pid)

    def stop(self) -> None:
        """End it, if it still runs."""
        with contextlib.suppress(ProcessLookupError, ChildProcessError):
            os.kill(self.pid, signal.SIGKILL)
            os.waitpid(self.pid, 0)
        self._connection.close()


def _serve(connection: socket.socket, prepare: Prepare, *, namespaces: bool) -> NoReturn:
    isolation.die_with_parent()
    connection = socket.socket(fileno=isolation.above_streams(connection.detach()))
    os.closerange(4, connection.fileno())  # nothing that the worker has open is a program's business
    os.closerange(connection.fileno() + 1, 256)
    rlimits.limit_all()
    os.chdir("/")  # a /tmp that was thrown away is held by nobody
    own_namespace = isolation.above_streams(os.pidfd_open(os.getpid()))
    lowest = min(own_namespace, connection.fileno())  # of our own descriptors
    clone = _clone()
    while True:
        message, ancillary, _, _ = connection.recvmsg(LARGEST_MESSAGE, _SPACE)
        if not ancillary:
            os._exit(0)
        begin: Callable[[], NoReturn] | None = None
        try:
            begin = prepare(message, ancillary[0][2])
            if namespaces:  # setns undoes the last unshare: the kernel wants the caller's own namespace before the next
                call("setns", own_namespace, NEWPID)
                call("unshare", NEWPID)
            pid = clone()
        except OSError as error:
            pid = -(error.errno or 1)
        if pid == 0 and begin is not None:
            begin()
        connection.send(_ANSWER.pack(pid))
        begin = None  # its buffers close their own descriptors, before a number of theirs is another's
        os.closerange(4, lowest)


def _clone() -> Callable[[], int]:
    """A fork whose child is a child of our parent. The C library learns its new thread id, as from its own fork; the hooks of
    modules are left out, which a process with one thread does not need.
    """
    machine = os.uname().machine
    if machine not in _CLONE:
        raise OSError(f"the judge runs on {' and '.join(_CLONE)}, and this machine is {machine}")
    address = ctypes.c_void_p()
    flags = _PARENT | signal.SIGCHLD
    with contextlib.suppress(OSError):  # a kernel without it: the C library believes in the id of this process
        call("prctl", _PR_GET_TID_ADDRESS, ctypes.byref(address), 0, 0, 0)
        flags |= _SET_TID | _CLEAR_TID
    null = ctypes.c_void_p()
    last = (address, null) if machine == "x86_64" else (null, address)
    arguments = (ctypes.c_long(_CLONE[machine]), ctypes.c_ulong(flags), null, null, *last)
    return lambda: call("syscall", *arguments)
