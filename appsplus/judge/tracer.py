"""Executed lines by what CPython itself offers: `sys.monitoring` from 3.12 on, `sys.settrace` on 3.11. Standard library only.

    line_map = LineMap(program)
    hit = mmap.mmap(-1, line_map.size)  # before the fork: what is written into it survives SIGKILL
    tracer = LineTracer(code, hit)      # code = compile(program, "<program>", "exec", dont_inherit=True)
    tracer.start(); exec(code, names); tracer.stop()
    line_map.executed(hit)              # in any process that has the map and the buffer

`sys.monitoring` reports each line once, and then no more until it is armed again for the next unit test; that costs
nothing measurable. `sys.settrace` costs a Python call per line; a function is left alone once all its lines were seen, the
thread once all lines of the program were. On 3.11 the judge uses `probes`, and this only where a program is too long for
them.

Not covered: code that the program compiles itself; on 3.11 also threads started by `_thread` directly, and whatever
follows a program's own `sys.settrace`. A hostile program can find the buffer and write its own coverage into it.
"""

import opcode
import sys
import threading
from collections.abc import Callable
from types import CodeType, FrameType
from typing import Any

from appsplus.judge.line_map import Hit, LineMap, code_objects, executable_lines, hit_size

__all__ = ["Hit", "LineMap", "LineTracer", "executable_lines", "hit_size"]

# Taken at import: the program may put something else in their place.
_settrace, _gettrace = sys.settrace, sys.gettrace
_settrace_threads, _gettrace_threads = threading.settrace, threading.gettrace


class LineTracer:
    """Records the lines of one code object, and of those nested in it, as they are executed.

    Between `start` and `stop`, the calling thread and all threads started later are watched (3.12+: all threads).
    A RecursionError of the program does not end the recording, but comes up to two calls earlier than otherwise.
    """

    def __init__(self, code: CodeType, hit: Hit) -> None:
        """`code` is what will be executed; its lines are written into `hit` the moment they are reached.

        Raises ValueError if `hit` has fewer bytes than `LineMap.size` of the text that was compiled.
        """
        codes = tuple(code_objects(code))
        last = max((line for part in codes for _, _, line in part.co_lines() if line), default=0)
        if len(hit) <= last:
            raise ValueError(f"a hit buffer for a program of {last} lines needs a byte more than that; got {len(hit)}")
        self._hit = hit
        self._watch = _Watch(codes, hit)

    def start(self) -> None:
        """Begin, or go on, recording. Raises RuntimeError where (3.12+) all six monitoring tools are taken."""
        self._watch.start()

    def stop(self) -> None:
        """End recording; what was recorded stays."""
        self._watch.stop()

    def clear(self) -> None:
        """Forget all lines; the next unit test's count again. To be called when no code of the program is running."""
        self._hit[:] = bytes(len(self._hit))
        self._watch.rearm()


if sys.version_info >= (3, 12):

    class _Watch:
        """Writes `hit` from `sys.monitoring`: one event per line, then none until it is armed again."""

        def __init__(self, codes: tuple[CodeType, ...], hit: Hit) -> None:
            self._codes = codes
            self._tool: int | None = None
            self._monitoring = monitoring = sys.monitoring

            def on_line(_code: CodeType, line: int, disable: Any = monitoring.DISABLE) -> Any:
                hit[line] = 1
                return disable

            self._on_line = on_line

        def start(self) -> None:
            if self._tool is None:
                self._tool = self._free_tool()
                self._monitoring.register_callback(self._tool, self._monitoring.events.LINE, self._on_line)
                self._set_events(self._monitoring.events.LINE)
                self.rearm()

        def stop(self) -> None:
            if self._tool is not None:
                self._set_events(0)
                self._monitoring.register_callback(self._tool, self._monitoring.events.LINE, None)
                self._monitoring.free_tool_id(self._tool)
                self._tool = None

        def rearm(self) -> None:
            self._monitoring.restart_events()

        def _set_events(self, events: int) -> None:
            assert self._tool is not None
            for code in self._codes:
                self._monitoring.set_local_events(self._tool, code, events)

        def _free_tool(self) -> int:
            for tool in range(6):
                if self._monitoring.get_tool(tool) is None:
                    self._monitoring.use_tool_id(tool, "appsplus")
                    return tool
            raise RuntimeError("all six sys.monitoring tools are in use; stop a debugger, profiler or coverage tool")

