"""Probes on CPython 3.11: what they record is compared in `test_tracer`; here, what they must leave alone and survive."""

import dis
import inspect
import marshal
import mmap
import os
import pickle
import signal
import subprocess
import sys
import threading
import types
from bisect import bisect_left
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from appsplus.judge import probes
from appsplus.judge.line_map import LineMap, code_objects, hit_size
from appsplus.judge.tracer import LineTracer

ROOT = Path(__file__).resolve().parents[2]

pytestmark = pytest.mark.skipif(sys.version_info[:2] != (3, 11), reason="3.12 and later have sys.monitoring")


def planned(source: str) -> tuple[types.CodeType, Any, LineMap]:
    """The text compiled, with probes; what `recorder` wants to know of them; its lines."""
    code = compile(source, "<program>", "exec", dont_inherit=True)
    line_map = LineMap(source, code)
    return *probes.prepared(code, line_map), line_map


class Recording:
    """A program with probes, loaded; `during(call)` says which lines a call executes."""

    def __init__(self, source: str) -> None:
        code, places, self.line_map = planned(source)
        self.hit = bytearray(self.line_map.size)
        self.code, recorder = probes.recorder(code, places, self.hit)
        assert isinstance(recorder, probes.Probes)
        self.recorder = recorder
        self.names: dict[str, Any] = {"__name__": "program"}
        recorder.start()
        exec(self.code, self.names)
        self.loaded = self.line_map.executed(self.hit)

    def during(self, call: Callable[[], Any]) -> tuple[int, ...]:
        self.recorder.clear()
        call()
        return self.line_map.executed(self.hit)


BRANCHES = "def f(x):\n    if x:\n        return 1\n    return 2\n"


def test_probes_are_patched_on_this_interpreter() -> None:
    assert probes._PATCHES


def test_every_unit_test_has_its_own_lines() -> None:
    program = Recording(BRANCHES)
    assert program.loaded == (1,)
    assert [program.during(lambda x=x: program.names["f"](x)) for x in (0, 1, 0)] == [(2, 4), (2, 3), (2, 4)]


def test_a_line_is_written_once_until_it_is_cleared() -> None:
    program = Recording(BRANCHES)
    program.during(lambda: program.names["f"](0))
    program.hit[:] = bytes(len(program.hit))
    program.names["f"](0)
    assert not any(program.hit)
    assert program.during(lambda: program.names["f"](0)) == (2, 4)


def test_lines_are_recorded_after_the_interpreter_has_specialised_the_code() -> None:
    source = "def f(n):\n    s = 0\n    for i in range(n):\n        if i > 5:\n            s += i\n    return s\n"
    program = Recording(source)
    assert program.during(lambda: [program.names["f"](50) for _ in range(50)]) == (2, 3, 4, 5, 6)
    assert program.during(lambda: program.names["f"](3)) == (2, 3, 4, 6)
    assert program.names["f"](50) == sum(range(6, 50))


def test_without_patching_the_lines_are_the_same() -> None:
    code, places, line_map = planned(BRANCHES)
    hit, names = bytearray(line_map.size), dict[str, Any]()
    recorder = probes.Probes(code, places, hit, patches=False)
    recorder.start()
    exec(recorder.code, names)
    for x, lines in ((1, (2, 3)), (0, (2, 4)), (0, (2, 4))):
        recorder.clear()
        names["f"](x)
        assert line_map.executed(hit) == lines


def test_a_program_that_was_not_started_runs_and_records_nothing() -> None:
    code, places, line_map = planned(BRANCHES)
    names: dict[str, Any] = {}
    hit = bytearray(line_map.size)
    code, _ = probes.recorder(code, places, hit)
    exec(code, names)
    assert names["f"](1) == 1
    assert not any(hit)


def test_a_buffer_that_is_too_small_is_refused() -> None:
    code, places, line_map = planned(BRANCHES)
    with pytest.raises(ValueError, match=f"needs {line_map.size} bytes; got 3"):
        probes.recorder(code, places, bytearray(3))


