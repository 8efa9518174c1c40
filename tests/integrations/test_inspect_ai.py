"""inspect_ai itself: it finds the task by its entry point, runs it on a model that answers as told, and counts scores."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest

from appsplus.evaluation.prompts import chat_messages
from tests.integrations.conftest import BREAKS, CALL, CASES, CHECKED, CODE, STDIN, fenced

inspect_ai: Any = pytest.importorskip(
    "inspect_ai", reason="these tests drive inspect_ai: pip install '.[test,inspect]'", exc_type=ImportError
)
pytestmark = pytest.mark.filterwarnings("ignore")


@pytest.fixture(autouse=True)
def quiet(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Logs go to a folder of the test, and nothing is drawn."""
    monkeypatch.setenv("INSPECT_LOG_DIR", str(tmp_path / "logs"))
    monkeypatch.setenv("INSPECT_DISPLAY", "none")
    monkeypatch.chdir(tmp_path)


def evaluated(dataset: Path, answers: dict[str, str], split: str = "train", **options: Any) -> Any:
    """The log of an evaluation of `appsplus/problems`, where the model answers each question as `answers` (by id) say."""
    from inspect_ai.model import ModelOutput, ModelUsage, get_model

    questions = {chat_messages(p)[0]["content"]: p.problem_id for p in (STDIN, CALL, CHECKED)}

    def answer(messages: Iterable[Any], *_: Any) -> Any:
        [message] = messages
        output = ModelOutput.from_content("mockllm/model", answers[questions[message.text]])
        output.usage = ModelUsage()  # else inspect_ai fetches a tokenizer to count
        return output

    model = get_model("mockllm/model", custom_outputs=answer)
    [log] = inspect_ai.eval(
        "appsplus/problems", task_args={"dataset": str(dataset), "split": split}, model=model, **options
    )
    assert log.status == "success", log.error
    return log


def scores_of(log: Any) -> dict[str, Any]:
    return {sample.id: sample.scores["verdict"] for sample in log.samples}


def metrics_of(log: Any) -> dict[str, float]:
    return {
        f"{score.name} {name}": metric.value for score in log.results.scores for name, metric in score.metrics.items()
    }


RIGHT = {
    "made/stdin": fenced(CODE),
    "made/call": CASES["canonical, call"].completion,
    "made/checked": fenced("print(2)\nprint(1)"),
}


def test_inspect_scores_what_the_model_answers(dataset: Path) -> None:
    half = CASES["right on one test of two"].completion
    log = evaluated(dataset, {**RIGHT, "made/stdin": half})
    scores = scores_of(log)
    assert scores["made/call"].value == {"accepted": 1.0, "share_passed": 1.0, "reward": 1.0}
    assert scores["made/stdin"].value == {"accepted": 0.0, "share_passed": 0.5, "reward": -0.3}
    assert scores["made/stdin"].explanation.startswith("wrong_answer: 1 of 2 unit tests passed.")
    found = metrics_of(log)
    assert found["accepted accuracy"] == pytest.approx(2 / 3)
    assert found["share_passed mean"] == pytest.approx(2.5 / 3)
    assert found["reward mean"] == pytest.approx(1.7 / 3)
    known = {sample.id: sample.metadata for sample in log.samples}
    assert known["made/stdin"] == {"difficulty": "unknown", "io_format": "stdin"}  # no unit test in the log


@pytest.mark.usefixtures("judge_fails")
def test_what_the_judge_fails_on_is_unscored_and_in_no_metric(dataset: Path) -> None:
    log = evaluated(dataset, {**RIGHT, "made/call": BREAKS})
    assert scores_of(log)["made/call"].reason == "scoring_failed"
    assert "the worker is gone" in scores_of(log)["made/call"].explanation
    assert metrics_of(log)["accepted accuracy"] == 1.0
    assert {score.unscored_samples for score in log.results.scores} == {1}
    assert {score.scored_samples for score in log.results.scores} == {2}


def test_inspect_scores_several_epochs(dataset: Path) -> None:
    log = evaluated(dataset, RIGHT, epochs=2)
    assert len(log.samples) == 6
    assert metrics_of(log)["reward mean"] == 1.0


def test_a_log_can_be_scored_again(dataset: Path) -> None:
    from appsplus.integrations.inspect_ai import verdict

    log = evaluated(dataset, RIGHT)
    for sample in log.samples:
        sample.scores = {}
    again = inspect_ai.score(log, verdict(str(dataset)), action="overwrite")
    assert metrics_of(again)["accepted accuracy"] == 1.0
