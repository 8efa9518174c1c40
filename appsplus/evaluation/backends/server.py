"""Samples from a server that speaks OpenAI's HTTP API: vLLM, SGLang, `transformers serve`, hosted ones.

One request is one sample, so that each has its own seed, is written as soon as it is there, and is never paid for twice.

| what comes back | what is done |
|---|---|
| no connection, a dropped one, no answer in time | tried again, after a wait that doubles |
| 408, 409, 425, 429, any 5xx, no JSON as the API promises | the same; `Retry-After` is obeyed, by all requests |
| 401, 403 | the run stops: the token is wrong |
| 400, 413, 422 | this sample is refused (a prompt too long, as a rule), the others go on; |
| | the run stops where the first answers are all of this kind |
| anything else (404 above all) | the run stops: this is not the address, or not the model |
"""

import json
import random
import threading
import time
from collections.abc import Callable, Container, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

from appsplus.errors import InputError
from appsplus.evaluation.backends import Refusal, Request, Sampling, Take
from appsplus.evaluation.backends.http import TRANSPORT_ERRORS, Answer, check_url, post
from appsplus.evaluation.prompts import OPEN_FENCE, chat_messages, continued_text, prompt_hash
from appsplus.evaluation.sample_file import Key, Sample

CHAT, COMPLETIONS = "chat", "completions"
ENDPOINTS = {CHAT: "/chat/completions", COMPLETIONS: "/completions"}
STOP = "\n```"  # where a completion ends that continues an open block

_AGAIN = frozenset((408, 409, 425, 429))
_WRONG_TOKEN = frozenset((401, 403))
_REFUSED = frozenset((400, 413, 422))
_MOST_REFUSALS_AT_FIRST = 5  # so many problems, or all, and not one answer: it is not about them
_MOST_WAIT_S = 60.0  # between two tries, where the server asks for nothing else
_MOST_RETRY_AFTER_S = 900.0  # a server that asks for more is not waited for
_SHOWN_CHARS = 300  # of what a server says
_SOON_S = 0.3  # after which the end of a run says what it waits for
_TELL_EVERY_S = 10.0  # about failed tries


@dataclass(frozen=True, slots=True)
class Patience:
    """How often, how fast and for how long a server is asked."""

    concurrency: int = 8  # requests under way at once
    requests_per_minute: float = 0.0  # started; 0: no limit of ours
    tries: int = 10  # of one request, the first included
    timeout_s: float = 600.0  # of silence, before a request counts as lost
    first_wait_s: float = 1.0  # before the second try; doubles from there


class _PassingError(Exception):
    """A try that failed, and that another may mend."""

    def __init__(self, detail: str, retry_after_s: float | None = None) -> None:
        super().__init__(detail)
        self.retry_after_s = retry_after_s


class _RefusedError(Exception):
    """The server will not answer this request, ever."""


class _StoppedError(Exception):
    """The run ended before this request was sent."""


