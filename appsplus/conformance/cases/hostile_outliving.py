"""Hostile programs that multiply, outlive their run, and leave things for the next one."""

from functools import partial

from appsplus.conformance.case import LOOPS, Group, call_case, stdin_case
from appsplus.conformance.cases._trying import ISOLATED
from appsplus.problem import Limits, Verdict

_RE, _TLE = Verdict.RUN_TIME_ERROR, Verdict.TIME_LIMIT_EXCEEDED
_stdin = partial(stdin_case, Group.HOSTILE)
_call = partial(call_case, Group.HOSTILE)

_LIMITS = Limits(cpu_s=3.0, wall_s=30.0, memory_mib=512, output_mib=1)

CASES = (
    _stdin(
        "forks-200-processes",
        "a fork bomb with a fuse: children wait for two seconds and are gone",
        """
        import os
        import time
        started = 0
        try:
            for _ in range(200):
                if os.fork() == 0:
                    time.sleep(2)
                    os._exit(0)
                started += 1
        except (OSError, TypeError):
            pass
        print("escaped" if started == 200 else "contained")
        """,
        [("", "contained\n")],
        needs=ISOLATED,
        limits=_LIMITS,
    ),
    _stdin(
        "forks-without-end",
        "the fork bomb itself",
        """
        import os
        import threading
        def bomb():
            while True:
                try:
                    os.fork()
                except OSError:
                    pass
        for _ in range(3):
            threading.Thread(target=bomb, daemon=True).start()
        bomb()
        """,
        [("", "4\n")],
        _TLE,
        also=(_RE,),
        limits=LOOPS,
        needs=ISOLATED,
        harmful=True,
    ),
    _stdin(
        "starts-2000-threads",
        "a thread bomb with a fuse",
        """
        import threading
        stop = threading.Event()
        threading.stack_size(64 << 10)
        started = 0
        try:
            for _ in range(2000):
                threading.Thread(target=stop.wait, daemon=True).start()
                started += 1
        except (RuntimeError, MemoryError):
            pass
        stop.set()
        print("escaped" if started == 2000 else "contained")
        """,
        [("", "contained\n")],
        limits=_LIMITS,
        needs=("rlimits",),
    ),
    _stdin(
        "starts-threads-without-end",
        "the thread bomb itself; none of them stops",
        """
        import threading
        import time
        while True:
            try:
                threading.Thread(target=time.sleep, args=(3600,)).start()
            except (RuntimeError, MemoryError):
                pass
        """,
        [("", "4\n")],
        _TLE,
        also=(_RE, Verdict.MEMORY_LIMIT_EXCEEDED),
        limits=LOOPS,
        harmful=True,
    ),
    _stdin(
        "leaves-a-daemon-that-holds-standard-output",
        "a judge that reads until the pipe is closed waits for a process that the program left",
        """
        import os
        import time
        print(4, flush=True)
        try:
            if os.fork() == 0:
                os.setsid()
                if os.fork() == 0:
                    time.sleep(20)
                os._exit(0)
        except (OSError, TypeError):
            pass
        """,
        [("", "4\n")],
        limits=Limits(cpu_s=2.0, wall_s=6.0, memory_mib=256, output_mib=1),
    ),
    _stdin(
        "leaves-a-daemon-that-outlives-it",
        "a double fork in a session of its own: the second unit test looks for its heartbeat",
        """
        import os
        import time
        path = "/tmp/appsplus-conformance-heartbeat"
        if input() == "start":
            try:
                if os.fork() == 0:
                    os.setsid()
                    if os.fork():
                        os._exit(0)
                    os.closerange(0, 256)
                    for beat in range(30):
                        with open(path, "w") as file:
                            file.write(str(time.time()))
                        time.sleep(0.1)
                    os.unlink(path)
                    os._exit(0)
            except (OSError, TypeError):
                pass
            print("contained")
        else:
            time.sleep(0.4)
            alive = os.path.exists(path) and time.time() - os.path.getmtime(path) < 0.3
            print("escaped" if alive else "contained")
        """,
        [("start\n", "contained\n"), ("look\n", "contained\n")],
        needs=ISOLATED,
    ),
    _stdin(
        "leaves-files-for-the-unit-test-after-it",
        "answers could be kept from one unit test to the next; the second looks, and cleans up",
        """
        import os
        folders = [".", "/tmp", "/var/tmp", "/dev/shm"]
        paths = [os.path.join(folder, "appsplus-conformance-left") for folder in folders]
        leave, found = input() == "leave", False
        for path in paths:
            try:
                if leave:
                    open(path, "w").close()
                elif os.path.exists(path):
                    found = True
                    os.unlink(path)
            except (OSError, TypeError):
                pass
        print("escaped" if found else "contained")
        """,
        [("leave\n", "contained\n"), ("look\n", "contained\n")],
        needs=ISOLATED,
    ),
    _stdin(
        "leaves-the-disk-full",
        "the next unit test must find room",
        """
        import os
        import tempfile
        if input() == "fill":
            try:
                for i in range(2000):
                    with open(os.path.join(tempfile.gettempdir(), f"full-{i}"), "wb") as file:
                        file.write(bytes(1 << 18))
            except OSError:
                pass
            print("full")
        else:
            with tempfile.TemporaryFile() as file:
                file.write(bytes(1 << 18))
            print("room")
        """,
        [("fill\n", "full\n"), ("write\n", "room\n")],
        limits=Limits(cpu_s=4.0, wall_s=40.0, memory_mib=256, output_mib=1),
        needs=ISOLATED,
        harmful=True,
    ),
    _stdin(
        "leaves-folders-that-cannot-be-entered",
        "what is cleaned up by walking may be deep, unreadable or oddly named",
        """
        import os
        import tempfile
        os.chdir(tempfile.mkdtemp())
        try:
            for depth in range(600):
                os.mkdir("d" * 200)
                os.chdir("d" * 200)
            open("\\n\\udcff", "w").close()
        except OSError:
            pass
        os.chmod(".", 0)
        print("left")
        """,
        [("", "left\n")] * 2,
        needs=ISOLATED,
        harmful=True,
    ),
    _stdin(
        "locks-the-folder-for-files",
        "nothing is left in /tmp, but the next program may not enter it",
        """
        import os
        with open("/tmp/notes", "w") as file:
            file.write("kept")
        print(open("/tmp/notes").read(), int(os.stat("/tmp").st_mtime) > 1)
        os.remove("/tmp/notes")
        os.utime("/tmp", (1, 1))
        os.chmod("/tmp", 0)
        """,
        [("", "kept True\n")] * 3,
        needs=ISOLATED,
        harmful=True,
    ),
    _call(
        "leaves-a-thread-that-goes-on-after-its-answer",
        "a thread of one unit test must not spoil the next",
        """
        import threading
        import time
        state = {"n": 0}
        def work():
            while True:
                state["n"] += 1
                time.sleep(0.001)
        def f(a):
            before = state["n"]
            threading.Thread(target=work, daemon=True).start()
            time.sleep(0.05)
            return before == 0
        """,
        [([1], True), ([2], True), ([3], True)],
    ),
    _call(
        "sets-an-alarm-for-the-unit-test-after-it",
        "a signal that is on its way when the answer is given",
        """
        import signal
        import time
        def f(a):
            if a == 0:
                signal.setitimer(signal.ITIMER_REAL, 0.02)
            else:
                time.sleep(0.1)
            return a
        """,
        [([0], 0), ([1], 1), ([2], 2)],
    ),
)
