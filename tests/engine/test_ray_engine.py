"""Judged jobs on Ray: the local engine's answers, from any node, whatever comes to grief on the way."""

import os
import signal
import sys
import tempfile
import threading
import time
import types
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("ray", reason="Ray is not installed (the extra `ray`)")

import ray
import ray_stand_ins
from ray.cluster_utils import Cluster

from appsplus.engine import Cache, LocalEngine, ray_crew, ray_start
from appsplus.engine.ray_doctor import look_at_nodes
from appsplus.engine.ray_engine import RayEngine
from appsplus.engine.ray_node import NodeJudges
from appsplus.engine.strikes import LOSSES, STRIKES
from appsplus.errors import InputError, JudgingEndedError, NotJudgedError, SandboxError
from appsplus.judge import BEST_EFFORT, STRICT, Job
from appsplus.ledger import Ledger
from appsplus.pipeline import build
from appsplus.problem import IOFormat, UnitTest, Verdict
from appsplus.release import data_hash
from appsplus.sources import open_sources

# Ray leaves sockets and files to the garbage collector
pytestmark = pytest.mark.filterwarnings("ignore::ResourceWarning")
PATIENCE_S = 180.0  # other tests run beside these
NODE = {"num_cpus": 2, "include_dashboard": False}
ray.cloudpickle.register_pickle_by_value(ray_stand_ins)


def add_second(cluster: Cluster) -> None:
    """Let the second node come, if it is not there."""
    if not cluster.worker_nodes:
        cluster.add_node(**NODE, node_name="second", wait=False)
        cluster.wait_for_nodes(timeout=PATIENCE_S)


@pytest.fixture(scope="module")
def cluster() -> Iterator[Cluster]:
    """Two nodes of two CPUs each on this machine, "first" and "second"; this process is connected to it."""
    with pytest.MonkeyPatch.context() as patch, tempfile.TemporaryDirectory(prefix="ray-") as folder:
        patch.setenv("RAY_AUTH_MODE", "disabled")
        patch.setenv("RAY_TMPDIR", folder)
        Path(folder, "ray").mkdir()  # where the cluster utility notes its address, and does not make the folder
        patch.setattr(ray_start, "START_S", PATIENCE_S)
        found = Cluster(initialize_head=True, head_node_args=NODE | {"node_name": "first", "temp_dir": folder})
        add_second(found)
        ray.init(found.address, log_to_driver=False, configure_logging=False)
        yield found
        ray.shutdown()
        found.shutdown()


@pytest.fixture(scope="module")
def engine(cluster: Cluster) -> Iterator[RayEngine]:
    """One worker on either node, no cache. Do no harm to it."""
    with RayEngine(isolation=BEST_EFFORT, workers=2) as found:
        yield found


@pytest.fixture
def on_nodes(cluster: Cluster, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., RayEngine]]:
    """Start an engine of one worker on either node, nodes of some kind; what becomes of them is in its `told`."""
    engines = []
    wait_until(lambda: free_cpus() >= 2)  # what the test before had is given back

    def start(kind: type[NodeJudges] = NodeJudges, **options: Any) -> RayEngine:
        monkeypatch.setattr(ray_start, "NodeJudges", kind)
        found = RayEngine(**{"isolation": BEST_EFFORT, "workers": 2, **options})
        engines.append(found)
        found.told = []  # type: ignore[attr-defined]
        found.tell = found.told.append  # type: ignore[attr-defined]
        return found

    yield start
    for found in engines:
        found.close()
    add_second(cluster)


def squares(numbers: range) -> list[Job]:
    """Programs that are right for even numbers."""
    return [
        Job(f"print({n} * {n} + {n % 2})", IOFormat.STDIN, (UnitTest("", str(n * n)),), hash_seed=n % 2)
        for n in numbers
    ]


def sleepers(count: int, wall_s: float = 0.3) -> list[Job]:
    """Programs that take their time, and no CPU."""
    return [
        Job(f"import time; time.sleep({wall_s}); print({n})", IOFormat.STDIN, (UnitTest("", str(n)),))
        for n in range(count)
    ]


def free_cpus() -> float:
    return ray.available_resources().get("CPU", 0.0)


def wait_until(holds: Callable[[], bool], within_s: float = PATIENCE_S) -> None:
    deadline = time.monotonic() + within_s
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.02)


