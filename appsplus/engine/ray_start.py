"""A node of the cluster becomes one that judges: its process is started, and refused where it cannot be trusted."""

import asyncio
from contextlib import suppress
from dataclasses import dataclass, field
from importlib import metadata
from typing import Any

from appsplus.engine.cache import versions_of
from appsplus.engine.ray_cluster import Node, load_ray, one_line
from appsplus.engine.ray_node import NodeFacts, NodeJudges
from appsplus.errors import InputError, SandboxError
from appsplus.judge import version as judge_version

START_S = 60.0  # for a node to start its first judge; mostly it is done in a few


class NodeBusyError(InputError):
    """A node has no CPUs free for us now; it may have later."""


class NotStartedError(SandboxError):
    """The process of a node died before it could say what it is; another may do better."""


@dataclass(eq=False)
class Member:
    """A node that judges for us."""

    node: Node
    cpus: int
    actor: Any  # a handle of NodeJudges
    facts: NodeFacts
    batches: int = 0  # in flight
    is_quarantine: bool = False  # it works on one suspect at a time, and on nothing else
    cpu_s: float = 0.0  # that it has used for us, as it said last
    failed: set[str] = field(default_factory=set)  # keys of questions that its judge failed on since its last answer

    @property
    def load(self) -> float:
        """How busy it is: batches for each CPU."""
        return self.batches / self.cpus


async def start(node: Node, cpus: int, isolation: str, modules: tuple[str, ...]) -> Member:
    """Start the judges of a node, on so many of its CPUs.

    Raises InputError where other software runs there than here or nothing starts, SandboxError where the isolation asked
    for cannot be had there, and NotStartedError where its process dies; each names the node.
    """
    member = await introduce(node, cpus, isolation, modules)
    try:
        check(node, member.facts, modules)
    except (InputError, SandboxError):
        kill(member.actor)
        raise
    return member


async def introduce(node: Node, cpus: int, isolation: str, modules: tuple[str, ...], *, idle: bool = False) -> Member:
    """Start the judges of a node, and let it say what it is; `idle`: it does not judge, and takes no CPU from others.

    Raises InputError where it cannot load what is to run there, NodeBusyError where it has no CPU free, NotStartedError
    where its process dies.
    """
    ray = load_ray()
    affinity = ray.util.scheduling_strategies.NodeAffinitySchedulingStrategy(node.node_id, soft=False)
    actor = (
        ray.remote(NodeJudges)
        .options(
            num_cpus=0 if idle else cpus,
            max_restarts=0,  # we start another: it must be looked at before it judges
            max_task_retries=0,
            max_concurrency=2 * cpus + 4,  # batches that run, batches that wait for a thread, and us
            scheduling_strategy=affinity,
            enable_task_events=False,
        )
        .remote(cpus, isolation, modules)
    )
    facts = None
    try:
        facts = await asyncio.wait_for(done(actor.facts.remote()), START_S)
    except TimeoutError:
        raise NodeBusyError(
            f"node {node.name} did not start a judge on {cpus} of its {node.cpus} CPUs within {START_S:.0f} s; where"
            " others use them (`ray status`), ask for fewer with --workers"
        ) from None
    except ray.exceptions.RayError as error:
        raise _not_started(node, error) from error
    finally:
        if facts is None:  # also where we are cancelled: it would hold the node's CPUs until its handle is collected
            kill(actor)
    return Member(node, cpus, actor, facts)


def kill(actor: Any) -> None:
    """End the process of an actor, whether or not it is still there."""
    ray = load_ray()
    with suppress(ray.exceptions.RayError, ValueError):
        ray.kill(actor)


async def done(reference: Any) -> Any:
    """What a reference of Ray stands for, as a coroutine."""
    return await reference


def _listed(modules: tuple[str, ...]) -> str:
    return ", ".join(modules) or "none"


def check(node: Node, facts: NodeFacts, modules: tuple[str, ...]) -> None:
    """Raise InputError or SandboxError, with the node's name, where verdicts of this node would not be ours."""
    offered = versions_of(modules)
    if facts.modules != offered:
        raise InputError(
            f"node {node.name} has other versions of what is offered to programs ({_listed(facts.modules)}) than this process"
            f" ({_listed(offered)}); install the same on every node"
        )
    if (facts.appsplus, facts.judge) != (here := (metadata.version("appsplus"), judge_version())):
        raise InputError(
            f"node {node.name} has appsplus {facts.appsplus} with judge {facts.judge}, this process {here[0]} with judge"
            f" {here[1]}: their verdicts are not comparable; install the same appsplus, Python and numpy on every node"
        )
    if facts.refusal:
        raise SandboxError(
            f"node {node.name} is refused: {facts.refusal}. Mend it there (`appsplus doctor` on the node says more), or"
            " take the node out of the cluster"
        )


_NOT_IMPORTED = (
    "No module named 'appsplus",
    "failed to import",
    "cannot import name",
    "has no attribute",
    "get attribute",
)


def _not_started(node: Node, error: Exception) -> SandboxError | InputError:
    text = str(error)
    if any(words in text for words in _NOT_IMPORTED):
        return InputError(
            f"node {node.name} cannot load this version of appsplus ({_why(text)}); install on every node what is"
            " installed here: pip install 'appsplus[ray]'"
        )
    return NotStartedError(f"node {node.name} did not start a judge: {one_line(error)}")


def _why(text: str) -> str:
    lines = [line.strip() for line in text.splitlines() if "Error" in line]
    return lines[-1][:300] if lines else "its worker failed to import it"
