"""Nodes of which one is sick: a stand-in for their processes, but no cluster."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from concurrent.futures import Future
from contextlib import suppress
from types import SimpleNamespace
from typing import Any

import pytest

pytest.importorskip("ray", reason="the tests on Ray need it: pip install '.[ray]'")

from appsplus.engine import Cache, ray_crew
from appsplus.engine.batches import Waiting
from appsplus.engine.bulk import BulkEngine
from appsplus.engine.ray_cluster import Node, load_ray
from appsplus.engine.ray_crew import Crew
from appsplus.engine.ray_dispatch import AHEAD, SICK, Dispatch
from appsplus.engine.ray_engine import RayEngine
from appsplus.engine.ray_node import Answered, Asked, Failed
from appsplus.engine.ray_start import Member, NodeBusyError
from appsplus.engine.rungs import common_rungs
from appsplus.engine.strikes import STRIKES, Strikes
from appsplus.errors import JudgingEndedError, NotJudgedError
from appsplus.judge import Job, Report, UnitTestReport
from appsplus.problem import IOFormat, UnitTest, Verdict

ACCEPTED = Report(Verdict.ACCEPTED, (UnitTestReport(Verdict.ACCEPTED, 0.0, 0.0, 0.0),))
Says = Callable[[str], Report | Failed]


class Actor:
    """What a handle of `NodeJudges` is to the dispatch; `says` answers to a program."""

    def __init__(self, says: Says, seconds: float) -> None:
        self._says, self._seconds, self.asked = says, seconds, Counter[str]()
        self.answer = self

    def remote(self, asked: list[Asked], _tests: Any) -> AsyncIterator[Awaitable[list[Answered]]]:
        async def answers() -> AsyncIterator[Awaitable[list[Answered]]]:
            for number, one in enumerate(asked):
                await asyncio.sleep(self._seconds)
                assert isinstance(one.question, Job)
                self.asked[one.question.program] += 1
                found = asyncio.get_running_loop().create_future()
                found.set_result([(number, self._says(one.question.program))])
                yield found

        return answers()


def well(_program: str) -> Report:
    return ACCEPTED


def sick(_program: str) -> Failed:
    return Failed("[Errno 28] No space left on device")


def poisoned(program: str) -> Report | Failed:
    return Failed("the judge's worker failed twice on one job") if program == "print(7)" else ACCEPTED


class Crowded(Actor):
    """Counts the batches that it is at, at once."""

    running = most = 0

    def remote(self, asked: list[Asked], tests: Any) -> AsyncIterator[Awaitable[list[Answered]]]:
        async def answers() -> AsyncIterator[Awaitable[list[Answered]]]:
            self.running += 1
            self.most = max(self.most, self.running)
            async for one in Actor.remote(self, asked, tests):
                yield one
            self.running -= 1

        return answers()


class Full(Actor):
    """Its node's object store takes nothing more."""

    def remote(self, _asked: list[Asked], _tests: Any) -> AsyncIterator[Awaitable[list[Answered]]]:
        raise load_ray().exceptions.ObjectStoreFullError("no room for 5 bytes")


def judged(says: Mapping[str, Says | Actor], questions: int) -> tuple[list[Future[Any]], dict[str, Actor], list[str]]:
    """What becomes of some questions on these nodes, the nodes' processes, and the nodes that were left out."""
    actors = {
        name: one if isinstance(one, Actor) else Actor(one, 0.0005 if one is sick else 0.002)
        for name, one in says.items()
    }
    left_out: list[str] = []
    futures: list[Future[Any]] = []

    async def run() -> None:
        def leave_out(member: Member, _why: str) -> None:
            if member in dispatch.members:  # else it was in flight
                left_out.append(member.node.name)
                dispatch.members.remove(member)

        dispatch = Dispatch(
            strikes=Strikes(), keep=lambda *_: None, on_loss=lambda _: None, on_sick=leave_out, longest_first=False
        )
        facts: Any = None
        dispatch.members = [Member(Node(name, name, 2), 2, actor, facts) for name, actor in actors.items()]
        for number in range(questions):
            job = Job(f"print({number})", IOFormat.STDIN, (UnitTest("", str(number)),))
            futures.append(Future())
            dispatch.ask(Waiting(f"{number:064x}", job, futures[-1], expected_s=0.02, chars=20))
        await asyncio.gather(*map(asyncio.wrap_future, futures), return_exceptions=True)
        await dispatch.end()

    asyncio.run(run())
    return futures, actors, left_out