class Server:
    """A model behind an OpenAI-compatible server."""

    def __init__(
        self,
        base_url: str,
        model: str,
        sampling: Sampling,
        *,
        endpoint: str = CHAT,
        token: str = "",
        fields: dict[str, Any] | None = None,
        patience: Patience | None = None,
        tell: Callable[[str], None] = lambda _: None,
    ) -> None:
        """`fields` are put into every request as they are, and a null removes a field. Raises InputError for `base_url`."""
        self._url = check_url(base_url) + ENDPOINTS[endpoint]
        self._model, self._sampling, self._endpoint, self._token = model, sampling, endpoint, token
        self._fields = fields or {}
        self._patience = patience or Patience()
        self._tell = tell
        self.facts: dict[str, Any] = {
            "name": model,
            "backend": "openai",
            "base_url": base_url.rstrip("/"),
            "prompt": "chat" if endpoint == CHAT else "continued",
            "request_fields": self._fields,
        }

    def run(self, requests: Sequence[Request], done: Container[Key], take: Take) -> list[Refusal]:
        """Make the samples, several at a time; each is given to `take`, in this thread, when its answer comes.

        However this ends, requests that are under way are waited for, and their answers taken. Raises InputError.
        """
        todo = iter([request for request in requests if request.key not in done])
        refusals: list[Refusal] = []
        refused: dict[str, str] = {}  # problems, and why
        pace = _Pace(self._patience)
        under_way: dict[Future[Sample], Request] = {}
        answered = any(request.key in done for request in requests)
        enough = min(_MOST_REFUSALS_AT_FIRST, len({request.problem.problem_id for request in requests}))
        with ThreadPoolExecutor(self._patience.concurrency, thread_name_prefix="ask") as pool:
            try:
                while True:
                    while len(under_way) < self._patience.concurrency and (request := next(todo, None)):
                        if why := refused.get(request.problem.problem_id):  # its prompt is the same
                            refusals.append(Refusal(request, why))
                        else:
                            under_way[pool.submit(self._ask, request, pace)] = request
                    if not under_way:
                        return refusals
                    for future in wait(under_way, return_when=FIRST_COMPLETED).done:
                        try:
                            take([future.result()])
                            answered = True
                        except _RefusedError as error:
                            refusals.append(Refusal(under_way[future], str(error)))
                            refused[under_way[future].problem.problem_id] = str(error)
                        del under_way[future]
                    if not answered and len(refused) >= enough:
                        raise InputError(
                            f"{self._url} refuses every request: {refusals[0].detail}; check --model, --max-tokens and"
                            " --request-fields"
                        )
            except BaseException:
                pace.stop()
                self._take_what_comes(under_way, done, take)
                raise

    def _take_what_comes(self, under_way: "dict[Future[Sample], Request]", done: Container[Key], take: Take) -> None:
        """The answers to requests that were sent: they are paid for."""
        sent = [future for future in under_way if not future.done() and not future.cancel()]
        if late := wait(sent, timeout=_SOON_S).not_done:
            self._tell(f"waiting for {len(late)} requests that are under way; what they bring is kept")
        wait(under_way)
        for future, request in under_way.items():
            if future.cancelled() or request.key in done:
                continue
            with suppress(_RefusedError, _StoppedError, InputError):
                take([future.result()])

    def _ask(self, request: Request, pace: "_Pace") -> Sample:
        """One sample, after as many tries as it takes. Raises _RefusedError, _StoppedError, or InputError."""
        prompt: Any
        if self._endpoint == CHAT:
            prompt = chat_messages(request.problem, request.shots)
            body: dict[str, Any] = {"messages": prompt}
        else:
            prompt = continued_text(request.problem, request.shots)
            body = {"prompt": prompt, "stop": [STOP]}
        body |= {"model": self._model, "max_tokens": self._sampling.max_tokens, "seed": request.seed}
        body["temperature"] = self._sampling.temperature
        if self._sampling.temperature:
            body["top_p"] = self._sampling.top_p
        body = {name: value for name, value in (body | self._fields).items() if value is not None}
        completion, finish_reason = self._answer(body, pace, random.Random(request.seed))
        return request.sample(
            completion, model=self._model, prompt_sha256=prompt_hash(prompt), finish_reason=finish_reason
        )

    def _answer(self, body: dict[str, Any], pace: "_Pace", chance: random.Random) -> tuple[str, str]:
        for number in range(self._patience.tries):
            pace.wait()
            try:
                return self._try(body)
            except _PassingError as error:
                failed = error
            pace.tell(f"{failed}; trying again", self._tell)
            if failed.retry_after_s is not None:
                pace.hold(failed.retry_after_s)  # at least: it may be a server that always says 0
            if number + 1 < self._patience.tries:
                longest = min(_MOST_WAIT_S, self._patience.first_wait_s * 2**number)
                pace.sleep(longest * chance.uniform(0.5, 1.0))  # so that requests that failed together do not return so
        raise InputError(
            f"{self._url} gave no answer in {self._patience.tries} tries; the last time: {failed}. What was made is kept:"
            " see to the server, then start the same command again"
        )

    def _try(self, body: dict[str, Any]) -> tuple[str, str]:
        try:
            answer = post(self._url, body, self._token, self._patience.timeout_s)
        except TRANSPORT_ERRORS as error:
            raise _PassingError(str(error) or type(error).__name__) from None
        if answer.status == 200:
            return self._completion(answer)
        told = f"{answer.status}: {self._said(answer)}"
        if answer.status in _WRONG_TOKEN:
            raise InputError(
                f"{self._url} refuses the token ({told}); expected one that the server knows in the variable that"
                " --api-key-env names. What was made is kept"
            )
        if answer.status in _REFUSED:
            raise _RefusedError(told)
        if answer.status in _AGAIN or answer.status >= 500:
            raise _PassingError(told, self._wait_asked_for(answer))
        raise InputError(
            f"{self._url} answers {told}; expected the address up to /v1 in --base-url, and in --model a name that"
            " the server has"
        )

    def _completion(self, answer: Answer) -> tuple[str, str]:
        try:
            choice = json.loads(answer.body)["choices"][0]
            text = choice["message"]["content"] if self._endpoint == CHAT else choice["text"]
            reason = choice.get("finish_reason") or ""
        except (ValueError, KeyError, IndexError, TypeError, AttributeError, RecursionError):
            raise _PassingError(f"an answer that is not what the API promises: {self._said(answer)}") from None
        if not isinstance(text, str | None) or not isinstance(reason, str):
            raise _PassingError(f"an answer that is not what the API promises: {self._said(answer)}")
        text = text or ""  # null where a model refuses, or has only reasoned
        return (text if self._endpoint == CHAT else OPEN_FENCE + text), reason

    def _wait_asked_for(self, answer: Answer) -> float | None:
        seconds = retry_after_s(answer.retry_after, datetime.now(UTC))
        if seconds is not None and seconds > _MOST_RETRY_AFTER_S:
            raise InputError(
                f"{self._url} answers {answer.status} and asks to wait {seconds:,.0f} s, more than the"
                f" {_MOST_RETRY_AFTER_S:,.0f} that are waited here. What was made is kept: start the same command again"
                " later"
            )
        return seconds

    def _said(self, answer: Answer) -> str:
        """What a server says, in short, and never our token."""
        text = answer.body.decode("utf-8", "replace")
        with suppress(ValueError, AttributeError, RecursionError):
            document = json.loads(text)
            error = document.get("error", document)
            text = str(error.get("message") or error.get("detail") or text) if isinstance(error, dict) else str(error)
        if self._token:
            text = text.replace(self._token, "***")
        text = "".join(char if char.isprintable() else " " for char in text).strip()
        return text if len(text) <= _SHOWN_CHARS else text[:_SHOWN_CHARS] + "..."