def test_code_with_probes_is_recorded_after_it_was_marshalled() -> None:
    source = (
        "class A:\n    def f(self):\n        return [x for x in (1, 2) if x]\n\nprint(A().f())\nif 0 > 1:\n    pass\n"
    )
    code, places, line_map = planned(source)
    hit = bytearray(line_map.size)
    code, recorder = probes.recorder(*marshal.loads(marshal.dumps((code, places))), hit)
    recorder.start()
    exec(code, {"__name__": "program"})
    assert line_map.executed(hit) == (1, 2, 3, 5, 6)


def test_a_code_object_too_long_for_probes_is_left_to_the_tracer() -> None:
    source = "x = 1\n" * 8000
    code, places, line_map = planned(source)
    assert places is None
    hit = bytearray(line_map.size)
    code, tracer = probes.recorder(code, places, hit)
    assert isinstance(tracer, LineTracer)
    tracer.start()
    exec(code, {})
    tracer.stop()
    assert line_map.executed(hit) == tuple(range(1, 8001))


@pytest.mark.parametrize("lines", [10, 40, 60, 120, 300, 1200])
def test_jumps_hold_however_far_they_become(lines: int) -> None:
    body = "".join(f"        s += {i} if i % 2 else s & 1\n" for i in range(lines))
    source = f"def f(n):\n    s = 0\n    for i in range(n):\n{body}    else:\n        return s\n    return 0\n"
    names: dict[str, Any] = {}
    exec(compile(source, "<program>", "exec"), names)
    program = Recording(source)
    assert program.during(lambda: program.names["f"](3)) == (2, 3, *range(4, 4 + lines), 5 + lines)
    assert program.names["f"](30) == names["f"](30)


def test_code_with_more_than_256_constants_is_recorded() -> None:
    source = "def f(x):\n" + "".join(f"    x += {i}.5\n" for i in range(300)) + "    return x\n"
    program = Recording(source)
    assert program.during(lambda: program.names["f"](0)) == tuple(range(2, 303))
    assert program.names["f"](0) == sum(i + 0.5 for i in range(300))


def test_recursion_reaches_the_depth_that_it_reaches_without_probes() -> None:
    source = (
        "def f(n):\n    global deepest\n    deepest = n\n    f(n + 1)\n"
        "def g():\n    try:\n        f(0)\n    except RecursionError:\n        return deepest\n"
    )
    plain: dict[str, Any] = {}
    exec(compile(source, "<program>", "exec"), plain)
    program = Recording(source)
    expected = plain["g"]()
    program.recorder.clear()
    assert program.names["g"]() == expected
    assert program.line_map.executed(program.hit) == (3, 4, 6, 7, 8, 9)
    assert program.names["g"]() == expected


def test_a_recursion_of_fifty_thousand_calls_is_recorded() -> None:
    source = "def f(n):\n    if n:\n        return 1 + f(n - 1)\n    return 0\n"
    program = Recording(source)
    before = sys.getrecursionlimit()
    sys.setrecursionlimit(50_000)
    try:
        assert program.during(lambda: program.names["f"](49_000)) == (2, 3, 4)
    finally:
        sys.setrecursionlimit(before)


