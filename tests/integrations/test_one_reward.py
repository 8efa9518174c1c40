"""One reward everywhere: the same completions earn the same under every framework, from the file or folder that it reads."""

import asyncio
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from appsplus.engine import LocalEngine
from appsplus.evaluation.judging import judge_samples
from appsplus.evaluation.samples import Samples
from appsplus.evaluation.suite import dataset_suite
from appsplus.integrations import judges
from appsplus.integrations.export import export
from appsplus.integrations.rows import COLUMNS
from appsplus.integrations.scoring import score
from tests.integrations.conftest import CASES, SELECTED, Case

pytestmark = pytest.mark.filterwarnings("ignore")


@pytest.fixture(scope="session")
def files(dataset: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The dataset in every format, and the completions as samples."""
    folder = tmp_path_factory.mktemp("exported")
    for to in ("trl", "verl", "openrlhf", "jsonl"):
        export(dataset, folder / to, to, splits=("train",))
    return folder


def rows_of(path: Path, problem_id: Callable[[dict[str, Any]], str]) -> dict[str, dict[str, Any]]:
    if path.suffix == ".jsonl":
        rows = [json.loads(line) for line in path.read_text().splitlines()]
    else:
        import pyarrow.parquet as pq

        rows = pq.read_table(path).to_pylist()
    return {problem_id(row): row for row in rows}


def plain(case: Case, files: Path, dataset: Path) -> float:
    row = rows_of(files / "jsonl" / "train.jsonl", lambda row: row["problem_id"])[case.problem.problem_id]
    return score(row, case.completion).reward


def under_trl(case: Case, files: Path, dataset: Path) -> float:
    from appsplus.integrations.trl import reward

    row = rows_of(files / "trl" / "train.parquet", lambda row: row["problem_id"])[case.problem.problem_id]
    message = [{"role": "assistant", "content": case.completion}]
    [found] = reward([row["prompt"]], [message], [[1]], **{name: [row[name]] for name in COLUMNS})
    assert found is not None
    return found


def under_trl_with_fgo(case: Case, files: Path, dataset: Path) -> float:
    pytest.importorskip("torch", reason="token offsets need torch: pip install torch, then '.[train]'")
    pytest.importorskip("tokenizers", reason="a tokenizer is trained: '.[train]'")
    from appsplus.integrations.trl import executed_mask
    from stepcoder.data import new_tokenizer

    row = rows_of(files / "trl" / "train.parquet", lambda row: row["problem_id"])[case.problem.problem_id]
    tokenizer = new_tokenizer([case.completion], 300)
    return executed_mask(row, tokenizer(case.completion, add_special_tokens=False)["input_ids"], tokenizer)[1].reward


def under_verl(case: Case, files: Path, dataset: Path) -> float:
    from appsplus.integrations.verl import compute_score

    row = rows_of(files / "verl" / "train.parquet", lambda row: row["extra_info"]["problem_id"])[
        case.problem.problem_id
    ]
    found = compute_score(
        data_source=row["data_source"],
        solution_str=case.completion,
        ground_truth=row["reward_model"]["ground_truth"],
        extra_info=row["extra_info"],
    )
    return float(found["score"])


def under_openrlhf(case: Case, files: Path, dataset: Path) -> float:
    pytest.importorskip("torch", reason="OpenRLHF's reward is a tensor: pip install torch")
    from appsplus.integrations.openrlhf import reward_func

    path = files / "openrlhf" / "train.jsonl"
    row = rows_of(path, lambda row: str(json.loads(row["label"])["problem_id"]))[case.problem.problem_id]
    found = reward_func([f"{row['prompt']}{case.completion}<|im_end|>"], [row["prompt"]], [row["label"]])
    return round(float(found["rewards"][0]), 6)  # from single precision


def under_verifiers(case: Case, files: Path, dataset: Path) -> float:
    pytest.importorskip("verifiers", reason="pip install '.[verifiers]'", exc_type=ImportError)
    from tests.integrations.test_verifiers import taskset, trace_of

    [task] = [task for task in taskset(dataset) if task.data.id == case.problem.problem_id]
    trace = trace_of(task, case.completion)
    asyncio.run(task.score(trace))
    return float(trace.reward)


def under_inspect_ai(case: Case, files: Path, dataset: Path) -> float:
    pytest.importorskip("inspect_ai", reason="pip install '.[inspect]'", exc_type=ImportError)
    from inspect_ai.model import ModelName, ModelOutput
    from inspect_ai.scorer import Target
    from inspect_ai.solver import TaskState

    from appsplus.integrations.inspect_ai import verdict

    output = ModelOutput.from_content("mockllm/model", case.completion)
    state = TaskState(ModelName("mockllm/model"), case.problem.problem_id, 1, "?", [], output=output)
    found = asyncio.run(verdict(str(dataset))(state, Target("")))
    assert found is not None
    return float(found.as_dict()["reward"])


def under_lm_eval(case: Case, files: Path, dataset: Path) -> float:
    from appsplus.integrations.lm_eval.problems import judge, load, results

    docs = load(dataset=str(dataset), split="train")["test"].to_list()
    [doc] = [doc for doc in docs if doc["problem_id"] == case.problem.problem_id]
    return results(doc, judge([[case.completion]], [doc])[0:1])["reward"]


FRAMEWORKS = {
    "rows as they are": plain,
    "trl": under_trl,
    "trl with fgo": under_trl_with_fgo,
    "verl": under_verl,
    "openrlhf": under_openrlhf,
    "verifiers": under_verifiers,
    "inspect_ai": under_inspect_ai,
    "lm_eval": under_lm_eval,
}


@pytest.mark.parametrize("ask", FRAMEWORKS.values(), ids=FRAMEWORKS)
@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_a_completion_earns_the_same_everywhere(
    case: Case, ask: Callable[[Case, Path, Path], float], files: Path, dataset: Path
) -> None:
    assert ask(case, files, dataset) == case.reward


@pytest.fixture
def samples(tmp_path: Path) -> Iterator[Samples]:
    path = tmp_path / "samples.jsonl"
    lines = [{"problem_id": case.problem.problem_id, "completion": case.completion} for case in SELECTED]
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    with Samples(path) as opened:
        yield opened


def test_an_evaluation_gives_the_verdicts_that_the_rewards_are_of(dataset: Path, samples: Samples) -> None:
    engine: LocalEngine = judges.engine()
    found = [
        (problem.problem_id, judged.verdict.verdict)
        for problem, several in judge_samples(dataset_suite(dataset, "train"), samples, engine)
        for judged in several
    ]
    assert sorted(found) == sorted((case.problem.problem_id, case.outcome) for case in SELECTED)