@pytest.mark.parametrize("nodes", [{"one": well, "two": sick}, {"one": sick, "two": well, "three": well}])
def test_a_node_whose_judge_fails_on_everything_costs_no_answer_and_is_left_out(nodes: dict[str, Says]) -> None:
    futures, actors, left_out = judged(nodes, 200)
    assert [future.result() for future in futures] == [ACCEPTED] * 200
    bad = next(name for name, says in nodes.items() if says is sick)
    assert left_out == [bad]
    assert SICK <= actors[bad].asked.total() < 200  # what was in flight there comes to its end


def test_a_question_that_every_judge_fails_on_has_its_strikes_and_the_nodes_stay() -> None:
    futures, actors, left_out = judged({"one": poisoned, "two": poisoned}, 50)
    outcomes = [type(future.exception()) for future in futures]
    assert outcomes.count(NotJudgedError) == 1
    assert outcomes[7] is NotJudgedError
    assert left_out == []
    asked = [actor.asked["print(7)"] for actor in actors.values()]
    assert (sum(asked), sorted(asked)) == (STRIKES, [1, 2])  # in turns, on both


def test_a_single_node_is_asked_again_however_sick() -> None:
    futures, _, left_out = judged({"one": poisoned}, 20)
    assert [type(future.exception()) for future in futures].count(NotJudgedError) == 1
    assert left_out == []


def test_in_flight_are_two_batches_for_each_cpu_at_most() -> None:
    nodes = {"one": Crowded(well, 0.002), "two": Crowded(well, 0.002)}
    futures, _, _ = judged(nodes, 400)
    assert [future.result() for future in futures] == [ACCEPTED] * 400
    assert [node.most for node in nodes.values()] == [AHEAD * 2, AHEAD * 2]  # two CPUs each


def test_where_the_object_store_is_full_whoever_waits_is_told_what_to_do() -> None:
    futures, _, _ = judged({"one": Full(well, 0.0)}, 20)
    for future in futures:
        with pytest.raises(JudgingEndedError, match=r"object store has no room .*make room in /dev/shm"):
            future.result()


