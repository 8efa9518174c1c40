"""Small problems, a small model and a judge that needs no sandbox; a test names only what it is about."""

import json
import os
import sys
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType
from typing import Any

import pytest

from appsplus.annotate.split_points import find_split_points
from appsplus.annotate.subtasks import subtask_chars
from appsplus.errors import SandboxError
from appsplus.evaluation.samples import meta_path
from appsplus.judge import Inspection, Job, Report, UnitTestReport
from appsplus.problem import Annotation, IOFormat, Problem, Solution, UnitTest, Verdict
from appsplus.release import DatasetWriter, Manifest
from appsplus.release.rows import source_split
from appsplus.release.seal import seal

CODE = "n = int(input())\nif n > 2:\n    print('big')\nif n <= 2:\n    print('small')\n"


def small_problem(number: int = 2, **changes: Any) -> Problem:
    """Whether n is above two, asked once more: two conditional statements, so two levels."""
    code = changes.pop("code", CODE)
    points = find_split_points(code)
    fields: dict[str, Any] = {
        "problem_id": f"made/{number}",
        "source": "made",
        "split": "train",
        "description": f"Question {number}: is n above two?",
        "io_format": IOFormat.STDIN,
        "entry_point": None,
        "starter_code": "",
        "solutions": (Solution(code, Verdict.ACCEPTED),),
        "unit_tests": (UnitTest("3\n", "big\n"), UnitTest("2\n", "small\n")),
        "source_hash": f"{number:064}",
        "license": "MIT",
        "canonical": 0,
        "annotation": Annotation(points, subtask_chars(points), (1, 2, 3, 4, 5), ((1, 2, 3, 4), (1, 2, 4, 5))),
    }
    return Problem(**fields | changes)


class StandInJudge:
    """Accepts the canonical solutions, and finds anything else wrong (`compile` decides what does not compile)."""

    modules: tuple[str, ...] = ()
    rungs: Mapping[str, Any] = MappingProxyType({"missing": {"cgroup": "none here"}})

    def __init__(self, problems: Sequence[Problem] = (), fails: Callable[[int], bool] = lambda _: False) -> None:
        self._right = {problem.canonical_solution.strip() for problem in problems}
        self._fails, self.asked = fails, 0

    def judge(self, jobs: Sequence[Job]) -> list[Report]:
        return [self._report(job) for job in jobs]

    def inspect(self, programs: Sequence[str]) -> list[Inspection]:
        raise NotImplementedError

    def _report(self, job: Job) -> Report:
        self.asked += 1
        if self._fails(self.asked):
            raise SandboxError("the worker is gone")
        verdict = Verdict.ACCEPTED if job.program.strip() in self._right else Verdict.WRONG_ANSWER
        try:
            with warnings.catch_warnings(action="ignore"):
                compile(job.program, "program", "exec")
        except (SyntaxError, ValueError):
            verdict = Verdict.COMPILE_ERROR
        lines = (1, 2) if job.coverage and verdict is not Verdict.COMPILE_ERROR else ()
        one = UnitTestReport(verdict, 0.0, 0.0, 1.0, executed_lines=lines if job.coverage else None)
        return Report(verdict, (one,) * len(job.unit_tests), lines if job.coverage else None)


class VariedJudge(StandInJudge):
    """Says this or that by the length of a program, so that completions of one prompt earn different rewards."""

    def _report(self, job: Job) -> Report:
        found = super()._report(replace(job, program=""))
        verdict = (Verdict.ACCEPTED, Verdict.WRONG_ANSWER, Verdict.RUN_TIME_ERROR)[len(job.program) % 3]
        failed = verdict is Verdict.RUN_TIME_ERROR
        error, traceback = ("ValueError: no (line 1)", ((1, "<module>"),)) if failed else ("", ())
        tests = tuple(replace(t, verdict=verdict, error=error, traceback=traceback) for t in found.unit_tests)
        return replace(found, verdict=verdict, unit_tests=tests)


@pytest.fixture
def problems() -> list[Problem]:
    return [small_problem(n) for n in range(6)]


@pytest.fixture
def write_dataset(tmp_path: Path) -> Callable[..., Path]:
    """Write a dataset folder with some problems in train, and others in validation and test."""

    def write(
        train: Sequence[Problem],
        validation: Sequence[Problem] = (),
        name: str = "data",
        test: Sequence[Problem] = (),
    ) -> Path:
        folder = tmp_path / name
        folder.mkdir()
        with DatasetWriter(folder) as writer:
            for problem in train:
                writer.add(problem, "train")
            for split, apart in (("validation", validation), ("test", test)):
                for problem in apart:
                    there = source_split(split)
                    writer.add(replace(problem, problem_id=f"{problem.problem_id}-held-out", split=there), split)
        counts = writer.statistics.counts()
        seal(folder, Manifest("0.1.0", [], {}, {}, {}, counts, ()))
        return folder

    return write


