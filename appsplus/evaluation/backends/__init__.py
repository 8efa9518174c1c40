"""Where completions come from. Each backend is a module that loads what it needs; nothing heavy is imported here.

    server          any server that speaks OpenAI's HTTP API, with the standard library
    local           a model of transformers on this machine
    end_of_block    where a completion ends that continues an open block of code

A backend has one method, `run`: it makes every sample that is not there yet, and hands over each as soon as it has it.
"""

from collections.abc import Callable, Container, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from appsplus.errors import InputError
from appsplus.evaluation.sample_file import Key, Sample
from appsplus.problem import Problem

Take = Callable[[Sequence[Sample]], None]


@dataclass(frozen=True, slots=True)
class Request:
    """One sample to be made."""

    problem: Problem
    shots: tuple[Problem, ...]  # few-shot examples
    sample_index: int
    seed: int  # of this sample alone: what it comes to does not depend on which others are made

    @property
    def key(self) -> Key:
        """What tells it from all others of a run."""
        return self.problem.problem_id, self.sample_index

    def sample(self, completion: str, *, model: str, prompt_sha256: str, finish_reason: str) -> Sample:
        """The sample that came of it."""
        return Sample(
            self.problem.problem_id, completion, self.sample_index, model, prompt_sha256, finish_reason, self.seed
        )


@dataclass(frozen=True, slots=True)
class Refusal:
    """A sample that cannot be made, such as of a problem that is longer than the model reads."""

    request: Request
    detail: str


@dataclass(frozen=True, slots=True)
class Sampling:
    """How tokens are chosen, and when it is enough."""

    temperature: float  # 0: always the likeliest token
    top_p: float  # the nucleus: the likeliest tokens that together reach this probability
    max_tokens: int

    def __post_init__(self) -> None:
        if not (0 <= self.temperature < float("inf") and 0 < self.top_p <= 1 and self.max_tokens >= 1):
            raise InputError(
                f"temperature {self.temperature}, top-p {self.top_p} and {self.max_tokens} tokens cannot be; expected a"
                " temperature of at least 0, a top-p above 0 and at most 1, and at least one token"
            )


class Backend(Protocol):
    """What makes samples."""

    @property
    def facts(self) -> dict[str, Any]:
        """What the samples depend on, for samples.meta.json: `name` and `backend` at least."""
        ...

    def run(self, requests: Sequence[Request], done: Container[Key], take: Take) -> list[Refusal]:
        """Make every request whose key is not in `done`, and give each to `take` once it is there; in any order.

        Whatever ends this early, an interruption included, what was made by then has been given to `take`. Raises InputError
        where going on makes no sense: no server, a wrong token, no memory.
        """
        ...
