"""Builds on a cluster of two nodes in which things are killed at random: is the dataset the undisturbed build's, every time?

    python benchmarks/scaling/faults.py                      # 20 schedules, the embedded problems
    python benchmarks/scaling/faults.py --schedules 3 --out faults.json

Two nodes of Ray on this machine (Ray's own cluster utility); the driver is `appsplus build --engine ray --address ...` in a
process of its own. A schedule is drawn from its seed: once the first answer is there, every few seconds one of

    process   kill -9 of a random process of ours on a node: the actor that holds the judges, a judge, or what runs below one,
              a program for instance
    node      kill -9 of everything of the second node; another one comes a few seconds later
    driver    kill -9 of the driver, which is then started again

until the build ends; on a busy machine more slowly, so that the build gets on between kills. Held against an undisturbed
local build: the hash of the data (`data_hash`: the worklist names problems near a time limit, and those depend on the
machine's load; the hash of the whole folder stands beside it), the number of answers in the cache, and that the last driver
judged only what the cache did not have. Schedules that the result file holds already, for the same commit, are not run
again. Exits with 1 where one of them did not hold.
"""

import argparse
import json
import os
import random
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
from contextlib import closing, suppress
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "speed"))
import machine
from figures import draw_faults

from appsplus import jsonl
from appsplus.engine.cache import FILE_NAME
from appsplus.release import data_hash, folder_hash, read_manifest

RESULTS = Path(__file__).resolve().parents[1] / "results" / "ray_faults.json"
SCRIPT = Path(sys.executable).parent / "appsplus"
KINDS = ("process", "process", "node", "driver")  # kills of processes are the commonest
MOST = {"process": 20, "node": 3, "driver": 3}  # in one schedule
GIVE_UP_S = 900.0
PATIENCE_S = 20.0  # without a new answer, before the next kill: on a busy machine a process takes long to start
NODE = {"num_cpus": 1, "include_dashboard": False}


def main() -> None:
    options = _options()
    os.environ["RAY_AUTH_MODE"] = "disabled"
    notes = Path(os.environ.get("RAY_TMPDIR", "/tmp"), "ray")
    notes.mkdir(exist_ok=True)  # where the cluster utility notes its address
    results = _continued(options)
    with tempfile.TemporaryDirectory(prefix="faults-") as folder:
        work = Path(folder)
        if "undisturbed" not in results:
            results["undisturbed"] = _undisturbed(options, work)
            _write(options.out, results)
        for seed in range(options.schedules):
            if str(seed) in results["schedules"]:
                continue
            found = Schedule(seed, options, work / str(seed)).run()
            found["holds"] = _holds(found, results["undisturbed"])
            results["schedules"][str(seed)] = found
            _write(options.out, results)
            say(f"schedule {seed}: {'holds' if found['holds'] else 'DOES NOT HOLD'}; {_told(found)}")
            shutil.rmtree(work / str(seed))
    held = sum(found["holds"] for found in results["schedules"].values())
    say(f"{held} of {len(results['schedules'])} schedules gave the undisturbed build's dataset: {options.out}")
    say(str(draw_faults(results, options.out.with_suffix(".svg"))))
    sys.exit(held != len(results["schedules"]))


class Schedule:
    """One build under fire."""

    def __init__(self, seed: int, options: argparse.Namespace, folder: Path) -> None:
        from ray.cluster_utils import Cluster

        self._chance = random.Random(seed)
        self._options, self._folder = options, folder
        self._cache = folder / "cache"
        self._events: list[dict[str, Any]] = []
        self._started = time.monotonic()
        self._temporary = tempfile.mkdtemp(prefix="ray-")  # short: sockets lie in it
        head = {**NODE, "node_name": "first", "temp_dir": self._temporary}
        self._cluster = Cluster(initialize_head=True, head_node_args=head)
        self._second: Any = self._cluster.add_node(**NODE, node_name="second")
        self._comes_at = float("inf")

    def run(self) -> dict[str, Any]:
        """Kill until the build is done; what happened, and what came out."""
        driver, before = self._driver(), 0
        try:
            next_at = float("inf")
            while driver.poll() is None:
                if next_at == float("inf") and answers(self._cache):  # the build is on its way
                    next_at = time.monotonic() + self._chance.uniform(0, 3)
                if time.monotonic() - self._started > GIVE_UP_S:
                    raise SystemExit(f"the build did not end within {GIVE_UP_S:.0f} s")
                if time.monotonic() >= self._comes_at:
                    self._second, self._comes_at = self._cluster.add_node(**NODE, node_name="second"), float("inf")
                if time.monotonic() >= next_at and self._has_gone_on():
                    if self._strike(driver):
                        before, driver = answers(self._cache), self._driver()
                    next_at = time.monotonic() + self._chance.uniform(1, 5)
                time.sleep(0.05)
        finally:
            driver.kill()
            _, told = driver.communicate()
            self._cluster.shutdown()
            shutil.rmtree(self._temporary, ignore_errors=True)
        out = self._folder / "out"
        is_done = driver.returncode == 0
        return {
            "events": self._events,
            "wall_s": round(time.monotonic() - self._started, 1),
            "status": driver.returncode,
            "error": "" if is_done else told[-2000:],
            **(_facts(out) if is_done else {"hash": "", "folder_hash": "", "worklist": None}),
            "answers": answers(self._cache),
            "judged_last": read_manifest(out).run["judged"] if is_done else None,
            "known_before_last": before,
        }

    def _has_gone_on(self) -> bool:
        """Whether the build has got anywhere since the last kill, or has had the time to."""
        if not self._events:
            return True
        last = self._events[-1]
        return answers(self._cache) > last["answers"] or time.monotonic() - self._started > last["at_s"] + PATIENCE_S

    def _driver(self) -> subprocess.Popen[str]:
        command = [*_build(self._options, self._folder, self._cache), "--engine", "ray"]
        return subprocess.Popen(
            [*command, "--address", self._cluster.address, "--workers", "1" if self._second is None else "2"],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        )

    def _strike(self, driver: subprocess.Popen[str]) -> bool:
        """Kill something; whether it was the driver."""
        kind = self._chance.choice(KINDS)
        if sum(event["kind"] == kind for event in self._events) >= MOST[kind]:
            kind = "process"
        if kind == "node" and self._second is not None:
            self._cluster.remove_node(self._second, allow_graceful=False)
            self._second, self._comes_at = None, time.monotonic() + self._chance.uniform(1, 6)
            return self._noted("node", "second")
        if kind == "driver":
            driver.send_signal(signal.SIGKILL)
            driver.communicate()
            self._noted("driver", "")
            return True
        ours = [(pid, name) for pid in machine.tree(os.getpid()) if (name := _name(pid))]
        if ours and sum(event["kind"] == "process" for event in self._events) < MOST["process"]:
            pid, name = self._chance.choice(ours)
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
            return self._noted("process", name)
        return False

    def _noted(self, kind: str, what: str) -> bool:
        at_s = round(time.monotonic() - self._started, 1)
        self._events.append({"at_s": at_s, "kind": kind, "what": what, "answers": answers(self._cache)})
        return False


