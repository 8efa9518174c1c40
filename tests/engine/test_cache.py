"""What is known is found again, only for exactly the same question, and survives its process."""

from pathlib import Path

import pytest

from appsplus.engine import Cache
from appsplus.engine.cache import FILE_NAME, key_of
from appsplus.errors import InputError
from appsplus.judge import Inspection, Job, Report, UnitTestReport
from appsplus.problem import Checker, IOFormat, Limits, UnitTest, Verdict


def make_job(**changes: object) -> Job:
    fields = {"program": "print(1)", "io_format": IOFormat.STDIN, "unit_tests": (UnitTest("", "1"),)}
    return Job(**{**fields, **changes})  # type: ignore[arg-type]


REPORT = Report(
    Verdict.WRONG_ANSWER,
    (
        UnitTestReport(Verdict.ACCEPTED, 0.25, 0.5, 12.0, "1", "ab", "", (1, 2)),
        UnitTestReport(Verdict.WRONG_ANSWER, 0.0, 0.0, 0.0, "\ud800é", error="x"),
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
