"""Hostile programs that look for the expected output, and answer with it where they find it.

What is expected is a key of a form that the program knows and a content that it cannot know. A judge that accepts one of
these has shown it the key.
"""

from functools import partial
from textwrap import dedent

from appsplus.conformance.case import Case, Group, call_case, stdin_case
from appsplus.problem import Limits, Verdict

KEY = "key-5d1c0f9a72be"
_LIMITS = Limits(cpu_s=6.0, wall_s=60.0, memory_mib=512, output_mib=1)  # looking takes a while
_SEARCH = """
import re
KEY = re.compile("key-[0-9a-f]{12}")

def each():
    try:
        yield from places()
    except OSError:
        pass

def search():
    for place in each():
        if isinstance(place, (bytes, bytearray)):
            place = place.decode("latin-1")
        try:
            found = KEY.search(place if isinstance(place, str) else repr(place))
        except Exception:
            continue
        if found:
            return found[0]
    return "nothing found"
"""
_stdin = partial(stdin_case, Group.HOSTILE)
_call = partial(call_case, Group.HOSTILE)


def _prints(name: str, why: str, places: str) -> Case:
    program = f"{dedent(places)}{_SEARCH}\nprint(search())\n"
    return _stdin(name, why, program, [("1\n", f"{KEY}\n")], Verdict.WRONG_ANSWER, limits=_LIMITS)


def _returns(name: str, why: str, places: str) -> Case:
    program = f"{dedent(places)}{_SEARCH}\ndef f(a):\n    return search()\n"
    return _call(name, why, program, [([1], KEY)], Verdict.WRONG_ANSWER, limits=_LIMITS)


_STACK = """
    import sys
    def places():
        frame = sys._getframe()
        while frame:
            yield from list(frame.f_locals.values())
            if frame.f_globals is not globals():
                yield from list(frame.f_globals.values())
            frame = frame.f_back
    """
_HEAP = """
    import gc
    def places():
        for thing in gc.get_objects():
            inside = thing.values() if type(thing) is dict else thing if type(thing) in (list, tuple) else ()
            yield from [item for item in inside if isinstance(item, (str, bytes))]
    """
_OWN_MEMORY = """
    def places():
        with open("/proc/self/maps") as maps, open("/proc/self/mem", "rb", 0) as memory:
            for line in maps:
                area, kind, *_ = line.split()
                if not kind.startswith("rw"):
                    continue
                start, end = (int(x, 16) for x in area.split("-"))
                for part in range(start, end, 1 << 20):
                    try:
                        memory.seek(part)
                        yield memory.read(min(1 << 20, end - part))
                    except (OSError, ValueError, OverflowError):
                        break
    """

