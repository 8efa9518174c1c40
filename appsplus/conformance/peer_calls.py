"""What is called in each peer, with which settings. Runs in the driver's container; nothing of the peers is copied here.

    apps           eval/test_one_solution.py: check_correctness(problem, program, timeout, debug=False), a process with a
                   global time limit around testing_util.run_test. Per test: testing_util.timeout = our CPU limit in whole
                   seconds (4 there); global: (that + 1) a test + 4 s, LiveCodeBench's formula (10 s for all tests there).
                   Accepted: all results above zero, as print_results counts. Expected lists are wrapped in a list of one, as
                   in its data: a bare list would let its first element pass.
    livecodebench  lcb_runner.evaluation.compute_code_generation_metrics: check_correctness(sample, program, timeout,
                   debug=False), timeout = our CPU limit in whole seconds (6 there). Accepted: all results above zero.
    evalplus       evalplus.eval.untrusted_check("appsplus", program, inputs, entry_point, expected, atol=0,
                   ref_time=[0, ...], fast_check=False, min_time_limit=our CPU limit (4 there));
                   EVALPLUS_MAX_MEMORY_BYTES = our memory limit + 1 GiB for numpy (4 GiB there). Its cap of 60 s a program
                   cannot be set. A method of `class Solution` gets a line that names it as a function, the only thing it
                   calls. Accepted: status "pass".
    verl           verl/utils/reward_score/prime_code/utils.py: check_correctness(in_outs, program, timeout, debug=False), the
                   call that compute_score makes on all tests, timeout = our CPU limit in whole seconds (5 there); the
                   same number is its limit for all tests together. Accepted: every result `is True`. Lists as in apps.

These limits are wall time in all of them. An exception out of check_correctness counts as a failed program where the
harness around it does so (apps, LiveCodeBench, verl). Start method: fork, as on Linux before Python 3.14.

Stood in for where they are not used on this path: `datasets` (apps: only loads its data; always, which makes its forks
cheaper), `pyext` (apps, verl: does not exist for Python 3.11; RuntimeModule.from_string executes a text in a new module).
verl's package prime_code is loaded by itself, without verl/__init__.py, which wants torch and ray.
"""

import importlib
import importlib.util
import json
import math
import multiprocessing
import os
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

MODULES = {  # the file by which a checkout is known
    "apps": "eval/test_one_solution.py",
    "livecodebench": "lcb_runner/evaluation/compute_code_generation_metrics.py",
    "evalplus": "evalplus/eval/__init__.py",
    "verl": "verl/utils/reward_score/prime_code/utils.py",
}
NAMES = tuple(MODULES)


@dataclass(frozen=True, slots=True)
class Question:
    """A program, its unit tests, and the limits of one unit test."""

    program: str
    call: bool
    unit_tests: list[tuple[str, str]]  # input, output
    entry_point: str | None
    cpu_s: float
    wall_s: float
    memory_mib: int

    @property
    def whole_s(self) -> int:
        """The CPU limit in whole seconds, for `signal.alarm`."""
        return max(1, math.ceil(self.cpu_s))


Answer = tuple[bool | None, list[bool | None], str]  # accepted, per unit test, detail
Judge = Callable[[Question], Answer]


class NotExpressibleError(Exception):
    """The peer's input format cannot carry this question."""


def load(name: str, checkout: Path) -> Judge:
    """Import a peer's judge from its checkout. Raises what the import raises."""
    multiprocessing.set_start_method("fork", force=True)
    return _LOADERS[name](checkout)


def _load_apps(checkout: Path) -> Judge:
    _stand_in("datasets", load_dataset=None)
    _stand_in_pyext()
    sys.path.insert(0, str(checkout / "eval"))
    harness: Any = importlib.import_module("test_one_solution")

    def judge(question: Question) -> Answer:
        harness.test_util.timeout = question.whole_s
        sample: dict[str, Any] = {"inputs": [i for i, _ in question.unit_tests], "outputs": _outputs(question)}
        if question.call:
            sample = {"inputs": _arguments(question), "outputs": _wrapped(question), "fn_name": question.entry_point}
        global_s = (question.whole_s + 1) * len(question.unit_tests) + 4
        return _numbered(lambda: harness.check_correctness({"input_output": sample}, question.program, global_s, False))

    return judge


