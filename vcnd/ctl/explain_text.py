"""A pod's way to its network, in words."""

from collections.abc import Sequence

import msgspec
from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from vcnd.ctl.amounts import counted, duration
from vcnd.ctl.screen import BAD, DIM, DOUBT, GOOD, HEAD, as_text, cell, table
from vcnd.model.pod_explained import PastCall, PodExplained, Step, Verdict
from vcnd.model.policy_answers import PodShown, WayShown
from vcnd.model.policy_status import PolicyAsked

SIGNS = {
    Verdict.OK: ("✓", GOOD),
    Verdict.WAITING: ("…", DOUBT),
    Verdict.FAILED: ("✗", BAD),
    Verdict.UNKNOWN: ("?", DOUBT),
    Verdict.OFF: ("-", DIM),
    Verdict.NOT_REACHED: ("·", DIM),
    Verdict.ENDED: ("■", "cyan"),
}
SAID = {
    Verdict.WAITING: "waits",
    Verdict.FAILED: "failed",
    Verdict.UNKNOWN: "not known",
    Verdict.OFF: "off",
    Verdict.ENDED: "has ended",
}


class Explained(msgspec.Struct, frozen=True, kw_only=True):
    """What the daemon and vcnd-policy know of a pod."""

    node: PodExplained
    policy: PolicyAsked | None = None
    """What vcnd-policy says of itself; null: it was not asked."""
    shown: PodShown | None = None
    """What it says of the pod; null: it does not know it."""

    @property
    def is_closed(self) -> bool:
        """Return True if policies do not let the pod's packets through for now."""
        return self.shown is not None and bool(self.shown.held)

    @property
    def is_well(self) -> bool:
        """Return True if the pod's network works."""
        wrong = self.policy is not None and self.policy.is_wrong
        return self.node.stands is None and not self.is_closed and not wrong


def describe(name: str, found: Sequence[Explained]) -> str:
    """Return it in lines, without colours."""
    return as_text(screen_of(name, found))


def screen_of(name: str, found: Sequence[Explained]) -> RenderableType:
    """Return a pod's way as it is shown.

    Args:
        name: as the user named the pod.
        found: the pods and attachments of that name.
    """
    if not found:
        return cell(
            f"vcnd on this node knows no pod {name}: Kubernetes has bound none here, no"
            " ADD has come, and none of its leases has ended within an hour. Is it on"
            " another node? kubectl get pod -o wide"
        )
    parts: list[RenderableType] = []
    for number, one in enumerate(found):
        parts += [Text()] if number else []
        parts += [_head(one), Padding(_way(one), (0, 0, 0, 2))]
        if one.node.calls:
            parts += [Text(), cell("Calls", HEAD)]
            parts.append(Padding(_calls(one.node.calls), (0, 0, 0, 2)))
    return Group(*parts)


def _head(one: Explained) -> Text:
    pod, stands = one.node, one.node.stands
    head = cell(pod.pod or pod.container_id[:13], HEAD)
    if pod.addresses:
        head.append_text(cell(f"  {' '.join(pod.addresses)}"))
    if stands is not None:
        style = SIGNS[stands.verdict][1]
        head.append(f"  stands at {stands.stage}", style)
        if stands.cause is not None:
            head.append(f": {stands.cause}", style)
    elif one.is_closed:
        head.append("  closed by network policies", BAD)
    elif not one.is_well:
        head.append("  works; network policies do not all work", DOUBT)
    else:
        head.append("  works", GOOD)
    return head


def _way(one: Explained) -> Table:
    rows = table("", "", "")
    for step in one.node.steps:
        sign, style = SIGNS[step.verdict]
        rows.add_row(cell(sign, style), cell(step.stage), _words(step))
    for line in _policy_lines(one):
        rows.add_row("", "", line)
    return rows


def _words(step: Step) -> Text:
    style = SIGNS[step.verdict][1]
    words = Text()
    if step.verdict in SAID:
        words.append(SAID[step.verdict], style)
        if step.cause is not None:
            words.append(f": {step.cause}", style)
        words.append("  ")
    words.append_text(cell(step.what))
    times = []
    if step.seconds is not None:
        times.append(f"for {duration(step.seconds)}")
    if step.retry_seconds is not None:
        times.append(f"tried again in {duration(step.retry_seconds)}")
    if times:
        words.append(f"  {', '.join(times)}", DIM)
    if step.reason:
        is_aside = step.verdict in (Verdict.OK, Verdict.OFF)
        words.append("  " if is_aside else "\n")
        words.append_text(cell(step.reason, DIM if is_aside else ""))
    return words


def _policy_lines(one: Explained) -> list[Text]:
    """Return what vcnd-policy knows of the pod."""
    if one.policy is None:
        return []
    if one.policy.status is None:
        return [cell(f"vcnd-policy does not answer: {one.policy.reason}", BAD)]
    lines = [
        cell(f"policy {x.policy} is flawed: {'; '.join(x.flaws)}", DOUBT)
        for x in one.policy.status.cluster.flawed
    ]
    for awaited in one.policy.status.cluster.awaited:
        text = f"waits for the list of {awaited.kind} {awaited.reason}".rstrip()
        lines.append(cell(text, DOUBT))
    if one.policy.status.rules.refused:
        text = f"the kernel refused the rules: {one.policy.status.rules.refused}"
        lines.append(cell(text, BAD))
    if one.shown is None:
        return [*lines, cell("vcnd-policy does not know this pod", DIM)]
    if one.shown.held:
        lines.append(cell(f"closed: {one.shown.held}", BAD))
    if one.shown.ajar:
        lines.append(cell(f"open for now: {one.shown.ajar}", DOUBT))
    lines.append(_direction("in", one.shown.ingress))
    lines.append(_direction("out", one.shown.egress))
    return lines


def _direction(name: str, way: WayShown) -> Text:
    if not way.policies:
        return cell(f"{name}: all allowed, no policy is about it", DIM)
    names = ", ".join(x.policy for x in way.policies)
    more = f" and {way.left_out} more" if way.left_out else ""
    isolated = "only what they allow" if way.isolated else "not isolated"
    counts = way.in_force.counts
    counted_so = (
        f"; {counts.accepted} accepted, {counts.denied} denied" if counts else ""
    )
    return cell(f"{name}: {isolated}: {names}{more}{counted_so}")


def _calls(calls: Sequence[PastCall]) -> Table:
    rows = table("", "", "", "")
    for call in calls:
        times = "" if call.count == 1 else counted(call.count, "time")
        outcome = "ok" if call.cause is None else str(call.cause)
        words = cell(outcome, GOOD if call.cause is None else BAD)
        if call.reason:
            words.append_text(cell(f"  {call.reason}"))
        rows.add_row(
            cell(f"{duration(call.seconds_ago)} ago", DIM),
            cell(call.command),
            cell(times, DIM),
            words,
        )
    return rows
