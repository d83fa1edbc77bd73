"""A packet's way through node and VCN, in words."""

from collections.abc import Sequence

import msgspec
from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from vcnd.ctl.screen import BAD, DIM, DOUBT, GOOD, HEAD, as_text, cell, table
from vcnd.model.pod_path import Carrier, Way
from vcnd.model.policy_answers import ExplainAnswer
from vcnd.model.vcn_rules import Ruling, Stage

STAGES = {
    Stage.EGRESS: "egress",
    Stage.ROUTE: "VCN route",
    Stage.INGRESS: "ingress",
    Stage.ANSWER_EGRESS: "answer out",
    Stage.ANSWER_INGRESS: "answer in",
}
STYLES = {Ruling.ALLOWED: "", Ruling.DENIED: BAD, Ruling.UNKNOWN: DOUBT}


class Asked(msgspec.Struct, frozen=True, kw_only=True):
    """A way, and what network policies say of the connection."""

    way: Way
    policy: ExplainAnswer | None = None
    """Null: it was not asked."""
    unasked: str = ""
    """Why vcnd-policy did not answer, if it was asked."""

    @property
    def is_denied(self) -> bool:
        """Return True if network policies deny the connection."""
        return self.policy is not None and not all(
            x.allowed for x in self.policy.connections
        )

    @property
    def is_dropped(self) -> bool:
        """Return True if the packet does not arrive."""
        dropped = self.way.carrier is Carrier.DROPPED or self.is_refused
        return dropped or self.is_denied

    @property
    def is_refused(self) -> bool:
        """Return True if the VCN drops it."""
        return self.way.vcn_ruling is Ruling.DENIED

    @property
    def is_unsure(self) -> bool:
        """Return True if who decides about it did not all tell."""
        way = self.way
        untold = bool(self.unasked or way.vcn_unread)
        return untold or way.vcn_ruling is Ruling.UNKNOWN


def describe(pod: str, ways: Sequence[Asked]) -> str:
    """Return it in lines, without colours."""
    return as_text(screen_of(pod, ways))


def screen_of(pod: str, ways: Sequence[Asked]) -> RenderableType:
    """Return the ways as they are shown."""
    parts: list[RenderableType] = []
    for number, asked in enumerate(ways):
        parts += [Text()] if number else []
        parts.append(_head(pod, asked))
        parts.append(Padding(_table(asked), (0, 0, 0, 2)))
    return Group(*parts)


def _head(pod: str, asked: Asked) -> Text:
    way = asked.way
    head = cell(f"{pod} {way.source} → {way.destination}", HEAD)
    if way.carrier is Carrier.DROPPED:
        head.append(f"  dropped: {way.cause}", BAD)
    elif asked.is_denied:
        head.append("  denied by network policies", BAD)
    elif asked.is_refused:
        drops = next(x for x in way.vcn if x.ruling is Ruling.DENIED)
        head.append(f"  {_ends(way)}; the VCN drops it: {STAGES[drops.stage]}", BAD)
    elif asked.is_unsure:
        head.append(f"  {_ends(way)}; not all is known", DOUBT)
    else:
        head.append(f"  {_ends(way)}", GOOD)
    return head


def _ends(way: Way) -> str:
    match way.carrier:
        case Carrier.POD:
            return f"stays on the node, to pod {way.to_pod}"
        case Carrier.VNIC:
            return "leaves by the pod's VNIC"
        case Carrier.PRIMARY:
            return f"leaves by {way.kernel.out}, which is not the pod's VNIC"
        case Carrier.NODE:
            return "is for the node itself"
        case _:
            return "is dropped"


def _table(asked: Asked) -> Table:
    way, kernel = asked.way, asked.way.kernel
    rows = table("", "")
    rows.add_row(cell("link", DIM), cell(way.link))
    if kernel.mark is not None:
        strict = ", so that NSGs judge it" if kernel.is_strict else ""
        rows.add_row(cell("mark", DIM), cell(f"{kernel.mark:#x}{strict}"))
    if kernel.table is not None:
        gateway = f" via {kernel.gateway}" if kernel.gateway else ""
        mtu = f", MTU {kernel.mtu}" if kernel.mtu else ""
        words = f"{kernel.route}{gateway} dev {kernel.out or 'none'}{mtu}"
        rows.add_row(cell(f"table {kernel.table}", DIM), cell(words))
    if way.vnic_id:
        rows.add_row(cell("VNIC", DIM), cell(way.vnic_id))
        rows.add_row(cell("subnet", DIM), cell(way.subnet_id))
        nsgs = " ".join(way.nsg_ids) or "none"
        rows.add_row(cell("NSGs", DIM), cell(nsgs))
    for step in way.vcn:
        decided = cell(f"{step.ruling}: {step.why}", STYLES[step.ruling])
        rows.add_row(cell(STAGES[step.stage], DIM), decided)
    for why in way.vcn_unread:
        rows.add_row(cell("not read", DIM), cell(why, DOUBT))
    if way.carrier is Carrier.POD:
        words = "not asked: pods of one class talk from link to link"
        rows.add_row(cell("NSGs", DIM), cell(words))
    for words in (way.reason, kernel.note if kernel.note != way.reason else ""):
        if words:
            rows.add_row("", cell(words, BAD if words == way.reason else ""))
    for line in _policy(asked):
        rows.add_row(cell("policy", DIM), line)
    return rows


def _policy(asked: Asked) -> list[Text]:
    if asked.unasked:
        return [cell(f"not known: {asked.unasked}", DOUBT)]
    connections = asked.policy.connections if asked.policy is not None else ()
    lines = []
    for side in (s for x in connections for s in x.sides):
        verdict = "allows" if side.allowed else "denies"
        words = cell(f"{side.direction} of {side.pod}: {verdict}: ")
        words.append_text(cell(" ".join(side.sentences)))
        words.stylize("" if side.allowed else BAD)
        lines.append(words)
    return lines
