"""A policy that can write everything in a tiny language, so that what it can still complete is known exactly."""

from collections.abc import Callable, Iterator, Sequence
from itertools import product
from pathlib import Path
from typing import Any

import pytest

from appsplus.errors import SandboxError
from appsplus.judge import Job, Report, UnitTestReport
from appsplus.problem import Problem, Verdict
from tests.stepcoder.conftest import StandInJudge, small_problem

WORDS = ("a", "b")  # a line is one of these
LINES = 4  # of a program


class Tongue:
    """A tokenizer of programs whose every line is one letter: a token a letter, a token a line's end, one for the end."""

    pad_token_id, eos_token_id = 3, 2
    chat_template = None

    def decode(self, ids: Sequence[int], **_: Any) -> str:
        return "".join(("a = 1", "b = 1", "", "", "\n", "# c")[i] for i in ids)

    def __call__(self, _text: str, **_: Any) -> dict[str, list[int]]:
        return {"input_ids": [5] * 3}

    def get_vocab(self) -> dict[str, int]:
        return {"a": 0, "b": 1, "end": 2, "pad": 3, "\n": 4, "c": 5}


def tokens_of(program: Sequence[int]) -> tuple[int, ...]:
    """Letters with the ends of their lines, then the end of text."""
    return (*(token for letter in program for token in (letter, 4)), 2)


class Everything:
    """A writer whose attempts are all completions there are: attempt i writes the i-th."""

    checkpoint, batch = "all", 8

    def __init__(self) -> None:
        from stepcoder.prm.writer import Sampling

        self.sampling = Sampling(1.0, 1.0, 0)
        self.asked = 0
        self.stop_after = -1  # requests, after which it is interrupted before a batch; -1: never
        self.stop_within = -1  # the same within a batch

    def write(self, requests: Sequence[Any], told: Any = None) -> list[tuple[int, ...]]:
        if 0 <= self.stop_after <= self.asked:
            raise KeyboardInterrupt
        rows = []
        for place, request in enumerate(requests):
            if self.stop_within == self.asked:
                raise KeyboardInterrupt
            self.asked += 1
            rows.append(self._completion(request.ids[3:], request.number))
            told(place, rows[-1])
        return rows

    def _completion(self, given: Sequence[int], number: int) -> tuple[int, ...]:
        letters = [token for token in given if token in (0, 1)]
        rest = list(product((0, 1), repeat=LINES - len(letters)))
        return tokens_of(rest[number % len(rest)])


class Accepting(StandInJudge):
    """Accepts some programs, and fails on others."""

    def __init__(self, right: Sequence[Sequence[int]], fails_on: Sequence[Sequence[int]] = ()) -> None:
        super().__init__()
        self._texts = {Tongue().decode(tokens_of(program)) for program in right}
        self._failing = {Tongue().decode(tokens_of(program)) for program in fails_on}

    def _report(self, job: Job) -> Report:
        self.asked += 1
        if job.program in self._failing:
            raise SandboxError("the judge's worker failed twice on one job")
        verdict = Verdict.ACCEPTED if job.program in self._texts else Verdict.WRONG_ANSWER
        return Report(verdict, (UnitTestReport(verdict, 0.0, 0.0, 1.0),))


@pytest.fixture
def problem() -> Problem:
    return small_problem()


@pytest.fixture
def attempts(tmp_path: Path) -> Iterator[Callable[..., Any]]:
    """Makes the attempts of the policy that can write everything, judged by who accepts some programs."""
    from contextlib import ExitStack

    from stepcoder.prm.attempts import Attempts
    from stepcoder.prm.store import CompletionStore
    from stepcoder.rollouts import Judgements

    with ExitStack() as stack:

        def make(right: Sequence[Sequence[int]], writer: Any = None, fails_on: Sequence[Sequence[int]] = ()) -> Any:
            judgements = stack.enter_context(Judgements(Accepting(right, fails_on), threads=1, coverage=False))
            store = stack.enter_context(CompletionStore(tmp_path / "store"))
            return Attempts(writer or Everything(), Tongue(), judgements, store, max_tokens=64, told=lambda *_: None)

        yield make
