"""What `stepcoder train --preset tiny` learns on the embedded problems, and what it costs, seed by seed.

    python benchmarks/learning/tiny.py --out out/tiny [--seeds 3] [-- --updates 20 ...]

builds the embedded problems (`appsplus build`) and trains once a seed, as a user would, each in a process of its own. Then
the policy that supervised training left and the one in the end write the same number of completions of every plain task
that was trained on, sampled as in training, and the judge says how many pass. CPU time is the command's own, without
what the judge runs, whose processes nobody waits for; wall time depends on what else the machine did.

What is done stays; a run that was ended goes on from its last checkpoint. The result is written anew after each seed.
"""

import argparse
import json
import os
import platform
import resource
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import replace
from importlib import metadata
from pathlib import Path
from typing import Any

from appsplus.jsonl import write_atomically
from appsplus.judge import available_cpus

ROOT = Path(__file__).resolve().parents[2]
RESULT = ROOT / "benchmarks" / "results" / "tiny.json"
COMPLETIONS = 16  # of each plain task, of either policy
COST = "cost.jsonl"  # a line each time that the command ran


def main() -> None:
    """Every seed that is not done, then the result."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, required=True, help="folder of the dataset and the runs")
    parser.add_argument("--seeds", type=int, default=3, help="runs have the seeds 0, 1, ...")
    parser.add_argument("--result", type=Path, default=RESULT, help="file of the numbers")
    parser.add_argument("options", nargs="*", help="options of `stepcoder train` beside the preset's, after --")
    given = parser.parse_args()
    data = given.out / "appsplus"
    if not data.is_dir():
        subprocess.run([Path(sys.executable).with_name("appsplus"), "build", "--out", data], check=True, cwd=ROOT)
    found: list[dict[str, Any]] = []
    for seed in range(given.seeds):
        run = given.out / f"seed-{seed}"
        train(data, run, seed, given.options)
        found.append(measured(data, run, seed))
        document = {"of": facts(run, given.options), "completions_per_problem": COMPLETIONS, "runs": found}
        write_atomically(given.result, (json.dumps(document, indent=1) + "\n").encode())
        print(summary(found[-1]), flush=True)


def train(data: Path, run: Path, seed: int, options: list[str]) -> None:
    """Train to the end, and note in RUN/cost.jsonl what it took."""
    from stepcoder.run import has_begun

    if (run / "final").is_dir():
        return
    command = [sys.executable, "-m", "stepcoder", "train", str(data), "--out", str(run)]
    command += ["--resume"] if has_begun(run) else ["--preset", "tiny", "--seed", str(seed), *options]
    status, cost = timed(command, ROOT)
    with (run / COST).open("a", encoding="utf-8") as file:
        file.write(json.dumps(cost | {"load": round(os.getloadavg()[2], 1)}) + "\n")
    if status:
        sys.exit(f"seed {seed} ended with {status}; the same command goes on")


def timed(command: Sequence[str | Path], folder: Path) -> tuple[int, dict[str, float]]:
    """Run a command in a folder; its exit status, and what it cost, whatever ended it.

    Ctrl-C reaches the command, too: it is waited for, as it then saves what it has. SIGTERM is passed on.
    """
    began, before = time.monotonic(), children_cpu_s()
    process = subprocess.Popen(command, cwd=folder)
    handler = signal.signal(signal.SIGTERM, lambda *_: process.terminate())
    try:
        status = process.wait()
    except KeyboardInterrupt:
        status = process.wait() or 130
    finally:
        signal.signal(signal.SIGTERM, handler)
    cost = {"wall_s": time.monotonic() - began, "cpu_s": children_cpu_s() - before}
    return status, {name: round(value, 1) for name, value in cost.items()}


def children_cpu_s() -> float:
    """CPU seconds of all processes that this one has started and waited for, and of those that they have waited for."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def measured(data: Path, run: Path, seed: int) -> dict[str, Any]:
    """The numbers of a run; they stay in RUN/measured.json."""
    path = run / "measured.json"
    if not path.is_file():
        lines = [json.loads(line) for line in (run / "metrics.jsonl").read_text(encoding="utf-8").splitlines()]
        cost = [json.loads(line) for line in (run / COST).read_text(encoding="utf-8").splitlines()]
        numbers = {
            "seed": seed,
            "updates": lines[-1]["update"],
            "plain_pass_rates": {
                line["update"]: line["plain_pass_rate"] for line in lines if "plain_pass_rate" in line
            },
            "before": plain_outcomes(data, run, "sft"),
            "after": plain_outcomes(data, run, "final"),
            "likeliest_before": plain_outcomes(data, run, "sft", completions=0),
            "likeliest_after": plain_outcomes(data, run, "final", completions=0),
            **{name: sum(line[name] for line in cost) for name in ("cpu_s", "wall_s")},
            "load": cost[0]["load"],
        }
        write_atomically(path, (json.dumps(numbers) + "\n").encode())
    found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return found


def plain_outcomes(data: Path, run: Path, policy: str, completions: int = COMPLETIONS) -> dict[str, dict[str, int]]:
    """How many completions of each plain task came to which end, by RUN/sft or RUN/final; 0: the likeliest one."""
    from appsplus.engine import LocalEngine
    from stepcoder.config import TrainConfig
    from stepcoder.data import load_split
    from stepcoder.inputs import fitting
    from stepcoder.policy import load_model
    from stepcoder.rollouts import Judgements
    from stepcoder.saved_config import read_config
    from stepcoder.validation import counted, plain_completions

    config = replace(read_config(TrainConfig, run)[0], validation_completions=completions)
    lm, tokenizer = load_model(str(run / policy), config)
    problems = fitting(load_split(str(data), "train"), tokenizer, config, "train")
    asked = [problem for problem in problems for _ in range(max(1, completions))]
    with (
        LocalEngine(isolation=config.isolation) as engine,
        Judgements(engine, threads=engine.workers, coverage=False) as judgements,
    ):
        judged = plain_completions(lm.eval(), tokenizer, asked, judgements, config, seed=config.seed)
    return counted((j.completion.task.problem.problem_id, j.outcome) for j in judged)


def pass_rate(outcomes: dict[str, dict[str, int]]) -> float:
    """Share of completions that were accepted."""
    return sum(o.get("accepted", 0) for o in outcomes.values()) / sum(sum(o.values()) for o in outcomes.values())


def summary(run: dict[str, Any]) -> str:
    """A line of a run."""
    return (
        f"seed {run['seed']}: {pass_rate(run['before']):.0%} of plain completions pass after the warm-up,"
        f" {pass_rate(run['after']):.0%} after {run['updates']} updates; {run['cpu_s']:.0f} s of CPU"
    )


def facts(run: Path, options: list[str]) -> dict[str, Any]:
    """What the numbers belong to: the run's options but its seed, and where."""
    return {
        "command": " ".join(["stepcoder train out/appsplus --preset tiny --seed N --out RUN", *options]),
        **versions(),
        "options": {
            k: v for k, v in json.loads((run / "config.json").read_text()).items() if k not in ("seed", "dataset")
        },
    }


def versions() -> dict[str, Any]:
    """Of what runs here, and the CPUs."""
    head = subprocess.run(["git", "-C", str(ROOT), "rev-parse", "HEAD"], capture_output=True, text=True, check=False)
    return {
        "version": metadata.version("appsplus"),
        "commit": head.stdout.strip() or None,
        "cpus": available_cpus(),
        "python": platform.python_version(),
        "torch": metadata.version("torch"),
        "transformers": metadata.version("transformers"),
    }


if __name__ == "__main__":
    main()
