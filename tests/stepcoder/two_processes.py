"""A small run in two processes on a CPU, started by `test_processes.py`: DATASET RUN ddp|fsdp UPDATES [METHOD].

accelerate offers FSDP on accelerators only, so its state is set by hand here to what it is there; the rest is the trainer's.
"""

import json
import os
import sys
from pathlib import Path
from typing import Any

os.environ["OMP_NUM_THREADS"] = "1"
os.environ["FSDP_CPU_RAM_EFFICIENT_LOADING"] = "True"  # as `accelerate launch --use_fsdp` sets it

from accelerate import PartialState
from accelerate.utils import DistributedType, FullyShardedDataParallelPlugin

from stepcoder import processes, run
from stepcoder.config import TrainConfig, configured
from tests.stepcoder.conftest import TINY, StandInJudge, VariedJudge, small_problem

new_accelerator = processes.new_accelerator


class Engine(VariedJudge if len(sys.argv) > 5 else StandInJudge):  # type: ignore[misc]
    workers = 1

    def __init__(self, **_: Any) -> None:
        super().__init__([small_problem()])

    def __enter__(self) -> "Engine":
        return self

    def __exit__(self, *_: object) -> None: ...

    def judge(self, jobs: Any) -> Any:
        with (Path(sys.argv[2]) / f"programs-{os.environ['RANK']}.jsonl").open("a") as file:
            file.writelines(json.dumps(job.program) + "\n" for job in jobs)
        return super().judge(jobs)


def sharded(config: Any, folder: Path) -> Any:
    accelerator = new_accelerator(config, folder)
    assert accelerator.num_processes == 2
    if sys.argv[3] == "fsdp":
        accelerator.state.distributed_type = PartialState().distributed_type = DistributedType.FSDP
        accelerator.state.fsdp_plugin = FullyShardedDataParallelPlugin(
            fsdp_version=2,
            auto_wrap_policy="TRANSFORMER_BASED_WRAP",
            state_dict_type="SHARDED_STATE_DICT",
        )
    return accelerator


def main() -> None:
    run.new_accelerator, run.LocalEngine = sharded, Engine  # type: ignore[assignment,misc]
    updates = int(sys.argv[4])
    chosen: dict[str, Any] = {"updates": updates, "checkpoint_every": 1, "problems_per_update": 4}
    if len(sys.argv) > 5:
        chosen |= {"method": sys.argv[5], "completions_per_problem": 4}
    else:
        chosen |= {"sft_epochs": 40, "temperature": 0.5}
    config = configured(TrainConfig, "tiny", TINY | chosen)
    folder = Path(sys.argv[2])
    if (folder / "checkpoints").exists():
        again = run.resumed_config(folder, sys.argv[1], {"updates": updates})
        finished = run.train_run(sys.argv[1], again, folder, resume=True)
    else:
        finished = run.train_run(sys.argv[1], config, folder)
    assert finished


main()