@pytest.fixture(autouse=True)
def one_thread(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Small tensors are slower on several threads, and the tests run side by side."""
    monkeypatch.setenv("TOKENIZERS_PARALLELISM", "false")
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    try:
        import torch
    except ImportError:
        yield
        return
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


CLOCK = {"tokens_per_s", "generate_s", "judge_wait_s", "update_s"}


def metrics(folder: Path) -> list[dict[str, Any]]:
    """The numbers of a run's updates, but for those that are times."""
    lines = (folder / "metrics.jsonl").read_text().splitlines()
    return [{k: v for k, v in json.loads(line).items() if k not in CLOCK} for line in lines]


def engine_of(judge: type[StandInJudge], *given: Any) -> type[StandInJudge]:
    """An engine that is a stand-in judge, made with `given`; no sandbox."""

    class Engine(judge):  # type: ignore[misc,valid-type]
        workers = 1

        def __init__(self, **_: Any) -> None:
            super().__init__(*given)

        def __enter__(self) -> "Engine":
            return self

        def __exit__(self, *_: object) -> None: ...

    return Engine


@pytest.fixture
def dataset(problems: list[Problem], write_dataset: Callable[..., Path]) -> str:
    """A dataset of the small problems, two of them for validation, too."""
    return str(write_dataset(problems, problems[:2]))


@pytest.fixture(autouse=True)
def own_accelerator() -> Iterator[None]:
    """What accelerate keeps for a process, its precision above all, is not handed to the next test."""
    yield
    if state := sys.modules.get("accelerate.state"):
        state.AcceleratorState._reset_state(reset_partial_state=True)


TINY = {
    "hidden_size": 32,
    "layers": 2,
    "heads": 2,
    "vocab_tokens": 400,
    "max_prompt_tokens": 128,
    "max_completion_tokens": 48,
    "pack_tokens": 1024,
    "sft_epochs": 2,
    "sft_batch_examples": 3,
    "sft_learning_rate": 1e-2,
    "temperature": 0.8,
    "top_p": 0.9,
    "plain_share": 0.2,
    "reward": "verdict",
    "whiten_advantages": True,
    "value_coef": 0.5,
    "lam": 0.95,
    "kl_coef": 0.05,
    "learning_rate": 1e-3,
    "critic_learning_rate": 1e-3,
    "problems_per_update": 3,
    "completions_per_problem": 2,
    "generation_batch": 4,
    "ppo_epochs": 1,
    "minibatches": 2,
    "micro_rows": 2,
    "validate_every": 0,
    "isolation": "best-effort",
    "judge_workers": 1,
}
"""A config whose run takes a second or two, with `configured(TrainConfig, "tiny", TINY)`."""


@pytest.fixture
def stand_in(problems: list[Problem], monkeypatch: pytest.MonkeyPatch) -> None:
    """No sandbox in whole runs: only the canonical solutions pass."""
    from stepcoder import run

    monkeypatch.setattr(run, "LocalEngine", engine_of(StandInJudge, problems))


@pytest.fixture
def make_trainer(problems: list[Problem], write_dataset: Callable[..., Path], tmp_path: Path) -> Callable[..., Any]:
    """A trainer on the small problems, with a model from scratch whose weights are far from uniform."""

    def make(**changes: Any) -> Any:
        import torch

        from stepcoder.config import TrainConfig, configured
        from stepcoder.processes import new_accelerator
        from stepcoder.setup import new_trainer

        config = configured(TrainConfig, "tiny", TINY | changes)
        accelerator = new_accelerator(config, tmp_path)
        folder = tmp_path / "data"
        dataset = folder if folder.exists() else write_dataset(problems, problems[:2])
        trainer = new_trainer(str(dataset), config, accelerator, lambda _: None)
        torch.manual_seed(0)
        with torch.no_grad():
            for p in [*trainer.unwrapped.lm.parameters(), *trainer.unwrapped.value_head.parameters()]:
                if p.requires_grad and p.ndim > 1:
                    torch.nn.init.normal_(p, std=0.2)
        return trainer

    return make


def sampled_again_from(out: Path, lines: int, sample: Callable[[Path], int]) -> tuple[list[str], list[str]]:
    """The lines of a file of samples, and of another that was stopped after so many lines, the next one torn."""
    whole = out.read_text().splitlines()
    broken = out.with_name("broken.jsonl")
    meta_path(broken).write_bytes(meta_path(out).read_bytes())
    broken.write_text("\n".join([*whole[:lines], whole[lines][:20]]))
    assert sample(broken) == len(whole)
    return whole, broken.read_text().splitlines()