def retry_after_s(value: str, now: datetime) -> float | None:
    """Seconds that a header `Retry-After` asks to wait, as a number or as a date; None where it says neither."""
    with suppress(ValueError):
        return max(0.0, float(value)) if float(value) < float("inf") else None
    try:
        date = parsedate_to_datetime(value)
    except ValueError:
        return None
    return max(0.0, (date.replace(tzinfo=date.tzinfo or UTC) - now).total_seconds())


class _Pace:
    """When the next request may start, for all threads of a run."""

    def __init__(self, patience: Patience) -> None:
        self._between_s = 60 / patience.requests_per_minute if patience.requests_per_minute else 0.0
        self._next = self._told = 0.0
        self._lock = threading.Lock()
        self._stopped = threading.Event()

    def wait(self) -> None:
        """Wait for one's turn, and take it. Raises _StoppedError where the run ends first."""
        while True:
            with self._lock:
                now = time.monotonic()
                if now >= self._next and not self._stopped.is_set():
                    self._next = now + self._between_s
                    return
                wait_s = self._next - now
            self.sleep(wait_s)

    def hold(self, seconds: float) -> None:
        """Let nobody start for so long."""
        with self._lock:
            self._next = max(self._next, time.monotonic() + seconds)

    def sleep(self, seconds: float) -> None:
        """Sleep. Raises _StoppedError where the run ends meanwhile."""
        if self._stopped.wait(max(0.0, seconds)):
            raise _StoppedError

    def tell(self, what: str, tell: Callable[[str], None]) -> None:
        """Say something, unless something was said a moment ago."""
        with self._lock:
            now = time.monotonic()
            if self._told and now - self._told < _TELL_EVERY_S:
                return
            self._told = now
        tell(what)

    def stop(self) -> None:
        """Let nobody start any more."""
        self._stopped.set()
