"""The rounds of labelling one checkpoint: completions of prefixes, from the store or from the policy, and their verdicts.

Each round asks a question of every response that is still open: one batch of completions, and one of judging, which goes on
while the next completions are written.
"""

from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Any

from appsplus.errors import SandboxError
from appsplus.evaluation.extraction import Program, extract
from appsplus.judge import Report
from appsplus.problem import Verdict
from stepcoder.data import token_offsets
from stepcoder.prm.lines import Lines, lines_of
from stepcoder.prm.search import Found, Question, transitions
from stepcoder.prm.store import CompletionStore
from stepcoder.prm.writer import Request, Writer, address
from stepcoder.rollouts import Completion, Judged, Judgements, Task

Told = Callable[[str, int, int], None]  # what is done, how much of it, of how much


@dataclass(frozen=True, slots=True)
class Response:
    """A response of a checkpoint, with its lines and what the judge said."""

    judged: Judged
    number: int  # among the responses to its problem
    offsets: tuple[tuple[int, int], ...]
    lines: Lines

    @property
    def passed(self) -> bool:
        """Whether it needs no completion."""
        return self.judged.outcome == Verdict.ACCEPTED


@dataclass(frozen=True, slots=True)
class Labelled:
    """A response, and how far the policy can still complete it."""

    response: Response
    found: Found


class Attempts:
    """Asks a policy and the judge; counts what was written and what was known."""

    def __init__(
        self,
        writer: Writer,
        tokenizer: Any,
        judgements: Judgements,
        store: CompletionStore,
        *,
        max_tokens: int,
        told: Told,
    ) -> None:
        self._writer, self._tokenizer, self._judgements, self._store = writer, tokenizer, judgements, store
        self._max_tokens, self._told = max_tokens, told
        self.written = self.judge_failures = 0
        self._asked: set[str] = set()

    @property
    def asked(self) -> int:
        """Completions that were asked for, each once."""
        return len(self._asked)

    @property
    def known(self) -> int:
        """Those of them that were not written now."""
        return self.asked - self.written

    def responses(self, tasks: Sequence[Task], count: int) -> list[Response]:
        """`count` judged responses to each task; those that the judge failed on are left out."""
        asked = [(task, (), number) for task in tasks for number in range(count)]
        found = []
        for (_, _, number), judged in zip(asked, self._judged("responses", asked), strict=True):
            if judged is None:
                continue
            completion = judged.completion
            offsets = tuple(token_offsets(completion.ids, completion.text, self._tokenizer))
            lines = lines_of(completion.text, completion.program, offsets)
            found.append(Response(judged, number, offsets, lines))
        return found

    def labelled(self, responses: Sequence[Response], k: int) -> list[Labelled]:
        """The transition of each response, with `k` attempts a question.

        Left out is a response of which the judge failed on an attempt where no other passed: nobody knows its label.
        """
        ends = [response.lines.code_ends for response in responses]
        rounds = 0
        unknown: set[int] = set()

        def ask(questions: Sequence[Question]) -> list[int]:
            nonlocal rounds
            rounds += 1
            asked = []
            for i, given in questions:
                completion = responses[i].judged.completion
                prefix = completion.ids[: ends[i][given - 1].token + 1]
                asked += [(completion.task, prefix, number) for number in range(k)]
            outcomes = self._judged(f"round {rounds}", asked)
            counts = []
            for start, (i, _) in zip(range(0, len(outcomes), k), questions, strict=True):
                some = outcomes[start : start + k]
                counts.append(sum(judged is not None and judged.outcome == Verdict.ACCEPTED for judged in some))
                if not counts[-1] and None in some:
                    unknown.add(i)
            return counts

        found = transitions([len(e) for e in ends], [response.passed for response in responses], ask)
        pairs = enumerate(zip(responses, found, strict=True))
        return [Labelled(response, one) for i, (response, one) in pairs if i not in unknown]

    def _judged(self, what: str, asked: Sequence[tuple[Task, tuple[int, ...], int]]) -> list[Judged | None]:
        """The prefixes, completed and judged; None where the judge failed twice, which is counted."""
        requests = [Request((*t.ids, *given), n, max(1, self._max_tokens - len(given))) for t, given, n in asked]
        addresses = [address(self._writer, request) for request in requests]
        self._asked.update(addresses)
        waiting: dict[int, tuple[Completion, Future[Report | None]]] = {}

        def submit(places: Sequence[int], completions: dict[str, tuple[int, ...]]) -> None:
            for i in places:
                completion = self._completion(asked[i][0], (*asked[i][1], *completions[addresses[i]]))
                waiting[i] = completion, self._judgements.submit(completion)
            self._told(what, len(waiting), len(asked))

        known = self._store.known(addresses)
        submit([i for i, one in enumerate(addresses) if one in known], known)
        missing = {one: i for i, one in reversed(list(enumerate(addresses))) if one not in known}  # each once
        order = sorted(missing.values(), key=lambda i: (len(requests[i].ids), i))
        for start in range(0, len(order), self._writer.batch):
            some = order[start : start + self._writer.batch]
            made = self._made([requests[i] for i in some], [addresses[i] for i in some])
            self.written += len(made)
            submit([i for i, one in enumerate(addresses) if one in made], made)
        completions = [waiting[i][0] for i in range(len(asked))]
        judged = self._judgements.collect([waiting[i] for i in range(len(asked))])
        found = {id(one.completion): one for one in judged}
        return [found.get(id(completion)) or self._judged_again(completion) for completion in completions]

    def _made(self, requests: Sequence[Request], addresses: Sequence[str]) -> dict[str, tuple[int, ...]]:
        """Completions, each of which is kept as soon as it is whole."""
        rows = self._writer.write(requests, lambda place, row: self._store.keep(addresses[place], row))
        return dict(zip(addresses, rows, strict=True))

    def _judged_again(self, completion: Completion) -> Judged | None:
        try:
            return Judged(completion, self._judgements.submit(completion).result())
        except SandboxError:
            self.judge_failures += 1
            return None

    def _completion(self, task: Task, ids: tuple[int, ...]) -> Completion:
        text = self._tokenizer.decode(ids, skip_special_tokens=True)
        program = extract(text, task.prefix, fence_open=True)
        return Completion(task, ids, text, program if isinstance(program, Program) else None)
