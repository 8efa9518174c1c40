"""lm-evaluation-harness itself: its command loads the task folder, asks a model, and averages what the judge said."""

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from appsplus.errors import InputError
from appsplus.evaluation.prompts import chat_messages, continued_text
from appsplus.integrations.lm_eval import problems
from tests.integrations.conftest import BREAKS, CALL, CASES, CHECKED, CODE, STDIN, fenced

NEEDS = "these tests drive lm-evaluation-harness: pip install '.[test,lm-eval]'"
ROOT = Path(__file__).resolve().parents[2]
FOLDER = Path(problems.__file__).parent


def docs(dataset: Path) -> list[dict[str, Any]]:
    loaded: list[dict[str, Any]] = problems.load(dataset=str(dataset), split="train", version=1.0)["test"].to_list()
    return loaded


def test_a_doc_has_the_prompts_and_no_unit_test(dataset: Path) -> None:
    stdin, call, checked = docs(dataset)
    assert call["question"] == chat_messages(CALL)[0]["content"]
    assert stdin["continued"] == continued_text(STDIN)
    assert checked.keys() == {"problem_id", "dataset", "difficulty", "question", "continued"}


def test_what_cannot_be_loaded_says_what_to_do(dataset: Path) -> None:
    with pytest.raises(InputError, match="say --metadata"):
        problems.load()
    with pytest.raises(InputError, match=r"the split validation of .* is empty"):
        problems.load(dataset=str(dataset), split="validation")


@pytest.mark.usefixtures("judge_fails")
def test_what_the_judge_fails_on_is_in_no_mean_but_its_own(dataset: Path) -> None:
    [doc, *_] = docs(dataset)
    half = CASES["right on one test of two"].completion
    judged = problems.judge([[fenced(CODE), half, BREAKS], [BREAKS]], [doc, doc])
    assert problems.results(doc, [judged[0]]) == {
        "accepted": 0.5,
        "share_passed": 0.75,
        "reward": 0.35,
        "extraction_failed": 0.0,
        "judge_failed": pytest.approx(1 / 3),
    }
    assert problems.results(doc, [judged[1]]) == {"judge_failed": 1.0}


ANSWERS = {
    STDIN.problem_id: CASES["right on one test of two"].completion,
    CALL.problem_id: CASES["canonical, call"].completion,
    CHECKED.problem_id: CASES["is prose"].completion,
}


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("task", ["appsplus", "appsplus_continued"])
def test_the_harness_evaluates_a_model(task: str, dataset: Path) -> None:
    pytest.importorskip("lm_eval", reason=NEEDS)
    from lm_eval import simple_evaluate
    from lm_eval.api.model import LM
    from lm_eval.tasks import TaskManager

    questions = {chat_messages(p)[0]["content"]: p.problem_id for p in (STDIN, CALL, CHECKED)}
    questions |= {continued_text(p): p.problem_id for p in (STDIN, CALL, CHECKED)}

    class Answers(LM):
        def generate_until(self, requests: Sequence[Any]) -> list[str]:
            texts = [ANSWERS[questions[request.args[0]]] for request in requests]
            return texts if task == "appsplus" else [text.partition("```python\n")[2] or text for text in texts]

        def loglikelihood(self, requests: Any) -> Any:
            raise NotImplementedError

        def loglikelihood_rolling(self, requests: Any) -> Any:
            raise NotImplementedError

    metadata = {"dataset": str(dataset), "split": "train"}
    found = simple_evaluate(
        model=Answers(),
        tasks=[task],
        task_manager=TaskManager(include_path=str(FOLDER), metadata=metadata),
        bootstrap_iters=0,
    )
    values = {name.partition(",")[0]: value for name, value in found["results"][task].items() if ",judged" in name}
    assert values["accepted"] == pytest.approx(1 / 3)
    assert values["share_passed"] == pytest.approx(1.5 / 3)
    if task == "appsplus":
        assert values["reward"] == pytest.approx((1.0 - 0.3 - 1.0) / 3)
        assert values["extraction_failed"] == pytest.approx(1 / 3)
    assert values["judge_failed"] == 0.0
    samples = found["samples"][task]
    assert len(samples) == 3
    assert all("tests" not in sample["doc"] for sample in samples)


def test_the_command_of_the_docs_runs(dataset: Path, tmp_path: Path) -> None:
    pytest.importorskip("lm_eval", reason=NEEDS)
    where = subprocess.run(
        [sys.executable, "-m", "appsplus.integrations", "lm-eval"], capture_output=True, text=True, check=True, cwd=ROOT
    )
    assert where.stdout == f"{FOLDER}\n"
    words = [Path(sys.executable).parent / "lm-eval", "run", "--model", "dummy", "--include_path", where.stdout.strip()]
    words += [
        "--tasks",
        "appsplus",
        "--metadata",
        json.dumps({"dataset": str(dataset)}),
        "--output_path",
        tmp_path / "out",
    ]
    environment = {**os.environ, "APPSPLUS_ISOLATION": "best-effort", "HF_HUB_OFFLINE": "1"}
    ran = subprocess.run([str(word) for word in words], capture_output=True, text=True, env=environment, cwd=tmp_path)
    assert ran.returncode == 0, ran.stderr[-3000:]
    [path] = (tmp_path / "out").rglob("results_*.json")
    found = json.loads(path.read_text())["results"]["appsplus"]
    assert found["accepted,judged"] == 0.0  # its answer is "lol"
    assert found["reward,judged"] == -0.6


def test_the_paths_are_printed_for_who_asks_right() -> None:
    ran = subprocess.run(
        [sys.executable, "-m", "appsplus.integrations", "trl"], capture_output=True, text=True, cwd=ROOT
    )
    assert (ran.returncode, ran.stderr) == (1, "usage: python -m appsplus.integrations openrlhf|lm-eval\n")
