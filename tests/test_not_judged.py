"""A build that the judge fails on now and then: a problem leaves as not_judged, the others do not notice, and it says so."""

import os
import signal
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from yes_engine import Made

from appsplus.cli.run_facts import failure_lines
from appsplus.engine import Cache, LocalEngine
from appsplus.engine.judging import program_hash
from appsplus.errors import NotJudgedError, SandboxError
from appsplus.judge import Inspection, Job, Report, UnitTestReport
from appsplus.judge.handle import WorkerHandle
from appsplus.ledger import Ledger
from appsplus.pipeline import BuildOptions, build
from appsplus.problem import Reason, Verdict
from appsplus.release import Manifest, folder_hash, load_problems, load_rejected, load_worklist_index
from appsplus.shards import Share, build_shard, merge
from appsplus.sources import Source


class Failing:
    """An engine for which every program is right, but for those that it fails on every time."""

    def __init__(self, *programs: str, says: str = "the worker has died") -> None:
        self.workers, self.isolation, self.modules = 2, "none", ()
        self.rungs: dict[str, Any] = {}
        self.counts: Counter[str] = Counter()
        self.programs, self.says = programs, says

    def judge(self, jobs: Sequence[Job]) -> list[Report]:
        return [self._report(job) for job in jobs]

    def inspect(self, programs: Sequence[str]) -> list[Inspection]:
        return [Inspection() for _ in programs]

    def _report(self, job: Job) -> Report:
        if job.program in self.programs:
            raise NotJudgedError(program_hash(job.program), self.says)
        lines = (1,) if job.coverage else None
        one = UnitTestReport(Verdict.ACCEPTED, 0.0, 0.0, 1.0, executed_lines=lines)
        return Report(Verdict.ACCEPTED, (one,) * len(job.unit_tests), lines)


def built(target: Path, engine: Any, count: int = 4, options: BuildOptions | None = None) -> Manifest:
    return build([Source("made", "made", Made(count))], target, engine, Ledger.read([]), options)


def test_the_problem_leaves_without_a_verdict_and_the_others_are_kept(tmp_path: Path) -> None:
    manifest = built(tmp_path / "out", Failing("print(2)\n"))
    assert [p.problem_id for p in load_problems(tmp_path / "out")] == ["made/0", "made/1", "made/3"]
    [rejected] = load_rejected(tmp_path / "out")
    assert (rejected.problem_id, rejected.stage) == ("made/2", "passing")
    assert rejected.rejection.reason is Reason.NOT_JUDGED
    assert rejected.rejection.evidence == {"program_sha256": program_hash("print(2)\n")}
    assert "says nothing about the problem" in rejected.rejection.detail
    assert {row.stage: row.rejected for row in manifest.funnel if row.rejected} == {"passing": {"not_judged": 1}}
    [failure] = manifest.run["not_judged"]
    assert (failure["problem_id"], failure["stage"]) == ("made/2", "passing")
    assert failure["error"].endswith("at last with: the worker has died")


def test_nobody_is_asked_to_look_at_a_problem_that_was_not_judged(tmp_path: Path) -> None:
    built(tmp_path / "out", Failing("print(2)\n"), options=BuildOptions(audit_share=1.0))
    looked_at = {entry.problem_id for entry in load_worklist_index(tmp_path / "out")}
    assert looked_at == {"made/0", "made/1", "made/3"}


def test_a_failure_in_the_second_pass_is_told_alike(tmp_path: Path) -> None:
    class Once(Failing):
        def _report(self, job: Job) -> Report:
            if job.coverage and job.program == "print(1)\n":
                raise NotJudgedError(program_hash(job.program), self.says)
            return super()._report(job)

    manifest = built(tmp_path / "out", Once())
    assert [(f["problem_id"], f["stage"]) for f in manifest.run["not_judged"]] == [("made/1", "annotated")]
    assert manifest.funnel[-1].rejected == {"not_judged": 1}


def test_what_the_judge_said_at_last_does_not_reach_the_dataset(tmp_path: Path) -> None:
    hashes = set()
    for says in ("EOFError", "the actor has died on node-7"):
        built(tmp_path / "out", Failing("print(2)\n", says=says))
        hashes.add(folder_hash(tmp_path / "out"))
    assert len(hashes) == 1


def test_where_it_fails_on_every_problem_there_is_no_dataset(tmp_path: Path) -> None:
    with pytest.raises(SandboxError, match=r"failed on every problem, at last with: .* the worker has died"):
        built(tmp_path / "out", Failing("print(0)\n", "print(1)\n"), count=2)
    assert not (tmp_path / "out").exists()


