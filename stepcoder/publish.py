"""A policy, checked, for the Hugging Face Hub: RUN/final, RUN/best or RUN/sft, or the folder of a model. Without torch."""

import json
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from huggingface_hub import RepoCard
from yaml import YAMLError  # what RepoCard reads with

from appsplus.errors import InputError
from appsplus.release.hub import OURS
from appsplus.release.leaks import Finding, Leaks
from appsplus.release.manifest import file_facts
from appsplus.release.publish import Parcel
from stepcoder.config import POLICIES
from stepcoder.model_card import write_model_card

CARD = "README.md"
_ENDINGS = (".safetensors", ".json", ".md", ".txt", ".jinja", ".model")
_PICKLES = (".bin", ".pt", ".pth", ".pkl", ".ckpt")
_LOAD = (
    "from transformers import AutoModelForCausalLM, AutoTokenizer",
    'model = AutoModelForCausalLM.from_pretrained("{repo_id}", revision="{revision}")',
    'tokenizer = AutoTokenizer.from_pretrained("{repo_id}", revision="{revision}")',
)


def model_parcel(run: Path, policy: str, leaks: Leaks) -> Parcel:
    """Check a policy of a run. A card that is missing is written first, where the run has what stands in it.

    Raises InputError where the run has no such policy.
    """
    folder = _folder(run, policy)
    if not (folder / CARD).exists() and folder != run and (run / "config.json").is_file():
        write_model_card(run, folder)
    facts = file_facts(folder)
    findings = [
        *_files(folder, list(facts)),
        *_weights(folder, list(facts)),
        *_card(folder),
        *(finding for name in facts for finding in leaks.in_file(name, folder / name)),
    ]
    return Parcel(
        folder=folder,
        files=facts,
        findings=tuple(findings),
        message=f"StepCoder: {folder.name} of {run.resolve().name}" if folder != run else f"StepCoder: {folder.name}",
        owned=lambda name: "/" not in name and name.endswith((*_ENDINGS, *_PICKLES)) and name != CARD,
        load=_LOAD,
    )


def _folder(run: Path, policy: str) -> Path:
    for folder in (run / policy, run):
        if "model_type" in _json(folder / "config.json"):
            return folder
    there = [name for name in POLICIES if "model_type" in _json(run / name / "config.json")]
    raise InputError(
        f"{run} holds no policy {policy!r}; expected the folder of a run of `stepcoder`, or of a model"
        + (f". It has {', '.join(there)}: choose by --policy" if there else "")
    )


def _files(folder: Path, names: list[str]) -> Iterator[Finding]:
    for name in names:
        if name.endswith(_PICKLES):
            yield Finding(name, "is a pickle, which runs code when it is loaded; expected safetensors: remove it")
        elif "/" in name or not name.endswith(_ENDINGS):
            yield Finding(name, "is no file of a model as transformers loads it; move it elsewhere")
        elif name.endswith(".json") and not isinstance(_read(folder / name), dict | list):
            yield Finding(name, "is no JSON; export the policy again")
    if not {"tokenizer.json", "tokenizer.model", "vocab.json"}.intersection(names):
        yield Finding("tokenizer.json", "is missing; without a tokenizer nobody can use the model")


def _weights(folder: Path, names: list[str]) -> Iterator[Finding]:
    """Whether the weights are there, whole, and all that their index names."""
    found = [name for name in names if name.startswith("model") and name.endswith(".safetensors")]
    if not found:
        yield Finding("model.safetensors", "is missing; expected the weights")
    for name in names:
        if name.endswith(".safetensors") and not _is_whole(folder / name):
            yield Finding(
                name, "is torn or no safetensors file: its size is not what its header says; export the policy again"
            )
    for missing in sorted(
        set(_json(folder / "model.safetensors.index.json").get("weight_map", {}).values()) - set(names)
    ):
        yield Finding(missing, "is missing, but model.safetensors.index.json names it; export the policy again")


def _is_whole(path: Path) -> bool:
    try:
        with path.open("rb") as file:
            (size,) = struct.unpack("<Q", file.read(8))
            header: dict[str, Any] = json.loads(file.read(min(size, path.stat().st_size)))
        ends = [tensor["data_offsets"][1] for name, tensor in header.items() if name != "__metadata__"]
    except (OSError, struct.error, ValueError, TypeError, KeyError, IndexError, AttributeError):
        return False
    return bool(path.stat().st_size == 8 + size + max(ends, default=0))


def _card(folder: Path) -> Iterator[Finding]:
    try:
        card = RepoCard((folder / CARD).read_text("utf-8")).data
    except FileNotFoundError:
        yield Finding(CARD, "is missing, and there is no run beside it to write one from; name the run's folder")
        return
    except (OSError, ValueError, YAMLError) as error:
        yield Finding(CARD, f"the YAML at its top cannot be read ({error})")
        return
    for name in ("library_name", "pipeline_tag", "tags"):
        if not card.get(name):
            yield Finding(CARD, f"the YAML at its top has no {name}")
    if OURS not in (card.get("tags") or ()):
        yield Finding(CARD, f"the YAML at its top lacks the tag {OURS!r}, by which a model of ours is known")


def _json(path: Path) -> dict[str, Any]:
    value = _read(path)
    return value if isinstance(value, dict) else {}


def _read(path: Path) -> Any:
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
