"""What is sent to a server, and what is done about everything that may come back."""

import itertools
import json
import signal
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from appsplus.errors import InputError
from appsplus.evaluation import prompts
from appsplus.evaluation.backends import Sampling
from appsplus.evaluation.backends.server import Patience, Server, retry_after_s
from appsplus.evaluation.sampling import Plan, Sampled, make_samples, seed_of
from tests.evaluation.sampling.conftest import StandIn, completion, error, make_call, make_problem

COLD = Sampling(temperature=0.0, top_p=1.0, max_tokens=50)
WARM = Sampling(temperature=0.7, top_p=0.9, max_tokens=50)
TOKEN = "sk-very-secret"


@pytest.fixture
def run(dataset: Path, stand_in: StandIn, tmp_path: Path) -> Callable[..., Sampled]:
    """Sample the test split from the stand-in, with short waits."""

    def sample(
        *,
        num_samples: int = 1,
        sampling: Sampling = WARM,
        patience: dict[str, Any] | None = None,
        url: str = "",
        **options: Any,
    ) -> Sampled:
        patient = Patience(**{"first_wait_s": 0.01, "timeout_s": 5.0, "tries": 4} | (patience or {}))
        server = Server(url or stand_in.url, "tiny", sampling, patience=patient, **options)
        return make_samples(Plan(dataset, sampling, "test", num_samples, seed=3), server, out_of(tmp_path), command="c")

    return sample


def out_of(folder: Path) -> Path:
    return folder / "samples.jsonl"


def lines(folder: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in out_of(folder).read_text().splitlines()]


def fails_first(times: int, answer: Any) -> Callable[[int, Any], Any]:
    """Every request is answered by `answer` so many times, and then well."""
    asked: dict[str, int] = {}

    def said(_: int, body: dict[str, Any]) -> Any:
        key = str(body["seed"])
        asked[key] = asked.get(key, 0) + 1
        return answer if asked[key] <= times else completion(f"answer for {key}")

    return said


def test_a_chat_is_asked_with_the_template_and_the_parameters(
    run: Callable[..., Sampled], stand_in: StandIn, tmp_path: Path
) -> None:
    done = run(num_samples=2, token=TOKEN)
    assert (done.num_samples, done.num_new, done.refusals) == (6, 6, ())
    bodies = {body["seed"]: body for body in stand_in.bodies}
    asked = make_call(2)
    assert bodies[seed_of(3, "made/2", 1)] == {
        "model": "tiny",
        "messages": prompts.chat_messages(asked),
        "temperature": 0.7,
        "top_p": 0.9,
        "max_tokens": 50,
        "seed": seed_of(3, "made/2", 1),
    }
    assert set(stand_in.paths) == {"/v1/chat/completions"}
    assert {headers["Authorization"] for headers in stand_in.headers} == {f"Bearer {TOKEN}"}
    last = lines(tmp_path)[-1]
    assert last | {"completion": ""} == {
        "problem_id": "made/2",
        "completion": "",
        "sample_index": 1,
        "model": "tiny",
        "prompt_sha256": prompts.prompt_hash(prompts.chat_messages(asked)),
        "finish_reason": "stop",
        "seed": seed_of(3, "made/2", 1),
    }
    assert {line["completion"] for line in lines(tmp_path)} == {f"answer {n}" for n in range(6)}


def test_completions_continue_an_open_block_and_stop_where_it_ends(
    run: Callable[..., Sampled], stand_in: StandIn, tmp_path: Path
) -> None:
    run(sampling=COLD, endpoint="completions", fields={"top_k": 5, "seed": None})
    body = next(body for body in stand_in.bodies if "Question 1" in body["prompt"])
    text = prompts.continued_text(make_problem(1))
    expected = {"model": "tiny", "prompt": text, "stop": ["\n```"], "temperature": 0.0, "max_tokens": 50, "top_k": 5}
    assert body == expected
    assert set(stand_in.paths) == {"/v1/completions"}
    assert "Authorization" not in stand_in.headers[0]
    assert lines(tmp_path)[1]["completion"].startswith("```python\nanswer ")


