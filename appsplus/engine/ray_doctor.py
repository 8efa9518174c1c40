"""What every node of a cluster says of itself: who may judge for us, and who may not, and why."""

import asyncio
from dataclasses import dataclass

from appsplus.engine.ray_cluster import Cluster, Node
from appsplus.engine.ray_node import NodeFacts
from appsplus.engine.ray_start import check, introduce
from appsplus.errors import InputError, SandboxError
from appsplus.judge import BEST_EFFORT, STRICT_RUNGS, available_cpus


@dataclass(frozen=True, slots=True)
class NodeReport:
    """A node, as it was found."""

    node: Node
    facts: NodeFacts | None  # None: it did not say
    why_not: str  # it cannot judge for us, at any isolation; empty: it can

    @property
    def is_strict(self) -> bool:
        """Whether it judges with the whole sandbox."""
        return not self.why_not and self.facts is not None and all(self.facts.rungs[name] for name in STRICT_RUNGS)


def look_at_nodes(address: str | None) -> list[NodeReport]:
    """A report of every node that is up, by name. Raises MissingExtraError, InputError and SandboxError as RayEngine."""
    cluster = Cluster(address, cpus=available_cpus())
    try:
        return asyncio.run(_reports(cluster.nodes()))
    finally:
        cluster.close()


async def _reports(nodes: list[Node]) -> list[NodeReport]:
    return list(await asyncio.gather(*map(_report, nodes)))


async def _report(node: Node) -> NodeReport:
    try:
        member = await introduce(node, node.cpus, BEST_EFFORT, (), idle=True)
    except (InputError, SandboxError) as error:
        return NodeReport(node, None, str(error))
    try:
        check(node, member.facts, ())
    except (InputError, SandboxError) as error:
        return NodeReport(node, member.facts, str(error))
    return NodeReport(node, member.facts, "")