def _load_livecodebench(checkout: Path) -> Judge:
    sys.path.insert(0, str(checkout))
    harness: Any = importlib.import_module("lcb_runner.evaluation.compute_code_generation_metrics")

    def judge(question: Question) -> Answer:
        sample: dict[str, Any] = {"inputs": [i for i, _ in question.unit_tests], "outputs": _outputs(question)}
        if question.call:
            sample |= {"inputs": _argument_lines(question), "fn_name": question.entry_point}
        packed = {"input_output": json.dumps(sample)}
        return _numbered(
            lambda: harness.check_correctness(packed, question.program, question.whole_s, debug=False)[0], stops=True
        )

    return judge


def _load_evalplus(checkout: Path) -> Judge:
    sys.path.insert(0, str(checkout))
    harness: Any = importlib.import_module("evalplus.eval")

    def judge(question: Question) -> Answer:
        os.environ["EVALPLUS_MAX_MEMORY_BYTES"] = str((question.memory_mib + 1024) << 20)
        status, details = harness.untrusted_check(
            "appsplus",
            _with_function(question),
            _arguments(question),
            question.entry_point,
            expected=[json.loads(output) for output in _outputs(question)],
            atol=0,
            ref_time=[0.0] * len(question.unit_tests),
            fast_check=False,
            min_time_limit=question.cpu_s,
        )
        return status == "pass", [bool(d) for d in details], f"status {status!r}, details {list(details)}"

    return judge


def _load_verl(checkout: Path) -> Judge:
    _stand_in_pyext()
    folder = checkout / "verl" / "utils" / "reward_score" / "prime_code"
    spec = importlib.util.spec_from_file_location(
        "prime_code", folder / "__init__.py", submodule_search_locations=[str(folder)]
    )
    assert spec is not None and spec.loader is not None
    package = sys.modules["prime_code"] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(package)
    harness: Any = importlib.import_module("prime_code.utils")

    def judge(question: Question) -> Answer:
        sample: dict[str, Any] = {"inputs": [i for i, _ in question.unit_tests], "outputs": _outputs(question)}
        if question.call:
            outputs = [json.dumps(value) for value in _wrapped(question)]
            sample = {"inputs": _argument_lines(question), "outputs": outputs, "fn_name": question.entry_point}
        try:
            results = list(harness.check_correctness(sample, question.program, question.whole_s, debug=False)[0])
        except Exception as error:
            return False, [], f"check_correctness raised {error!r}"
        passed: list[bool | None] = [result is True for result in results]
        return all(passed), passed, f"results {results}"

    return judge


_LOADERS: dict[str, Callable[[Path], Judge]] = {
    "apps": _load_apps,
    "livecodebench": _load_livecodebench,
    "evalplus": _load_evalplus,
    "verl": _load_verl,
}


def _numbered(check: Callable[[], Any], *, stops: bool = False) -> Answer:
    """The answer of a harness whose results are True, False, or a negative code. `stops`: at the first failure."""
    import numpy as np

    try:
        results = list(check())
    except Exception as error:
        return False, [], f"check_correctness raised {error!r}"
    plain = [r.item(0) if isinstance(r, np.ndarray) else bool(r) if isinstance(r, np.bool_) else r for r in results]
    accepted = bool(np.all(np.array(plain) > 0))
    passed: list[bool | None] = [bool(np.all(np.array(r) > 0)) for r in plain]
    return accepted, passed, f"results {plain}" + (" (stopped at a failure)" if stops and not accepted else "")


def _with_function(question: Question) -> str:
    """The program, with its entry point as a function should it be a method of `class Solution`, as in the other peers."""
    if "class Solution" not in question.program:
        return question.program
    return f"{question.program}\n{question.entry_point} = Solution().{question.entry_point}\n"


def _outputs(question: Question) -> list[str]:
    return [output for _, output in question.unit_tests]


def _arguments(question: Question) -> list[list[Any]]:
    return [json.loads(text) for text, _ in question.unit_tests]


def _argument_lines(question: Question) -> list[str]:
    """Every argument's JSON on a line of its own."""
    if not all(_arguments(question)):
        raise NotExpressibleError("its input format has no call without arguments")
    return ["\n".join(json.dumps(value) for value in arguments) for arguments in _arguments(question)]


def _wrapped(question: Question) -> list[Any]:
    values = [json.loads(output) for output in _outputs(question)]
    return [[value] if isinstance(value, list) else value for value in values]


def _stand_in(name: str, **attributes: Any) -> None:
    module = ModuleType(name, "A stand-in for a module that is imported but not used.")
    vars(module).update(attributes)
    sys.modules[name] = module


def _stand_in_pyext() -> None:
    def from_string(name: str, docstring: str, source: str) -> ModuleType:
        module = ModuleType(name, docstring)
        exec(source, vars(module))
        return module

    _stand_in("pyext", RuntimeModule=type("RuntimeModule", (), {"from_string": staticmethod(from_string)}))
