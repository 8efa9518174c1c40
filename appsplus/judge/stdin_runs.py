"""Programs of the stdin format: one process per unit test, with real descriptors 0, 1 and 2. Standard library only."""

import os
from typing import Any

from appsplus.judge.compiling import Compiled
from appsplus.judge.line_map import LineMap, hit_size
from appsplus.judge.process import (
    Job,
    Program,
    Setup,
    head_of,
    one_way,
    read_available,
    send_reports,
    started,
    watch,
    with_lines,
)
from appsplus.judge.task import STDIN, HitFile, Task, memory_file


def judge_stdin(setup: Setup, job: Job, compiled: Compiled) -> None:
    """Run all unit tests, and send a report of each."""
    lines = compiled.line_map(hit_size(job.source)) if job.coverage else None
    timeouts = 0
    for unit_test, text in enumerate(job.inputs):
        head, body = _run_stdin(setup, job, compiled, lines, text)
        send_reports(setup, unit_test, [(head, body)])
        timeouts += head["ended"] == "wall" or head["cpu_s"] >= job.cpu_s
        if timeouts >= job.stop_after_timeouts:
            return


def _run_stdin(
    setup: Setup, job: Job, compiled: Compiled, lines: LineMap | None, text: str
) -> tuple[dict[str, Any], bytes]:
    stdin, stdout = memory_file(text.encode("utf-8", "surrogatepass")), memory_file(b"")
    report, report_end = one_way()
    descriptors = {"stdin": stdin, "report": report_end, "stdout": stdout}
    hit = None if lines is None else HitFile(lines.size)
    if hit is not None:
        descriptors["hit"] = hit.descriptor
    task = Task(STDIN, job.kill_cpu_s, job.memory_bytes, job.output_bytes + 1)
    forked = Program(setup, task, (compiled.code, compiled.has_end), descriptors, job.kill_cpu_s, job.wall_s)
    os.close(report_end)
    ended = watch(forked)
    _, wall_s = forked.clock.spent()
    if ended != "exit":
        forked.kill()
    status, usage = forked.reap()
    cpu_s = usage.ru_utime + usage.ru_stime
    size = os.fstat(stdout).st_size
    if size > job.output_bytes:
        ended = "output"
    elif ended == "exit" and cpu_s >= job.kill_cpu_s:
        ended = "cpu"
    error = started(read_available(report))
    if ended == "exit" and status != 0:
        body = error
    else:
        body = b"" if ended == "output" else os.pread(stdout, size, 0)
    for descriptor in (stdin, stdout, report):
        os.close(descriptor)
    head = head_of(ended, cpu_s, wall_s, usage.ru_maxrss / 1024, status)
    executed = None
    if hit is not None:
        executed = hit.content()
        hit.close()
    return with_lines(head, lines, executed), body
