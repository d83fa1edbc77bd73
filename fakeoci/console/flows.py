"""Live flows: what each VCN's router has seen since the last look, and why."""

from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager

import msgspec

from fakeoci.api.service import Service
from fakeoci.console.judge import Decision, Judge
from fakeoci.fabric.fabric import INTERNET_HOST, Fabric
from fakeoci.fabric.flowlog import PROTOCOLS, FlowLog, Window
from fakeoci.fabric.netfilter import Counted
from fakeoci.fabric.vcn import ISCSI, LINK_LOCAL, LINK_LOCAL_V6, SERVICES

MOST = 200
"""Flows of one look; the other ones are counted only."""
SPOOFS_KEPT = 1000
PLACES = {
    LINK_LOCAL: "metadata",
    LINK_LOCAL_V6: "metadata",
    SERVICES: "OCI's services",
    ISCSI: "boot volume",
    INTERNET_HOST: "internet",
}
"""Addresses that no VNIC has, and what is there."""


class FlowLine(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """One direction of a flow, in the time since the last look."""

    vcn: str
    source: str
    source_name: str
    source_port: int
    destination: str
    destination_name: str
    destination_port: int
    protocol: str
    packets: int
    bytes: int
    is_accepted: bool
    is_reply: bool
    decisions: list[Decision]


class FlowChange(msgspec.Struct, frozen=True, kw_only=True):
    """The flows of one look."""

    at: float
    lines: list[FlowLine]
    left_out: int


class LiveFlows:
    """Reads the routers' connections; has counters of its own beside the flow logs'."""

    def __init__(self, service: Service, fabric: Fabric) -> None:
        self._world = service.world
        self._occupants = service.occupants
        self._fabric = fabric
        self._judge: Judge | None = None
        self._logs: dict[str, FlowLog] = {}
        self._spoofs: deque[tuple[str, Counted]] = deque(maxlen=SPOOFS_KEPT)

    @contextmanager
    def watching(self) -> Iterator[None]:
        """Note dropped packets until the block ends."""
        self._logs = {}
        self._fabric.drop_watchers.append(self._drop)
        try:
            yield
        finally:
            self._fabric.drop_watchers.remove(self._drop)
            self._logs, self._spoofs = {}, deque(maxlen=SPOOFS_KEPT)

    def _log(self, vcn_id: str) -> FlowLog:
        return self._logs.setdefault(vcn_id, FlowLog(lambda _: None))

    def _drop(self, vcn_id: str, packet: Counted, spoofed: bool) -> None:  # noqa: FBT001 - a DropWatcher
        if spoofed:
            self._spoofs.append((vcn_id, packet))
        else:
            self._log(vcn_id).reject(packet)

    def renew(self) -> None:
        """Note that the world has changed, and with it the rules."""
        self._judge = None

    async def look(self, now: float) -> FlowChange | None:
        """Return the flows with packets since the last look; None if there are none."""
        judge = self._judge = self._judge or Judge(self._world)
        lines: list[FlowLine] = []
        left_out = 0
        for vcn_id in self._fabric.vcn_netns:
            log = self._log(vcn_id)
            log.close_window(await self._fabric.connections(vcn_id), now)
            windows = list(log.windows)
            log.windows.clear()
            # What was refused is rarer, and what people look for.
            windows.sort(key=lambda w: (w.action == "ACCEPT", w.is_reply))
            left_out += max(0, len(windows) - MOST)
            lines += [self._line(judge, vcn_id, w) for w in windows[:MOST]]
        spoofs, self._spoofs = self._spoofs, deque(maxlen=SPOOFS_KEPT)
        for vcn_id, packet in dict.fromkeys(spoofs):
            window = Window(packet.way, 1, packet.bytes, now, now, "REJECT")
            lines.append(self._line(judge, vcn_id, window, spoofed=True))
        return FlowChange(at=now, lines=lines, left_out=left_out) if lines else None

    def _line(
        self, judge: Judge, vcn_id: str, window: Window, *, spoofed: bool = False
    ) -> FlowLine:
        way, accepted = window.way, window.action == "ACCEPT"
        return FlowLine(
            vcn=self._vcn_name(vcn_id),
            source=way.source,
            source_name=self._place(judge, vcn_id, way.source),
            source_port=way.source_port,
            destination=way.destination,
            destination_name=self._place(judge, vcn_id, way.destination),
            destination_port=way.destination_port,
            protocol=PROTOCOLS.get(way.protocol, str(way.protocol)),
            packets=window.packets,
            bytes=window.bytes,
            is_accepted=accepted,
            is_reply=window.is_reply,
            decisions=judge.decisions(
                vcn_id, way, accepted=accepted, reply=window.is_reply, spoofed=spoofed
            ),
        )

    def _vcn_name(self, vcn_id: str) -> str:
        vcn = self._world.objects.get(vcn_id)
        return vcn_id if vcn is None else vcn.display_name

    def _place(self, judge: Judge, vcn_id: str, address: str) -> str:
        onprem = {o.host: f"on-premises {o.name}" for o in self._world.onprem.values()}
        return (
            self._occupants.get(address, "")
            or judge.name(vcn_id, address)
            or PLACES.get(address, "")
            or onprem.get(address, "")
        )
