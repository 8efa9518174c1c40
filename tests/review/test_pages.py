"""What the routes answer and save, without a browser."""

import errno
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from appsplus.errors import SandboxError
from appsplus.review.app import make_app
from tests.review.conftest import make_item, make_record, write_worklist

Start = Callable[..., Any]


def test_a_page_shows_the_whole_problem(start: Start) -> None:
    page = start().client.get("/item/small/wrong").text
    assert "two solutions agree on another output of unit test 1" in page
    assert "replace the expected output with that of the solutions" in page
    assert "<math" in page
    assert "rejected by the build: passing" in page
    judged = start("ben").client.get("/judged/small/wrong").text
    assert "passes 2 of 3 unit tests" in judged
    assert '<td class="hits">1</td><td class="text"><pre>    <span class="nb">print</span>' in judged
    assert "<span>if</span>" in judged
    assert "<del>5</del>" in judged
    assert "<ins>6</ins>" in judged
    assert "Solution 1" in judged


def test_a_correction_that_does_not_pass_is_not_saved(start: Start) -> None:
    started = start()
    answer = started.decide("small/wrong", "correct", output_1="-7\n", description=make_record("x").description)
    assert answer.status_code == 409
    assert "not saved: the corrected problem does not pass" in answer.text
    assert ">\n-7\n</textarea>" in answer.text  # what was typed is still there
    assert started.decisions() == []


def test_an_override_is_saved_with_its_comment_and_on_record(start: Start) -> None:
    started = start()
    assert started.decide("small/wrong", "correct", output_1="-7\n", override="1").status_code == 409
    assert started.decisions() == []
    answer = started.decide("small/wrong", "correct", output_1="-7\n", override="1", comment="The judge is wrong.")
    assert answer.status_code == 303
    [decision] = started.decisions()
    assert (decision.override, decision.comment) == (True, "The judge is wrong.")
    assert '<span class="tag bad">override</span>' in started.client.get("/item/small/wrong").text


def test_an_acceptance_may_override_the_build_with_a_comment(start: Start) -> None:
    started = start()
    answer = started.decide("small/wrong", "accept", override="1")
    assert answer.status_code == 409
    assert "an override needs a comment" in answer.text
    started.decide("small/wrong", "accept", override="1", comment="Chance is what the task is about.")
    started.decide("small/call", "accept")
    assert [d.override for d in sorted(started.decisions(), key=lambda d: d.time)] == [True, False]
    assert 'name="override"' not in started.client.get("/item/small/fine").text  # the build has kept it


def test_a_correction_that_passes_needs_no_override_and_records_none(start: Start) -> None:
    started = start()
    started.decide("small/wrong", "correct", output_1="-6\n", override="1", comment="x")
    assert [d.override for d in started.decisions()] == [False]


def test_a_proposal_is_applied_by_its_number(start: Start) -> None:
    started = start()
    tried = started.post("/try/small/call", proposal="0")
    assert "The corrected problem passes" in tried.text
    assert started.decisions() == []
    assert started.decide("small/call", "correct", proposal="0").status_code == 303
    [decision] = started.decisions()
    assert decision.patch == ({"op": "replace", "path": "/outputs/1", "value": 10},)
    assert started.post("/try/small/call", proposal="7").status_code == 409
    again = started.post("/try/small/call", proposal="0")  # it names a unit test by its place in what the build had
    assert again.status_code == 409
    assert "which was corrected since" in again.text
    assert "Apply and judge" not in started.client.get("/item/small/call").text


@pytest.mark.parametrize(
    ("form", "words"),
    [
        ({"action": "dance"}, "the action &#39;dance&#39; is not known"),
        ({"action": "reject"}, "a rejection needs one of the reasons"),
        ({"action": "reject", "why": "mood"}, "a rejection needs one of the reasons"),
        ({"action": "comment"}, "a comment must say something"),
        ({"action": "correct"}, "nothing is changed"),
        ({"action": "correct", "checker_kind": "program"}, "needs a program"),
    ],
)
def test_a_decision_that_cannot_be_is_refused_on_the_page(form: dict[str, str], words: str, start: Start) -> None:
    started = start()
    answer = started.decide("small/wrong", **form)
    assert answer.status_code == 409
    assert words in answer.text
    assert started.decisions() == []


