"""Some samples are judged again: a lie is found, and what only a clock or a coin contradicts is not called one."""

from pathlib import Path

import pytest

from appsplus.evaluation.leaderboard.rejudging import LEAST, draw

from .conftest import IDS, RIGHT, WRONG, BelievingJudge, board_of, submit

KEYS = [(f"p/{i}", j) for i in range(40) for j in range(10)]


def test_a_share_of_the_samples_is_drawn_rounded_up() -> None:
    assert len(draw(KEYS, share=0.05, seed="0", samples_sha256="a")) == 20
    assert len(draw(KEYS, share=0.0526, seed="0", samples_sha256="a")) == 22  # 21.04
    assert len(draw(KEYS, share=1, seed="0", samples_sha256="a")) == 400


def test_of_few_samples_more_are_drawn() -> None:
    assert LEAST == 20
    assert draw(KEYS[:11], share=0.05, seed="0", samples_sha256="a") == KEYS[:11]
    assert len(draw(KEYS[:30], share=0.05, seed="0", samples_sha256="a")) == 20


def test_the_draw_depends_on_the_samples_and_the_seed_alone() -> None:
    first = draw(KEYS, share=0.05, seed="0", samples_sha256="a")
    assert first == draw(KEYS, share=0.05, seed="0", samples_sha256="a")
    assert set(first) == set(draw(KEYS[::-1], share=0.05, seed="0", samples_sha256="a"))
    assert first != draw(KEYS, share=0.05, seed="1", samples_sha256="a")
    assert first != draw(KEYS, share=0.05, seed="0", samples_sha256="b")


def test_every_sample_is_as_likely_to_be_drawn() -> None:
    times = dict.fromkeys(KEYS, 0)
    for seed in range(400):
        for key in draw(KEYS, share=0.05, seed=str(seed), samples_sha256="a"):
            times[key] += 1
    assert min(times.values()) >= 5  # of 400 draws with a chance of 1 in 20; 20 is the mean, 4.4 the deviation
    assert max(times.values()) <= 40


def test_verdicts_that_are_true_agree(tmp_path: Path) -> None:
    board = board_of(submit(tmp_path / "a", [RIGHT, WRONG]))
    [entry] = board.entries
    assert entry.rejudged is not None
    assert (entry.rejudged.drawn, entry.rejudged.num_samples, entry.rejudged.agreed) == (12, 12, 12)


def test_a_false_verdict_refuses_the_row_with_the_evidence(tmp_path: Path) -> None:
    path = submit(tmp_path / "a", [WRONG], name="Cheat", judge=BelievingJudge(lies={WRONG: RIGHT}))
    board = board_of(path)
    assert board.entries == ()
    [refusal] = board.refusals
    assert (refusal.name, refusal.file_name) == ("Cheat", "a/results.json")
    assert refusal.reasons[0].startswith("of 6 samples that were judged again, 6 came out differently")
    first = refusal.mismatches[0]
    assert (first.problem_id, first.sample_index) == (IDS[0], 0)
    assert (first.claimed, first.claimed_passed, first.found, first.found_passed) == ("accepted", 4, "wrong_answer", 3)
    assert first.num_tests == 4
    assert len(first.program_sha256 or "") == 64


def test_a_verdict_that_is_too_bad_is_as_false(tmp_path: Path) -> None:
    path = submit(tmp_path / "a", [RIGHT], judge=BelievingJudge(lies={RIGHT: WRONG}))
    assert len(board_of(path).refusals[0].mismatches) == 6


@pytest.mark.parametrize(
    ("claimed", "ours"),
    [
        ("# accepted\n", "# time_limit_exceeded near\n"),
        ("# time_limit_exceeded\n", "# accepted near\n"),
        ("# time_limit_exceeded\n", "# wrong_answer near\n"),
    ],
)
def test_a_clock_that_runs_differently_near_the_limit_refuses_nothing(claimed: str, ours: str, tmp_path: Path) -> None:
    slow = "# slow\n"
    path = submit(
        tmp_path / "a", {i: [slow if i == IDS[0] else RIGHT] for i in IDS}, judge=BelievingJudge(lies={slow: claimed})
    )
    [entry] = board_of(path, judge=BelievingJudge(lies={slow: ours})).entries
    assert entry.rejudged is not None
    assert (entry.rejudged.agreed, entry.rejudged.near_limit, entry.rejudged.unsteady) == (5, 1, 0)


