"""The process in which a peer runs: `python -m appsplus.conformance.peer_driver NAME CHECKOUT`.

Reads one JSON object a line from standard input (a question of `peers.Peer.judge`), writes one a line to standard output.
Neither pipe is open in the processes that the peer forks, so a program cannot answer for it by writing there.
"""

import gc
import json
import os
import resource
import signal
import sys
import time
from pathlib import Path
from typing import IO, Any

from appsplus.conformance import peer_calls, peer_container

_DETAIL_CHARS = 500


def main(name: str, checkout: Path) -> None:
    """Enter the container, load the peer, answer until the input ends."""
    questions, answers = _take_pipes()
    try:
        needed = [checkout, Path(__file__).resolve().parents[2], Path(sys.prefix), Path(sys.base_prefix)]
        peer_container.enter([*needed, *(Path(p) for p in sys.path if p)], questions.fileno())
    except OSError as error:
        _say(answers, {"error": f"no container can be had for the judge of {name} ({error}): start as root, or allow"
                                " unprivileged user namespaces (sysctl kernel.unprivileged_userns_clone=1)"})  # fmt: skip
        return
    os.register_at_fork(after_in_child=lambda: _close(questions.fileno(), answers.fileno()))
    if not os.access(checkout / peer_calls.MODULES[name], os.R_OK):
        reader = f"user {os.getuid()} (nobody, where this was started as root)"
        _say(
            answers,
            {"error": f"{checkout} cannot be read by {reader}, as whom the judge of {name} runs: chmod -R a+rX"},
        )
        return
    try:
        judge = peer_calls.load(name, checkout)
    except ModuleNotFoundError as error:
        package = error.name or "?"
        _say(
            answers, {"error": f"the judge of {name} imports {package}, which is not installed: pip install {package}"}
        )
        return
    except Exception as error:
        _say(answers, {"error": f"the judge of {name} at {checkout} cannot be imported: {error!r}"})
        return
    silence = os.open(os.devnull, os.O_RDWR)
    os.dup2(silence, 2)
    _say(answers, {"ready": True})
    before = set(peer_container.contents())
    for line in questions:
        _say(answers, _answer(judge, json.loads(line), before))


def _take_pipes() -> tuple[IO[bytes], IO[bytes]]:
    questions, answers = os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb")
    silence = os.open(os.devnull, os.O_RDWR)
    for descriptor in (0, 1):
        os.dup2(silence, descriptor)
    return questions, answers


def _close(*descriptors: int) -> None:
    for descriptor in descriptors:
        os.close(descriptor)


def _answer(judge: peer_calls.Judge, question: dict[str, Any], before: set[str]) -> dict[str, Any]:
    try:
        accepted, unit_tests, detail = judge(peer_calls.Question(**question))
    except peer_calls.NotExpressibleError as error:
        accepted, unit_tests, detail = None, [], str(error)
    except BaseException as error:  # a stray alarm or exit of the program's, too
        accepted, unit_tests, detail = None, [], f"its harness raised {error!r}"
    signal.alarm(0)
    left = [name for name in peer_container.contents() if name not in before]
    if left:  # a harness whose exception holds its manager is not a program that left something
        gc.collect()
        time.sleep(0.1)
        left = [name for name in peer_container.contents() if name not in before]
    if left:
        detail = f"{detail}; left behind: {', '.join(left[:3])}"
    spent = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return {
        "accepted": accepted,
        "unit_tests": unit_tests,
        "detail": detail[:_DETAIL_CHARS],
        "left_behind": bool(left),
        "cpu_s": sum(s.ru_utime + s.ru_stime for s in spent),
    }


def _say(answers: IO[bytes], message: dict[str, Any]) -> None:
    answers.write(json.dumps(message).encode() + b"\n")
    answers.flush()


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))
