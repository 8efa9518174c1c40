"""The nodes that work for an engine: who is there, who has come, who has gone."""

import asyncio
from collections import Counter
from collections.abc import Callable
from contextlib import suppress

from appsplus.engine.bulk import ended
from appsplus.engine.ray_cluster import Cluster, Node, load_ray
from appsplus.engine.ray_dispatch import Dispatch
from appsplus.engine.ray_start import Member, NodeBusyError, NotStartedError, done, kill, start
from appsplus.engine.strikes import Strikes
from appsplus.errors import InputError, JudgingEndedError, SandboxError
from appsplus.judge import Inspection, Report

WATCH_EVERY_S = 1.0
NOBODY_S = 60.0  # without a node that judges or is about to, before we give up
ATTEMPTS = 5  # to start the judges of a node, before it is left out
PING_EVERY_S = 15.0
SILENT_S = 60.0  # without a word from a process: it is stopped (SIGSTOP), or its machine hangs
END_S = 3.0  # for a node to end its judges; then its process is killed


class Crew:
    """Call `begin`, `ask` and `end` within one event loop.

    `keep` stores an answer, `tell` is told what happens, `on_come` of each member that comes after `begin`.
    """

    def __init__(
        self,
        cluster: Cluster,
        *,
        isolation: str,
        modules: tuple[str, ...],
        keep: Callable[[str, Report | Inspection], None],
        strikes: Strikes,
        tell: Callable[[str], None],
        on_come: Callable[[Member], None],
        longest_first: bool,
    ) -> None:
        self._cluster, self._isolation, self._modules, self._tell = cluster, isolation, modules, tell
        self._on_come = on_come
        self.dispatch = Dispatch(
            strikes=strikes, keep=keep, on_loss=self._lose, on_sick=self._leave_out, longest_first=longest_first
        )
        self._cpus = 0  # that all nodes together give us
        self._known: dict[str, str] = {}  # nodes that are up, by id: their names
        self._starting: dict[str, int] = {}  # nodes that are about to judge, by id: CPUs
        self._left_out: set[str] = set()  # nodes that cannot judge for us, by id
        self._busy: Counter[str] = Counter()  # how often a node had no CPU free, by id
        self._gone_s = 0.0  # CPU seconds of members that are gone
        self._changed = asyncio.Event()

    async def begin(self, shares: list[tuple[Node, int]]) -> list[Member]:
        """Start the judges of each node, on so many CPUs. Raises InputError or SandboxError, which name the node."""
        self._cpus = sum(cpus for _, cpus in shares)
        self._known = {node.node_id: node.name for node, _ in shares}
        found = await asyncio.gather(*(self._begun(*share) for share in shares), return_exceptions=True)
        ids = [node.node_id for node, _ in shares]
        self.dispatch.members.sort(key=lambda member: ids.index(member.node.node_id))
        for error in found:
            if isinstance(error, BaseException):
                raise error
        if not self.dispatch.members:
            raise NotStartedError(f"every node of {self._cluster.what} went away before it judged; run this again")
        self.dispatch.spawn(self._watch())
        for member in self.dispatch.members:
            self.dispatch.spawn(self._listen(member))
        return list(self.dispatch.members)

    async def cpu_s(self, within_s: float) -> float:
        """CPU seconds that all nodes have used for us so far; of one that does not answer, or is gone, what it said last."""
        await asyncio.gather(*(self._ask_cpu_s(member, within_s) for member in self.dispatch.members))
        return self._gone_s + sum(member.cpu_s for member in self.dispatch.members)

    @staticmethod
    async def _ask_cpu_s(member: Member, within_s: float) -> None:
        with suppress(TimeoutError, load_ray().exceptions.RayError):
            member.cpu_s = await asyncio.wait_for(done(member.actor.cpu_s.remote()), within_s)

    async def end(self) -> None:
        """Let every judge end. Whoever waits for an answer gets JudgingEndedError."""
        self.dispatch.give_up(ended(), for_good=True)
        await self.dispatch.end()
        with suppress(load_ray().exceptions.RayError, TimeoutError):
            closing = [done(member.actor.close.remote()) for member in self.dispatch.members]
            await asyncio.wait_for(asyncio.gather(*closing, return_exceptions=True), END_S)

    def kill(self) -> None:
        """End the processes of all nodes, whether or not they have ended their judges: any thread may ask for it."""
        for member in list(self.dispatch.members):
            kill(member.actor)

    async def _begun(self, node: Node, cpus: int) -> None:
        if (member := await self._started(node, cpus)) is not None:
            self.dispatch.members.append(member)  # at once, so that it is ended where another is still being started

    def _lose(self, member: Member) -> None:
        if member in self.dispatch.members:
            self.dispatch.members.remove(member)
            self._gone_s += member.cpu_s
            kill(member.actor)
            self._changed.set()

    def _leave_out(self, member: Member, why: str) -> None:
        if member in self.dispatch.members:
            self._left_out.add(member.node.node_id)
            self._tell(f"node {member.node.name} fails on whatever it is asked, and is left out: {why}")
            self._lose(member)

    async def _listen(self, member: Member) -> None:
        """Lose a member that is silent, though its process is there: nobody else would notice."""
        while member in self.dispatch.members:
            try:
                member.cpu_s = await asyncio.wait_for(done(member.actor.cpu_s.remote()), SILENT_S)
            except TimeoutError:
                self._tell(
                    f"node {member.node.name}: the process that judges there has not answered for {SILENT_S:.0f} s, and is"
                    " ended; what it was judging is judged again"
                )
                self._lose(member)
            except load_ray().exceptions.RayError:  # it has died, which `dispatch` sees, and `_look`
                return
            await asyncio.sleep(PING_EVERY_S)

    async def _watch(self) -> None:
        nobody_since: float | None = None
        now = asyncio.get_running_loop().time
        while True:
            with suppress(TimeoutError):
                await asyncio.wait_for(self._changed.wait(), WATCH_EVERY_S)
            self._changed.clear()
            with suppress(load_ray().exceptions.RayError):  # the head does not answer: it is asked again
                self._look(await asyncio.to_thread(self._cluster.nodes))
            if self.dispatch.members or self._starting:
                nobody_since = None
            elif nobody_since is None:
                nobody_since = now()
            elif now() - nobody_since >= NOBODY_S:
                self.dispatch.give_up(
                    JudgingEndedError(
                        f"no node of {self._cluster.what} has judged for {NOBODY_S:.0f} s; start nodes (`ray start"
                        " --address=...`), and run this again: what was judged is kept"
                    )
                )

    def _look(self, nodes: list[Node]) -> None:
        up = {node.node_id for node in nodes}
        for node_id in self._known.keys() - up:
            self._tell(f"node {self._known.pop(node_id)} is lost; what it was judging is judged again by others")
            for member in [m for m in self.dispatch.members if m.node.node_id == node_id]:
                self._lose(member)
        judging = {member.node.node_id for member in self.dispatch.members} | self._starting.keys()
        for node in nodes:
            spare = self._cpus - sum(m.cpus for m in self.dispatch.members) - sum(self._starting.values())
            if spare > 0 and node.node_id not in judging | self._left_out:
                self._starting[node.node_id] = min(node.cpus, spare)
                self.dispatch.spawn(self._take_in(node))

    async def _started(self, node: Node, cpus: int) -> Member | None:
        """A node that judges, in as many attempts as it has; None where it went away meanwhile."""
        for attempt in range(1, ATTEMPTS + 1):
            try:
                return await start(node, cpus, self._isolation, self._modules)
            except NotStartedError:
                await asyncio.sleep(WATCH_EVERY_S)  # Ray may need a moment to see that the node itself has gone
                if node.node_id not in {up.node_id for up in await asyncio.to_thread(self._cluster.nodes)}:
                    return None
                if attempt == ATTEMPTS:
                    raise
        raise AssertionError("unreachable")

    async def _take_in(self, node: Node) -> None:
        """A node that has come, or whose process has died."""
        is_new = node.node_id not in self._known
        try:
            member = await self._started(node, self._starting[node.node_id])
        except (InputError, SandboxError) as error:
            self._busy[node.node_id] += isinstance(error, NodeBusyError)
            if isinstance(error, NodeBusyError) and self._busy[node.node_id] < ATTEMPTS:
                self._tell(f"{error}. It is asked again")
                return
            self._left_out.add(node.node_id)
            self._tell(f"{error}; node {node.name} is left out")
        else:
            if member is None:
                return
            self._busy.pop(node.node_id, None)
            self._known[node.node_id] = node.name
            self._on_come(member)  # before it has answered anything
            self.dispatch.members.append(member)
            self.dispatch.spawn(self._listen(member))
            self._tell(
                f"node {node.name} has come, with {member.cpus} CPUs"
                if is_new
                else f"node {node.name}: the process that judged there had died, and was started again"
            )
            self.dispatch.go_on()
        finally:
            del self._starting[node.node_id]
