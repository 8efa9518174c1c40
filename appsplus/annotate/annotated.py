"""What training needs: where the canonical solution can be cut, and which of its lines each unit test executes."""

from dataclasses import replace

from appsplus.annotate.split_points import find_split_points
from appsplus.annotate.subtasks import subtask_chars
from appsplus.engine.judging import Judging, job_for
from appsplus.errors import SandboxError
from appsplus.problem import Annotation, Problem


def annotated(problem: Problem, judging: Judging) -> Problem:
    """Add the annotation. Verdicts of this run do not count: tracing slows a program down. Raises SandboxError."""
    assert problem.canonical is not None
    [report] = judging.judge([job_for(problem, problem.canonical, judging.modules, coverage=True)])
    if report.executable_lines is None or len(report.unit_tests) != len(problem.unit_tests):
        raise SandboxError(f"{problem.problem_id}: the canonical solution passed, and could not be traced")
    split_points = find_split_points(problem.canonical_solution)
    annotation = Annotation(
        split_points=split_points,
        subtask_chars=subtask_chars(split_points),
        executable_lines=report.executable_lines,
        executed_lines=tuple(t.executed_lines or () for t in report.unit_tests),
    )
    return replace(problem, annotation=annotation)