def test_what_is_there_is_not_asked_for_again(run: Callable[..., Sampled], stand_in: StandIn, tmp_path: Path) -> None:
    run(num_samples=2)
    before, stand_in.bodies[:] = lines(tmp_path), []
    assert run(num_samples=2).num_new == 0
    assert stand_in.bodies == []
    assert run(num_samples=3).num_new == 3
    assert len(stand_in.bodies) == 3
    after = lines(tmp_path)
    assert [line for line in after if line["sample_index"] < 2] == before
    assert [line["sample_index"] for line in after] == [0, 1, 2] * 3


@pytest.mark.parametrize(
    "failure",
    [
        error(429, "slow down"),
        error(429, "slow down", Retry_After="0.05"),
        error(500),
        error(503, "no memory"),
        error(408),
        None,  # the connection is dropped
        (200, b"<html>busy</html>", {}),
        (200, {"choices": []}, {}),
        (200, {"error": "overloaded"}, {}),
        (200, {"choices": [{"message": None}]}, {}),
        (200, {"choices": [{"message": {"content": 5}}]}, {}),
        (200, b"[" * 100_000, {}),
        (200, b'{"choices": [{"mess', {"Content-Length": "500"}),
    ],
    ids=lambda failure: str(failure)[:40],
)
def test_what_may_pass_is_tried_again(
    run: Callable[..., Sampled], stand_in: StandIn, tmp_path: Path, failure: Any
) -> None:
    stand_in.answer = fails_first(2, failure)
    assert run().num_samples == 3
    assert len(stand_in.bodies) == 9
    assert [line["completion"] for line in lines(tmp_path)] == [
        f"answer for {line['seed']}" for line in lines(tmp_path)
    ]


def test_a_server_that_takes_too_long_is_tried_again(run: Callable[..., Sampled], stand_in: StandIn) -> None:
    slow = itertools.chain([True], itertools.repeat(False))

    def answer(_: int, __: Any) -> Any:
        if next(slow):
            time.sleep(0.6)
        return completion("late")

    stand_in.answer = answer
    assert run(patience={"timeout_s": 0.2, "concurrency": 1}).num_samples == 3
    assert len(stand_in.bodies) == 4


def test_a_server_that_never_recovers_ends_the_run_and_what_was_made_is_kept(
    run: Callable[..., Sampled], stand_in: StandIn, tmp_path: Path
) -> None:
    stand_in.answer = lambda number, _: completion("first") if number == 0 else error(500, "out of memory")
    with pytest.raises(
        InputError, match=r"gave no answer in 4 tries; the last time: 500: out of memory\. What was made"
    ):
        run(patience={"concurrency": 1})
    assert len(stand_in.bodies) == 5
    assert [line["completion"] for line in lines(tmp_path)] == ["first"]
    stand_in.answer = lambda *_: completion("later")
    assert run().num_new == 2


def test_waits_double_and_never_come_before_they_should(run: Callable[..., Sampled], stand_in: StandIn) -> None:
    stand_in.answer = lambda *_: error(503)
    with pytest.raises(InputError, match="gave no answer in 4 tries"):
        run(patience={"concurrency": 1, "first_wait_s": 0.1})
    waits = [b - a for a, b in itertools.pairwise(stand_in.times)]
    assert [0.5 * 0.1 * 2**n <= wait < 0.1 * 2**n + 0.2 for n, wait in enumerate(waits)] == [True] * 3


def test_retry_after_holds_back_every_request(run: Callable[..., Sampled], stand_in: StandIn) -> None:
    stand_in.answer = lambda number, _: error(429, "wait", Retry_After="0.4") if number == 0 else completion("ok")
    run(num_samples=4, patience={"concurrency": 2})
    told_to_wait = stand_in.times[0]
    later = [at - told_to_wait for at in stand_in.times[2:]]
    assert min(later) >= 0.35  # the second may have been on its way


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("7", 7.0),
        ("0.5", 0.5),
        ("-3", 0.0),
        ("Sat, 21 Nov 2026 12:01:00 GMT", 60.0),
        ("Sat, 21 Nov 2026 11:00:00 GMT", 0.0),
        ("", None),
        ("soon", None),
        ("inf", None),
        ("nan", None),
    ],
)
def test_retry_after_is_seconds_or_a_date(value: str, seconds: float | None) -> None:
    assert retry_after_s(value, datetime(2026, 11, 21, 12, 0, tzinfo=UTC)) == seconds