else:
    _RESUME = opcode.opmap["RESUME"]
    _Trace = Callable[[FrameType, str, Any], Any]

    class _Watch:
        """Writes `hit` from `sys.settrace`.

        Code objects that start on one line form a group and share a local trace function, found by that line: to hash
        a code object, as a dict of them would, takes longer than the rest of the work.
        """

        _guarded = False  # whether this process has the audit hook

        def __init__(self, codes: tuple[CodeType, ...], hit: Hit) -> None:
            self._lines: dict[int, set[int]] = {}
            for code in codes:
                self._lines.setdefault(code.co_firstlineno, set()).update(_traceable_lines(code))
            self._lines = {first: lines for first, lines in self._lines.items() if lines}
            self._left: dict[int, dict[int, None]] = {first: {} for first in self._lines}  # lines not seen yet
            self._open: dict[int, None] = {}  # groups with such lines
            self._active: list[_Trace | None] = [None] * (max(self._lines, default=0) + 1)  # by first line
            self._locals = {first: self._local_trace(first, hit) for first in self._lines}
            self._on_call = _global_trace(codes[0].co_filename, self._active)
            self._handles_exceptions = any(code.co_exceptiontable for code in codes)
            self._before: tuple[Any, Any] | None = None  # the trace functions to go back to; None: not started
            self.rearm()

        def start(self) -> None:
            if self._before is None:
                self._before = _gettrace(), _gettrace_threads()
                if self._handles_exceptions:
                    self._guard()
                _settrace_threads(self._on_call)
                _settrace(self._on_call)

        def stop(self) -> None:
            if self._before is not None:
                _settrace(self._before[0])
                _settrace_threads(self._before[1])
                self._before = None

        def rearm(self) -> None:
            for first, lines in self._lines.items():
                self._left[first].update(dict.fromkeys(lines))
                self._open[first] = None
                self._active[first] = self._locals[first]
            if self._before is not None:
                _settrace(self._on_call)  # it took itself away if all lines had been seen

        def _local_trace(self, first: int, hit: Hit) -> _Trace:
            left, active, groups = self._left[first], self._active, self._open

            def local_trace(frame: FrameType, event: str, _arg: Any) -> Any:
                if event == "line" and (line := frame.f_lineno) in left:
                    try:
                        hit[line] = 1
                        del left[line]
                        if not left:
                            active[first] = None
                            del groups[first]
                            if not groups:
                                _settrace(None)
                    except (LookupError, RecursionError):  # another thread was faster; no stack left for a call
                        pass
                if left:
                    return local_trace
                frame.f_trace = None  # to return None is not enough: CPython keeps the old function then
                return None

            return local_trace

        @classmethod
        def _guard(cls) -> None:
            """Keep tracing alive when the stack is full.

            CPython removes a trace function that fails, and the rest of the run would be lost. The removal is an audited
            event, and a hook that fails vetoes it: so this hook needs for that event as much stack as `global_trace`
            needs, itself and the hook below it (reading `f_code` is audited too), and fails with a RecursionError of its
            own wherever `global_trace` did. A hook makes calls slower; programs that handle no exception go without.
            """
            if not cls._guarded:
                sys.addaudithook(_need_two_frames_for_settrace)
                cls._guarded = True

    def _need_two_frames_for_settrace(event: str, _arguments: Any) -> None:
        if event == "sys.settrace":
            _need_a_frame()

    def _need_a_frame() -> None:
        pass

    def _global_trace(filename: str, active: list[_Trace | None]) -> _Trace:
        def global_trace(frame: FrameType, _event: str, _arg: Any) -> Any:
            code = frame.f_code
            if code.co_filename == filename:
                try:
                    return active[code.co_firstlineno]
                except IndexError:  # not our code, though it says so
                    pass
            return None

        return global_trace

    def _traceable_lines(code: CodeType) -> set[int]:
        """Lines that can raise a line event: those with an instruction after the first RESUME."""
        body = 2 * code.co_code[::2].index(_RESUME) + 2
        return {line for _, end, line in code.co_lines() if line and end > body}