# ---- answers


def test_the_reports_are_the_local_engines_in_the_order_of_the_jobs(engine: RayEngine) -> None:
    jobs = [*squares(range(12)), Job("x =", IOFormat.STDIN, (UnitTest("", ""),)), *squares(range(3))]
    with LocalEngine(workers=2, isolation=BEST_EFFORT) as local:
        expected = [(r.verdict, [(t.verdict, t.actual, t.error) for t in r.unit_tests]) for r in local.judge(jobs)]
    found = [(r.verdict, [(t.verdict, t.actual, t.error) for t in r.unit_tests]) for r in engine.judge(jobs)]
    assert found == expected
    assert [verdict for verdict, _ in found[:2]] == [Verdict.ACCEPTED, Verdict.WRONG_ANSWER]


def test_every_node_judges(engine: RayEngine) -> None:
    before = engine.answered
    engine.judge(sleepers(8, 0.1))
    assert engine.workers == 2
    assert sum(engine.answered.values()) - sum(before.values()) == 8
    assert all(engine.answered[name] > before.get(name, 0) for name in ("first", "second"))


def test_inspections_come_in_the_order_of_the_programs(engine: RayEngine) -> None:
    found = engine.inspect(["import os", "def f(): pass", "x ="])
    assert [i.imports for i in found] == [("os",), (), ()]
    assert found[2].syntax_error == "invalid syntax (line 1)"


def test_several_threads_may_ask_at_once(engine: RayEngine) -> None:
    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(lambda n: engine.judge(squares(range(n, n + 2))), range(0, 12, 2)))
    assert [r.verdict for pair in answers for r in pair] == [Verdict.ACCEPTED, Verdict.WRONG_ANSWER] * 6


def test_a_checker_that_does_not_compile_is_an_input_error_here_too(engine: RayEngine) -> None:
    from appsplus.problem import Checker

    job = Job("print(1)", IOFormat.STDIN, (UnitTest("", "2"),), checker=Checker(kind="program", program="def :"))
    with pytest.raises(InputError, match="checker"):
        engine.judge([job])


def test_large_unit_tests_are_put_into_the_store_once(engine: RayEngine, monkeypatch: pytest.MonkeyPatch) -> None:
    put: list[Any] = []
    really = ray.put
    monkeypatch.setattr(ray, "put", lambda value: put.append(value) or really(value))
    text = "7" * 400_000
    for _ in range(2):
        tests = (UnitTest(text, "400000\n"), UnitTest("", "0\n"))
        jobs = [Job(f"print(len(input().strip()) if {n + 1} else 0)", IOFormat.STDIN, tests) for n in range(6)]
        reports = engine.judge(jobs)
        assert [[t.verdict for t in r.unit_tests] for r in reports] == [[Verdict.ACCEPTED, Verdict.RUN_TIME_ERROR]] * 6
    assert put == [tests]


def test_what_is_known_is_not_judged_again(on_nodes: Callable[..., RayEngine], tmp_path: Path) -> None:
    jobs = squares(range(4))
    with Cache(tmp_path) as cache, on_nodes(cache=cache) as engine:
        first = engine.judge([*jobs, jobs[0]])
        assert engine.counts == {"judged": 4}
        assert engine.judge(jobs) == first[:4]
        engine.inspect(["x = 1", "x = 1", "y = 1"])
        assert engine.counts == {"judged": 6, "cached": 4}
        assert len(cache) == 6


# ---- faults


def test_a_process_that_is_killed_costs_only_what_it_was_working_on(
    on_nodes: Callable[..., RayEngine], tmp_path: Path
) -> None:
    jobs = sleepers(12)
    with Cache(tmp_path) as cache, on_nodes(cache=cache) as engine, ThreadPoolExecutor(1) as pool:
        reports = pool.submit(engine.judge, jobs)
        wait_until(lambda: len(cache) >= 2)
        os.kill(engine.facts["second"].pid, signal.SIGKILL)
        assert [r.verdict for r in reports.result()] == [Verdict.ACCEPTED] * 12
        wait_until(lambda: bool(engine.told))
        assert engine.told == ["node second: the process that judged there had died, and was started again"]
        assert sum(engine.answered.values()) == len(cache) == 12
        assert engine.counts == {"judged": 12}


