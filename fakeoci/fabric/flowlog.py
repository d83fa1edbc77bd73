"""VCN flow logs in OCI's record format.

Accepted flows come from connection tracking's counters, rejected ones from the
packets that the rules log.  As in the real cloud, traffic that stays on a node is in
neither: it never enters the VCN.
"""

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from fakeoci.fabric.netfilter import Counted, Way

KEPT = 20_000
PROTOCOLS = {1: "ICMP", 6: "TCP", 17: "UDP"}


@dataclass(frozen=True, slots=True)
class Window:
    """One capture window of one direction of a flow."""

    way: Way
    packets: int
    bytes: int
    start: float
    end: float
    action: str
    is_reply: bool = False


class FlowLog:
    """The flow log of a VCN."""

    def __init__(self, vnic_of: Callable[[str], str | None]) -> None:
        self._vnic_of = vnic_of
        self._counted: dict[Way, tuple[int, int]] = {}
        self._rejected: dict[Way, tuple[int, int]] = {}
        self._window_start = 0.0
        self.windows: deque[Window] = deque(maxlen=KEPT)

    def reject(self, packet: Counted) -> None:
        """Note a packet that the rules dropped."""
        packets, size = self._rejected.get(packet.way, (0, 0))
        self._rejected[packet.way] = (packets + 1, size + packet.bytes)

    def close_window(self, connections: list[Counted], now: float) -> None:
        """Write a record for every flow with packets since the last window."""
        start = self._window_start or now
        before, self._counted = self._counted, {}
        for c in connections:
            self._counted[c.way] = (c.packets, c.bytes)
            packets, size = before.get(c.way, (0, 0))
            if c.packets < packets:
                packets = size = 0  # a new connection on the old ports
            # Connection tracking counts a packet before the rules drop it.
            refused, refused_size = self._rejected.get(c.way, (0, 0))
            if c.packets - refused > packets:
                new = c.packets - packets - refused, c.bytes - size - refused_size
                self.windows.append(
                    Window(c.way, *new, start, now, "ACCEPT", c.is_reply)
                )
        for way, (packets, size) in self._rejected.items():
            self.windows.append(Window(way, packets, size, start, now, "REJECT"))
        self._rejected.clear()
        self._window_start = now

    def records(self) -> list[dict[str, Any]]:
        """Return the log as OCI's logging service has it."""
        return [
            {
                "type": "com.oraclecloud.vcn.flowlogs.DataEvent",
                "data": {
                    "version": 2,
                    "sourceAddress": w.way.source,
                    "destinationAddress": w.way.destination,
                    "sourcePort": w.way.source_port,
                    "destinationPort": w.way.destination_port,
                    "protocol": w.way.protocol,
                    "protocolName": PROTOCOLS.get(w.way.protocol, str(w.way.protocol)),
                    "packets": w.packets,
                    "bytesOut": w.bytes,
                    "startTime": int(w.start),
                    "endTime": int(w.end),
                    "action": w.action,
                    "status": "OK",
                },
                "oracle": {
                    "vnicocid": self._vnic_of(w.way.source)
                    or self._vnic_of(w.way.destination)
                },
            }
            for w in self.windows
        ]
