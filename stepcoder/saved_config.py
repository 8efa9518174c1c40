"""RUN/config.json: what a run was begun with, and, under the preset paper-6.7b, which values are not the paper's.

What the paper (arXiv:2402.01391) does not say is a choice of ours: every option that is not of the paper, that has a say in
what is learned, and that does something with the method of the run.
"""

import json
from collections.abc import Mapping
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any

from appsplus.errors import InputError
from appsplus.jsonl import write_atomically
from stepcoder.config import Config, SftConfig, TrainConfig
from stepcoder.presets import PRESETS
from stepcoder.unused import without_effect

PAPERS_PRESET = "paper-6.7b"
OF_THE_PAPER = frozenset(
    "model sft_epochs sft_learning_rate sft_batch_examples learning_rate critic_learning_rate completions_per_problem"
    " temperature top_p max_completion_tokens kl_coef kl_control reward method critic levels_per_problem".split()
)
_SAYS_NOTHING = frozenset(
    "preset seed limit tracker judge_workers isolation generation_batch micro_rows gradient_checkpointing checkpoint_every"
    " keep_checkpoints keep_policies samples_per_update validate_every validation_problems validation_split"
    " validation_completions guide prm dense_reward value_init".split()
)
"""Options that are about the machine, or what is looked at, and change nothing of what is learned; and parts that are off
unless another paper's method is asked for.
"""


def save_config(config: SftConfig, run: Path, dataset: str, **facts: str) -> None:
    """Write RUN/config.json: the values, the dataset, which values are not the paper's, and what else is to be remembered."""
    papers = config.preset == PAPERS_PRESET
    told = {"not_the_papers": ours(config), "changed": changed(config)} if papers else {}
    document = {"dataset": dataset, **facts, **asdict(config), **told}
    write_atomically(run / "config.json", (json.dumps(document, indent=2) + "\n").encode())


def read_config(kind: type[Config], run: Path) -> tuple[Config, str]:
    """The config of a run, and its dataset. Raises InputError where RUN has none."""
    path = run / "config.json"
    try:
        saved = json.loads(path.read_text(encoding="utf-8"))
        known = {f.name for f in fields(kind)}
        return kind(**{name: value for name, value in saved.items() if name in known}), saved["dataset"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise InputError(f"{path} cannot be read ({error}); expected the folder of a run of `stepcoder`") from None


def command_of(run: Path) -> str:
    """The command that began a run: train or sft. Older runs do not say; those of `train` have a method."""
    saved = json.loads((run / "config.json").read_text(encoding="utf-8"))
    return str(saved.get("command", "train" if "method" in saved else "sft"))


def ours(config: SftConfig) -> list[str]:
    """Options whose value in the preset is a choice of ours: no source we could read tells the paper's."""
    idle = {name for name, _ in without_effect(config)}
    return [f.name for f in fields(config) if f.name not in OF_THE_PAPER | _SAYS_NOTHING | idle]


def changed(config: SftConfig) -> list[str]:
    """Options whose value the paper states, and which have another one here: the user's choice, or the method's."""
    papers: Mapping[str, Any] = asdict(TrainConfig()) | dict(PRESETS[PAPERS_PRESET])
    return [name for name, value in asdict(config).items() if name in OF_THE_PAPER and value != papers[name]]
