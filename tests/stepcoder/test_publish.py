"""A policy to the Hub: what is refused, the card, and the published model loaded back by transformers."""

import json
import os
import struct
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hub_stand_in import Hub
from typer.testing import CliRunner

from appsplus.errors import InputError
from appsplus.release.leaks import Leaks
from stepcoder.cli import app
from stepcoder.publish import model_parcel

pytestmark = pytest.mark.filterwarnings("ignore:Use 'content=:DeprecationWarning")  # huggingface_hub's own


def weights(path: Path, size: int = 8, **metadata: str) -> None:
    header = {"__metadata__": metadata, "w": {"dtype": "F32", "shape": [2], "data_offsets": [0, 8]}}
    text = json.dumps(header).encode()
    path.write_bytes(struct.pack("<Q", len(text)) + text + b"\x00" * size)


@pytest.fixture
def make_run(tmp_path: Path) -> Callable[..., Path]:
    def make(*policies: str) -> Path:
        run = tmp_path / "my-run"
        for name in policies or ("final",):
            folder = run / name
            folder.mkdir(parents=True)
            weights(folder / "model.safetensors")
            weights(folder / "values.safetensors")
            (folder / "config.json").write_text('{"model_type": "llama", "architectures": ["LlamaForCausalLM"]}')
            (folder / "tokenizer.json").write_text("{}")
        (run / "config.json").write_text('{"dataset": "someone/apps", "preset": "tiny", "model": "", "method": "ppo"}')
        (run / "metrics.jsonl").write_text('{"update": 1, "pass_rate": 0.5}\n')
        return run

    return make


def findings(run: Path, policy: str = "final") -> list[str]:
    return [str(finding) for finding in model_parcel(run, policy, Leaks()).findings]


def test_a_card_that_is_missing_is_written_from_the_run(make_run: Callable[..., Path]) -> None:
    parcel = model_parcel(make_run("final", "best"), "best", Leaks())
    assert parcel.findings == ()
    assert sorted(parcel.files) == [
        "README.md",
        "config.json",
        "model.safetensors",
        "tokenizer.json",
        "values.safetensors",
    ]
    assert "# my-run" in (parcel.folder / "README.md").read_text()
    assert parcel.message == "StepCoder: best of my-run"


def test_everything_that_stands_against_a_policy_is_named(make_run: Callable[..., Path]) -> None:
    run = make_run()
    final = run / "final"
    assert findings(run) == []
    weights(final / "model.safetensors", size=7)
    weights(final / "values.safetensors", source="/home/ada/base")
    (final / "optimizer.pt").write_bytes(b"")
    (final / "events").mkdir()
    (final / "events" / "log").write_text("")
    (final / "tokenizer.json").unlink()
    (final / "generation_config.json").write_text("{")
    (final / "README.md").write_text("---\ntags: [mine]\nlibrary_name: transformers\n---\n")
    (final / "model.safetensors.index.json").write_text('{"weight_map": {"w": "model-00002-of-00002.safetensors"}}')
    assert findings(run) == [
        "events/log: is no file of a model as transformers loads it; move it elsewhere",
        "generation_config.json: is no JSON; export the policy again",
        "optimizer.pt: is a pickle, which runs code when it is loaded; expected safetensors: remove it",
        "tokenizer.json: is missing; without a tokenizer nobody can use the model",
        "model.safetensors: is torn or no safetensors file: its size is not what its header says; export the policy again",
        "model-00002-of-00002.safetensors: is missing, but model.safetensors.index.json names it; export the policy again",
        "README.md: the YAML at its top has no pipeline_tag",
        "README.md: the YAML at its top lacks the tag 'stepcoder', by which a model of ours is known",
        'values.safetensors: a path of a machine ("/home/ada")',
    ]


def test_weights_and_a_card_must_be_there(make_run: Callable[..., Path]) -> None:
    model = make_run() / "final"
    (model / "model.safetensors").unlink()
    assert findings(model) == [
        "model.safetensors: is missing; expected the weights",
        "README.md: is missing, and there is no run beside it to write one from; name the run's folder",
    ]


def test_a_policy_that_the_run_has_not_is_an_error_with_those_it_has(make_run: Callable[..., Path]) -> None:
    run = make_run("best", "sft")
    with pytest.raises(InputError, match=r"holds no policy 'final'; .* It has best, sft: choose by --policy"):
        model_parcel(run, "final", Leaks())


