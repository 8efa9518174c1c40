"""How a program of the hostile group tries to escape, and says how it went.

"contained" is expected, so a judge without isolation fails by the program's own word. Outside a sandbox these do no harm.
"""

from textwrap import dedent, indent

from appsplus.conformance.case import Case, Group, stdin_case
from appsplus.problem import Limits, Verdict

ISOLATED = ("namespaces", "root", "seccomp")  # the rungs that contain what is tried
_LIMITS = Limits(cpu_s=3.0, wall_s=30.0, memory_mib=256, output_mib=2)
_REMOVE = """
def remove(path):
    try:
        import os, shutil
        shutil.rmtree(path) if os.path.isdir(path) else os.unlink(path)
    except Exception:
        pass
"""
_TRY = """
try:
    done = attempt()
except (OSError, ValueError, ImportError, AttributeError, TypeError, RuntimeError, MemoryError):
    done = False  # a function that a judge has taken away is a TypeError: that contains it too
print("escaped" if done else "contained", flush=True)
"""


def tries(name: str, why: str, attempt: str, *, imports: str = "os", also: tuple[Verdict, ...] = ()) -> Case:
    """A program whose body returns True, or something true, when it has escaped; `remove` is there to clean up."""
    body = indent(f"import {imports}\n{dedent(attempt).strip()}", "    ")
    program = f"{_REMOVE if 'remove(' in attempt else ''}def attempt():\n{body}\n{_TRY}"
    tests = [("", "contained\n")]
    return stdin_case(Group.HOSTILE, name, why, program, tests, also=also, limits=_LIMITS, needs=ISOLATED)
