"""Completions of the policy, and what the judge says of them, while the next ones are generated.

Legend: B completions, P prompt positions (left-padded), T response positions (right-padded), N = P + T.
"""

import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from types import TracebackType
from typing import Any, Self

import torch
from torch import Tensor

from appsplus.engine.judging import Judging, fair_limits
from appsplus.engine.verdict_and_lines import verdict_and_lines
from appsplus.errors import SandboxError
from appsplus.evaluation.backends.padding import left_padded
from appsplus.evaluation.extraction import Program, extract
from appsplus.judge import Job, Report
from appsplus.problem import Problem
from stepcoder.config import TrainConfig
from stepcoder.data import prompt_ids, token_offsets
from stepcoder.errors import TrainingError
from stepcoder.generation import written

MOST_FAILURES = 0.01  # share of completions that the judge may fail on before a run stops
_FEW_FAILURES = 2  # so many never stop it
MOST_REMEMBERED = 20_000  # reports that are kept, for programs that are written again


@dataclass(frozen=True, slots=True)
class Task:
    """What the policy is asked: a level of a problem."""

    problem: Problem
    level: int  # from 1, the easiest
    prefix: str
    ids: tuple[int, ...]  # of the prompt

    @classmethod
    def of(cls, problem: Problem, chars: Sequence[int], level: int, tokenizer: Any) -> Self:
        """The task at a level, as tokens; `chars`: of the canonical solution, what each level gives."""
        return cls.at(problem, level, problem.canonical_solution[: chars[level - 1]], tokenizer)

    @classmethod
    def at(cls, problem: Problem, level: int, prefix: str, tokenizer: Any) -> Self:
        """The task of going on from the start of a program, whoever has written it, as tokens."""
        return cls(problem, level, prefix, tuple(prompt_ids(problem, prefix, tokenizer)))


@dataclass(frozen=True, slots=True)
class Completion:
    """What the policy wrote, before it is judged."""

    task: Task
    ids: tuple[int, ...]
    text: str
    program: Program | None  # None: there is none in the text


@dataclass(frozen=True, slots=True)
class Written:
    """What is given of a completion, however it came about."""

    text: str
    tokens: int


@dataclass(frozen=True, slots=True)
class Judged:
    """A completion with the judge's report; `report` None: there was no program to judge."""

    completion: Completion
    report: Report | None

    @property
    def outcome(self) -> str:
        """The verdict, or that there was no program."""
        return "extraction_failed" if self.report is None else str(self.report.verdict)


@dataclass(frozen=True, slots=True)
class Collected:
    """The completions of an update, in order, less those that the judge failed on."""

    judged: tuple[Judged, ...]
    generate_s: float
    wait_s: float  # for the judge, with nothing else left to do
    response_tokens: int
    programs: int = 0  # different ones, which are what the judge runs


@dataclass(frozen=True, slots=True)
class Decoding:
    """How completions are sampled."""

    temperature: float
    top_p: float
    max_tokens: int
    batch: int  # at once

    @classmethod
    def of(cls, config: TrainConfig) -> Self:
        """As a training samples them."""
        return cls(config.temperature, config.top_p, config.max_completion_tokens, config.generation_batch)

    def greedy(self) -> Self:
        """The same, but the likeliest token each time."""
        return replace(self, temperature=0.0, top_p=1.0)


Told = Callable[[int, Completion], None]
"""Hears of a completion as soon as it is whole, and which of the tasks it is for."""


def generated(
    lm: Any, tokenizer: Any, tasks: Sequence[Task], decoding: Decoding, told: Told = lambda _number, _completion: None
) -> Iterator[Completion]:
    """One completion for each task, in order, `decoding.batch` of them at a time."""
    for start in range(0, len(tasks), decoding.batch):

        def told_here(row: int, completion: Completion, start: int = start) -> None:
            told(start + row, completion)

        yield from generate(
            lm,
            tokenizer,
            tasks[start : start + decoding.batch],
            max_tokens=decoding.max_tokens,
            temperature=decoding.temperature,
            top_p=decoding.top_p,
            told=told_here,
        )


def generate(
    lm: Any,
    tokenizer: Any,
    tasks: Sequence[Task],
    *,
    max_tokens: int,
    temperature: float,
    top_p: float,
    told: Told = lambda _number, _completion: None,
) -> list[Completion]:
    """One completion for each task, sampled from the nucleus; temperature 0 takes the likeliest token."""
    found: dict[int, Completion] = {}

    def whole(row: int, ids: Sequence[int]) -> None:
        found[row] = _completion(tasks[row], ids, tokenizer)
        told(row, found[row])

    device = next(lm.parameters()).device
    pad_id = tokenizer.pad_token_id if tokenizer.pad_token_id is not None else tokenizer.eos_token_id
    ids, attention = left_padded([task.ids for task in tasks], pad_id)
    written(
        lm,
        tokenizer,
        ids.to(device),
        attention.to(device),
        pad_id=pad_id,
        max_tokens=max_tokens,
        temperature=temperature,
        top_p=top_p,
        told=whole,
    )
    return [found[row] for row in range(len(tasks))]


def _completion(task: Task, ids: Sequence[int], tokenizer: Any) -> Completion:
    text = tokenizer.decode(ids, skip_special_tokens=True)
    found = extract(text, task.prefix, fence_open=True)
    return Completion(task, tuple(ids), text, found if isinstance(found, Program) else None)


