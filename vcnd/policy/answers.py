"""Answers questions about policies: what they say, what is in force, what would be."""

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any, Protocol

import msgspec
import trio

from vcnd.core.policy import show
from vcnd.core.policy.dry_run import DryRun
from vcnd.core.policy.judge import Judge
from vcnd.core.policy.node_view import node_view, why_unknown
from vcnd.model.errors import TryAgainError
from vcnd.model.policy import (
    Attached,
    Cluster,
    Direction,
    Known,
    Packet,
    Policy,
    known_of,
)
from vcnd.model.policy_answers import (
    DryRunAnswer,
    ExplainAnswer,
    Explained,
    KernelCheck,
    PodShown,
    Ruling,
    WayInForce,
    WayShown,
)
from vcnd.model.policy_questions import (
    DryRunQuestion,
    ExplainQuestion,
    ShowQuestion,
)
from vcnd.policy.scene import Scene, find, name_of, packets

LOOK_AGAIN_SECONDS = 0.3
"""A change of the cluster is in force by then: only what differs longer is wrong."""
LOOKS = 3
JUDGING_SECONDS = 10.0
"""Connections that are not judged by then are left out."""
AT_ONCE = 16
"""Connections that are judged without a look at the other tasks: some 2 ms."""


class Source(Protocol):
    """Where policies and pods are followed."""

    def named(self, here: Sequence[Attached]) -> Sequence[Attached]:
        """Return the pods' links, with names where they told their pods' uids alone."""

    def cluster(self, here: Known) -> Cluster | None:
        """Return what decides about packets; None before all of it is known."""


class Links(Protocol):
    """The pods of the node."""

    async def attached(self) -> list[Attached]:
        """Return the pods' links."""


class Kernel(Protocol):
    """What is in force on the node, and the connections that it tracks."""

    async def own_addresses(self) -> Collection[str]:
        """Return the node's addresses."""

    async def in_force(
        self, link: str, addresses: Sequence[str]
    ) -> Mapping[Direction, WayInForce]:
        """Return what is done with a pod's packets."""

    async def rulings(
        self, packet: Packet, iifname: str, oifname: str
    ) -> Sequence[Ruling] | str:
        """Return what is done with a packet; a text where a rule is not readable."""

    async def connections(
        self, addresses: Collection[str]
    ) -> tuple[Sequence[tuple[Packet, int]], int]:
        """Return connections with these addresses, and the number of all."""


