"""Hostile programs that use more time than they may, and do what they can against being stopped."""

from functools import partial

from appsplus.conformance.case import LOOPS, SLEEPS, Group, call_case, stdin_case
from appsplus.problem import Limits, Verdict

_TLE = Verdict.TIME_LIMIT_EXCEEDED
_stdin = partial(stdin_case, Group.HOSTILE)
_call = partial(call_case, Group.HOSTILE)

CASES = (
    _stdin(
        "swallows-the-timeout",
        "a timeout that arrives as an exception inside the program is the program's to catch",
        """
        while True:
            try:
                while True:
                    pass
            except BaseException:
                pass
        """,
        [("", "4\n")],
        _TLE,
        limits=LOOPS,
    ),
    _call(
        "swallows-the-timeout-and-answers",
        "a program that is interrupted may not take it as leave to answer",
        """
        import time
        def f(_):
            end = time.process_time() + 3
            while time.process_time() < end:
                try:
                    while time.process_time() < end:
                        pass
                except BaseException:
                    pass
            return 4
        """,
        [([0], 4)],
        _TLE,
        limits=LOOPS,
    ),
    _call(
        "swallows-the-timeout-in-a-finalizer",
        "exceptions inside __del__ are dropped by the interpreter",
        """
        import time
        class Burner:
            def __del__(self):
                end = time.process_time() + 0.2
                while time.process_time() < end:
                    pass
        def f(_):
            for _ in range(20):
                Burner()
            return 4
        """,
        [([0], 4)],
        _TLE,
        limits=LOOPS,
    ),
    _stdin(
        "cancels-timers-and-ignores-signals",
        "alarm, itimers and signals belong to the process of the program",
        """
        import signal
        for number in range(1, 65):
            try:
                signal.signal(number, signal.SIG_IGN)
            except (OSError, ValueError):
                pass
        signal.alarm(0)
        for timer in (signal.ITIMER_REAL, signal.ITIMER_VIRTUAL, signal.ITIMER_PROF):
            signal.setitimer(timer, 0)
        while True:
            pass
        """,
        [("", "4\n")],
        _TLE,
        limits=LOOPS,
    ),
    _call(
        "cancels-the-alarm-and-answers-late",
        "graders that use signal.alarm are disarmed by one line",
        """
        import signal
        import time
        def f(_):
            signal.alarm(0)
            signal.setitimer(signal.ITIMER_REAL, 0)
            end = time.process_time() + 6
            while time.process_time() < end:
                pass
            return 4
        """,
        [([0], 4)],
        _TLE,
        limits=LOOPS,
    ),
    _stdin(
        "blocks-all-signals",
        "blocked signals are not delivered; a kill is no such signal",
        """
        import signal
        signal.pthread_sigmask(signal.SIG_BLOCK, range(1, 65))
        while True:
            pass
        """,
        [("", "4\n")],
        _TLE,
        limits=LOOPS,
    ),
    _stdin(
        "prints-and-ignores-sigterm",
        "a judge that asks politely waits for ever",
        """
        import signal
        import time
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGALRM):
            signal.signal(number, lambda *a: None)
        print(4, flush=True)
        while True:
            time.sleep(3600)
        """,
        [("", "4\n")],
        _TLE,
        limits=SLEEPS,
    ),
    _stdin(
        "stops-itself",
        "SIGSTOP: a stopped process uses no time and never ends",
        """
        import os
        import signal
        os.kill(os.getpid(), signal.SIGSTOP)
        print(5)
        """,
        [("", "4\n")],
        _TLE,
        # the first process of a PID namespace cannot be stopped from inside; without one, signals are refused
        also=(Verdict.WRONG_ANSWER, Verdict.RUN_TIME_ERROR),
        limits=SLEEPS,
    ),
    _stdin(
        "loops-inside-c",
        "a handler in Python runs between bytecodes, so never",
        "sum(iter(int, 1))",
        [("", "4\n")],
        _TLE,
        limits=LOOPS,
    ),
    _call(
        "loops-inside-c-in-a-call",
        "a handler in Python runs between bytecodes, so never",
        """
        from collections import deque
        from itertools import repeat
        def f(_):
            deque(repeat(0), maxlen=0)
        """,
        [([0], None)],
        _TLE,
        limits=LOOPS,
    ),
    _stdin(
        "matches-a-catastrophic-regular-expression",
        "exponential backtracking, inside C",
        """
        import re
        re.match("(a+)+$", "a" * 60 + "b")
        """,
        [("", "4\n")],
        _TLE,
        limits=LOOPS,
    ),
    _stdin(
        "converts-a-number-of-millions-of-digits",
        "quadratic work inside C; Python's limit on digits is lifted first",
        """
        import sys
        sys.set_int_max_str_digits(0)
        print(len(str(int("7" * 4_000_000))))
        """,
        [("", "4000000\n")],
        _TLE,
        limits=LOOPS,
    ),
    _stdin(
        "computes-in-threads-behind-a-sleeping-main-thread",
        "CPU time is that of all threads",
        """
        import threading
        import time
        def burn():
            while True:
                pass
        for _ in range(3):
            threading.Thread(target=burn, daemon=True).start()
        time.sleep(3600)
        """,
        [("", "4\n")],
        _TLE,
        limits=Limits(cpu_s=0.3, wall_s=60.0, memory_mib=256, output_mib=1),
    ),
    _call(
        "says-again-and-again-that-it-begins",
        "a clock that begins when the program does can be set back by whoever can say so",
        """
        import os
        import struct
        import sys
        import time
        def f(_):
            mark = sys._getframe(2).f_locals["mark"]
            for kind in (b"S", b"R") * 200:
                os.write(3, struct.pack("<cII", kind, 0, len(mark)) + mark)
                time.sleep(0.005)
            return 4
        """,
        [([0], 4)],
        _TLE,
        limits=SLEEPS,
    ),
    _stdin(
        "waits-for-input-that-never-comes",
        "a pipe of its own, with nobody at the other end",
        """
        import os
        reader, writer = os.pipe()
        os.read(reader, 1)
        """,
        [("", "4\n")],
        _TLE,
        limits=SLEEPS,
    ),
    _stdin(
        "deadlocks",
        "a lock that is never released, waited for in C",
        """
        import threading
        lock = threading.Lock()
        lock.acquire()
        lock.acquire()
        """,
        [("", "4\n")],
        _TLE,
        limits=SLEEPS,
    ),
)