def test_a_decision_on_content_that_has_changed_meanwhile_is_refused(start: Start) -> None:
    ada, ben = start("ada"), start("ben")
    seen = ben.desk.case("small/wrong").content.seen_hash
    ada.decide("small/wrong", "correct", output_1="-6\n")
    answer = ben.post("/decide/small/wrong", action="accept", seen_hash=seen, comment="Looks right.")
    assert answer.status_code == 409
    assert "the problem has changed since this page was made" in answer.text
    assert 'value="Looks right."' in answer.text
    assert ben.decide("small/wrong", "accept").status_code == 303


def test_filters_choose_what_comes_next_and_what_is_counted(start: Start) -> None:
    client = start().client
    assert client.get("/?reason=weak_tests").url.path == "/item/small/wrong"
    assert client.get("/?difficulty=interview").url.path == "/item/small/call"
    answer = client.get("/?source=other")
    assert answer.url.path == "/item/small/last"
    assert "<b>0</b> of 1" in answer.text
    assert client.get("/list?q=HOST").text.count('<a href="/item/') == 1
    assert "No problem passes this filter" in client.get("/list?q=nothing").text


def test_deciding_keeps_the_filter_and_ends_at_the_list(start: Start) -> None:
    started = start()
    answer = started.decide("small/last", "accept", source="other")
    assert answer.headers["location"] == "/list?source=other"
    answer = started.decide("small/fine", "accept", source="small", q="/")
    assert answer.headers["location"] == "/item/small/wrong?source=small&q=%2F"


def test_a_skipped_problem_is_found_by_its_state(start: Start) -> None:
    started = start()
    started.decide("small/call", "skip")
    assert started.client.get("/list?state=skipped").text.count('<a href="/item/') == 1
    assert started.client.get("/?state=skipped").url.path == "/item/small/call"
    assert started.client.get("/").url.path == "/item/small/wrong"


def test_a_blind_reviewer_sees_neither_decisions_nor_corrections_of_others(start: Start) -> None:
    ada = start("ada")
    ada.decide("small/wrong", "correct", output_1="-6\n", comment="Surely.")
    blind = start("ben", blind=True)
    page = blind.client.get("/item/small/wrong").text
    assert "Surely." not in page
    assert "ada" not in page
    assert '<span class="state open">open</span>' in page
    assert "passes 2 of 3" in blind.client.get("/judged/small/wrong").text
    assert "does not see" in blind.client.get("/disagreements").text
    sighted = start("cyd")
    assert "Surely." in sighted.client.get("/item/small/wrong").text
    assert "passes 3 of 3" in sighted.client.get("/judged/small/wrong").text


def test_a_model_does_not_close_a_problem_for_people(start: Start) -> None:
    start("bot", "model").decide("small/wrong", "accept")
    assert start("ada").client.get("/").url.path == "/item/small/wrong"
    assert start("bot-2", "model").client.get("/").url.path == "/item/small/call"


def test_there_is_nothing_to_undo_at_first(start: Start) -> None:
    answer = start().post("/undo")
    assert answer.status_code == 409
    assert "there is nothing to undo" in answer.text


def test_undo_takes_back_one_decision_after_the_other(start: Start) -> None:
    started = start()
    started.decide("small/wrong", "accept")
    started.decide("small/call", "skip")
    assert started.post("/undo").headers["location"] == "/item/small/call"
    assert started.post("/undo").headers["location"] == "/item/small/wrong"
    assert started.post("/undo").status_code == 409


