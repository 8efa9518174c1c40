"""Honest programs that get at standard input by its descriptor or below sys.stdin. Each does in a shell what is expected."""

from functools import partial

from appsplus.conformance.case import Group, stdin_case

_stdin = partial(stdin_case, Group.HONEST)

CASES = (
    _stdin(
        "reads-by-os-fdopen",
        "a file of its own over descriptor 0",
        """
        import os
        with os.fdopen(0) as file:
            print(max(map(int, file)))
        """,
        [("3\n11\n7\n", "11\n")],
    ),
    _stdin(
        "reads-by-the-stream-that-was-there-first",
        "sys.__stdin__ is what sys.stdin was before anybody replaced it",
        """
        import io, sys
        sys.stdin = io.StringIO("something else")
        print(sys.__stdin__.readline().strip()[::-1])
        """,
        [("abc\n", "cba\n")],
    ),
    _stdin(
        "reads-by-opening-dev-fd-0",
        "the descriptor has a name, too",
        "print(len(open('/dev/fd/0').read().split()))",
        [("a b c\n", "3\n")],
        needs=("proc",),
    ),
    _stdin(
        "reads-bytes-after-detaching-the-text-layer",
        "what detach() gives is the buffer below sys.stdin",
        """
        import sys
        raw = sys.stdin.detach()
        print(sum(map(int, raw.read().split())))
        """,
        [("1 2 3\n", "6\n")],
    ),
    _stdin(
        "reads-once-select-says-that-there-is-something",
        "templates for interactive problems wait like this",
        """
        import select, sys
        ready, _, _ = select.select([sys.stdin], [], [], 5)
        print(input() if ready else "nothing came")
        """,
        [("abc\n", "abc\n")],
    ),
    _stdin(
        "reads-lines-through-asyncio",
        "a loop in a thread of its executor reads while the main one awaits",
        """
        import asyncio, sys

        async def main():
            loop = asyncio.get_running_loop()
            n = int(await loop.run_in_executor(None, sys.stdin.readline))
            print(sum([int(await loop.run_in_executor(None, sys.stdin.readline)) for _ in range(n)]))

        asyncio.run(main())
        """,
        [("2\n3\n4\n", "7\n")],
    ),
)