def test_a_server_that_asks_for_hours_is_not_waited_for(run: Callable[..., Sampled], stand_in: StandIn) -> None:
    stand_in.answer = lambda *_: error(429, "quota", Retry_After="7200")
    started = time.monotonic()
    with pytest.raises(
        InputError, match="answers 429 and asks to wait 7,200 s, more than the 900 that are waited here"
    ):
        run()
    assert time.monotonic() - started < 5


@pytest.mark.parametrize("status", [401, 403])
def test_a_wrong_token_stops_at_once_and_is_never_shown(
    run: Callable[..., Sampled], stand_in: StandIn, tmp_path: Path, status: int
) -> None:
    stand_in.answer = lambda *_: error(status, f"Incorrect API key provided: {TOKEN}")
    with pytest.raises(
        InputError, match=rf"refuses the token \({status}: Incorrect API key provided: \*\*\*\)"
    ) as told:
        run(num_samples=20, token=TOKEN, patience={"concurrency": 2})
    assert TOKEN not in str(told.value)
    assert len(stand_in.bodies) <= 4
    assert TOKEN not in (tmp_path / "samples.meta.json").read_text()


@pytest.mark.parametrize("status", [404, 405, 302])
def test_a_wrong_address_stops_at_once_and_the_token_follows_no_redirection(
    run: Callable[..., Sampled], stand_in: StandIn, status: int
) -> None:
    stand_in.answer = lambda *_: error(status, "nothing here", Location=f"{stand_in.url}/elsewhere")
    with pytest.raises(InputError, match=rf"answers {status}: nothing here; expected the address up to /v1"):
        run(token=TOKEN, patience={"concurrency": 1})
    assert stand_in.paths == ["/v1/chat/completions"]


def test_a_request_that_is_refused_is_named_and_the_others_go_on(
    run: Callable[..., Sampled], stand_in: StandIn, tmp_path: Path
) -> None:
    stand_in.answer = lambda _, body: (
        error(400, "maximum context length is 10") if "double" in str(body) else completion("x")
    )
    done = run(num_samples=2)
    assert [(r.request.key, r.detail) for r in sorted(done.refusals, key=lambda r: r.request.key)] == [
        (("made/2", 0), "400: maximum context length is 10"),
        (("made/2", 1), "400: maximum context length is 10"),
    ]
    assert (done.num_samples, len(lines(tmp_path))) == (4, 4)


def test_a_server_that_refuses_everything_is_not_asked_for_every_sample(
    run: Callable[..., Sampled], stand_in: StandIn
) -> None:
    stand_in.answer = lambda *_: error(422, "unknown field: seed")
    with pytest.raises(InputError, match="refuses every request: 422: unknown field: seed; check --model"):
        run(num_samples=20, patience={"concurrency": 2})
    assert len(stand_in.bodies) < 10


def test_a_problem_at_the_front_that_is_refused_as_often_as_it_is_asked_stops_nothing(
    run: Callable[..., Sampled], stand_in: StandIn
) -> None:
    stand_in.answer = lambda _, body: error(400, "too long") if "Question 0" in str(body) else completion("x")
    done = run(num_samples=10, patience={"concurrency": 1})
    refused = {refusal.request.problem.problem_id for refusal in done.refusals}
    assert len(done.refusals) == 10 * len(refused)
    assert done.num_samples > 0
    again = run(num_samples=10, patience={"concurrency": 1})
    assert (again.num_new, len(again.refusals)) == (0, len(done.refusals))


def test_a_model_that_says_nothing_has_an_empty_completion(
    run: Callable[..., Sampled], stand_in: StandIn, tmp_path: Path
) -> None:
    stand_in.answer = lambda *_: completion(None, "content_filter")
    run()
    assert {(line["completion"], line["finish_reason"]) for line in lines(tmp_path)} == {("", "content_filter")}


@pytest.mark.parametrize("concurrency", [1, 3])
def test_no_more_requests_are_under_way_than_allowed(
    run: Callable[..., Sampled], stand_in: StandIn, concurrency: int
) -> None:
    stand_in.answer = lambda *_: (time.sleep(0.05), completion("x"))[1]
    run(num_samples=4, patience={"concurrency": concurrency})
    assert stand_in.most_at_once == concurrency


