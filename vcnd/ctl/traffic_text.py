"""Pods' packets and connections in tables."""

import socket
from collections.abc import Sequence

import msgspec
from rich.console import Group, RenderableType

from vcnd.ctl.amounts import counted, number
from vcnd.ctl.screen import DIM, as_text, cell, table
from vcnd.model.traffic import FlowsShown, LinkCounters, TrafficAnswer

PROTOCOLS = {
    socket.IPPROTO_TCP: "tcp",
    socket.IPPROTO_UDP: "udp",
    socket.IPPROTO_SCTP: "sctp",
    socket.IPPROTO_ICMP: "icmp",
    socket.IPPROTO_ICMPV6: "icmpv6",
}
LEAST_SECONDS = 0.001
NOTHING = LinkCounters(
    received_packets=0, sent_packets=0, received_bytes=0, sent_bytes=0
)


class PodRates(msgspec.Struct, frozen=True, kw_only=True):
    """What a pod sends and receives in a second."""

    pod: str
    addresses: tuple[str, ...]
    sent_packets: float
    sent_bytes: float
    received_packets: float
    received_bytes: float

    @property
    def bytes(self) -> float:
        """Return the bytes of both directions."""
        return self.sent_bytes + self.received_bytes


class Rates(msgspec.Struct, frozen=True, kw_only=True):
    """What all pods send and receive, those with most bytes first."""

    pods: tuple[PodRates, ...]
    express: bool
    """True if the express lane is on."""


def rates_of(before: TrafficAnswer, now: TrafficAnswer) -> Rates:
    """Return the rates between two moments; a new pod's counters begin at 0."""
    seconds = max(LEAST_SECONDS, now.at - before.at)
    old = {x.link: x.counters for x in before.pods}
    rates = [
        _rates(x.pod, x.addresses, old.get(x.link, NOTHING), x.counters, seconds)
        for x in now.pods
    ]
    ordered = sorted(rates, key=lambda x: (-x.bytes, x.pod))
    return Rates(pods=tuple(ordered), express=now.express)


def _rates(
    pod: str,
    addresses: tuple[str, ...],
    was: LinkCounters,
    now: LinkCounters,
    seconds: float,
) -> PodRates:
    return PodRates(
        pod=pod,
        addresses=addresses,
        sent_packets=max(0, now.sent_packets - was.sent_packets) / seconds,
        sent_bytes=max(0, now.sent_bytes - was.sent_bytes) / seconds,
        received_packets=max(0, now.received_packets - was.received_packets) / seconds,
        received_bytes=max(0, now.received_bytes - was.received_bytes) / seconds,
    )


def top_screen(rates: Rates, most: int) -> RenderableType:
    """Return the pods with most traffic as they are shown."""
    heads = ("SENT B/s", "RECEIVED B/s", "SENT PKT/s", "RECEIVED PKT/s")
    rows = table("POD", "ADDRESSES", *heads, right=heads)
    for x in rates.pods[:most]:
        amounts = (
            *(x.sent_bytes, x.received_bytes),
            *(x.sent_packets, x.received_packets),
        )
        cells = [cell(number(n), DIM if n < 1 else "") for n in amounts]
        rows.add_row(cell(x.pod), cell(" ".join(x.addresses), DIM), *cells)
    lines: list[RenderableType] = [rows]
    if len(rates.pods) > most:
        lines.append(cell(f"{counted(len(rates.pods) - most, 'more pod')}", DIM))
    if rates.express:
        words = "the express lane is on: what pods receive by it is not counted here"
        lines.append(cell(words, DIM))
    return Group(*lines)


def flows_screen(
    flows: Sequence[FlowsShown], express: int, most: int, *, left_out: bool
) -> RenderableType:
    """Return connections as they are shown.

    Args:
        flows: the connections, in their order.
        express: directions of connections in the express lane.
        most: lines.
        left_out: whether the daemon has left some out.
    """
    heads = ("FROM", "TO", "PROTOCOL", "PORT", "CONNECTIONS")
    rows = table(*heads, right=("PORT", "CONNECTIONS"))
    for x in flows[:most]:
        rows.add_row(
            _end(x.source_pod, x.source),
            _end(x.destination_pod, x.destination),
            cell(PROTOCOLS.get(x.protocol, str(x.protocol))),
            cell(x.port or "-"),
            cell(x.connections),
        )
    lines: list[RenderableType] = [rows] if flows else [cell("no connection")]
    if len(flows) > most or left_out:
        lines.append(cell("there are more: -n NUMBER, or name a pod", DIM))
    lines.append(cell(f"express lane: {counted(express, 'direction')}", DIM))
    return Group(*lines)


def describe_flows(flows: Sequence[FlowsShown], express: int) -> str:
    """Return connections in lines, without colours."""
    return as_text(flows_screen(flows, express, len(flows), left_out=False))


def describe_top(rates: Rates) -> str:
    """Return the pods with most traffic in lines, without colours."""
    return as_text(top_screen(rates, len(rates.pods)))


def _end(pod: str, address: str) -> RenderableType:
    return cell(pod).append_text(cell(f" {address}", DIM)) if pod else cell(address)
