"""What an unknown program may use."""

from dataclasses import replace

import pytest

from appsplus.engine.judging import fair_limits
from appsplus.problem import IOFormat, Limits, Problem, Solution, UnitTest

PROBLEM = Problem(
    problem_id="a/1",
    source="a",
    split="train",
    description="",
    io_format=IOFormat.STDIN,
    entry_point=None,
    starter_code="",
    solutions=(Solution("print(1)"),),
    unit_tests=(UnitTest("", "1"),),
    source_hash="",
)


@pytest.mark.parametrize(
    ("reference_cpu_s", "cpu_s", "wall_s"), [(None, 5.0, 20.0), (1.25, 5.0, 20.0), (1.5, 6.0, 24.0), (4.0, 16.0, 64.0)]
)
def test_a_slow_reference_solution_gives_others_four_times_its_time(
    reference_cpu_s: float | None, cpu_s: float, wall_s: float
) -> None:
    limits = fair_limits(replace(PROBLEM, reference_cpu_s=reference_cpu_s))
    assert limits == Limits(cpu_s=cpu_s, wall_s=wall_s)