class Answers:
    """Answers one question at a time, between the process' other work."""

    def __init__(
        self,
        source: Source,
        links: Links,
        kernel: Kernel,
        read: Callable[[list[Any]], list[Policy]],
        *,
        strict: bool = True,
    ) -> None:
        """Make it.

        Args:
            source: the cluster.
            links: the pods here.
            kernel: what is in force.
            read: makes policies of the API's objects; raises BadRequestError.
            strict: whether unknown pods are closed until they are known.
        """
        self._source, self._links, self._kernel = source, links, kernel
        self._read, self._strict = read, strict
        self._turn = trio.Lock()

    async def show(self, question: ShowQuestion) -> PodShown:
        """Return what policies say about a pod, and what is in force.

        Raises:
            BadRequestError: no pod has that name, or several have.
            TryAgainError: not all of the cluster is known yet.
        """
        async with self._turn:
            scene = await self._scene()
            pod, attached = find(scene, question.pod)
            judge = Judge(scene.view)
            ways: Mapping[Direction, WayInForce] = {}
            if attached is not None:
                found = attached.link, attached.addresses
                ways = await self._kernel.in_force(*found)

            def way(direction: Direction) -> WayShown:
                said = WayShown(isolated=False, policies=())
                if pod is not None:
                    said = show.way(judge, pod, direction)
                in_force = ways.get(direction, WayInForce())
                return msgspec.structs.replace(said, in_force=in_force)

            why = why_unknown(scene.told, attached) if attached else ""
            addresses = pod.addresses if pod else attached.addresses if attached else ()
            return PodShown(
                pod=name_of(pod or attached),
                addresses=tuple(addresses),
                node=pod.node if pod else "",
                link=attached.link if attached else "",
                held=why if self._strict else "",
                ajar="" if self._strict else why,
                ingress=way(Direction.INGRESS),
                egress=way(Direction.EGRESS),
            )

    async def explain(self, question: ExplainQuestion) -> ExplainAnswer:
        """Return the verdict on a connection, checked against the kernel.

        Raises:
            BadRequestError: an end is neither an address nor one pod.
            TryAgainError: not all of the cluster is known yet.
        """
        async with self._turn:
            found = list[Explained]()
            for look in range(LOOKS):
                if look:
                    await trio.sleep(LOOK_AGAIN_SECONDS)
                scene = await self._scene()
                judge = Judge(scene.view)
                found = [
                    await self._explained(scene, judge, packet)
                    for packet in packets(scene, question)
                ]
                if all(x.kernel.agrees is not False for x in found):
                    break
            return ExplainAnswer(connections=tuple(found))

    async def _explained(self, scene: Scene, judge: Judge, packet: Packet) -> Explained:
        of_node = not scene.own.isdisjoint((packet.source, packet.destination))
        unknown = {} if of_node else scene.unknown()
        verdict = judge.verdict(packet)
        sides = show.sides(packet, verdict, unknown, strict=self._strict)
        source = scene.links.get(packet.source)
        destination = scene.links.get(packet.destination)
        if source is None and destination is None:
            ends = (judge.pod_at(packet.source), judge.pod_at(packet.destination))
            nodes = sorted({pod.node for pod in ends if pod is not None and pod.node})
            ask = f": ask on node {' or '.join(nodes)}" if nodes else ""
            check = KernelCheck(agrees=None, why=f"no end is a pod of this node{ask}")
        elif of_node:
            why = "no rule judges what a node and its own pods send each other"
            check = KernelCheck(agrees=None, why=why)
        else:
            links = [x.link if x else "" for x in (source, destination)]
            rulings = await self._kernel.rulings(packet, *links)
            if isinstance(rulings, str):
                unread = f"A rule cannot be read, so it is none of vcnd's: {rulings}."
                check = KernelCheck(agrees=False, differences=(unread,))
            else:
                here = {
                    Direction.EGRESS: source is not None,
                    Direction.INGRESS: destination is not None,
                }
                check = show.compare(sides, here, rulings)
        return Explained(
            packet=packet,
            allowed=all(side.allowed for side in sides),
            sides=sides,
            kernel=check,
        )

    async def dry_run(self, question: DryRunQuestion) -> DryRunAnswer:
        """Return which connections some policies would deny that are allowed now.

        Raises:
            BadRequestError: an object is no policy, or is wrong in parts.
            TryAgainError: not all of the cluster is known yet.
        """
        policies = self._read(question.objects)
        async with self._turn:
            scene = await self._scene()
            found, total = await self._kernel.connections(scene.links)
            run = DryRun(scene.view, policies)
            ends_at = trio.current_time() + JUDGING_SECONDS
            for number, (packet, alike) in enumerate(found, 1):
                run.take(packet, alike)
                if number % AT_ONCE == 0:
                    await trio.lowlevel.checkpoint()
                    if trio.current_time() > ends_at:
                        break
            return run.answer(total, question.most)

    async def _scene(self) -> Scene:
        here = self._source.named(await self._links.attached())
        told = self._source.cluster(known_of(here))
        if told is None:
            raise TryAgainError(
                "vcnd-policy does not know the whole cluster yet",
                details="vcndctl policy status says what the API server has not listed",
            )
        own = await self._kernel.own_addresses()
        view = node_view(told, here, own)
        return Scene(told=told, view=view, here=here, own=frozenset(own))