@pytest.mark.parametrize("end", ["os._exit(0)", "os.kill(os.getpid(), 9)", "sys.exit(1)", "os.abort()", "1 / 0"])
def test_lines_survive_the_death_of_the_process(end: str) -> None:
    source = f"import os, sys\ndef f():\n    x = 1\n    {end}\n    y = 2\nf()\nz = 3\n"
    script = (
        "import mmap, os, resource, sys\nfrom appsplus.judge import probes\nfrom appsplus.judge.line_map import LineMap\n"
        "resource.setrlimit(resource.RLIMIT_CORE, (0, 0))\n"
        "code = compile(sys.argv[1], '<program>', 'exec')\nlines = LineMap(sys.argv[1], code)\n"
        "code, places = probes.prepared(code, lines)\n"
        "hit = mmap.mmap(-1, lines.size)\npid = os.fork()\n"
        "if pid == 0:\n    code, recorder = probes.recorder(code, places, hit)\n    recorder.start()\n    exec(code, {})\n"
        "    os._exit(0)\n"
        "os.waitpid(pid, 0)\nprint(lines.executed(hit))\n"
    )
    ran = subprocess.run([sys.executable, "-c", script, source], cwd=ROOT, capture_output=True, text=True, check=True)
    assert ran.stdout == "(1, 2, 3, 4, 6)\n"


def test_lines_before_a_loop_without_end_is_killed_are_known() -> None:
    code, places, line_map = planned("x = 1\nwhile x:\n    x += 1\ny = 2\n")
    hit = mmap.mmap(-1, line_map.size)
    pid = os.fork()
    if pid == 0:
        code, recorder = probes.recorder(code, places, hit)
        recorder.start()
        exec(code, {})
    while not hit[3]:
        pass
    os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)
    assert line_map.executed(hit) == (1, 2, 3)


def test_a_generator_suspended_in_one_unit_test_is_recorded_in_the_next() -> None:
    source = "def g():\n    for i in range(9):\n        x = yield i\n        y = x\ni = g()\n"
    program = Recording(source)
    generator = program.names["i"]
    assert program.during(lambda: next(generator)) == (2, 3)
    assert program.during(lambda: next(generator)) == (2, 3, 4)


def test_threads_are_recorded_while_others_run() -> None:
    source = "def f(n):\n    s = 0\n    for i in range(n):\n        s += i\n    return s\n"
    program = Recording(source)
    results: list[int] = []
    threads = [threading.Thread(target=lambda: results.append(program.names["f"](20_000))) for _ in range(4)]
    for thread in threads:
        thread.start()
    while any(thread.is_alive() for thread in threads):
        program.recorder.clear()  # not what a judge does, but it must not hurt
    assert results == [sum(range(20_000))] * 4


def test_code_that_the_program_compiles_is_not_counted() -> None:
    source = "def f():\n    exec('a = 1\\nb = 2\\nc = 3\\nd = 4\\ne = 5')\n    return eval('1 + 1')\nx = 1\ny = 2\n"
    program = Recording(source)
    assert program.during(lambda: program.names["f"]()) == (2, 3)


def test_private_names_slots_and_matches_are_left_alone() -> None:
    source = """
class A:
    __slots__ = ("__a", "b")
    def __init__(self, a):
        self.__a = a
    def kind(self):
        match self.__a:
            case int():
                return "int"
            case [first, *_]:
                return first
            case _:
                return None
"""
    program = Recording(source)
    kinds = program.names["A"]
    assert kinds.__slots__ == ("__a", "b")
    assert program.during(lambda: kinds([7]).kind()) == (5, 7, 8, 10, 11)
    assert program.during(lambda: kinds(None).kind()) == (5, 7, 8, 10, 12, 13)


def test_what_a_program_can_ask_about_its_functions_is_the_same() -> None:
    source = 'def f(a, *b, c=1, **d):\n    """Doc."""\n    def g():\n        return a\n    return g\n'
    plain: dict[str, Any] = {"__name__": "program"}
    exec(compile(source, "<program>", "exec"), plain)
    theirs, ours = plain["f"], Recording(source).names["f"]
    assert inspect.signature(ours) == inspect.signature(theirs)
    assert ours.__doc__ == theirs.__doc__ == "Doc."
    for name in ("co_names", "co_varnames", "co_cellvars", "co_freevars", "co_flags", "co_firstlineno", "co_nlocals"):
        assert getattr(ours.__code__, name) == getattr(theirs.__code__, name)
    assert hash(ours.__code__) == hash(ours.__code__)
    with pytest.raises(TypeError):
        pickle.dumps(ours.__code__)
    assert "JUMP_FORWARD" in [instruction.opname for instruction in dis.get_instructions(ours)]