def test_no_more_requests_start_in_a_minute_than_allowed(run: Callable[..., Sampled], stand_in: StandIn) -> None:
    run(num_samples=2, patience={"requests_per_minute": 600.0})
    assert len(stand_in.times) == 6
    assert stand_in.times[-1] - stand_in.times[0] >= 0.45  # five times a tenth of a second, less a moment on the way


def test_an_interruption_keeps_the_answers_that_are_under_way_and_asks_for_no_more(
    run: Callable[..., Sampled], stand_in: StandIn, tmp_path: Path
) -> None:
    arrived = threading.Semaphore(0)

    def answer(number: int, _: Any) -> Any:
        arrived.release()
        time.sleep(1.0)
        return completion(f"answer {number}")

    def interrupt() -> None:
        for _ in range(3):
            arrived.acquire()
        signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGINT)

    stand_in.answer = answer
    told: list[str] = []
    waiter = threading.Thread(target=interrupt)
    before = signal.signal(signal.SIGINT, signal.default_int_handler)  # which a background job's shell has taken away
    waiter.start()
    with pytest.raises(KeyboardInterrupt):
        run(num_samples=5, patience={"concurrency": 3}, tell=told.append)
    signal.signal(signal.SIGINT, before)
    waiter.join()
    assert told == ["waiting for 3 requests that are under way; what they bring is kept"]
    assert len(stand_in.bodies) == len(lines(tmp_path)) == 3
    stand_in.answer = lambda *_: completion("later")
    assert run(num_samples=5).num_new == 12
    assert len(stand_in.bodies) == 15


def test_a_full_disk_ends_the_run_and_loses_no_answer(
    run: Callable[..., Sampled], stand_in: StandIn, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(elsewhere))

    def full(*_: Any) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as disk:
        disk.setattr("appsplus.jsonl.append_whole", full)
        with pytest.raises(InputError, match=r"of the samples that were made could not be written to .*samples\.jsonl"):
            run(num_samples=10, patience={"concurrency": 3})
    [rescued] = elsewhere.iterdir()
    assert len(stand_in.bodies) == len(rescued.read_text().splitlines()) > 0
    out_of(tmp_path).write_bytes(rescued.read_bytes())
    paid = len(stand_in.bodies)
    assert run(num_samples=10).num_new == 30 - paid


@pytest.mark.parametrize(
    ("url", "told"),
    [
        ("127.0.0.1:8000", "is no address; expected one such as http://127.0.0.1:8000/v1"),
        ("ftp://host/v1", "is no address"),
        ("http://host:0/v1", "is no address"),
        ("http://host:99999/v1", "is no address"),
        ("http://[::1/v1", "is no address"),
        (f"https://user:{TOKEN}@host/v1", "a token goes into the variable"),
        ("https://host/v1?key=x", "a token goes into the variable"),
    ],
)
def test_an_address_that_cannot_be_is_refused(run: Callable[..., Sampled], url: str, told: str) -> None:
    with pytest.raises(InputError, match=told) as refused:
        run(url=url)
    assert TOKEN not in str(refused.value)


def test_nobody_at_the_address_is_said_after_some_tries(run: Callable[..., Sampled], stand_in: StandIn) -> None:
    told: list[str] = []
    with pytest.raises(InputError, match=r"gave no answer in 4 tries; the last time: .*Connection refused"):
        run(url="http://127.0.0.1:1/v1", tell=told.append)
    assert len(told) >= 1
    assert "Connection refused" in told[0]
    assert told[0].endswith("; trying again")


def test_a_server_on_this_machine_is_not_asked_through_a_proxy(
    run: Callable[..., Sampled], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    assert run().num_samples == 3


def test_seeds_differ_and_depend_on_nothing_but_the_sample() -> None:
    seeds = {seed_of(seed, f"p/{n}", index) for seed in range(5) for n in range(40) for index in range(10)}
    assert len(seeds) == 2000
    assert all(0 <= seed < 2**31 for seed in seeds)
    assert seed_of(0, "made/1", 0) == seed_of(0, "made/1", 0) != seed_of(0, "made/1", 1)
    assert seed_of(1, "1", 11) != seed_of(11, "1", 1)


def test_several_samples_of_the_likeliest_tokens_are_refused(run: Callable[..., Sampled]) -> None:
    with pytest.raises(InputError, match="2 samples of the likeliest tokens would all be the same; give --temperature"):
        run(num_samples=2, sampling=COLD)
