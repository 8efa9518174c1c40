"""One way from a row and a completion to a reward: right, in parallel, once a process, and never a reward for our failure."""

import asyncio
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from appsplus.engine import LocalEngine
from appsplus.errors import DatasetError, InputError, MissingExtraError, SandboxError
from appsplus.integrations import judges
from appsplus.integrations.extras import needs
from appsplus.integrations.rows import find_row, job_of, row_from_text, row_of
from appsplus.integrations.scoring import Scored, score, score_all, score_problem
from appsplus.integrations.settings import Settings
from appsplus.judge import Job, Report, available_cpus
from appsplus.problem import Limits
from tests.integrations.conftest import BREAKS, CALL, CASES, CHECKED, CODE, SETTINGS, STDIN, Case, fenced

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_a_completion_earns_what_its_program_is_worth(case: Case) -> None:
    scored = score(row_of(case.problem), case.completion)
    assert (scored.reward, scored.outcome) == (case.reward, case.outcome)


def test_a_score_says_how_far_the_program_came() -> None:
    assert score(row_of(STDIN), fenced("input()\nprint('big')")) == Scored(-0.3, "wrong_answer", 1, 2)
    failed = score(row_of(CALL), fenced("def add(a, b):\n    return a / 0"))
    assert failed.error.startswith("ZeroDivisionError: division by zero")
    assert (failed.share_passed, failed.accepted) == (0.0, False)


def test_a_continued_prompt_makes_the_completion_code_from_its_first_character() -> None:
    assert score(row_of(STDIN, continued=True), f"{CODE}\n```\nDone.").reward == 1.0
    assert score(row_of(STDIN), f"{CODE}\n```\nDone.").outcome == "compile_error"  # a block "Done."


def test_the_variant_is_the_settings_unless_it_is_given() -> None:
    half = fenced("input()\nprint('big')")
    assert score(row_of(STDIN), half, variant="pass_rate").reward == pytest.approx(0.35)  # -0.3 + 1.3 / 2
    judges.configure(replace(SETTINGS, reward="binary"))
    assert [score(row_of(STDIN), text).reward for text in (half, fenced(CODE), "")] == [0.0, 1.0, 0.0]


def test_a_batch_is_judged_in_parallel(monkeypatch: pytest.MonkeyPatch) -> None:
    meeting, judge = threading.Barrier(2, timeout=30), LocalEngine.judge

    def waiting(engine: LocalEngine, jobs: Sequence[Job]) -> list[Report]:
        meeting.wait()  # BrokenBarrierError, unless two are here at once
        return judge(engine, jobs)

    monkeypatch.setattr(LocalEngine, "judge", waiting)
    found = score_all([row_of(STDIN)] * 2, [fenced(CODE), fenced("print('big')")])
    assert [scored.reward for scored in found if isinstance(scored, Scored)] == [1.0, -0.3]


def test_what_was_judged_is_not_judged_again(monkeypatch: pytest.MonkeyPatch) -> None:
    asked, judge = [], LocalEngine.judge

    def counting(engine: LocalEngine, jobs: Sequence[Job]) -> list[Report]:
        asked.extend(jobs)
        return judge(engine, jobs)

    monkeypatch.setattr(LocalEngine, "judge", counting)
    for text in (fenced(CODE), f"```py\n{CODE}```", fenced(CODE)):
        assert score(row_of(STDIN), text).reward == 1.0
    assert len(asked) == 2  # the second program lacks the line that the first ends with
    score(row_of(replace(STDIN, limits=Limits(cpu_s=1.0))), fenced(CODE))
    assert len(asked) == 3


@pytest.mark.usefixtures("judge_fails")
def test_a_failure_of_the_judge_is_no_reward() -> None:
    with pytest.raises(SandboxError, match="the worker is gone"):
        score(row_of(STDIN), BREAKS)
    good, failed = score_all([row_of(STDIN)] * 2, [fenced(CODE), BREAKS])
    assert isinstance(good, Scored)
    assert isinstance(failed, SandboxError)
    with pytest.raises(SandboxError):
        score_all([row_of(STDIN)] * 2, [BREAKS, BREAKS])
    assert score_all([], []) == []


