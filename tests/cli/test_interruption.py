"""A build that is killed or interrupted leaves nothing behind, and goes on where it was."""

import json
import random
import re
import signal
import subprocess
import time
from collections.abc import Callable, Iterable
from pathlib import Path

import pytest
from running import answers, assert_all_end, descendants, wait_for_answers

from appsplus.release import folder_hash, read_manifest

Start = Callable[..., subprocess.Popen[str]]
# quick ones, of every fate: kept, repaired, and rejected at each stage up to `unique`
NAMES = (
    "train/0001 train/0004 train/0009 train/0101 train/0110 train/0203 train/0900 train/0904 train/0913 train/0914"
    " train/0917 train/0919 train/0924 train/0941 test/0502 test/0700"
).split()


def finish(build: subprocess.Popen[str]) -> None:
    _, err = build.communicate(timeout=60)
    assert build.returncode == 0, err


def test_a_build_killed_at_random_moments_goes_on_and_gives_the_same_bytes(
    start: Start, some_of_the_corpus: Callable[[Iterable[str]], Path], tmp_path: Path
) -> None:
    corpus = some_of_the_corpus(NAMES)

    def build(name: str) -> subprocess.Popen[str]:
        out, cache = tmp_path / name / "out", tmp_path / f"{name}-cache"
        return start("build", corpus, "--out", out, "--cache-dir", cache, "--workers", 2, "--isolation", "best-effort")

    finish(build("undisturbed"))
    undisturbed = read_manifest(tmp_path / "undisturbed" / "out").run
    total = answers(tmp_path / "undisturbed-cache")
    assert (undisturbed["judged"], total) == (total, total)

    chance = random.Random(20240215)
    cache = tmp_path / "killed-cache"
    moments = [0, *sorted(chance.sample(range(1, total), 2)), total]
    for moment in moments:
        killed = build("killed")
        seen = wait_for_answers(killed, cache, moment)
        time.sleep(chance.uniform(0, 0.1))
        seen |= descendants(killed.pid)
        killed.kill()
        killed.communicate()
        assert_all_end(seen)
    already = answers(cache)
    finish(build("killed"))

    out = tmp_path / "killed" / "out"
    assert folder_hash(out) == folder_hash(tmp_path / "undisturbed" / "out")
    assert [path.name for path in out.parent.iterdir()] == ["out"]
    assert read_manifest(out).run["judged"] == total - already < total // 2


ENDLESS = {
    "question.txt": "Print the number 1 on a line of its own, after a long while.",
    "solutions.json": json.dumps(["while True:\n    pass\n"] * 1),
    "input_output.json": json.dumps({"inputs": [""] * 9, "outputs": ["1\n"] * 9}),
}


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_build_ends_at_once_and_goes_on_later(
    number: signal.Signals, start: Start, some_of_the_corpus: Callable[[Iterable[str]], Path], tmp_path: Path
) -> None:
    corpus = some_of_the_corpus(NAMES[:2])
    endless = corpus / "train" / "9999"
    endless.mkdir()
    for name, text in ENDLESS.items():
        (endless / name).write_text(text)
    out, cache = tmp_path / "built" / "out", tmp_path / "cache"
    command = ["build", corpus, "--out", out, "--cache-dir", cache, "--workers", 2, "--isolation", "best-effort"]

    build = start(*command)
    quick = 10  # answers; the endless program gives none
    seen = wait_for_answers(build, cache, quick)
    time.sleep(0.5)
    seen |= descendants(build.pid)
    started = time.monotonic()
    build.send_signal(number)
    printed, told = build.communicate(timeout=30)
    assert time.monotonic() - started < 4
    assert build.returncode == 128 + number
    assert printed == ""
    assert told.endswith("interrupted; started again, the command goes on from where it was\n")
    assert "Traceback" not in told
    assert list(out.parent.iterdir()) == []
    assert_all_end(seen)

    for name in ENDLESS:
        (endless / name).unlink()
    endless.rmdir()
    before = answers(cache)
    finish(start(*command))
    assert read_manifest(out).run["judged"] == answers(cache) - before
    assert read_manifest(out).run["cached"] >= quick


def test_a_reader_that_leaves_early_sees_no_traceback(embedded: Path, start: Start) -> None:
    show = start("show", embedded, "corpus/train/0102", "--json")
    assert show.stdout is not None
    assert show.stderr is not None
    show.stdout.close()
    assert show.stderr.read() == ""
    assert show.wait(timeout=30) == 1


def test_a_log_gets_few_lines_of_progress(embedded: Path, embedded_cache: Path, start: Start, tmp_path: Path) -> None:
    command = ["build", "--out", tmp_path / "out", "--cache-dir", embedded_cache, "--isolation", "best-effort"]
    _, told = start(*command).communicate(timeout=180)
    funnel = read_manifest(embedded).funnel
    given, kept = funnel[0].given, funnel[-1].kept
    lines = told.splitlines()
    assert len(lines) < 2 + 180 / 10  # one at the end of a pass, and one each 10 s
    first, second = next(line for line in reversed(lines) if line.startswith("judging")), lines[-1]
    judged = r"(; \d+ programs judged)?; \d+ s"
    assert re.fullmatch(rf"judging: {given} problems: \d+ kept, \d+ rejected \(.*\b\d+ passing.*\){judged}", first)
    counts = rf"{kept} kept, {given - kept} rejected \(.*\d+ elsewhere\)"
    assert re.fullmatch(rf"annotating: {given} of {given} problems: {counts}{judged}", second)
    assert folder_hash(tmp_path / "out") == folder_hash(embedded)