def test_where_all_nodes_are_lost_for_long_whoever_waits_is_told_to_start_some(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(ray_crew, "WATCH_EVERY_S", 0.01)
    monkeypatch.setattr(ray_crew, "NOBODY_S", 0.05)
    nobody: Any = None
    nodes, future = [Node("1", "one", 2)], Future[Any]()

    async def run() -> None:
        crew._known["1"] = "one"
        crew.dispatch.members = [Member(nodes[0], 2, nobody, nobody)]
        crew.dispatch.spawn(crew._watch())
        await asyncio.sleep(0.1)  # longer than nobody may be there; one is
        assert told == []
        nodes.clear()
        await asyncio.sleep(0.03)
        job = Job("print(1)", IOFormat.STDIN, (UnitTest("", "1"),))
        crew.dispatch.ask(Waiting("a", job, future, expected_s=0.02, chars=20))
        with suppress(JudgingEndedError):
            await asyncio.wait_for(asyncio.wrap_future(future), 10)
        await crew.dispatch.end()

    crew, told = crew_of(monkeypatch, well)
    crew._cluster = SimpleNamespace(nodes=lambda: list(nodes), what="the cluster at HOST:1")  # type: ignore[assignment]
    asyncio.run(run())
    assert told == ["node one is lost; what it was judging is judged again by others"]
    with pytest.raises(
        JudgingEndedError, match=r"no node of the cluster at HOST:1 has judged .*start nodes .*what was judged is kept"
    ):
        future.result()


def test_an_answer_that_nobody_waits_for_any_more_is_kept() -> None:
    kept: list[str] = []
    dispatch = Dispatch(
        strikes=Strikes(),
        keep=lambda key, _: kept.append(key),
        on_loss=lambda _: None,
        on_sick=lambda *_: None,
        longest_first=False,
    )
    waiting = Waiting("a", Job("", IOFormat.STDIN, (UnitTest("", ""),)), Future(), expected_s=0.02, chars=20)
    waiting.future.set_exception(JudgingEndedError("the object store is full"))
    nobody: Any = None
    dispatch._settle(waiting, ACCEPTED, Member(Node("one", "one", 2), 2, nobody, nobody))
    assert kept == ["a"]


def test_what_any_node_lacks_the_run_lacks_and_the_cache_knows() -> None:
    whole = {"namespaces": True, "seccomp": True, "missing": {}}
    weak = {"namespaces": False, "seccomp": True, "missing": {"namespaces": "no"}}
    with Cache(None) as cache:
        engine = RayEngine.__new__(RayEngine)
        BulkEngine.__init__(engine, workers=0, isolation="best-effort", cache=cache, modules=())
        nobody: Any = None
        for name, rungs, lacking in [
            ("one", whole, ()),
            ("two", weak, ("namespaces",)),
            ("three", whole, ("namespaces",)),
        ]:
            facts: Any = SimpleNamespace(rungs=rungs)
            engine._hold_on([Member(Node(name, name, 2), 2, nobody, facts)])
            assert cache.lacking == lacking
        engine._hold_on([Member(Node("two", "two", 2), 2, nobody, SimpleNamespace(rungs=weak))])  # it has come again
    assert engine.rungs == {"namespaces": False, "seccomp": True, "missing": {"namespaces": "node two: no"}}


def crew_of(
    monkeypatch: pytest.MonkeyPatch, started: Callable[..., Any], killed: list[Any] | None = None
) -> tuple[Crew, list[str]]:
    """A crew without a cluster, and what it tells; `killed` gets the actors that it ends."""
    told: list[str] = []
    killed = [] if killed is None else killed
    nothing: Any = None
    monkeypatch.setattr(ray_crew, "start", started)
    monkeypatch.setattr(ray_crew, "kill", killed.append)
    crew = Crew(
        nothing,
        isolation="best-effort",
        modules=(),
        keep=lambda *_: None,
        strikes=Strikes(),
        tell=told.append,
        on_come=lambda _: None,
        longest_first=False,
    )
    return crew, told


def test_a_node_whose_cpus_are_in_use_is_asked_again_before_it_is_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    async def busy(*_: Any) -> Member:
        raise NodeBusyError("node two did not start a judge within 60 s")

    node = Node("2", "two", 2)

    async def run() -> None:
        for attempt in range(1, ray_crew.ATTEMPTS + 1):
            crew._starting["2"] = 2
            await crew._take_in(node)
            assert crew._starting == {}
            assert ("2" in crew._left_out) is (attempt == ray_crew.ATTEMPTS)

    crew, told = crew_of(monkeypatch, busy)
    asyncio.run(run())
    assert told[0] == "node two did not start a judge within 60 s. It is asked again"
    assert told[-1] == "node two did not start a judge within 60 s; node two is left out"


def test_a_node_that_has_started_is_ended_where_another_is_still_being_started(monkeypatch: pytest.MonkeyPatch) -> None:
    """An interruption, say. Else it would hold its CPUs, and nobody would know of it."""
    facts: Any = None

    async def started(node: Node, cpus: int, *_: Any) -> Member:
        if node.name == "slow":
            await asyncio.sleep(60)
        return Member(node, cpus, f"actor of {node.name}", facts)

    async def run() -> None:
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(crew.begin([(Node("1", "quick", 1), 1), (Node("2", "slow", 1), 1)]), 0.05)
        crew.kill()

    killed: list[Any] = []
    crew, _ = crew_of(monkeypatch, started, killed)
    asyncio.run(run())
    assert killed == ["actor of quick"]


def test_the_cpu_seconds_of_processes_that_are_gone_or_silent_count(monkeypatch: pytest.MonkeyPatch) -> None:
    async def seconds(of: float | None) -> float:
        if of is None:
            await asyncio.sleep(60)
        return of or 0.0

    def member(name: str, says: float | None) -> Member:
        actor: Any = SimpleNamespace(cpu_s=SimpleNamespace(remote=lambda: seconds(says)))
        facts: Any = None
        return Member(Node(name, name, 2), 2, actor, facts)

    async def run() -> list[float]:
        one, two = member("one", 3.0), member("two", 4.0)
        crew.dispatch.members = [one, two]
        found = [await crew.cpu_s(0.05)]
        one.actor.cpu_s.remote = lambda: seconds(None)  # stopped
        two.actor.cpu_s.remote = lambda: seconds(5.0)
        found.append(await crew.cpu_s(0.05))
        crew._lose(two)
        crew.dispatch.members.append(member("two", 0.5))  # started again
        return [*found, await crew.cpu_s(0.05)]

    crew, _ = crew_of(monkeypatch, seconds)
    assert asyncio.run(run()) == [7.0, 8.0, 8.5]


def test_the_rungs_of_shards_are_those_that_hold_in_all_of_them_with_the_reasons_of_the_others() -> None:
    whole = {"cgroup": True, "seccomp": True, "missing": {}}
    without = {"cgroup": False, "seccomp": True, "missing": {"cgroup": "no control group may be made here"}}
    assert common_rungs({"shard 1/2": whole, "shard 2/2": without}) == {
        "cgroup": False,
        "seccomp": True,
        "missing": {"cgroup": "shard 2/2: no control group may be made here"},
    }
    assert common_rungs({"shard 1/1": without}) == without