def test_a_shard_tells_its_failures_and_a_merge_the_shards_to_build_again(tmp_path: Path) -> None:
    sources, engine = [Source("made", "made", Made(4))], Failing("print(2)\n")
    shards = [
        build_shard(sources, tmp_path / str(n), engine, Ledger.read([]), Share(2, n))  # of 0 and 2, of 1 and 3
        for n in (1, 2)
    ]
    assert [[f["problem_id"] for f in shard.run["not_judged"]] for shard in shards] == [["made/2"], []]
    assert "made/2: the judge fails on the program" in list(failure_lines(shards[0].run, "shard.json"))[1]
    assert list(failure_lines(shards[0].run, "shard.json"))[-1].endswith("and shard.json under run.")
    assert list(failure_lines(shards[1].run, "shard.json")) == []
    merged = merge([tmp_path / "1", tmp_path / "2"], tmp_path / "merged")
    assert [f["problem_id"] for f in merged.run["not_judged"]] == ["made/2"]
    assert list(failure_lines(merged.run))[-2].endswith(
        "nothing of it is remembered: build shard 1/2 again, then merge."
    )


def test_a_shard_of_which_no_problem_was_judged_is_none(tmp_path: Path) -> None:
    sources, engine = [Source("made", "made", Made(4))], Failing("print(0)\n", "print(2)\n")
    with pytest.raises(SandboxError, match="failed on every problem"):
        build_shard(sources, tmp_path / "1", engine, Ledger.read([]), Share(2, 1))
    assert not (tmp_path / "1").exists()
    build_shard(sources, tmp_path / "2", engine, Ledger.read([]), Share(2, 2))


def test_a_failure_on_a_mutant_costs_the_worklist_only(tmp_path: Path) -> None:
    class OnMutants(Failing):
        def _report(self, job: Job) -> Report:
            output = job.unit_tests[0].output.strip()
            if output in ("1", "3") and job.program != f"print({output})\n":
                raise NotJudgedError(program_hash(job.program), self.says)
            return super()._report(job)

    manifest = built(tmp_path / "out", OnMutants(), options=BuildOptions(mutants=9, audit_share=1.0))
    assert len(list(load_problems(tmp_path / "out"))) == 4
    assert manifest.run["not_judged"] == []
    assert [f["problem_id"] for f in manifest.run["not_looked_at"]] == ["made/1", "made/3"]
    assert manifest.counts["audit"]["sampled"] == 4
    slugs = {entry.problem_id: entry.slugs for entry in load_worklist_index(tmp_path / "out")}
    assert "weak_tests" in slugs["made/0"]
    assert slugs["made/1"] == ("audit_sample",)


def test_with_a_real_judge_whose_worker_is_killed_every_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ask = WorkerHandle.ask
    killed = []

    def asked(self: WorkerHandle, request: dict[str, Any], *, timeout_s: float) -> Iterator[Any]:
        if request["kind"] == "judge" and request["program"] == "print(1)\n":
            killed.append(self.process.pid)
            os.killpg(self.process.pid, signal.SIGKILL)  # the worker leads a session of its own
        return ask(self, request, timeout_s=timeout_s)

    def build_it(target: Path) -> Manifest:
        with Cache(tmp_path / "cache") as cache, LocalEngine(workers=2, isolation="best-effort", cache=cache) as engine:
            return built(target, engine, 3)

    monkeypatch.setattr(WorkerHandle, "ask", asked)
    manifest = build_it(tmp_path / "first")
    assert len(killed) == 6
    assert [f["problem_id"] for f in manifest.run["not_judged"]] == ["made/1"]
    assert [p.problem_id for p in load_problems(tmp_path / "first")] == ["made/0", "made/2"]
    monkeypatch.undo()
    manifest = build_it(tmp_path / "first")  # the next build asks again, and for nothing else
    assert manifest.run["not_judged"] == []
    assert [p.problem_id for p in load_problems(tmp_path / "first")] == ["made/0", "made/1", "made/2"]
    assert manifest.run["judged"] == 3  # two hash seeds and one traced run of print(1)


def test_the_end_of_a_build_names_the_problems_and_says_what_to_do() -> None:
    failures = [{"problem_id": f"made/{n}", "stage": "passing", "error": "it died"} for n in range(7)]
    lines = list(failure_lines({"not_judged": failures, "not_looked_at": failures[:1]}))
    assert lines[0] == "The judge failed on 7 problems, again and again. They left as not_judged, without a verdict:"
    assert lines[1] == "    made/0: it died"
    assert lines[6] == "    and 2 more, in manifest.json under run"
    assert "the same command asks again" in lines[-2]
    assert list(failure_lines({"not_judged": [], "not_looked_at": []})) == []