def test_a_copy_of_a_code_object_is_recorded_too() -> None:
    program = Recording(BRANCHES)
    function = program.names["f"]
    program.during(lambda: function(0))
    copy = types.FunctionType(function.__code__.replace(co_name="g"), {})
    assert program.during(lambda: copy(1)) == (2, 3)
    assert program.during(lambda: copy(1)) == (2, 3)
    assert program.during(lambda: function(0)) == (2, 4)


def test_errors_name_the_lines_of_the_text() -> None:
    program = Recording("def f(x):\n    y = 1\n    return (y +\n            1 / x)\n")
    with pytest.raises(ZeroDivisionError) as raised:
        program.names["f"](0)
    assert raised.traceback[-1].lineno == 3  # counted from zero


def test_a_program_that_traces_itself_sees_each_line_once() -> None:
    source = "def f(n):\n    s = 0\n    while n:\n        s += n\n        n -= 1\n    return s\n"
    plain: dict[str, Any] = {}
    exec(compile(source, "<program>", "exec"), plain)
    assert lines_traced(Recording(source).names["f"]) == lines_traced(plain["f"]) == [2, 3, 4, 5, 3, 4, 5, 3, 6]


def lines_traced(function: Callable[[int], Any]) -> list[int]:
    lines: list[int] = []

    def trace(frame: types.FrameType, event: str, _arg: object) -> Any:
        if event == "line" and frame.f_code is function.__code__:  # type: ignore[attr-defined]
            lines.append(frame.f_lineno)
        return trace

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        function(2)
    finally:
        sys.settrace(before)
    return lines


# ---- structure: with the probes taken away, the code is what the compiler made


@pytest.mark.parametrize(
    "module", ["ast", "asyncio/tasks", "contextlib", "_pydecimal", "dataclasses", "enum", "typing"]
)
def test_only_probes_come_between_the_instructions(module: str) -> None:
    source = Path(os.__file__).parent.joinpath(f"{module}.py").read_text()
    code = compile(source, "<program>", "exec", dont_inherit=True)
    probed, _, _ = planned(source)
    parts = list(zip(code_objects(code), code_objects(probed), strict=True))
    assert len(parts) > 10
    for plain, ours in parts:
        assert instructions(ours, probes_of(ours, len(plain.co_consts))) == instructions(plain, [])


def probes_of(code: types.CodeType, own: int) -> list[int]:
    """Where the probes begin: the last of the constants behind the first `own`, half of which are lines."""
    added = [constant for constant in code.co_consts[own:] if isinstance(constant, int)][2:]
    return [2 * unit for unit in added[len(added) // 2 :]]


def instructions(code: types.CodeType, probed: list[int]) -> list[tuple[object, ...]]:
    """Instructions with their lines; jumps and handlers by the number of the instruction that they lead to."""
    found = [i for i in dis.get_instructions(code) if i.opname != "EXTENDED_ARG"]
    begins = set(probed)
    jumps = [i for i in found if i.offset - 2 in begins]
    end = min([i.argval for i in jumps], default=len(code.co_code))
    kept = [i for i in found if i.offset < end and i.offset - 2 not in begins]
    offsets = [i.offset for i in kept]

    def number(offset: int) -> int:
        return bisect_left(offsets, offset)

    listed: list[tuple[object, ...]] = []
    for i in kept:
        line = i.positions.lineno if i.positions else None
        listed.append((i.opname, number(i.argval) if i.opcode in dis.hasjrel else i.arg, line))
    table = dis._parse_exception_table(code)  # type: ignore[attr-defined]
    return listed + [(number(e.start), number(e.end), number(e.target), e.depth, e.lasti) for e in table]


def test_the_size_of_a_buffer_covers_every_line() -> None:
    assert hit_size("a\r\nb\rc") == 4
