"""Flows for the page's tests: the console's port for them, without a kernel."""

from collections.abc import Iterator
from contextlib import contextmanager

from fakeoci.console.flows import FlowChange, FlowLine
from fakeoci.console.judge import Decision


def line(source: str, port: int, *, accepted: bool, reply: bool = False) -> FlowLine:
    """Return a flow from an address to a port of node2."""
    text = "security list nodes: all from 10.0.0.0/15"
    lack = f"no rule of security list nodes allows tcp {port} from {source}"
    return FlowLine(
        vcn="main",
        source=source,
        source_name="node1",
        source_port=40000,
        destination="10.0.0.3",
        destination_name="node2",
        destination_port=port,
        protocol="TCP",
        packets=3,
        bytes=180,
        is_accepted=accepted,
        is_reply=reply,
        decisions=[
            Decision(stage="ingress", allows=accepted, text=text if accepted else lack)
        ],
    )


class GivenFlows:
    """Shows the flows that a test puts into ``waiting``."""

    def __init__(self) -> None:
        self.waiting: list[FlowLine] = []

    @contextmanager
    def watching(self) -> Iterator[None]:
        """Do nothing: no packets are dropped here."""
        yield

    def renew(self) -> None:
        """Do nothing: no rules are read here."""

    async def look(self, now: float) -> FlowChange | None:
        """Return the flows that wait, once."""
        lines, self.waiting = self.waiting, []
        return FlowChange(at=now, lines=lines, left_out=0) if lines else None
