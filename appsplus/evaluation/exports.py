"""Results in the formats of others: the Every Eval Ever schema, and the Hub's `.eval_results` folder of a model repository.

As of August 2026: github.com/evaleval/every_eval_ever (schema 0.3.0) and huggingface.co/docs/hub/eval-results.
"""

import hashlib
import re
import uuid
from datetime import datetime
from importlib import metadata
from pathlib import PurePosixPath
from typing import Any

from appsplus import jsonl
from appsplus.errors import InputError
from appsplus.evaluation import records
from appsplus.evaluation.metrics import RESAMPLES
from appsplus.evaluation.results import Metric, Results

EVERY_EVAL_EVER = "0.3.0"
RELATIONSHIPS = ("first_party", "third_party", "collaborative", "other")
_DESCRIPTIONS = {
    "pass": "Chance that one of k samples of a problem passes every unit test: unbiased estimate, mean over problems.",
    "strict_accuracy": "Share of samples that pass every unit test, mean over problems.",
    "test_case_average": "Share of unit tests that a sample passes, mean over problems.",
}
_GENERATION = {"temperature": (int, float), "top_p": (int, float), "top_k": (int, float), "max_tokens": (int,)}


def every_eval_ever(
    results: Results, *, model_id: str, organization: str, relationship: str = "other", dataset_repo: str = ""
) -> dict[str, Any]:
    """The results as an aggregate record of Every Eval Ever, one of its results for each metric.

    `model_id` is DEVELOPER/MODEL as on the Hub, `organization` who reports, `relationship` theirs to the model's developer,
    `dataset_repo` the dataset's id on the Hub, if it is there. Raises InputError for values that the schema does not have.
    """
    if relationship not in RELATIONSHIPS:
        raise InputError(f"the relationship {relationship!r} is not known; expected one of {', '.join(RELATIONSHIPS)}")
    developer, name = _parts(model_id)
    when = _finished_at(results)
    return {
        "schema_version": EVERY_EVAL_EVER,
        "evaluation_id": f"appsplus-{results.dataset.name}/{developer}_{name}/{when}",
        "evaluation_timestamp": when,
        "retrieved_timestamp": when,
        "source_metadata": {
            "source_name": "appsplus evaluate",
            "source_type": "evaluation_run",
            "source_organization_name": organization,
            "evaluator_relationship": relationship,
        },
        "model_info": {
            "name": results.name,
            "id": model_id,
            "developer": developer,
            "additional_details": {"deployment_type": "unknown", "model_availability": "unknown"},
        },
        "eval_library": {
            "name": "appsplus",
            "version": metadata.version("appsplus"),
            "additional_details": {
                "judge_version": results.judge.version,
                "isolation": results.judge.isolation,
                "command": results.command,
            },
        },
        "evaluation_results": [
            _evaluation_result(results, metric, value, dataset_repo) for metric, value in results.metrics.items()
        ],
    }


def every_eval_ever_path(results: Results, model_id: str) -> PurePosixPath:
    """Where the datastore wants the record: data/COLLECTION/DEVELOPER/MODEL/UUID.json; the same results, the same UUID."""
    developer, name = _parts(model_id)
    digest = hashlib.sha256(jsonl.dumps(records.to_json(results)).encode()).digest()
    collection = f"appsplus-{re.sub(r'[^A-Za-z0-9._-]', '-', results.dataset.name)}"
    return PurePosixPath("data", collection, developer, name, f"{uuid.UUID(bytes=digest[:16], version=4)}.json")


