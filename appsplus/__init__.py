"""APPS+: Python programming problems with unit tests, each run, checked, repaired or rejected with a reason.

from appsplus import load_problems
for problem in load_problems("out/appsplus", "train"): ...

from appsplus.judge import Judge, Job     # judge programs, without a dataset
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from appsplus.release import load_problems as load_problems

__all__ = ["load_problems"]


def __getattr__(name: str) -> Any:
    """`load_problems` on first use: it needs pyarrow, which the judge should not wait for."""
    if name == "load_problems":
        from appsplus.release import load_problems

        return load_problems
    raise AttributeError(f"module 'appsplus' has no attribute {name!r}")
