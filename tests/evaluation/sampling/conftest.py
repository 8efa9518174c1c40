"""A small dataset to sample from, and a server of ours that speaks OpenAI's API and fails as it is told to."""

import json
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from appsplus.annotate.split_points import find_split_points
from appsplus.annotate.subtasks import subtask_chars
from appsplus.evaluation import prompts
from appsplus.problem import Annotation, IOFormat, Problem, Solution, UnitTest, Verdict
from appsplus.release import DatasetWriter, Manifest
from appsplus.release.seal import seal

CHAT_TEMPLATE = (
    "{% for m in messages %}<{{ m.role }}>{{ m.content }}{% endfor %}"
    "{% if add_generation_prompt %}<assistant>{% endif %}"
)
CODE = "n = int(input())\nif n > 2:\n    print('big')\n"
CALLED = "def twice(n):\n    return 2 * n\n"


def make_problem(number: int, **changes: Any) -> Problem:
    """Whether n is above two: a question on standard input."""
    code = changes.pop("code", CODE)
    points = find_split_points(code)
    fields: dict[str, Any] = {
        "problem_id": f"made/{number}",
        "source": "made",
        "split": "test",
        "description": f"Question {number}: is n above two?\n",
        "io_format": IOFormat.STDIN,
        "entry_point": None,
        "starter_code": "",
        "solutions": (Solution(code, Verdict.ACCEPTED),),
        "unit_tests": (UnitTest("3\n", "big\n"),),
        "source_hash": f"{number:064}",
        "license": "MIT",
        "canonical": 0,
        "annotation": Annotation(points, subtask_chars(points), (1, 2), ((1, 2),)),
    }
    return Problem(**fields | changes)


def make_call(number: int, **changes: Any) -> Problem:
    """Twice n: a function to write."""
    fields: dict[str, Any] = {
        "description": f"Question {number}: double n.",
        "io_format": IOFormat.CALL,
        "entry_point": "twice",
        "starter_code": "def twice(n):\n",
        "unit_tests": (UnitTest("[1]", "2"),),
        "code": CALLED,
    }
    return make_problem(number, **fields | changes)


@pytest.fixture(scope="session")
def dataset(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three problems in test, of which one is a function, and four in train. Do not change it."""
    folder = tmp_path_factory.mktemp("sampling") / "data"
    folder.mkdir()
    with DatasetWriter(folder) as writer:
        for number in range(2):
            writer.add(make_problem(number), "test")
        writer.add(make_call(2), "test")
        for number in range(10, 13):
            writer.add(make_problem(number, split="train"), "train")
        writer.add(make_call(13, split="train"), "train")
    seal(folder, Manifest("0.1.0", [], {}, {}, {}, writer.statistics.counts(), ()))
    return folder


class StandIn:
    """A server whose behaviour is a function of the request; remembers what it was asked, and how many at once."""

    def __init__(self) -> None:
        self.bodies: list[dict[str, Any]] = []
        self.headers: list[dict[str, str]] = []
        self.paths: list[str] = []
        self.times: list[float] = []
        self.most_at_once = 0
        self._at_once = 0
        self._lock = threading.Lock()
        self.answer: Callable[[int, dict[str, Any]], Any] = lambda number, _: completion(f"answer {number}")
        outer = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, format: str, *args: object) -> None:
                pass

            def do_POST(self) -> None:
                outer._handle(self)

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_port}/v1"
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
        self._thread.start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def _handle(self, handler: BaseHTTPRequestHandler) -> None:
        body = json.loads(handler.rfile.read(int(handler.headers["Content-Length"])))
        with self._lock:
            number = len(self.bodies)
            self.bodies.append(body)
            self.headers.append(dict(handler.headers))
            self.paths.append(handler.path)
            self.times.append(time.monotonic())
            self._at_once += 1
            self.most_at_once = max(self.most_at_once, self._at_once)
        try:
            said = self.answer(number, body)
        finally:
            with self._lock:
                self._at_once -= 1
        handler.close_connection = True
        if said is None:  # drop the connection without a word
            handler.connection.close()
            return
        status, document, headers = said
        data = document if isinstance(document, bytes) else json.dumps(document).encode()
        try:
            handler.send_response(status)
            for name, value in {"Content-Length": str(len(data)), **headers}.items():
                handler.send_header(name, value)
            handler.end_headers()
            handler.wfile.write(data)
        except OSError:
            pass  # the client has given up


def completion(text: str | None, finish_reason: str = "stop") -> tuple[int, Any, dict[str, str]]:
    """An answer that fits both endpoints."""
    choice = {"index": 0, "message": {"role": "assistant", "content": text}, "text": text}
    return 200, {"choices": [choice | {"finish_reason": finish_reason}]}, {}


def error(status: int, message: str = "no", **headers: str) -> tuple[int, Any, dict[str, str]]:
    return status, {"error": {"message": message}}, {name.replace("_", "-"): value for name, value in headers.items()}


@pytest.fixture
def stand_in() -> Iterator[StandIn]:
    server = StandIn()
    yield server
    server.close()


@pytest.fixture(scope="session")
def make_model(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Path]:
    """A tiny Llama with random weights, far from uniform, and a tokenizer, as transformers loads them."""
    import torch

    from stepcoder.config import SftConfig
    from stepcoder.data import new_tokenizer
    from stepcoder.policy import new_model

    made: dict[str, Path] = {}

    def make(name: str, *, chat: bool = False, seed: int = 0) -> Path:
        if name not in made:
            torch.manual_seed(seed)
            texts = [prompts.continued_text(make_problem(1)), prompts.continued_text(make_call(1))]
            tokenizer = new_tokenizer(texts, 400)
            sizes = SftConfig(hidden_size=32, layers=2, heads=2, max_prompt_tokens=300, max_completion_tokens=100)
            lm = new_model(sizes, tokenizer)
            for parameter in lm.parameters():
                if parameter.ndim > 1:
                    torch.nn.init.normal_(parameter, std=0.3)
            lm.generation_config.do_sample = True  # where it says so, `transformers serve` samples
            if chat:
                tokenizer.chat_template = CHAT_TEMPLATE
            folder = tmp_path_factory.mktemp("models") / name
            lm.save_pretrained(folder)
            tokenizer.save_pretrained(folder)
            made[name] = folder
        return made[name]

    return make
