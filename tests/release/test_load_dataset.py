"""`load_dataset` of Hugging Face opens the folder from its parent: no code, no network, typed features."""

import json
import os
import subprocess
import sys
from pathlib import Path

from datasets import Features

from appsplus.problem import Checker
from appsplus.release.schema import CONFIGS, yaml_features

PROGRAM = """
import json, sys
from datasets import load_dataset
sets = {name: load_dataset("appsplus", name) for name in sys.argv[1:]}
plain = load_dataset("appsplus")
streamed = [row["problem_id"] for row in load_dataset("appsplus", split="train", streaming=True)]
print(json.dumps({
    "sizes": {name: {split: rows.num_rows for split, rows in found.items()} for name, found in sets.items()},
    "plain": list(plain),
    "streamed": streamed,
    "features": {name: str(next(iter(found.values())).features) for name, found in sets.items()},
    "rows": [plain[split][0] for split in plain],
}))
"""


def load(parent: Path, *configs: str) -> dict:
    # All warnings are errors there, too; the cache and the settings of the user stay out of it.
    environment = {
        "PATH": os.environ["PATH"],
        "HF_HOME": str(parent / "cache"),
        "HF_DATASETS_OFFLINE": "1",
        "HOME": str(parent),
    }
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", PROGRAM, *configs],
        cwd=parent,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "malformed" not in done.stderr
    return json.loads(done.stdout)


def test_all_configs_and_splits_load_with_typed_features(tmp_path, make_problem, make_rejected, make_dataset):
    problems = [
        (make_problem(problem_id="apps/1"), "train"),
        (make_problem(problem_id="apps/2"), "train"),
        (make_problem(problem_id="apps/3"), "validation"),
        (make_problem(problem_id="apps/4", split="test", checker=Checker("any_of", (("2",), ()))), "test"),
    ]
    make_dataset(tmp_path / "appsplus", problems, [make_rejected()])
    loaded = load(tmp_path, "default", "subtasks", "rejected")
    assert loaded["sizes"] == {
        "default": {"train": 2, "validation": 1, "test": 1},
        "subtasks": {"train": 4, "validation": 2, "test": 2},
        "rejected": {"rejected": 1},
    }
    assert loaded["plain"] == ["train", "validation", "test"]
    assert loaded["streamed"] == ["apps/1", "apps/2"]
    for config, (schema, _) in CONFIGS.items():
        assert loaded["features"][config] == str(Features.from_arrow_schema(schema))
    train, _, test = loaded["rows"]
    assert train["checker"] is None  # null in the whole file
    assert train["entry_point"] is None
    assert train["unit_tests"] == [{"input": "3\n", "output": "1\n"}, {"input": "2\n", "output": "0\n"}]
    assert train["executed_lines"] == [[1, 2, 3], [1, 2, 5]]
    assert test["checker"] == {"kind": "any_of", "any_of": [["2"], []], "program": ""}


def test_splits_without_rows_do_not_hinder_the_others(tmp_path, make_problem, make_dataset):
    make_dataset(tmp_path / "appsplus", [(make_problem(), "train")])
    assert load(tmp_path, "default", "subtasks")["sizes"] == {"default": {"train": 1}, "subtasks": {"train": 2}}


def test_the_card_spells_the_features_as_datasets_does():
    for schema, _ in CONFIGS.values():
        assert Features._from_yaml_list(yaml_features(schema)) == Features.from_arrow_schema(schema)
        assert yaml_features(schema) == Features.from_arrow_schema(schema)._to_yaml_list()
