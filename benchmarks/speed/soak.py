"""Very many executions in a row: nothing may grow. `python benchmarks/speed/soak.py [--executions 1000000]`

A fixed mixture, per 1,000 executions: most accepted on standard input or called; some that crash, print much, leave files,
threads or state behind; 1 that exceeds its memory and, every 4,000, 1 that exceeds its time. Every verdict is checked.
Sampled every 10,000: resident memory of this process and of the workers' processes, open descriptors, processes, entries of
/dev/shm, mean time of an execution. CPU time decides whether that grew; the wall clock also shows what else the machine
does. The samples are saved as they are taken, and a run continues where one was ended, in new processes, so each part is
judged by itself.
"""

import argparse
import json
import os
import sys
import threading
import time
from collections import Counter
from contextlib import ExitStack
from itertools import count
from pathlib import Path
from statistics import mean
from typing import Any

import machine
import plots

from appsplus.judge import ISOLATIONS, STRICT, Job, Judge, available_cpus, version
from appsplus.problem import IOFormat, Limits, UnitTest, Verdict

RESULTS = Path(__file__).resolve().parents[1] / "results" / "judge_soak.json"
_PERIOD = 4000
_ALLOWED = {"parent_mib": 8.0, "workers_mib": 8.0, "descriptors": 2, "processes": 2, "shared_memory": 0}
_SLOWER = 1.15  # last third over the first: more is growth


def _stdin(program: str, verdict: Verdict, **limits: Any) -> tuple[Job, Verdict]:
    return Job(program, IOFormat.STDIN, (UnitTest("1 2\n", "3\n"),), limits=Limits(**limits)), verdict


def _call(program: str, verdict: Verdict, tests: int = 1) -> tuple[Job, Verdict]:
    return Job(program, IOFormat.CALL, (UnitTest("[1, 2]", "3"),) * tests, "add"), verdict


SUM = _stdin("print(sum(map(int, input().split())))", Verdict.ACCEPTED)
ADD = _call("def add(a, b):\n    return a + b", Verdict.ACCEPTED)
MIXTURE = {  # position in a thousand: what runs there; elsewhere SUM and ADD in turn
    **dict.fromkeys(range(10, 1000, 50), _call("def add(a, b):\n    return a + b", Verdict.ACCEPTED, tests=10)),
    **dict.fromkeys(range(20, 1000, 50), _stdin("raise ValueError", Verdict.RUN_TIME_ERROR)),
    **dict.fromkeys(range(30, 1000, 100), _call("def add(a, b):\n    return a - b", Verdict.WRONG_ANSWER)),
    **dict.fromkeys(
        range(40, 1000, 100), _stdin("open('/tmp/x', 'w').write('x' * 100000); print(3)", Verdict.ACCEPTED)
    ),
    **dict.fromkeys(range(60, 1000, 200), _stdin("print('x' * 1000000)", Verdict.WRONG_ANSWER)),
    **dict.fromkeys(range(70, 1000, 200), _stdin("import os; os.abort()", Verdict.RUN_TIME_ERROR)),
    **dict.fromkeys(range(80, 1000, 200), _stdin("print(3", Verdict.COMPILE_ERROR)),
    **dict.fromkeys(
        range(90, 1000, 200),
        _stdin(
            "import threading, time\nthreading.Thread(target=time.sleep, args=(0,)).start()\nprint(3)", Verdict.ACCEPTED
        ),
    ),
    500: _stdin("x = bytearray(1 << 30)", Verdict.MEMORY_LIMIT_EXCEEDED, memory_mib=64),
}
RARE = {999: _stdin("while True: pass", Verdict.TIME_LIMIT_EXCEEDED, cpu_s=0.2)}


def nth(number: int) -> tuple[Job, Verdict]:
    """The job of an execution, and the verdict that it must get."""
    return RARE.get(number % _PERIOD) or MIXTURE.get(number % 1000) or (SUM if number % 2 else ADD)


