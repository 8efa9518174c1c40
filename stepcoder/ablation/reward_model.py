"""The reward model of a seed: labels of policies that its run of PPO kept, then a model trained on them.

OUT/data/labelled/           the problems that are labelled: some of those for reinforcement learning, of every k; with
                             --problems-from they are chosen when they are labelled, evenly spaced
OUT/seed-0/prm/labels/       as `stepcoder prm label` leaves it
OUT/seed-0/prm/model/        as `stepcoder prm train` leaves it
OUT/seed-0/prm/model.seconds what training it took, a line each time that it went on
OUT/seed-0/prm/cost.json     what it took: completions, programs judged, seconds; how good it is; it is done
"""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from appsplus.jsonl import write_atomically
from stepcoder.ablation.plan import AblationConfig
from stepcoder.prm.measures import TOLD

LABELLED = "data/labelled"
LABELS, MODEL, TRAINED, COST = "labels", "model", "model.seconds", "cost.json"
MEASURES = ("line_ends", *TOLD)
_OF_MODEL = ("dtype", "gradient_checkpointing", "lora_rank", "lora_alpha", "micro_rows")


@dataclass(frozen=True, slots=True)
class Cost:
    """What a reward model took, and how good it is."""

    completions: int  # responses and attempts to complete their prefixes
    programs: int  # different ones, which the judge ran
    label_s: float
    train_s: float
    labels: Mapping[str, int]  # line ends by their label
    held_out: Mapping[str, float | None]  # MEASURES on problems that it has not learned


def cost_of(folder: Path) -> Cost | None:
    """What the reward model in OUT/seed-N/prm took; None where it is not done."""
    try:
        return Cost(**json.loads((folder / COST).read_text(encoding="utf-8")))
    except FileNotFoundError:
        return None


def make_reward_model(
    folder: Path, run_of_ppo: Path, warm_up: Path, dataset: str, config: AblationConfig, seed: int
) -> Cost:
    """Label problems of a dataset and train, from wherever it was to the end. Raises what the two raise; KeyboardInterrupt
    loses no completion.

    The model begins at the warm-up, as all arms do: what PPO has learned reaches it through the labels only.
    """
    from appsplus.engine import Cache
    from stepcoder.prm.begun import seconds_of, timed
    from stepcoder.prm.label import label
    from stepcoder.prm.model import MARK
    from stepcoder.prm.options import LabelConfig, PrmConfig
    from stepcoder.prm.training import train_reward_model

    folder.mkdir(parents=True, exist_ok=True)
    asked = LabelConfig(
        checkpoints=config.prm_checkpoints,
        responses=config.prm_responses,
        k=config.prm_k,
        problems=config.prm_problems if config.problems_from else 0,  # else there are no others in the dataset
        batch=config.generation_batch,
        seed=seed,
        isolation=config.isolation,
        judge_workers=config.judge_workers,
    )
    manifest = label(run_of_ppo, dataset, folder / LABELS, asked, quiet=True)
    labelling: dict[str, Any] = manifest["cost"]
    with Cache(folder / LABELS / ".cache") as cache:
        programs = len(cache)
    if not (folder / MODEL / MARK).is_file():
        with timed(folder / TRAINED):
            train_reward_model(
                folder / LABELS,
                folder / MODEL,
                PrmConfig(epochs=config.prm_epochs, seed=seed, **{name: getattr(config, name) for name in _OF_MODEL}),
                warm_up,
                quiet=True,
            )
    held_out = json.loads((folder / MODEL / MARK).read_text(encoding="utf-8"))["held_out"]
    cost = Cost(
        completions=sum(one["completions"] for one in labelling.values()),
        programs=programs,
        label_s=sum(one["seconds"] for one in labelling.values()),
        train_s=seconds_of(folder / TRAINED),
        labels=manifest["labels"],
        held_out={name: held_out[name] for name in MEASURES},
    )
    write_atomically(folder / COST, (json.dumps(asdict(cost), indent=1) + "\n").encode())
    return cost