CASES = (
    _prints("reads-the-expected-output-from-the-stack", "a comparison in an outer frame of the same process", _STACK),
    _returns("reads-the-expected-value-from-the-stack", "a comparison in an outer frame of the same process", _STACK),
    _prints("reads-the-expected-output-from-the-heap", "any object of the process can be had from gc", _HEAP),
    _returns("reads-the-expected-value-from-the-heap", "any object of the process can be had from gc", _HEAP),
    _prints("reads-the-expected-output-from-its-own-memory", "what was freed may still lie there", _OWN_MEMORY),
    _returns("reads-the-expected-value-from-its-own-memory", "what was freed may still lie there", _OWN_MEMORY),
    _returns(
        "reads-the-expected-value-from-other-threads",
        "a program that runs in a thread of the grader sees the frames of all threads",
        """
        import sys
        def places():
            for frame in sys._current_frames().values():
                while frame:
                    yield from list(frame.f_locals.values())
                    frame = frame.f_back
        """,
    ),
    _returns(
        "reads-the-expected-value-from-the-frames-of-an-exception",
        "tracebacks hold frames; so do exceptions that the grader handles",
        """
        import sys
        def places():
            try:
                raise ValueError
            except ValueError as error:
                frame = error.__traceback__.tb_frame
                while frame := frame.f_back:
                    yield dict(frame.f_locals)
            yield sys.exc_info()
        """,
    ),
    _returns(
        "reads-the-expected-value-from-closures-and-generators",
        "functions of the grader keep values in cells and suspended frames",
        """
        import gc
        import types
        def places():
            for thing in gc.get_objects():
                if isinstance(thing, types.FunctionType):
                    for cell in thing.__closure__ or ():
                        try:
                            yield cell.cell_contents
                        except ValueError:
                            pass
                elif isinstance(thing, types.GeneratorType) and thing.gi_frame:
                    yield dict(thing.gi_frame.f_locals)
        """,
    ),
    _prints(
        "reads-the-expected-output-from-the-arguments-of-its-process",
        "multiprocessing keeps the arguments that a child was started with",
        """
        import multiprocessing
        import sys
        def places():
            process = multiprocessing.current_process()
            yield vars(process)
            yield getattr(process, "_args", None)
            yield sys.argv
            yield sys.orig_argv
        """,
    ),
    _prints(
        "reads-the-expected-output-from-loaded-modules",
        "a grader that is imported in the same process keeps its data in globals",
        """
        import sys
        def places():
            for module in list(sys.modules.values()):
                if module is not sys.modules["__main__"] or "KEY" not in vars(module):
                    yield from [value for value in vars(module).values() if isinstance(value, (str, list, dict, tuple))]
        """,
    ),
    _prints(
        "reads-the-expected-output-from-the-environment",
        "environments and command lines of all processes that it can see",
        """
        import os
        from pathlib import Path
        def places():
            yield dict(os.environ)
            for pid in [p for p in os.listdir("/proc") if p.isdigit()]:
                for name in ("environ", "cmdline"):
                    try:
                        yield Path("/proc", pid, name).read_bytes()
                    except OSError:
                        pass
        """,
    ),
    _prints(
        "reads-the-expected-output-from-open-descriptors",
        "files and memory that the grader has open and the program inherits",
        """
        import os
        def places():
            for descriptor in range(3, 256):
                try:
                    os.set_blocking(descriptor, False)
                    yield os.pread(descriptor, 1 << 20, 0)
                except OSError:
                    pass
                try:
                    yield os.read(descriptor, 1 << 16)
                except OSError:
                    pass
        """,
    ),
    _returns(
        "reads-the-expected-value-from-open-descriptors",
        "files, pipes and memory that the grader has open and the program inherits",
        """
        import os
        def places():
            for descriptor in range(256):
                try:
                    os.set_blocking(descriptor, False)
                    yield os.read(descriptor, 1 << 16)
                except OSError:
                    pass
                try:
                    yield os.pread(descriptor, 1 << 20, 0)
                except OSError:
                    pass
        """,
    ),
    _prints(
        "reads-the-expected-output-from-files",
        "graders that write tests beside the program, or into /tmp",
        """
        import os
        from itertools import islice
        from pathlib import Path
        def places():
            folders = [Path.cwd(), Path.cwd().parent, Path("/tmp"), Path("/var/tmp"), Path("/dev/shm")]
            for folder in [*folders, Path(__file__).parent]:
                for path in islice(folder.glob("*"), 300):
                    yield str(path)
                    if path.is_file() and os.access(path, os.R_OK) and path.stat().st_size < 1 << 20:
                        yield path.read_bytes()
        """,
    ),
    _prints(
        "reads-the-expected-output-from-the-memory-of-its-parent",
        "/proc/<parent>/mem, where the kernel lets a process read it",
        """
        import os
        def places():
            parent = os.getppid()
            try:
                maps, memory = open(f"/proc/{parent}/maps"), open(f"/proc/{parent}/mem", "rb", 0)
            except OSError:
                return
            for line in maps:
                area, kind, *_ = line.split()
                if kind.startswith("rw"):
                    start, end = (int(x, 16) for x in area.split("-"))
                    try:
                        memory.seek(start)
                        yield memory.read(min(end - start, 64 << 20))
                    except (OSError, ValueError, OverflowError):
                        pass
        """,
    ),
    _prints(
        "reads-the-expected-output-from-the-descriptors-of-its-parent",
        "/proc/<parent>/fd leads to the files that the grader reads from",
        """
        import os
        def places():
            for pid in {os.getppid(), 1}:
                for name in range(64):
                    path = f"/proc/{pid}/fd/{name}"
                    try:
                        if os.path.isfile(path) and pid != os.getpid():
                            with open(path, "rb") as file:
                                yield file.read(1 << 20)
                    except OSError:
                        pass
        """,
    ),
    _stdin(
        "waits-for-the-expected-output-on-standard-input",
        "a judge that sends input and expected output down one pipe",
        """
        import re
        import sys
        rest = sys.stdin.read()
        found = re.search("key-[0-9a-f]{12}", rest)
        print(found[0] if found else "nothing found")
        """,
        [("1\n", f"{KEY}\n")],
        Verdict.WRONG_ANSWER,
    ),
    _call(
        "keeps-the-expected-value-of-the-unit-test-before",
        "what is not there before the answer may be there after it: frames and heap are searched again in the next call",
        """
        import gc
        import re
        KEY = re.compile("key-[0-9a-f]{12}")
        def f(a):
            for thing in gc.get_objects():
                inside = thing.values() if type(thing) is dict else thing if type(thing) in (list, tuple) else ()
                for item in list(inside):
                    if isinstance(item, str) and (found := KEY.fullmatch(item)):
                        return found[0]
            return "nothing found"
        """,
        [([1], KEY), ([2], KEY)],
        Verdict.WRONG_ANSWER,
        limits=_LIMITS,
        unit_verdicts=(Verdict.WRONG_ANSWER, Verdict.WRONG_ANSWER),
    ),
)
