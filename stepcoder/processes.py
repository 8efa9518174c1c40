"""The processes of a run, as `accelerate launch` started them, and how they are asked to stop."""

import logging
import os
import signal
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Any

from accelerate import Accelerator
from accelerate.tracking import LOGGER_TYPE_TO_CLASS, get_available_trackers
from accelerate.utils import ProjectConfiguration, gather_object, set_seed
from transformers.utils import logging as transformers_logging

from stepcoder.config import SftConfig
from stepcoder.errors import ConfigError


def new_accelerator(config: SftConfig, run: Path) -> Any:
    """The processes of this run, as `accelerate launch` started them, or this one alone."""
    transformers_logging.disable_progress_bar()
    # tied weights are saved once, as they should be
    logging.getLogger("accelerate.utils.other").setLevel(logging.ERROR)
    # every process loads the weights: else `accelerate launch --use_fsdp` has all but one begin with none, and unties those
    # of embedding and output, of which one would then not be trained
    os.environ["FSDP_CPU_RAM_EFFICIENT_LOADING"] = "false"
    accelerator = Accelerator(
        mixed_precision="bf16" if config.dtype == "bfloat16" else "no",
        log_with=_trackers(config),
        project_config=ProjectConfiguration(project_dir=str(run), logging_dir=str(run / "tensorboard")),
    )
    set_seed(config.seed)
    if str(accelerator.distributed_type).endswith("FSDP"):
        if accelerator.state.fsdp_plugin.fsdp_version != 2:
            raise ConfigError("FSDP version 1 is not known here; set fsdp_version: 2 in accelerate's config")
        if config.lora_rank:
            raise ConfigError(
                "--lora-rank, which --preset small has, does not go with FSDP here: give --lora-rank 0; or, as one frozen"
                " copy of the model fits a GPU, leave FSDP away"
            )
    return accelerator


def _trackers(config: SftConfig) -> list[str]:
    asked = config.tracker
    if asked and asked not in LOGGER_TYPE_TO_CLASS:
        raise ConfigError(f"--tracker {asked} is not known; expected one of {', '.join(sorted(LOGGER_TYPE_TO_CLASS))}")
    if asked and asked not in map(str, get_available_trackers()):
        raise ConfigError(f"--tracker {asked}: its package is not installed; pip install {asked}, or leave it away")
    return ["tensorboard", *([asked] if asked else [])]


def processes_here(accelerator: Any) -> int:
    """Processes of the run on this machine, as torchrun and `accelerate launch` tell them; all, where nobody does."""
    return int(os.environ.get("LOCAL_WORLD_SIZE", accelerator.num_processes))


def anywhere(here: Sequence[bool], accelerator: Any) -> list[bool]:
    """Of some things whether they are so in any process; all processes ask together."""
    everywhere = [list(here)] if accelerator.num_processes == 1 else gather_object([list(here)])
    return [any(of_one) for of_one in zip(*everywhere, strict=True)]


@contextmanager
def terminated_as_interrupted() -> Iterator[None]:
    """SIGTERM ends the block as Ctrl-C does: what is not saved yet is saved on the way out."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


class Interruption:
    """Notes SIGINT and SIGTERM while the block runs, so that an update ends before the run does; the second one ends it."""

    def __init__(self) -> None:
        self.asked = False
        self._before: dict[int, Any] = {}

    def __enter__(self) -> "Interruption":
        if threading.current_thread() is threading.main_thread():
            for number in (signal.SIGINT, signal.SIGTERM):
                self._before[number] = signal.signal(number, self._note)
        return self

    def __exit__(self, *_: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def _note(self, number: int, _frame: FrameType | None) -> None:
        self.asked = True
        signal.signal(number, self._before[number])