class Judgements:
    """Judges completions in the background. A context manager.

    The judge's workers are processes of their own, started from a bare interpreter: nothing forks this process, with its
    model and its threads. A completion that the judge fails on has no report and no reward; more than 1 % of them, and at
    least three, end the run (TrainingError).
    """

    def __init__(self, judging: Judging, *, threads: int, coverage: bool, go_on: str = "go on with --resume") -> None:
        self._judging, self._coverage, self._go_on = judging, coverage, go_on
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix="rewards")
        self._remembered: dict[tuple[str, str], Future[Report | None]] = {}
        self.asked = self.failed = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._pool.shutdown(wait=False, cancel_futures=True)

    def submit(self, completion: Completion) -> "Future[Report | None]":
        """Begin to judge a completion; the result raises SandboxError where the judge fails."""
        if completion.program is None:
            nothing: Future[Report | None] = Future()
            nothing.set_result(None)
            return nothing
        key = (completion.task.problem.problem_id, completion.program.text)
        known = self._remembered.pop(key, None)
        if known is None or (known.done() and known.exception()):
            known = self._pool.submit(self._judge, completion.task.problem, completion.program.text)
        self._remembered[key] = known  # the newest is last
        if len(self._remembered) > MOST_REMEMBERED:
            del self._remembered[next(iter(self._remembered))]
        return known

    def collect(self, waiting: "Sequence[tuple[Completion, Future[Report | None]]]") -> list[Judged]:
        """The reports, in order. Completions that the judge failed on are left out; `failed` counts them."""
        judged: list[Judged] = []
        why = ""
        for completion, future in waiting:
            try:
                judged.append(Judged(completion, future.result()))
            except SandboxError as error:
                why = str(error)
        self.asked, self.failed = self.asked + len(waiting), self.failed + len(waiting) - len(judged)
        if self.failed > max(_FEW_FAILURES, MOST_FAILURES * self.asked) or (waiting and not judged):
            raise TrainingError(
                f"the judge failed on {self.failed} of {self.asked} completions (the last time: {why}); at most 1 % may"
                f" fail, and {_FEW_FAILURES} in any case; see `appsplus doctor`, then {self._go_on}"
            )
        return judged

    def _judge(self, problem: Problem, program: str) -> Report:
        job = job_of(problem, program, self._judging.modules)
        if self._coverage:
            return verdict_and_lines(self._judging, job)
        [report] = self._judging.judge([job])
        return report


def job_of(problem: Problem, program: str, modules: tuple[str, ...]) -> Job:
    """The job that judges a program nobody has vouched for."""
    return Job(
        program=program,
        io_format=problem.io_format,
        unit_tests=problem.unit_tests,
        entry_point=problem.entry_point,
        limits=fair_limits(problem),
        checker=problem.checker,
        modules=modules,
    )


@dataclass(frozen=True, slots=True)
class Begun:
    """Completions that are written, and that the judge is at."""

    waiting: tuple[tuple[Completion, "Future[Report | None]"], ...]
    generate_s: float

    @property
    def completions(self) -> list[Completion]:
        """What was written, in order."""
        return [completion for completion, _ in self.waiting]

    def collected(self, judgements: Judgements) -> Collected:
        """The same when all of it is judged."""
        began = time.monotonic()
        judged = judgements.collect(self.waiting)
        waited = time.monotonic() - began
        tokens = sum(len(completion.ids) for completion in self.completions)
        programs = {(c.task.problem.problem_id, c.program.text) for c in self.completions if c.program}
        return Collected(tuple(judged), self.generate_s, waited, tokens, len(programs))


def begin(lm: Any, tokenizer: Any, tasks: Sequence[Task], judgements: Judgements, decoding: Decoding) -> Begun:
    """A completion for each task: `decoding.batch` at a time, each given to the judge as soon as it is whole."""
    began = time.monotonic()
    reports: dict[int, Future[Report | None]] = {}

    def submit(number: int, completion: Completion) -> None:
        reports[number] = judgements.submit(completion)

    completions = generated(lm, tokenizer, tasks, decoding, submit)
    waiting = tuple((completion, reports[number]) for number, completion in enumerate(completions))
    return Begun(waiting, time.monotonic() - began)


def collect(lm: Any, tokenizer: Any, tasks: Sequence[Task], judgements: Judgements, decoding: Decoding) -> Collected:
    """A judged completion for each task, as `begin` has them, with nothing to do while the last are judged."""
    return begin(lm, tokenizer, tasks, judgements, decoding).collected(judgements)


def right_padded(rows: Sequence[Sequence[float]], fill: float, dtype: torch.dtype, width: int = 0) -> Tensor:
    """Responses, or a number for each of their tokens, padded on the right, at least to `width`. -> (B, T)."""
    out = torch.full((len(rows), max(width, *(len(row) for row in rows))), fill, dtype=dtype)
    for i, row in enumerate(rows):
        out[i, : len(row)] = torch.tensor(list(row), dtype=dtype)
    return out


def offsets_of(completion: Completion, tokenizer: Any) -> list[tuple[int, int]]:
    """Characters of each token of a completion."""
    return token_offsets(completion.ids, completion.text, tokenizer)
