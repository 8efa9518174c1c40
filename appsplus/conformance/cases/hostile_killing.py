"""Hostile programs that end, stop or starve what judges them, or themselves."""

from functools import partial

from appsplus.conformance.case import LOOPS, SLEEPS, Group, call_case, stdin_case
from appsplus.conformance.cases._trying import ISOLATED
from appsplus.problem import Verdict

_RE, _TLE, _WA = Verdict.RUN_TIME_ERROR, Verdict.TIME_LIMIT_EXCEEDED, Verdict.WRONG_ANSWER
_stdin = partial(stdin_case, Group.HOSTILE)
_call = partial(call_case, Group.HOSTILE)


CASES = (
    _stdin(
        "kills-its-parent",
        "the parent is the judge, or its helper",
        """
        import os
        import signal
        for number in (signal.SIGTERM, signal.SIGKILL, signal.SIGSTOP):
            try:
                if os.getppid() > 0:
                    os.kill(os.getppid(), number)
            except OSError:
                pass
        print(4)
        """,
        [("", "4\n")],
        also=(_RE,),
        needs=ISOLATED,
        harmful=True,
    ),
    _stdin(
        "kills-everything-it-may",
        "kill(-1) and every number",
        """
        import os
        import signal
        for pid in [-1, *range(1, 2000)]:
            try:
                if pid != os.getpid():
                    os.kill(pid, signal.SIGKILL)
            except OSError:
                pass
        print(4)
        """,
        [("", "4\n")],
        also=(_RE,),
        needs=ISOLATED,
        harmful=True,
    ),
    _stdin(
        "kills-its-process-group",
        "kill(0) reaches all of a process group, also those outside a PID namespace",
        """
        import os
        import signal
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        for number in (signal.SIGTERM, signal.SIGKILL):
            try:
                os.kill(0, number)
            except OSError:
                pass
        print(4)
        """,
        [("", "4\n")] * 2,
        also=(_RE,),
        needs=ISOLATED,
        harmful=True,
    ),
    _stdin(
        "stops-its-process-group",
        "a stopped judge waits for ever",
        """
        import os
        import signal
        for number in (signal.SIGSTOP, signal.SIGTSTP, signal.SIGTTIN):
            os.kill(0, number)
        print(4)
        """,
        [("", "4\n")],
        also=(_RE, _TLE),
        limits=SLEEPS,
        needs=ISOLATED,
        harmful=True,
    ),
    _call(
        "kills-its-process-group-in-a-call",
        "the same from a function",
        """
        import os
        import signal
        def f(_):
            os.killpg(0, signal.SIGKILL)
            return 4
        """,
        [([0], 4)] * 2,
        also=(_RE,),
        needs=ISOLATED,
        harmful=True,
    ),
    _stdin(
        "kills-itself-after-the-right-answer",
        "ended by a signal, as a shell would report; the first process of a PID namespace is hard to kill",
        """
        import os
        import signal
        print(4, flush=True)
        os.kill(os.getpid(), signal.SIGKILL)
        """,
        [("", "4\n")],
        _RE,
    ),
    _stdin(
        "terminates-itself-after-the-right-answer",
        "SIGTERM without a handler ends a program",
        """
        import os
        import signal
        print(4, flush=True)
        os.kill(os.getpid(), signal.SIGTERM)
        """,
        [("", "4\n")],
        _RE,
    ),
    _stdin(
        "lowers-the-limits-of-its-parent",
        "prlimit on another process: no time and no files for the judge",
        """
        import os
        import resource
        for pid in {os.getppid(), 1} - {0, os.getpid()}:
            for kind in (resource.RLIMIT_CPU, resource.RLIMIT_NOFILE, resource.RLIMIT_NPROC):
                try:
                    resource.prlimit(pid, kind, (0, 0))
                except OSError:
                    pass
        print(4)
        """,
        [("", "4\n")] * 2,
        needs=ISOLATED,
        harmful=True,
    ),
    _stdin(
        "pretends-to-be-its-own-judge",
        "reads the code that runs it from the stack, and calls its functions again",
        """
        import sys
        frame = sys._getframe().f_back
        while frame:
            for name, value in list(frame.f_globals.items()):
                if callable(value) and name in ("run_stdin", "run_calls", "_finish", "_connect_standard_streams", "send"):
                    try:
                        value(*[None] * value.__code__.co_argcount)
                    except BaseException:
                        pass
            frame = frame.f_back
        print(5)
        """,
        [("", "4\n")],
        _WA,
        also=(_RE,),
    ),
    _stdin(
        "lowers-its-own-limit-of-cpu-time",
        "then the kernel kills it, which looks as if the host had",
        """
        import resource
        resource.setrlimit(resource.RLIMIT_CPU, (1, 1))
        while True:
            pass
        """,
        [("", "4\n")],
        _RE,
        also=(Verdict.TIME_LIMIT_EXCEEDED,),
        limits=LOOPS,
    ),
)