def test_programs_that_are_always_late_are_not_excused_again_and_again(tmp_path: Path) -> None:
    """Each takes its time on purpose, so that the machine may always be to blame."""
    path = submit(tmp_path / "a", [RIGHT], judge=BelievingJudge(lies={RIGHT: "# accepted\n"}))
    [refusal] = board_of(path, judge=BelievingJudge(lies={RIGHT: "# time_limit_exceeded near\n"})).refusals
    assert len(refusal.mismatches) == 6
    path = submit(tmp_path / "b", [RIGHT], judge=BelievingJudge(lies={RIGHT: "# time_limit_exceeded\n"}))
    [entry] = board_of(path, judge=BelievingJudge(lies={RIGHT: "# accepted near\n"})).entries
    assert entry.rejudged is not None
    assert entry.rejudged.near_limit == 6  # who claims less than we see gains nothing by it


@pytest.mark.parametrize(
    ("claimed", "ours"),
    [
        ("# accepted\n", "# time_limit_exceeded\n"),  # far beyond the limit
        ("# time_limit_exceeded\n", "# accepted\n"),  # far within
        ("# accepted\n", "# wrong_answer near\n"),  # no clock makes an answer right
    ],
)
def test_a_clock_is_no_excuse_far_from_the_limit(claimed: str, ours: str, tmp_path: Path) -> None:
    path = submit(tmp_path / "a", [RIGHT], judge=BelievingJudge(lies={RIGHT: claimed}))
    [refusal] = board_of(path, judge=BelievingJudge(lies={RIGHT: ours})).refusals
    assert len(refusal.mismatches) == 6


def test_a_program_that_tosses_a_coin_is_judged_again_before_it_refuses_a_row(tmp_path: Path) -> None:
    coin = "# in turn wrong_answer accepted\n"
    path = submit(tmp_path / "a", {i: [coin if i == IDS[0] else RIGHT] for i in IDS})
    judge = BelievingJudge(lies={coin: "# in turn run_time_error wrong_answer\n"})
    [entry] = board_of(path, judge=judge).entries
    assert entry.rejudged is not None
    assert (entry.rejudged.agreed, entry.rejudged.unsteady) == (5, 1)
    assert judge.asked.count(coin) == 2


def test_a_false_verdict_is_judged_three_times_before_it_counts(tmp_path: Path) -> None:
    path = submit(
        tmp_path / "a", {i: [WRONG if i == IDS[0] else RIGHT] for i in IDS}, judge=BelievingJudge({WRONG: RIGHT})
    )
    judge = BelievingJudge()
    [refusal] = board_of(path, judge=judge).refusals
    assert [m.problem_id for m in refusal.mismatches] == [IDS[0]]
    assert judge.asked.count(WRONG) == 3


def test_a_judge_that_fails_here_proves_nothing_and_lets_nothing_pass(tmp_path: Path) -> None:
    path = submit(tmp_path / "a", [RIGHT])
    [refusal] = board_of(path, judge=BelievingJudge(lies={RIGHT: "# fails\n"})).refusals
    assert refusal.mismatches == ()
    assert refusal.reasons == ("the judge of this leaderboard failed, run the command again: the worker has died",)


def test_verdicts_on_other_programs_than_those_in_the_samples_are_refused(tmp_path: Path) -> None:
    """Right verdicts of right programs, beside samples of wrong ones."""
    honest = submit(tmp_path / "honest", [RIGHT])
    other = submit(tmp_path / "other", [WRONG])
    text = honest.read_text().replace(_sha256(honest), _sha256(other))
    honest.write_text(text)
    honest.with_name("samples.jsonl").write_bytes(other.with_name("samples.jsonl").read_bytes())
    judge = BelievingJudge()
    [refusal] = board_of(honest, judge=judge).refusals
    assert "the verdicts of 6 samples are not on the programs in `samples.jsonl`" in refusal.reasons[0]
    assert judge.asked == []


def test_samples_beside_those_with_verdicts_are_refused(tmp_path: Path) -> None:
    """Whoever shows more samples than verdicts has left out the bad ones."""
    path = submit(tmp_path / "a", [RIGHT])
    more = submit(tmp_path / "b", [RIGHT, WRONG])
    path.write_text(path.read_text().replace(_sha256(path), _sha256(more)))
    path.with_name("samples.jsonl").write_bytes(more.with_name("samples.jsonl").read_bytes())
    [refusal] = board_of(path).refusals
    assert "the verdicts of 6 samples" in refusal.reasons[0]
    assert f"sample 1 of '{IDS[0]}'" in refusal.reasons[0]


def _sha256(results: Path) -> str:
    import hashlib

    return hashlib.sha256(results.with_name("samples.jsonl").read_bytes()).hexdigest()