def test_an_isolation_that_cannot_be_had_is_an_error_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(self: LocalEngine, **_: object) -> None:
        raise SandboxError("strict isolation is not available here")

    monkeypatch.setattr(LocalEngine, "__init__", refuse)
    with pytest.raises(SandboxError, match="not available here"):
        score_all([row_of(STDIN)], [fenced(CODE)])


def test_whoever_interrupts_a_batch_does_not_wait_for_programs_and_may_go_on_later() -> None:
    engine = judges.engine()

    def interrupted(_: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        judges.in_parallel(interrupted, range(3))
    with pytest.raises(SandboxError, match="closed"):
        engine.judge([job_of(row_of(STDIN), CODE)])
    assert judges.settings() == SETTINGS
    assert score(row_of(STDIN), fenced(CODE)).reward == 1.0


def test_the_event_loop_goes_on_while_a_program_runs() -> None:
    async def ticks_while(seconds: float) -> int:
        judging = asyncio.ensure_future(judges.aside(time.sleep, seconds))
        ticks = 0
        while not judging.done():
            await asyncio.sleep(0.01)
            ticks += 1
        return ticks

    assert asyncio.run(ticks_while(0.3)) >= 5
    assert asyncio.run(judges.aside(score, row_of(STDIN), fenced(CODE))).reward == 1.0  # and in another loop


def test_a_problem_is_found_in_its_folder(dataset: Path) -> None:
    assert score_problem(str(dataset), "made/checked", fenced("print(2)\nprint(1)")).reward == 1.0
    assert find_row(str(dataset), "made/call") == row_of(CALL)
    with pytest.raises(DatasetError, match="made/none is not in"):
        score_problem(str(dataset), "made/none", fenced(CODE))


@pytest.mark.parametrize("problem", [STDIN, CALL, CHECKED], ids=lambda p: p.problem_id)
def test_a_row_asks_what_the_problem_asks(problem: object) -> None:
    assert problem in (STDIN, CALL, CHECKED)
    job = job_of(row_of(problem), "pass")  # type: ignore[arg-type]
    for name in ("io_format", "entry_point", "unit_tests", "limits", "checker"):
        assert getattr(job, name) == getattr(problem, name)


def test_a_program_may_import_what_its_dataset_offers() -> None:
    program = fenced(f"import markupsafe\n{CODE}")
    assert score(row_of(STDIN), program).outcome == "run_time_error"
    assert score(row_of(STDIN, ("markupsafe",)), program).reward == 1.0
    with pytest.raises(InputError, match="'no_such_package' is not installed"):
        score(row_of(STDIN, ("no_such_package",)), program)


def test_the_limits_of_a_row_are_fair_to_a_slow_problem() -> None:
    row = row_of(replace(STDIN, reference_cpu_s=3.0))
    assert row["limits"]["cpu_s"] == 12.0  # four times what the canonical solution needs
    assert job_of(row, "pass").limits.cpu_s == 12.0


def test_a_row_that_is_none_of_ours_is_an_error_whatever_was_written() -> None:
    for text in (fenced(CODE), "No program here."):
        with pytest.raises(InputError, match=r"no column 'tests' \(it has prompt\); .* export the dataset again"):
            score({"prompt": "?"}, text)
    with pytest.raises(InputError, match="the row of made/stdin cannot be judged"):
        score(row_of(STDIN) | {"tests": [{"input": "1"}]}, fenced(CODE))
    for text in ("nonsense", "[]", "[" * 100_000, ""):
        with pytest.raises(InputError, match="is no row of ours"):
            row_from_text(text)


def test_the_settings_are_the_environments() -> None:
    assert Settings.read({}) == Settings(workers=available_cpus(), isolation="strict", reward="verdict")
    several = {"APPSPLUS_WORKERS": "3", "APPSPLUS_REWARD": "binary", "APPSPLUS_ISOLATION": "best-effort"}
    assert Settings.read(several) == Settings(workers=3, reward="binary", isolation="best-effort")
    assert Settings.read({"LOCAL_WORLD_SIZE": str(available_cpus())}).workers == 1
    assert Settings.read({"LOCAL_WORLD_SIZE": "none"}).workers == available_cpus()


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("APPSPLUS_WORKERS", "many", "a whole number above zero; got 'many'"),
        ("APPSPLUS_WORKERS", "0", "a whole number above zero; got '0'"),
        ("APPSPLUS_REWARD", "shaped", "one of verdict, binary, pass_rate; got 'shaped'"),
        ("APPSPLUS_ISOLATION", "none", "one of strict, best-effort; got 'none'"),
    ],
)
def test_a_setting_that_does_not_exist_is_refused(name: str, value: str, message: str) -> None:
    with pytest.raises(InputError, match=f"{name} must be {message}"):
        Settings.read({name: value})


