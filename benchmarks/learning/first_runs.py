"""README's first runs of the trainer, in its order and as they stand there: what each command costs, and what it says.

    python benchmarks/learning/first_runs.py --out out/first

builds the embedded problems, trains with `--preset tiny`, and uses that policy for everything that README does with a
process reward model, each command a process of its own in the folder --out. CPU time is the command's own, without what the
judge runs, whose processes nobody waits for; wall time depends on what else the machine did, so the load before stands beside
it (before the second command and later ones it is mostly our own).

What is done stays; a command that was ended is given again, and goes on from where it was. The result is written anew after
each command.
"""

import argparse
import json
import os
import re
import shlex
import sys
from pathlib import Path
from statistics import fmean
from typing import Any

from tiny import ROOT, timed, versions

from appsplus.jsonl import write_atomically
from stepcoder.prm.measures import TOLD
from stepcoder.report import AVERAGED

RESULT = ROOT / "benchmarks" / "results" / "first_runs.json"
COSTS = "costs.json"  # of the commands that are done, by command
FIRST = ("appsplus build --out out/appsplus", "stepcoder train out/appsplus --preset tiny --out runs/tiny")
NUMBERS = Path("runs/tiny/metrics.jsonl")
LABELS, REWARD_MODEL = Path("out/prm-data/manifest.json"), Path("runs/prm/prm.json")


def main() -> None:
    """Every command that is not done, then the result."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, required=True, help="folder to run in")
    parser.add_argument("--result", type=Path, default=RESULT, help="file of the numbers")
    given = parser.parse_args()
    given.out.mkdir(parents=True, exist_ok=True)
    os.environ["XDG_CACHE_HOME"] = str(given.out.resolve() / "cache")  # empty at first, as a new user's
    asked = commands((ROOT / "README.md").read_text(encoding="utf-8"))
    for command in asked:
        costs = run(command, given.out)
        done = {name: costs[name] for name in asked if name in costs}
        write_atomically(given.result, (json.dumps({"commands": done} | said(given.out), indent=1) + "\n").encode())
        print(f"{costs[command]['wall_s'] / 60:.1f} min: {command}", flush=True)


def commands(readme: str) -> list[str]:
    """The commands, without their comments. Raises ValueError where README does not have them."""
    found = re.findall(r"```bash\n(.*?)```", readme, re.DOTALL)
    blocks = [[re.sub(r"\s+#.*", "", line) for line in block.splitlines()] for block in found]
    known = {part.strip() for block in blocks for line in block for part in line.split("&&")}
    of_reward_model = [block for block in blocks if block[0].startswith("stepcoder prm label")]
    if missing := [command for command in FIRST if command not in known]:
        raise ValueError(f"README.md has no command {missing[0]!r}")
    if len(of_reward_model) != 1:
        count = len(of_reward_model)
        raise ValueError(f"README.md should have one block that begins with `stepcoder prm label`; found {count}")
    return [*FIRST, *of_reward_model[0]]


def run(command: str, folder: Path) -> dict[str, dict[str, Any]]:
    """Run a command to its end unless it has come to that before; the costs of all that have been run."""
    path = folder / COSTS
    costs: dict[str, dict[str, Any]] = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
    before = costs.get(command, {"wall_s": 0.0, "cpu_s": 0.0, "done": False})
    if before["done"]:
        return costs
    from stepcoder.run import has_begun

    program, *arguments = shlex.split(command)
    if arguments[0] == "train" and has_begun(folder / arguments[-1]):
        arguments = [*arguments[:2], *arguments[-2:], "--resume"]
    of = {"of": versions(), "load": round(os.getloadavg()[0], 2)}
    status, cost = timed([Path(sys.executable).with_name(program), *arguments], folder)
    sums = {name: round(before[name] + value, 1) for name, value in cost.items()}
    costs[command] = sums | {"done": status == 0} | of
    write_atomically(path, (json.dumps(costs, indent=1) + "\n").encode())
    if status:
        sys.exit(f"{command} ended with {status}; the same command goes on")
    return costs


def said(folder: Path) -> dict[str, Any]:
    """What the commands found, as far as they are done."""
    found: dict[str, Any] = {}
    if (folder / NUMBERS).is_file():
        lines = map(json.loads, (folder / NUMBERS).read_text(encoding="utf-8").splitlines())
        rates = [line["plain_pass_rate"] for line in lines if "plain_pass_rate" in line]
        found["plain_pass_rate"] = {"first": fmean(rates[:AVERAGED]), "last": fmean(rates[-AVERAGED:])}
    if (folder / LABELS).is_file():
        manifest = json.loads((folder / LABELS).read_text(encoding="utf-8"))
        found["labels"] = {name: manifest[name] for name in ("problems", "counts", "labels", "cost")}
    if (folder / REWARD_MODEL).is_file():
        told = json.loads((folder / REWARD_MODEL).read_text(encoding="utf-8"))
        found["reward_model"] = {
            on: {name: told[on][name] for name in ("line_ends", *TOLD)} for on in ("learned", "held_out")
        }
    return found


if __name__ == "__main__":
    main()