def _name(pid: int) -> str:
    """What a process of ours on a node is, "" for any other."""
    try:
        command = Path(f"/proc/{pid}/cmdline").read_bytes()
        parent = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1]
        of_parent = Path(f"/proc/{parent}/cmdline").read_bytes()
    except OSError:
        return ""
    if command.startswith(b"ray::NodeJudges"):
        return "actor"
    if b"worker.main(sys.argv[1])" not in command:
        return ""
    return "judge" if of_parent.startswith(b"ray::NodeJudges") else "below a judge"


def answers(cache: Path) -> int:
    """How many answers a cache holds."""
    try:
        with closing(sqlite3.connect(f"file:{cache / FILE_NAME}?mode=ro", uri=True, timeout=30)) as database:
            return int(database.execute("SELECT count(*) FROM answers").fetchone()[0])
    except sqlite3.OperationalError:
        return 0


def _undisturbed(options: argparse.Namespace, work: Path) -> dict[str, Any]:
    folder, started = work / "undisturbed", time.monotonic()
    subprocess.run(
        [*_build(options, folder, folder / "cache"), "--workers", "2"], check=True, stdout=subprocess.DEVNULL
    )
    wall_s = round(time.monotonic() - started, 1)
    return {**_facts(folder / "out"), "answers": answers(folder / "cache"), "wall_s": wall_s}


def _facts(out: Path) -> dict[str, Any]:
    """What is compared of a dataset, and what its worklist has, by reason."""
    worklist = read_manifest(out).counts["worklist"]["reasons"]
    return {"hash": data_hash(out), "folder_hash": folder_hash(out), "worklist": worklist}


def _build(options: argparse.Namespace, folder: Path, cache: Path) -> list[str]:
    where = ["--out", str(folder / "out"), "--cache-dir", str(cache), "--isolation", options.isolation]
    return [str(SCRIPT), "build", *options.sources, *where]


def _holds(found: dict[str, Any], undisturbed: dict[str, Any]) -> bool:
    same = all(found[name] == undisturbed[name] for name in ("hash", "answers"))
    return same and found["judged_last"] == undisturbed["answers"] - found["known_before_last"]


def _told(found: dict[str, Any]) -> str:
    kinds = [event["kind"] for event in found["events"]]
    killed = ", ".join(f"{kinds.count(kind)} x {kind}" for kind in sorted(set(kinds))) or "nothing"
    return f"killed {killed}; {found['wall_s']:.0f} s"


def _continued(options: argparse.Namespace) -> dict[str, Any]:
    facts = machine.facts()
    if options.out.exists():
        found: dict[str, Any] = json.loads(options.out.read_text())
        same = (found["machine"]["commit"], found["sources"]) == (facts["commit"], options.sources)
        if same and not options.fresh:
            return found
    return {"machine": facts, "sources": options.sources, "schedules": {}}


def _write(path: Path, results: dict[str, Any]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    jsonl.write_atomically(path, (json.dumps(results, indent=1) + "\n").encode())


def say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("sources", nargs="*", metavar="SOURCE", help="what to build; default: the embedded problems")
    parser.add_argument("--schedules", type=int, default=20)
    parser.add_argument("--isolation", default="strict")
    parser.add_argument("--out", type=Path, default=RESULTS)
    parser.add_argument("--fresh", action="store_true", help="begin anew")
    return parser.parse_args()


if __name__ == "__main__":
    main()
