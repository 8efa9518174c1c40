"""What is known is found again, only for exactly the same question, and survives its process."""

import hashlib
import subprocess
import sys
import threading
from dataclasses import asdict
from importlib import metadata
from pathlib import Path

import pytest

from appsplus import jsonl
from appsplus.engine import Cache
from appsplus.engine.bulk import BulkEngine
from appsplus.engine.cache import FILE_NAME, key_of, keys_of, versions_of
from appsplus.errors import InputError
from appsplus.judge import Inspection, Job, Report, UnitTestReport, version
from appsplus.problem import Checker, IOFormat, Limits, UnitTest, Verdict


def make_job(**changes: object) -> Job:
    fields = {"program": "print(1)", "io_format": IOFormat.STDIN, "unit_tests": (UnitTest("", "1"),)}
    return Job(**{**fields, **changes})  # type: ignore[arg-type]


REPORT = Report(
    Verdict.WRONG_ANSWER,
    (
        UnitTestReport(Verdict.ACCEPTED, 0.25, 0.5, 12.0, "1", "ab", "", (1, 2)),
        UnitTestReport(
            Verdict.WRONG_ANSWER,
            0.0,
            0.0,
            0.0,
            "\ud800é",
            error="x",
            traceback=((1, "<module>"), (2, "f")),
            near_limit=True,
        ),
    ),
    executable_lines=(1, 2, 3),
)


def test_a_report_comes_back_as_it_was_also_in_another_process(tmp_path: Path) -> None:
    first = Cache(tmp_path)
    first.store("k", REPORT)
    assert first.report("k") == REPORT
    first.close()
    again = Cache(tmp_path)
    assert again.report("k") == REPORT
    assert again.report("other") is None
    again.close()


def test_an_inspection_comes_back_as_it_was(tmp_path: Path) -> None:
    cache = Cache(tmp_path)
    inspection = Inspection(imports=("os",), undefined=("x",), python2=True)
    cache.store("k", inspection)
    assert cache.inspection("k") == inspection
    cache.close()


@pytest.mark.parametrize(
    "change",
    [
        {"program": "print(1) "},
        {"unit_tests": (UnitTest("", "2"),)},
        {"unit_tests": (UnitTest("1", "1"),)},
        {"unit_tests": (UnitTest("", "1"), UnitTest("", "1"))},
        {"limits": Limits(cpu_s=9.0)},
        {"checker": Checker("unordered")},
        {"coverage": True},
        {"hash_seed": 1},
        {"modules": ("numpy",)},
        {"stop_after_timeouts": 3},
        {"io_format": IOFormat.CALL, "entry_point": "f"},
    ],
    ids=str,
)
def test_whatever_an_answer_depends_on_is_in_its_key(change: dict[str, object]) -> None:
    assert key_of(make_job(**change)) != key_of(make_job())
    assert key_of(make_job(**change)) == key_of(make_job(**change))


def test_a_key_is_the_hash_of_the_canonical_json_of_everything() -> None:
    tests = (UnitTest("1\n", "é\ud800"), UnitTest("", '"'))
    jobs = [
        make_job(unit_tests=tests),
        make_job(unit_tests=tests, program="2", checker=Checker("any_of", (("1", "2"), ("3",)))),
        make_job(io_format=IOFormat.CALL, entry_point="f", modules=("numpy",), limits=Limits(cpu_s=0.5), coverage=True),
    ]
    whole = [asdict(job) | {"modules": versions_of(job.modules)} for job in jobs]  # numpy 2.4.6, not numpy alone
    plain = [hashlib.sha256(jsonl.dumps([version(), one]).encode()).hexdigest() for one in whole]
    assert whole[2]["modules"] == (f"numpy {metadata.version('numpy')}",)
    assert list(keys_of(jobs)) == [key_of(job) for job in jobs] == plain


def test_another_version_of_the_judge_knows_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    before = key_of(make_job())
    monkeypatch.setattr("appsplus.engine.cache.version", lambda: "another")
    assert key_of(make_job()) != before


def test_clearing_says_how_many_answers_there_were(tmp_path: Path) -> None:
    cache = Cache(tmp_path)
    cache.store("a", REPORT)
    cache.store("b", REPORT)
    cache.store("b", REPORT)
    assert len(cache) == 2
    assert cache.size_bytes() > 0
    assert cache.clear() == 2
    assert (len(cache), cache.report("a")) == (0, None)
    cache.close()


def test_a_damaged_file_says_what_to_do(tmp_path: Path) -> None:
    (tmp_path / FILE_NAME).write_bytes(b"this is no database" * 100)
    with pytest.raises(InputError, match="--no-cache"):
        Cache(tmp_path)


def test_a_folder_that_cannot_be_made_says_what_to_do(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="--cache-dir"):
        Cache(tmp_path / "file" / "cache")