def test_a_process_that_is_stopped_is_ended_and_its_work_done_again(
    on_nodes: Callable[..., RayEngine], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(ray_crew, "PING_EVERY_S", 0.5)
    monkeypatch.setattr(ray_crew, "SILENT_S", 10.0)
    with Cache(tmp_path) as cache, on_nodes(cache=cache) as engine, ThreadPoolExecutor(1) as pool:
        reports = pool.submit(engine.judge, sleepers(12))
        wait_until(lambda: len(cache) >= 2)
        os.kill(engine.facts["second"].pid, signal.SIGSTOP)
        assert [r.verdict for r in reports.result()] == [Verdict.ACCEPTED] * 12
        wait_until(lambda: len(engine.told) == 2)
        assert "the process that judges there has not answered for 10 s, and is ended" in engine.told[0]
        assert engine.told[1] == "node second: the process that judged there had died, and was started again"
        assert sum(engine.answered.values()) == len(cache) == 12


def test_a_program_that_kills_its_node_every_time_is_found_out_and_the_others_are_judged(
    on_nodes: Callable[..., RayEngine], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("appsplus.engine.strikes.LOSSES", 1)
    poison = Job("kill the process", IOFormat.STDIN, (UnitTest("", ""),))
    with on_nodes(ray_stand_ins.Mortal) as engine, ThreadPoolExecutor(2) as pool:
        poisoned = pool.submit(engine.judge, [poison])
        assert [r.verdict for r in engine.judge(squares(range(10)))] == [Verdict.ACCEPTED, Verdict.WRONG_ANSWER] * 5
        with pytest.raises(NotJudgedError):
            poisoned.result()
        assert len(engine.strikes) == 1


def test_a_program_that_the_judge_fails_on_is_asked_three_times(on_nodes: Callable[..., RayEngine]) -> None:
    with on_nodes(ray_stand_ins.Mortal) as engine:
        with pytest.raises(NotJudgedError, match="failed twice"):
            engine.judge([Job("stumble", IOFormat.STDIN, (UnitTest("", ""),))])
        assert sum(engine.answered.values()) == STRIKES
        assert LOSSES > STRIKES


def test_a_lost_nodes_work_is_done_by_the_others_and_one_that_comes_is_taken_in(
    on_nodes: Callable[..., RayEngine], cluster: Cluster
) -> None:
    with on_nodes() as engine, ThreadPoolExecutor(1) as pool:
        reports = pool.submit(engine.judge, sleepers(14))
        wait_until(lambda: engine.answered.get("second", 0) >= 1)
        cluster.remove_node(next(iter(cluster.worker_nodes)), allow_graceful=False)
        assert [r.verdict for r in reports.result()] == [Verdict.ACCEPTED] * 14
        wait_until(lambda: len(engine.told) == 1)
        add_second(cluster)
        wait_until(lambda: len(engine.told) == 2)
        assert engine.told == [
            "node second is lost; what it was judging is judged again by others",
            "node second has come, with 1 CPUs",
        ]
        before = engine.answered["second"]
        engine.judge(sleepers(4, 0.1))
        assert engine.answered["second"] > before


def test_a_build_in_which_a_node_is_lost_has_the_local_builds_bytes(
    on_nodes: Callable[..., RayEngine],
    cluster: Cluster,
    some_of_the_corpus: Callable[[Iterable[str]], Path],
    tmp_path: Path,
) -> None:
    sources = open_sources([str(some_of_the_corpus(["train/0000", "train/0904", "train/0911", "train/0941"]))])
    with Cache(None) as known, LocalEngine(workers=2, isolation=BEST_EFFORT, cache=known) as local:
        judged = build(sources, tmp_path / "local", local, Ledger()).run["judged"]
    with Cache(tmp_path / "cache") as cache, on_nodes(cache=cache) as engine, ThreadPoolExecutor(1) as pool:
        manifest = pool.submit(build, sources, tmp_path / "ray", engine, Ledger())
        wait_until(lambda: engine.answered.get("second", 0) >= 1)
        cluster.remove_node(next(iter(cluster.worker_nodes)), allow_graceful=False)
        assert manifest.result().run["judged"] == len(cache) == judged
        wait_until(lambda: engine.told == ["node second is lost; what it was judging is judged again by others"])
    assert data_hash(tmp_path / "ray") == data_hash(tmp_path / "local")


def test_a_full_disk_ends_the_judging_with_what_to_do(
    on_nodes: Callable[..., RayEngine], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    with Cache(tmp_path) as cache, on_nodes(cache=cache) as engine:

        def full(key: str, answer: object) -> None:
            raise InputError("the cache cannot be used (database or disk is full); make room")

        monkeypatch.setattr(cache, "store", full)
        with pytest.raises(InputError, match="make room"):
            engine.judge(squares(range(2)))


def test_closing_ends_what_is_being_judged(on_nodes: Callable[..., RayEngine]) -> None:
    engine = on_nodes()
    told: list[BaseException] = []

    def ask() -> None:
        try:
            engine.judge(sleepers(6, 9.0))
        except JudgingEndedError as error:
            told.append(error)

    asking = threading.Thread(target=ask)
    asking.start()
    time.sleep(0.5)
    engine.close()
    engine.close()
    asking.join(timeout=20)
    assert len(told) == 1
    with pytest.raises(JudgingEndedError, match="closed"):
        engine.judge(squares(range(1)))


def test_closing_while_a_node_is_being_started_gives_its_cpus_back(
    engine: RayEngine, on_nodes: Callable[..., RayEngine], monkeypatch: pytest.MonkeyPatch
) -> None:
    wait_until(lambda: free_cpus() == 2)  # of four: `engine` has two
    with on_nodes() as closing:
        monkeypatch.setattr(ray_start, "NodeJudges", ray_stand_ins.Sluggish)
        os.kill(closing.facts["second"].pid, signal.SIGKILL)
        wait_until(lambda: free_cpus() == 1)
        closing.judge(sleepers(4))  # that it has died is seen when it is asked
        wait_until(lambda: free_cpus() == 0)
    wait_until(lambda: free_cpus() == 2)


# ---- who may judge


def test_a_node_with_weaker_isolation_than_asked_for_is_refused_by_name(on_nodes: Callable[..., RayEngine]) -> None:
    with pytest.raises(SandboxError) as raised:
        on_nodes(ray_stand_ins.WithoutNamespaces, isolation=STRICT)
    text = str(raised.value)
    assert text.startswith("node second is refused: strict isolation is not available here (namespaces: the kernel")
    assert "first" not in text
    engine = on_nodes(ray_stand_ins.WithoutNamespaces, isolation=BEST_EFFORT)
    assert engine.rungs["namespaces"] is False
    assert engine.rungs["missing"]["namespaces"].endswith("node second: the kernel refused them")


def test_a_node_with_another_version_is_refused_by_name(on_nodes: Callable[..., RayEngine]) -> None:
    with pytest.raises(InputError, match=r"node second has appsplus .* with judge 0123456789abcdef.*install the same"):
        on_nodes(ray_stand_ins.OfAnotherVersion)


def test_a_node_that_cannot_load_what_is_to_run_there_is_named(
    on_nodes: Callable[..., RayEngine], monkeypatch: pytest.MonkeyPatch
) -> None:
    newer = types.ModuleType("appsplus.engine.newer")  # a module that only this process has
    newer.NewerJudges = type("NewerJudges", (NodeJudges,), {"__module__": newer.__name__})  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, newer.__name__, newer)
    with pytest.raises(
        InputError, match=r"node first cannot load this version of appsplus .*newer.*install on every node"
    ):
        on_nodes(newer.NewerJudges)


def test_more_workers_than_cpus_are_refused_and_fewer_are_shared_out(on_nodes: Callable[..., RayEngine]) -> None:
    with pytest.raises(InputError, match=r"has 4 CPUs \(first 2, second 2\), and 5 are asked for"):
        on_nodes(workers=5)
    with on_nodes(workers=1) as engine:
        assert engine.workers == 1
        assert list(engine.facts) == ["first"]


def test_the_doctor_tells_of_every_node(cluster: Cluster, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ray_start, "NodeJudges", ray_stand_ins.WithoutNamespaces)
    first, second = look_at_nodes(None)
    assert (first.node.name, second.node.name) == ("first", "second")
    assert first.facts is not None and second.facts is not None
    assert first.facts.calibration > 0
    assert second.facts.rungs["missing"] == {"namespaces": "the kernel refused them"}
    assert not second.is_strict
