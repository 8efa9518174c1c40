"""Honest programs of the stdin format: the ways to leave a program, what still runs then, and threads."""

from functools import partial

from appsplus.conformance.case import Group, stdin_case

_stdin = partial(stdin_case, Group.HONEST)

CASES = (
    _stdin(
        "leaves-by-exit",
        "exit() belongs to the module site, which python -I -S leaves out",
        """
        print(1)
        exit()
        print(2)
        """,
        [("", "1\n")],
    ),
    _stdin(
        "leaves-by-exit-0",
        "SystemExit with status 0 is success, no error",
        """
        print(1)
        exit(0)
        print(2)
        """,
        [("", "1\n")],
    ),
    _stdin(
        "leaves-by-quit",
        "quit() is exit() by another name",
        """
        print(1)
        quit()
        """,
        [("", "1\n")],
    ),
    _stdin(
        "leaves-by-sys-exit",
        "the usual way",
        """
        import sys
        print(1)
        sys.exit()
        """,
        [("", "1\n")],
    ),
    _stdin(
        "leaves-by-sys-exit-0-in-a-function",
        "from the depth of a program",
        """
        import sys
        def solve(n):
            if n == 0:
                print("found")
                sys.exit(0)
            solve(n - 1)
        solve(5)
        print("not found")
        """,
        [("", "found\n")],
    ),
    _stdin(
        "leaves-by-raising-systemexit",
        "without a call",
        """
        print(1)
        raise SystemExit
        """,
        [("", "1\n")],
    ),
    _stdin(
        "leaves-through-except-exception",
        "SystemExit is no Exception: a bare handler of a program must not catch it, nor a judge's own replacement",
        """
        try:
            print(1)
            exit(0)
        except Exception:
            print(2)
        finally:
            print(3)
        """,
        [("", "1\n3\n")],
    ),
    _stdin(
        "catches-its-own-systemexit",
        "sys.exit raises; it does not end the process",
        """
        import sys
        try:
            sys.exit(3)
        except SystemExit as leaving:
            print("status", leaving.code)
        """,
        [("", "status 3\n")],
    ),
    _stdin(
        "leaves-by-os-exit-after-a-flush",
        "the quick way out of large programs; what was flushed counts",
        """
        import os
        print(1, flush=True)
        os._exit(0)
        """,
        [("", "1\n")],
    ),
    _stdin(
        "leaves-in-a-different-way-in-each-unit-test",
        "a judge that runs all unit tests in one process must survive each",
        """
        import os
        import sys
        n = int(input())
        print(n, flush=True)
        if n == 1:
            sys.exit()
        if n == 2:
            os._exit(0)
        if n == 3:
            exit(0)
        """,
        [("1\n", "1\n"), ("2\n", "2\n"), ("3\n", "3\n"), ("4\n", "4\n")],
    ),
    _stdin(
        "has-a-main-guard",
        "the program is the module __main__",
        """
        def main():
            print("in", __name__)
        if __name__ == "__main__":
            main()
        """,
        [("", "in __main__\n")],
    ),
    _stdin(
        "has-a-main-guard-with-sys-exit-of-main",
        "sys.exit(None) is success",
        """
        import sys
        def main():
            print(42)
        if __name__ == "__main__":
            sys.exit(main())
        """,
        [("", "42\n")],
    ),
    _stdin(
        "imports-itself-as-main",
        "import __main__ gives the program's own module",
        """
        import __main__
        x = 42
        print(__main__.x)
        """,
        [("", "42\n")],
    ),
    _stdin(
        "prints-from-atexit-handlers",
        "handlers run after the program's last line, the last one first",
        """
        import atexit
        atexit.register(print, "bye")
        atexit.register(print, "soon")
        print("hi")
        """,
        [("", "hi\nsoon\nbye\n")],
    ),
    _stdin(
        "prints-from-an-atexit-handler-after-sys-exit",
        "handlers run however the program is left",
        """
        import atexit
        import sys
        atexit.register(lambda: print("bye"))
        sys.exit(0)
        """,
        [("", "bye\n")],
    ),
    _stdin(
        "prints-from-a-finalizer-at-exit",
        "a shell runs __del__ of what is still alive when the interpreter is taken down",
        """
        class Guard:
            def __del__(self):
                print("closed")
        guard = Guard()
        print("open")
        """,
        [("", "open\nclosed\n")],
    ),
    _stdin(
        "leaves-a-file-object-on-standard-output-unflushed",
        "the interpreter's end flushes streams that the program forgot",
        """
        import os
        out = os.fdopen(os.dup(1), "w")
        out.write("42\\n")
        """,
        [("", "42\n")],
    ),
    _stdin(
        "prints-from-threads-that-outlive-the-main-one",
        "threads that are no daemons are waited for",
        """
        import threading
        import time
        def work():
            time.sleep(0.05)
            print("thread")
        threading.Thread(target=work).start()
        print("main")
        """,
        [("", "main\nthread\n")],
    ),
    _stdin(
        "leaves-a-daemon-thread-behind",
        "daemon threads are not waited for",
        """
        import threading
        import time
        threading.Thread(target=time.sleep, args=(3600,), daemon=True).start()
        print("main")
        """,
        [("", "main\n")],
    ),
    _stdin(
        "has-a-thread-that-fails",
        "an exception in a thread ends that thread, not the program; its status stays 0",
        """
        import threading
        thread = threading.Thread(target=lambda: 1 / 0)
        thread.start()
        thread.join()
        print("main")
        """,
        [("", "main\n")],
    ),
    _stdin(
        "leaves-a-thread-by-sys-exit",
        "sys.exit in a thread ends that thread only",
        """
        import sys
        import threading
        thread = threading.Thread(target=sys.exit, args=(3,))
        thread.start()
        thread.join()
        print("main")
        """,
        [("", "main\n")],
    ),
    _stdin(
        "runs-its-main-function-in-a-thread-with-a-large-stack",
        "the template of contests for deep recursion: threading.stack_size and a thread",
        """
        import sys
        import threading
        def depth(n):
            return 0 if n == 0 else 1 + depth(n - 1)
        def main():
            print(depth(40_000))
        sys.setrecursionlimit(10**6)
        threading.stack_size(1 << 26)
        thread = threading.Thread(target=main)
        thread.start()
        thread.join()
        """,
        [("", "40000\n")],
    ),
    _stdin(
        "works-with-a-pool-of-threads",
        "a dozen threads at once, each with memory of its own; concurrent.futures joins them at exit",
        """
        from concurrent.futures import ThreadPoolExecutor
        from threading import Barrier
        meet = Barrier(12)
        def work(n):
            data = [bytearray(100) for _ in range(2000)]
            meet.wait()
            return n + len(data)
        with ThreadPoolExecutor(12) as pool:
            print(sum(pool.map(work, range(12))))
        """,
        [("", "24066\n")],
    ),
    _stdin(
        "synchronises-threads",
        "locks, events and queues between a few threads",
        """
        import queue
        import threading
        jobs, done = queue.Queue(), queue.Queue()
        def work():
            while (n := jobs.get()) is not None:
                done.put(n * n)
        threads = [threading.Thread(target=work) for _ in range(3)]
        for thread in threads:
            thread.start()
        for n in range(10):
            jobs.put(n)
        for _ in threads:
            jobs.put(None)
        for thread in threads:
            thread.join()
        print(sum(done.get() for _ in range(10)))
        """,
        [("", "285\n")],
    ),
    _stdin(
        "runs-an-event-loop",
        "asyncio makes a pair of sockets for itself, which reaches nobody",
        """
        import asyncio
        async def square(n):
            await asyncio.sleep(0.001)
            return n * n
        async def main():
            print(await asyncio.gather(*map(square, range(4))))
        asyncio.run(main())
        """,
        [("", "[0, 1, 4, 9]\n")],
    ),
    _stdin(
        "sets-a-timer-of-its-own",
        "SIGALRM belongs to the program; a judge that times by it is disturbed, or disturbs",
        """
        import signal
        def ring(number, frame):
            raise TimeoutError
        signal.signal(signal.SIGALRM, ring)
        signal.setitimer(signal.ITIMER_REAL, 0.05)
        try:
            while True:
                pass
        except TimeoutError:
            print("rang")
        """,
        [("", "rang\n")],
    ),
    _stdin(
        "sleeps-for-a-moment",
        "waiting costs no CPU time, and is no fault within the wall limit",
        """
        import time
        time.sleep(0.1)
        print("awake")
        """,
        [("", "awake\n")],
    ),
    _stdin(
        "leaves-a-generator-in-the-middle",
        "its `finally` runs when the interpreter ends",
        """
        def numbers():
            try:
                yield 1
            finally:
                print("done")

        suspended = numbers()
        print(next(suspended))
        """,
        [("", "1\ndone\n")],
    ),
)