def test_a_missing_dependency_names_its_extra() -> None:
    with pytest.raises(MissingExtraError, match=r"needs no_such_package.*pip install 'appsplus\[trl\]'"), needs("trl"):
        import no_such_package  # type: ignore[import-not-found]  # noqa: F401
    with pytest.raises(ModuleNotFoundError, match="no_such_module"), needs("trl"):
        import appsplus.no_such_module  # type: ignore[import-not-found]  # noqa: F401


@pytest.mark.parametrize(
    ("framework", "use", "extra"),
    [
        ("verifiers", "import appsplus_verifiers", "verifiers"),
        ("inspect_ai", "import appsplus.integrations.inspect_ai", "inspect"),
        ("torch", "from appsplus.integrations import openrlhf; openrlhf.reward_func([], [], [])", "openrlhf"),
    ],
)
def test_a_framework_that_is_not_installed_is_named_with_its_extra(framework: str, use: str, extra: str) -> None:
    code = f"import sys; sys.modules[{framework!r}] = None; {use}"
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT)
    said = f"this integration needs {framework}, which is not installed: pip install 'appsplus[{extra}]'"
    assert ran.stderr.splitlines()[-1] == f"appsplus.errors.MissingExtraError: {said}"


FORKING = """
import os
from appsplus.integrations import judges, scoring
from appsplus.integrations.settings import Settings
judges.configure(Settings(isolation="best-effort", workers=2))
row = {"tests": [{"input": "", "output": "1"}], "io_format": "stdin"}
assert scoring.score(row, "print(1)").reward == 1.0
child = os.fork()
if child == 0:
    found = scoring.score_all([row, row], ["print(1)\\n", "print(3)"])
    raise SystemExit(sum(scored.reward == expected for scored, expected in zip(found, (1.0, -0.3))))
assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 2
print(scoring.score(row, "print(4)").reward, judges.engine().counts["judged"])
"""


def test_a_forked_child_judges_with_workers_of_its_own_and_leaves_the_parents_alone() -> None:
    ran = subprocess.run(
        [sys.executable, "-W", "error", "-c", FORKING], capture_output=True, text=True, cwd=ROOT, timeout=120
    )
    assert (ran.stdout, ran.stderr, ran.returncode) == ("-0.3 2\n", "", 0)


def test_importing_an_integration_starts_nothing_and_loads_no_framework() -> None:
    code = (
        "import sys, threading, appsplus.integrations.trl, appsplus.integrations.verl, appsplus.integrations.openrlhf;"
        "print(threading.active_count(), *{'torch', 'trl', 'verl', 'transformers'} & set(sys.modules))"
    )
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, check=True)
    assert ran.stdout == "1\n"
