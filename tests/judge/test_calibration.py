"""The number that limits are multiplied by."""

import pytest

from appsplus.judge import Judge, calibration


def test_the_scale_is_the_machine_s_time_over_the_reference_s(monkeypatch: pytest.MonkeyPatch) -> None:
    for measured, scale in ((0.007, 1.0), (0.014, 2.0), (10.0, 10.0), (1e-6, 0.4)):
        monkeypatch.setattr(calibration, "measure", lambda measured=measured: measured)
        assert calibration.scale() == pytest.approx(scale)


def test_the_best_round_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    times = iter([0.0, 3.0, 10.0, 11.0, 20.0, 25.0])  # rounds of 3, 1 and 5 seconds
    monkeypatch.setattr(calibration.time, "thread_time", lambda: next(times))
    assert calibration.measure(rounds=3) == 1.0


def test_a_judge_knows_its_scale(judge: Judge) -> None:
    assert calibration.LEAST <= judge.scale <= calibration.MOST