def logged_in(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("huggingface_hub.constants.ENDPOINT", hub.endpoint)
    monkeypatch.setenv("HF_TOKEN", hub.token)


def test_the_command_pushes_and_prints_what_loads_it(
    make_run: Callable[..., Path], hub: Hub, monkeypatch: pytest.MonkeyPatch
) -> None:
    logged_in(hub, monkeypatch)
    hub.put("ada/policy", {"README.md": b"---\ntags: [stepcoder]\n---\n", "pytorch_model.bin": b"old"}, kind="model")
    run = make_run()
    told = CliRunner().invoke(app, ["publish", str(run), "ada/policy", "--tag", "v1", "--private"])
    assert told.exit_code == 1  # the repository is public
    told = CliRunner().invoke(app, ["publish", str(run), "ada/policy", "--tag", "v1"])
    assert told.exit_code == 0, told.output
    assert 'model = AutoModelForCausalLM.from_pretrained("ada/policy", revision="v1")' in told.stdout
    published = hub.files("ada/policy", "v1", kind="model")
    assert published == {path.name: path.read_bytes() for path in (run / "final").iterdir()}


def test_the_command_refuses_with_reasons(make_run: Callable[..., Path], hub: Hub) -> None:
    run = make_run()
    (run / "final" / "notes.docx").write_text("")
    told = CliRunner().invoke(app, ["publish", str(run), "ada/policy", "--json"])
    assert told.exit_code == 1
    answer: dict[str, Any] = json.loads(told.stdout)
    assert [finding["file"] for finding in answer["findings"]] == ["notes.docx"]
    assert (answer["published"], hub.requests) == (None, [])


def test_a_dry_run_asks_nobody(make_run: Callable[..., Path], hub: Hub) -> None:
    told = CliRunner().invoke(app, ["publish", str(make_run()), "ada/policy", "--dry-run"])
    assert (told.exit_code, hub.requests) == (0, [])
    assert "To ada/policy would go 5 files" in told.stdout


@pytest.mark.parametrize(
    "arguments", [["policy"], ["ada/policy", "--policy", "first"], ["ada/policy", "--tag", "main"]]
)
def test_a_wrong_argument_is_refused_in_words(make_run: Callable[..., Path], arguments: list[str]) -> None:
    told = CliRunner().invoke(app, ["publish", str(make_run()), *arguments])
    assert isinstance(told.exception, InputError)
    assert "expected" in str(told.exception)


PROGRAM = """
import sys, torch
from transformers import AutoModelForCausalLM, AutoTokenizer
model = AutoModelForCausalLM.from_pretrained("ada/policy", revision="v1")
tokenizer = AutoTokenizer.from_pretrained("ada/policy", revision="v1")
print(float(sum(p.double().sum() for p in model.parameters())), tokenizer("print(1)")["input_ids"])
"""


def test_a_published_policy_is_loaded_back_by_transformers(
    make_run: Callable[..., Path], hub: Hub, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    pytest.importorskip("torch", reason="the extra `train` is not installed")
    transformers = pytest.importorskip("transformers", reason="the extra `train` is not installed")
    from stepcoder.data import new_tokenizer

    run = make_run()
    sizes = {"hidden_size": 16, "intermediate_size": 32, "num_hidden_layers": 1, "num_attention_heads": 2}
    model = transformers.LlamaForCausalLM(transformers.LlamaConfig(vocab_size=300, num_key_value_heads=2, **sizes))
    tokenizer = new_tokenizer(["print(1)\n"] * 5, 300)
    model.save_pretrained(run / "final")
    tokenizer.save_pretrained(run / "final")
    logged_in(hub, monkeypatch)
    told = CliRunner().invoke(app, ["publish", str(run), "ada/policy", "--tag", "v1"])
    assert told.exit_code == 0, told.output
    settings = {
        "HF_ENDPOINT": hub.endpoint,
        "HF_HOME": str(tmp_path / "home"),
        "HF_HUB_DISABLE_XET": "1",
        "HF_HUB_OFFLINE": "0",
    }
    loaded = subprocess.run(
        [sys.executable, "-c", PROGRAM], env=os.environ | settings, capture_output=True, text=True, check=False
    )
    assert loaded.returncode == 0, loaded.stderr
    total, _, ids = loaded.stdout.strip().partition(" ")
    assert float(total) == pytest.approx(float(sum(p.detach().double().sum() for p in model.parameters())))
    assert json.loads(ids) == tokenizer("print(1)")["input_ids"]
