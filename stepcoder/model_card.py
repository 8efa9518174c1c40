"""The model card, README.md beside the weights: filled from the run's own files by `cards/model_card.md.j2`.

No number is typed by hand: options are those of RUN/config.json, results those of RUN/metrics.jsonl and RUN/sft.jsonl, sizes
are read off the weights. A local dataset is named by its folder and its hash, not by its path.
"""

import json
import math
import struct
from collections.abc import Mapping
from importlib import metadata
from pathlib import Path
from typing import Any

from huggingface_hub import ModelCardData

from appsplus.errors import DatasetError, InputError
from appsplus.jsonl import write_atomically
from appsplus.release import folder_hash, read_manifest
from appsplus.release.card import card_template
from stepcoder.config import POLICIES, VALUES_FILE
from stepcoder.errors import ConfigError
from stepcoder.methods.names import SOURCES, Parts
from stepcoder.report import AVERAGED, figures, points, read_config, read_lines

TEMPLATE = "model_card.md.j2"
JUDGE = "judge.json"  # in a run's folder: who gave its rewards
_PACKAGES = ("appsplus", "torch", "transformers", "accelerate", "peft")
_LOCAL = ("dataset", "model", "prm", "guide")  # options that may be paths: only the last part is told


def write_model_card(run: Path, folder: Path) -> Path:
    """Write the card of the policy in `folder`, which `run` made; returns where it is. Raises InputError for a full disk."""
    path = folder / "README.md"
    try:
        write_atomically(path, render_model_card(run, folder).encode("utf-8", "backslashreplace"))
    except OSError as error:
        raise InputError(
            f"{path} cannot be written ({error.strerror}); make room; the policy beside it is whole"
        ) from None
    return path


def render_model_card(run: Path, folder: Path) -> str:
    """The text of the card: Markdown with YAML front matter."""
    config = {name: _named(value) if name in _LOCAL else value for name, value in read_config(run).items()}
    lines = [line for line in read_lines(run / "metrics.jsonl") if isinstance(line.get("update"), int)]
    shape = _json(folder / "config.json")
    text = card_template(TEMPLATE, absent="none").render(
        front_matter=_front_matter(config),
        name=run.resolve().name,
        folder=folder.name,
        method=config.get("method", "") if lines else "",
        sources=_sources(config),
        version=metadata.version("appsplus"),
        base=config.get("model") or "none: from scratch, with random weights",
        architecture=" ".join(shape.get("architectures") or ["not stated"]),
        parameters=parameters(folder),
        dataset=config.get("dataset", "not stated"),
        **_dataset_facts(read_config(run).get("dataset", "")),
        updates=lines[-1]["update"] if lines else 0,
        has_values=(folder / VALUES_FILE).is_file(),
        figures=[figure for figure in figures(lines) if "validation" not in figure.title],
        averaged=min(AVERAGED, max(1, len(lines) // 2)),
        best=_best(lines, config),
        sft=_sft(run),
        not_the_papers=config.pop("not_the_papers", ()),
        changed=config.pop("changed", ()),
        options=config,
        versions=_versions(),
        judge=_json(run / JUDGE),
    )
    return "\n".join(line.rstrip() for line in text.splitlines()) + "\n"


def _sources(config: Mapping[str, Any]) -> tuple[str, ...]:
    """The papers that a run follows; of a method that this version does not know, the one that all of this follows."""
    try:
        found = Parts.of(config.get("method") or "stepcoder").sources
    except ConfigError:
        found = (SOURCES["cccs"],)
    with_prm = "prm" in (config.get("dense_reward"), config.get("value_init"))
    return (*found, SOURCES["prm"]) if with_prm else found


def parameters(folder: Path) -> int:
    """How many numbers the weights of a model's folder hold: read off the headers of its safetensors files."""
    count = 0
    for path in sorted(folder.glob("model*.safetensors")):
        with path.open("rb") as file:
            (size,) = struct.unpack("<Q", file.read(8))
            header: dict[str, Any] = json.loads(file.read(size))
        count += sum(math.prod(tensor["shape"]) for name, tensor in header.items() if name != "__metadata__")
    return count


def _front_matter(config: Mapping[str, Any]) -> str:
    base, dataset = config.get("model"), config.get("dataset", "")
    return ModelCardData(
        library_name="transformers",
        pipeline_tag="text-generation",
        language=["en"],
        tags=["code", "python", "stepcoder", "reinforcement-learning" if "method" in config else "sft"],
        base_model=base if base and "/" in base else None,
        datasets=[dataset] if "/" in dataset else None,
    ).to_yaml()


def _named(value: Any) -> str:
    """A Hub id as it is; of a path its last part, of a run's policy the run's."""
    text = str(value)
    is_path = Path(text).exists() or text.startswith((".", "/", "~")) or text.count("/") > 1
    path = Path(text).resolve()
    return (path.parent if path.name in POLICIES else path).name if is_path else text


def _dataset_facts(dataset: str) -> dict[str, str]:
    try:
        counts = read_manifest(dataset).counts["splits"]
        return {"dataset_hash": folder_hash(dataset), "dataset_problems": ", ".join(f"{n:,}" for n in counts.values())}
    except (DatasetError, OSError):  # of the Hub, or moved away since
        return {"dataset_hash": "", "dataset_problems": ""}


def _best(lines: list[dict[str, Any]], config: Mapping[str, Any]) -> dict[str, Any] | None:
    """The last and the best validation; the latest of the best, which is the one that is kept."""
    found = points(lines, "validation_pass_rate")
    if not found:
        return None
    update, value = max(found, key=lambda point: (point[1], point[0]))
    last_update, last = found[-1]
    several = int(config.get("validation_completions") or 0)
    return {
        "at": int(update),
        "value": f"{value:.1%}",
        "last_at": int(last_update),
        "last": f"{last:.1%}",
        "split": config.get("validation_split", "validation"),
        "completions": f"{several} sampled of each" if several else "the likeliest completion",
    }


def _sft(run: Path) -> dict[str, Any] | None:
    losses = [line["loss"] for line in read_lines(run / "sft.jsonl") if isinstance(line.get("loss"), int | float)]
    if not losses:
        return None
    return {"steps": len(losses), "first": f"{losses[0]:.3f}", "last": f"{losses[-1]:.3f}"}


def _versions() -> dict[str, str]:
    found = {}
    for package in _PACKAGES:
        try:
            found[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            continue
    return found


def _json(path: Path) -> dict[str, Any]:
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return value if isinstance(value, dict) else {}