def hub_eval_results(
    results: Results, *, dataset_repo: str, task_id: str = "default", source_url: str = "", metric: str = "pass@1"
) -> list[dict[str, Any]]:
    """The results as the content of a `.eval_results/NAME.yaml` of a model repository: one metric, in percent.

    `dataset_repo` is the dataset's id on the Hub, where the leaderboard is; `task_id` that of its `eval.yaml`. Raises
    InputError for a metric that the results do not have.
    """
    if metric not in results.metrics:
        raise InputError(f"the results have no {metric}; expected one of {', '.join(results.metrics)}")
    value = results.metrics[metric]
    dataset = {"id": dataset_repo, "task_id": task_id}
    if results.dataset.revision:
        dataset["revision"] = results.dataset.revision
    entry: dict[str, Any] = {"dataset": dataset, "value": round(100 * value.value, 2)}
    if finished := results.time.get("finished_at"):
        entry["date"] = finished
    if source_url:
        entry["source"] = {"url": source_url, "name": "Results of appsplus evaluate"}
    samples = (
        "samples per problem vary" if results.num_samples is None else f"{results.num_samples} samples per problem"
    )
    entry["notes"] = (
        f"{metric} in percent, 95 % interval {100 * value.low:.2f} to {100 * value.high:.2f}; split {results.dataset.split},"
        f" {samples}; judge {results.judge.version}; dataset sha256 {results.dataset.sha256}"
    )
    return [entry]


def _evaluation_result(results: Results, name: str, metric: Metric, dataset_repo: str) -> dict[str, Any]:
    facts = results.dataset
    kind, _, k = name.partition("@")
    details = {"sha256": facts.sha256, "revision": facts.revision, "split": facts.split}
    source: dict[str, Any] = {"dataset_name": facts.name, "source_type": "other"}
    if dataset_repo:
        source |= {"source_type": "hf_dataset", "hf_repo": dataset_repo, "hf_split": facts.split}
        source["samples_number"] = len(results.problems)
    config: dict[str, Any] = {
        "evaluation_description": _DESCRIPTIONS[kind],
        "metric_id": "pass_at_k" if k else f"appsplus.{name}",
        "metric_name": name,
        "metric_kind": "pass_rate",
        "metric_unit": "proportion",
        "lower_is_better": False,
        "score_type": "continuous",
        "min_score": 0.0,
        "max_score": 1.0,
    }
    if k:
        config["metric_parameters"] = {"k": int(k)}
    interval = {
        "lower": metric.low,
        "upper": metric.high,
        "confidence_level": 0.95,
        "method": "bootstrap over problems",
    }
    return {
        "evaluation_result_id": f"{facts.sha256[:16]}/{facts.split}/{name}",
        "evaluation_name": f"appsplus.{facts.name}.{facts.split}",
        "source_data": source | {"additional_details": details},
        "evaluation_timestamp": _finished_at(results),
        "metric_config": config,
        "score_details": {
            "score": metric.value,
            "uncertainty": {
                "confidence_interval": interval,
                "num_samples": metric.num_problems,
                "num_bootstrap_samples": RESAMPLES,
            },
            "details": {
                "unscored_samples": str(len(results.unscored)),
                "extraction_failed": str(results.extraction_failed),
            },
        },
        "generation_config": _generation_config(results),
    }


def _generation_config(results: Results) -> dict[str, Any]:
    arguments = {n: v for n, v in results.sampling.items() if n in _GENERATION and isinstance(v, _GENERATION[n])}
    others = {n: v if isinstance(v, str) else jsonl.dumps(v) for n, v in results.sampling.items() if n not in arguments}
    return {
        "generation_args": arguments,
        "additional_details": others | {"samples_per_problem": str(results.num_samples or "varies")},
    }


def _finished_at(results: Results) -> str:
    """Seconds since 1970, as text."""
    try:
        return str(int(datetime.fromisoformat(str(results.time["finished_at"])).timestamp()))
    except (KeyError, ValueError):
        raise InputError("the results do not say when they were made (time.finished_at); evaluate again") from None


def _parts(model_id: str) -> tuple[str, str]:
    developer, slash, name = model_id.partition("/")
    parts = (developer, name)
    if not slash or not all(re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]*", part) for part in parts):
        raise InputError(f"the model id {model_id!r} is not of the form DEVELOPER/MODEL; expected one as on the Hub")
    return parts