def test_an_item_that_is_gone_is_said_and_nothing_is_lost(start: Start, dataset: Path) -> None:
    started = start()
    started.decide("small/wrong", "accept")
    write_worklist(dataset, [make_item(make_record("small/new"), 1.0)])
    answer = started.client.get("/item/small/wrong")
    assert answer.status_code == 404
    assert "small/wrong is not on the worklist" in answer.text
    assert started.client.get("/").url.path == "/item/small/new"
    assert len(started.decisions()) == 1
    assert started.post("/undo").headers["location"] == "/item/small/new"


def test_a_problem_whose_source_has_changed_is_open_again(start: Start, dataset: Path) -> None:
    started = start()
    started.decide("small/fine", "accept")
    write_worklist(dataset, [make_item(make_record("small/fine", description="Another text."), 1.0)])
    page = started.client.get("/item/small/fine").text
    assert '<span class="state open">open</span>' in page
    assert "A stale decision was made on other content" in page


def test_a_broken_line_of_the_ledger_is_named_and_the_rest_goes_on_when_it_is_mended(start: Start) -> None:
    started = start()
    started.decide("small/wrong", "accept")
    other = started.ledger / "ben.jsonl"
    other.write_text("{broken\n")
    answer = started.client.get("/item/small/call")
    assert answer.status_code == 409
    assert "ben.jsonl:1" in answer.text
    other.unlink()
    assert started.client.get("/item/small/call").status_code == 200


def test_a_disk_that_refuses_loses_nothing(start: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    started = start()

    def refuse(*_: object) -> None:
        raise OSError(errno.EROFS, "Read-only file system")

    monkeypatch.setattr("appsplus.jsonl.append_whole", refuse)
    answer = started.decide("small/wrong", "accept", comment="Right.")
    assert answer.status_code == 409
    assert "cannot be written: Read-only file system. Nothing was saved" in answer.text
    assert 'value="Right."' in answer.text
    monkeypatch.undo()
    assert started.decide("small/wrong", "accept").status_code == 303


def test_a_judge_that_fails_leaves_the_page_usable(start: Start) -> None:
    started = start()

    def broken(_: object) -> None:
        raise SandboxError("the judge's worker did not start")

    app = make_app(started.desk, broken, started.keys)  # type: ignore[arg-type]
    client = TestClient(app, base_url="http://127.0.0.1:8000", cookies=started.client.cookies)
    assert client.get("/item/small/wrong").status_code == 200
    assert "did not start" in client.get("/judged/small/wrong").text
    seen = started.desk.case("small/wrong").content.seen_hash
    form = {"csrf": started.keys.csrf, "action": "accept", "seen_hash": seen}
    assert client.post("/decide/small/wrong", data=form, follow_redirects=False).status_code == 303


def test_two_apps_share_a_ledger_and_see_each_other(start: Start) -> None:
    one, two = start("ada"), start("ada")
    one.decide("small/wrong", "accept")
    assert two.client.get("/").url.path == "/item/small/call"
    two.decide("small/call", "skip")
    one.decide("small/hostile", "accept")
    assert len(one.decisions()) == 3
    assert one.client.get("/").url.path == two.client.get("/").url.path == "/item/small/fine"


def test_the_remaining_time_is_told_once_three_decisions_were_timed(start: Start) -> None:
    started = start()
    for problem_id in ("small/wrong", "small/call", "small/hostile"):
        assert "left</label>" not in started.client.get("/list").text
        started.decide(problem_id, "accept", opened=str(time.time() - 300))
    assert "about 10 min left</label>" in started.client.get("/list").text


def test_lone_surrogates_and_odd_ids_can_be_shown(start: Start, dataset: Path) -> None:
    record = make_record('odd/ü "x"&?#', description="Lone \ud800 \0 here", outputs=("\ud800\n", "-6\n", "0\n"))
    write_worklist(dataset, [make_item(record, 1.0)])
    started = start()
    answer = started.client.get("/")
    assert answer.status_code == 200
    assert answer.url.path.startswith("/item/odd/")
    assert "Lone \ufffd" in answer.text
    assert started.client.get(str(answer.url).replace("/item/", "/judged/")).status_code == 200
