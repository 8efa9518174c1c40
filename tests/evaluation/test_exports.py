"""Results as others want them; the formats are checked by their owners' code where it is installed."""

import json
from collections.abc import Callable
from dataclasses import replace
from importlib import resources
from pathlib import Path
from typing import Any

import pytest

from appsplus.errors import InputError
from appsplus.evaluation.evaluate import evaluate
from appsplus.evaluation.exports import every_eval_ever, every_eval_ever_path, hub_eval_results
from appsplus.evaluation.fit import fit
from appsplus.evaluation.results import Results
from appsplus.evaluation.samples import Samples


@pytest.fixture
def found(
    make_suite: Callable[..., Any], write_samples: Callable[..., Path], sample_rows: Any, judge: Any, tmp_path: Path
) -> Results:
    right = "print(2 * int(input()))\n"
    rows = sample_rows({"made/1": [right, "x\n"], "made/2": ["x\n", "y\n"]})
    meta = {"model": "M", "sampling": {"temperature": 0.8, "top_p": 0.9, "max_tokens": 1024, "stop": ["\n\n"]}}
    (tmp_path / "samples.meta.json").write_text(json.dumps(meta))
    with Samples(write_samples(*rows)) as samples:
        suite = make_suite(2)
        made = evaluate(suite, samples, fit(suite, samples, (1, 2), partial=False), judge, tmp_path / "r.json")
    return replace(made, time=made.time | {"finished_at": "2026-01-02T03:04:05+00:00"})


def exported(found: Results, **changes: str) -> dict[str, Any]:
    options = {"model_id": "lab/model-1", "organization": "A lab", "relationship": "third_party"} | changes
    return every_eval_ever(found, **options)


def test_every_metric_is_a_result_with_its_interval(found: Results) -> None:
    record = exported(found)
    results = {result["metric_config"]["metric_name"]: result for result in record["evaluation_results"]}
    assert list(results) == ["pass@1", "pass@2", "strict_accuracy", "test_case_average"]
    assert results["pass@2"]["metric_config"]["metric_parameters"] == {"k": 2}
    assert results["pass@2"]["metric_config"]["metric_id"] == "pass_at_k"
    details = results["pass@1"]["score_details"]
    assert details["score"] == 0.25
    metric = found.metrics["pass@1"]
    assert details["uncertainty"]["confidence_interval"] | {"method": ""} == {
        "lower": metric.low, "upper": metric.high, "confidence_level": 0.95, "method": "",
    }  # fmt: skip
    generation = results["pass@1"]["generation_config"]
    assert generation["generation_args"] == {"temperature": 0.8, "top_p": 0.9, "max_tokens": 1024}
    assert generation["additional_details"] == {"stop": '["\\n\\n"]', "samples_per_problem": "2"}


def test_the_record_says_who_when_and_on_what(found: Results) -> None:
    record = exported(found)
    when = str(1767323045)  # date -u -d 2026-01-02T03:04:05 +%s
    assert record["evaluation_id"] == f"appsplus-made/lab_model-1/{when}"
    assert record["evaluation_timestamp"] == when
    assert record["model_info"]["developer"] == "lab"
    assert record["source_metadata"]["source_type"] == "evaluation_run"
    source = record["evaluation_results"][0]["source_data"]
    assert (source["source_type"], "hf_repo" in source) == ("other", False)
    source = exported(found, dataset_repo="lab/apps-plus")["evaluation_results"][0]["source_data"]
    assert (source["source_type"], source["hf_repo"], source["hf_split"]) == ("hf_dataset", "lab/apps-plus", "test")
    assert source["additional_details"]["sha256"] == found.dataset.sha256


def test_the_same_results_go_to_the_same_place(found: Results) -> None:
    path = every_eval_ever_path(found, "lab/model-1")
    assert path == every_eval_ever_path(found, "lab/model-1")
    assert path != every_eval_ever_path(replace(found, name="other"), "lab/model-1")
    assert path.match("data/appsplus-made/lab/model-1/????????-????-4???-????-????????????.json")


@pytest.mark.parametrize("model_id", ["model", "lab/", "lab/a b", "../model", "lab/a/b"])
def test_a_model_id_of_another_form_is_refused(model_id: str, found: Results) -> None:
    with pytest.raises(InputError, match="not of the form DEVELOPER/MODEL"):
        exported(found, model_id=model_id)
    with pytest.raises(InputError, match="the relationship 'friend' is not known"):
        exported(found, relationship="friend")


def test_every_eval_evers_own_schema_accepts_the_record(found: Results) -> None:
    jsonschema = pytest.importorskip("jsonschema", reason="the schema is checked where jsonschema is installed")
    pytest.importorskip("every_eval_ever", reason="needs every-eval-ever, which has the schema")
    text = (resources.files("every_eval_ever") / "schemas" / "eval.schema.json").read_text(encoding="utf-8")
    for repo in ("", "lab/apps-plus"):
        jsonschema.Draft7Validator(json.loads(text)).validate(exported(found, dataset_repo=repo))


def test_the_hubs_own_reader_reads_the_entry(found: Results) -> None:
    hub = pytest.importorskip("huggingface_hub")
    if not hasattr(hub, "parse_eval_result_entries"):
        pytest.skip("this huggingface_hub does not know .eval_results yet")
    found = replace(found, dataset=replace(found.dataset, revision="abc123"))
    [entry] = hub.parse_eval_result_entries(
        hub_eval_results(found, dataset_repo="lab/apps-plus", task_id="test", source_url="https://example.org/r")
    )
    assert (entry.dataset_id, entry.task_id, entry.dataset_revision) == ("lab/apps-plus", "test", "abc123")
    assert (entry.value, entry.date) == (25.0, "2026-01-02T03:04:05+00:00")
    assert entry.source_url == "https://example.org/r"
    assert "pass@1 in percent, 95 % interval 0.00 to 50.00; split test, 2 samples per problem" in entry.notes


def test_the_hubs_entry_holds_the_metric_that_is_asked_for(found: Results) -> None:
    [entry] = hub_eval_results(found, dataset_repo="lab/apps-plus", metric="pass@2")
    assert entry["value"] == 50.0
    assert "source" not in entry
    with pytest.raises(InputError, match=r"the results have no pass@10; expected one of pass@1, pass@2"):
        hub_eval_results(found, dataset_repo="lab/apps-plus", metric="pass@10")