def main() -> None:
    options = _options()
    state = _continued(options)
    part = {"began_at": state["executions"], "samples": []}
    state["parts"].append(part)
    with ExitStack() as stack:
        judges = [stack.enter_context(Judge(isolation=options.isolation)) for _ in range(options.workers)]
        while state["executions"] < options.executions:
            number = min(options.every, options.executions - state["executions"])
            began, cpu_0 = time.monotonic(), machine.cpu_s(os.getpid())
            wrong = _run(judges, state["executions"], number)
            took_s = time.monotonic() - began
            state["executions"] += number
            state["seconds"] = round(state["seconds"] + took_s, 1)
            state["wrong_verdicts"] += wrong
            cpu_ms = (machine.cpu_s(os.getpid()) - cpu_0) * 1000 / number
            times = {
                "ms_per_execution": round(took_s * options.workers * 1000 / number, 4),
                "cpu_ms_per_execution": round(cpu_ms, 4),
            }
            part["samples"].append({"executions": state["executions"], **times, **_sample()})
            options.out.write_text(json.dumps(state, indent=1) + "\n")
            print(json.dumps(part["samples"][-1]), file=sys.stderr, flush=True)
    state["growth"] = [line for p in state["parts"] for line in growth(p["samples"])]
    options.out.write_text(json.dumps(state, indent=1) + "\n")
    print(plots.draw_soak([s for p in state["parts"] for s in p["samples"]], options.out.with_suffix(".svg")))
    findings = state["growth"] + state["wrong_verdicts"]
    print("\n".join(findings) if findings else f"no growth in {state['executions']:,} executions")
    sys.exit(1 if findings else 0)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--executions", type=int, default=1_000_000, help="default: a million")
    parser.add_argument("--every", type=int, default=10_000, help="executions between samples (default: 10000)")
    parser.add_argument("--workers", type=int, default=available_cpus(), help="default: the CPUs")
    parser.add_argument("--isolation", choices=ISOLATIONS, default=STRICT, help="default: strict")
    parser.add_argument("--fresh", action="store_true", help="do not continue the run in the result file")
    parser.add_argument("--out", type=Path, default=RESULTS, help="result file (default: benchmarks/results)")
    return parser.parse_args()


def _continued(options: argparse.Namespace) -> dict[str, Any]:
    facts = machine.facts() | {"judge": version(), "isolation": options.isolation, "workers": options.workers}
    if options.out.exists() and not options.fresh:
        old: dict[str, Any] = json.loads(options.out.read_text())
        if old["machine"]["judge"] == facts["judge"] and old["executions"] < options.executions:
            return old
    return {"machine": facts, "executions": 0, "seconds": 0.0, "parts": [], "wrong_verdicts": []}


def _run(judges: list[Judge], first: int, number: int) -> list[str]:
    """Executions first, first + 1, ..., the judges taking them in turn; a line for each verdict that is not as it must be."""
    numbers, wrong, lock = count(first), Counter[str](), threading.Lock()

    def work(judge: Judge) -> None:
        while (i := next(numbers)) < first + number:
            job, verdict = nth(i)
            report = judge.run(job)
            if report.verdict is not verdict:
                with lock:
                    wrong[f"{report.verdict} instead of {verdict}: {job.program[:60]!r}"] += 1

    threads = [threading.Thread(target=work, args=(judge,)) for judge in judges]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return [f"{times} times {line}" for line, times in sorted(wrong.items())]


def _sample() -> dict[str, Any]:
    pids = machine.tree(os.getpid())
    return {
        "parent_mib": round(machine.resident_mib(os.getpid()), 2),
        "workers_mib": round(sum(machine.resident_mib(pid) for pid in pids[1:]), 2),
        "descriptors": sum(machine.descriptors(pid) for pid in pids),
        "processes": len(pids),
        "shared_memory": len(list(Path("/dev/shm").iterdir())),
    }


def growth(samples: list[dict[str, Any]]) -> list[str]:
    """A line for each thing that grew: the mean of the last third of the samples over that of the first, warm-up apart."""
    samples = samples[1:]
    third = len(samples) // 3
    if third == 0:
        return []
    found = []
    for name, allowed in _ALLOWED.items():
        before, after = (mean(s[name] for s in part) for part in (samples[:third], samples[-third:]))
        if after - before > allowed:
            found.append(f"{name} grew from {before:.1f} to {after:.1f}")
    before, after = (mean(s["cpu_ms_per_execution"] for s in part) for part in (samples[:third], samples[-third:]))
    if after > before * _SLOWER:
        found.append(f"an execution took {before:.2f} ms of CPU time at first and {after:.2f} ms at last")
    return found


if __name__ == "__main__":
    main()