def test_a_damaged_answer_says_what_to_do(tmp_path: Path) -> None:
    with Cache(tmp_path) as cache:
        cache.store("k", REPORT)
        cache._query("UPDATE answers SET answer = x'00'")
        with pytest.raises(InputError, match="delete a damaged file"):
            cache.report("k")


@pytest.mark.parametrize("temporary", [False, True])
def test_a_full_disk_says_what_to_do(temporary: bool, tmp_path: Path) -> None:
    with Cache(None if temporary else tmp_path) as cache:
        cache._query("PRAGMA max_page_count = 8")
        with pytest.raises(InputError, match=r"disk is full.*make room"):
            for number in range(1000):
                cache.store(str(number), REPORT)


def test_without_a_folder_nothing_is_left(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SQLITE_TMPDIR", str(tmp_path))
    with Cache(None) as cache:
        for number in range(5000):  # more than SQLite keeps in memory
            cache.store(str(number), Inspection(syntax_error=f"{number}" * 200))
        assert cache.inspection("77") == Inspection(syntax_error="77" * 200)
        assert (cache.path, cache.size_bytes(), len(cache)) == (None, 0, 5000)
        assert list(tmp_path.iterdir()) == []
    with Cache(None) as another:
        assert len(another) == 0


WRITER = """
import sys
from pathlib import Path
from appsplus import jsonl
from appsplus.engine import Cache
from appsplus.judge import Inspection

folder, name = sys.argv[1:]
input()  # all at once
with Cache(Path(folder)) as cache:
    for number in range(100):
        cache.store(f"{name}-{number}", Inspection(syntax_error=name))
        cache.store(f"shared-{number}", Inspection())
"""


def test_several_builds_may_share_it(tmp_path: Path) -> None:
    names = ["a", "b", "c"]
    writers = [
        subprocess.Popen([sys.executable, "-c", WRITER, tmp_path, name], stdin=subprocess.PIPE, stderr=subprocess.PIPE)
        for name in names
    ]
    with Cache(tmp_path) as ours:
        for writer in writers:
            assert writer.stdin is not None
            writer.stdin.write(b"\n")
            writer.stdin.flush()
        ours.store("ours", Inspection())
        for writer in writers:
            _, told = writer.communicate(timeout=60)
            assert (writer.returncode, told) == (0, b"")
        assert len(ours) == len(names) * 100 + 100 + 1
        assert ours.inspection("b-99") == Inspection(syntax_error="b")


def test_threads_may_share_it(tmp_path: Path) -> None:
    with Cache(tmp_path) as cache:

        def fill(name: int) -> None:
            for number in range(50):
                cache.store(f"{name}-{number}", REPORT)
                assert cache.report(f"{name}-{number}") == REPORT

        threads = [threading.Thread(target=fill, args=(name,)) for name in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len(cache) == 200


CLOSER = """
import sys, threading
from pathlib import Path
from appsplus import jsonl
from appsplus.engine import Cache
from appsplus.errors import InputError
from appsplus.judge import Inspection

def ask():
    try:
        while cache.inspection("k"):
            pass
    except InputError as error:
        told.append(str(error))

told = []
for _ in range(100):
    cache = Cache(Path(sys.argv[1]))
    cache.store("k", Inspection())
    threads = [threading.Thread(target=ask) for _ in range(4)]
    for thread in threads:
        thread.start()
    cache.close()
    for thread in threads:
        thread.join()
assert len(told) == 400
assert "closed database" in told[0], told[0]
"""


def test_it_may_be_closed_while_threads_still_ask(tmp_path: Path) -> None:
    done = subprocess.run([sys.executable, "-c", CLOSER, tmp_path], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


def test_what_was_stored_before_a_kill_is_there_after_it(tmp_path: Path) -> None:
    program = WRITER.replace("input()  # all at once\n", "") + "    import os; os.kill(os.getpid(), 9)\n"
    done = subprocess.run([sys.executable, "-c", program, tmp_path, "a"], check=False)
    assert done.returncode == -9
    with Cache(tmp_path) as cache:
        assert len(cache) == 200
        assert cache.inspection("a-99") == Inspection(syntax_error="a")


def test_what_was_answered_without_a_rung_is_known_to_those_alone_who_lack_it(tmp_path: Path) -> None:
    report, inspection = Report(Verdict.ACCEPTED, (UnitTestReport(Verdict.ACCEPTED, 0.0, 0.0, 0.0),)), Inspection()
    with Cache(tmp_path) as cache:
        engine = BulkEngine(workers=1, isolation="best-effort", cache=cache, modules=())
        engine.rungs = {"namespaces": True, "seccomp": False, "cgroup": False, "missing": {"seccomp": "no table"}}
        assert cache.lacking == ("seccomp",)  # only what strict isolation asks for
        cache.store("a", report)
        cache.store("b", inspection)
        assert (cache.report("a"), cache.inspection("b")) == (report, inspection)
        engine.rungs = {"namespaces": True, "seccomp": True}
        assert (cache.report("a"), cache.inspection("b")) == (None, None)
