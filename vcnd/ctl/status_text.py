"""The node's state on one screen."""

from collections.abc import Iterator

from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from vcnd.ctl.amounts import counted, duration, number, short_id
from vcnd.ctl.screen import BAD, DIM, DOUBT, GOOD, HEAD, as_text, cell, table
from vcnd.model.policy_status import PolicyAsked, PolicyStatus
from vcnd.model.status import (
    BrokenStatus,
    ExpressStatus,
    NodeStatus,
    ProblemStatus,
)

MOST_REPAIRS = 5


def describe(state: NodeStatus, policy: PolicyAsked | None = None) -> str:
    """Return a state in lines, without colours."""
    return as_text(screen(state, policy))


def screen(state: NodeStatus, policy: PolicyAsked | None = None) -> RenderableType:
    """Return a state as it is shown.

    Args:
        state: the daemon's.
        policy: vcnd-policy's answer; None: it was not asked.
    """
    parts: list[RenderableType] = [
        _head(state, policy),
        *_group("Wrong now", _problems(state)),
        *_group("Pool", _pool(state)),
        *_group("VNICs", _vnics(state)),
        *_group("Node", _node(state, policy)),
        *_group("Restored of late", _repairs(state)),
        *_group("Pods", _leases(state)),
    ]
    return Group(*parts)


def _group(title: str, table: RenderableType | None) -> Iterator[RenderableType]:
    if table is not None:
        yield Text()
        yield cell(title, HEAD)
        yield Padding(table, (0, 0, 0, 2))


def _head(state: NodeStatus, policy: PolicyAsked | None) -> Text:
    wrong = len(state.problems) + len(state.broken)
    wrong += 1 if policy is not None and policy.is_wrong else 0
    head = Text("vcnd")
    if state.version:
        head.append(f" {state.version}, up {duration(state.up_seconds)}", DIM)
    head.append("  ")
    if wrong:
        head.append(f"{wrong} wrong", BAD)
    elif state.trying:
        head.append("calls are tried again", DOUBT)
    else:
        head.append("well", GOOD)
    if state.draining:
        head.append("  draining: vcndctl drain --undo ends it", DOUBT)
    head.append(f"   {counted(len(state.leases), 'pod')}", HEAD)
    if state.pool.waiting:
        head.append(f", {counted(state.pool.waiting, 'waiting ADD')}", DOUBT)
    return head


def _problems(state: NodeStatus) -> Table | None:
    if state.is_well:
        return None
    rows = table("", "")
    for problem in state.problems:
        _add_problem(rows, problem, BAD)
    for problem in state.trying:
        _add_problem(rows, problem, DOUBT)
    for pod in state.broken:
        rows.add_row(cell(pod.cause, BAD), _broken(pod))
    return rows


def _add_problem(rows: Table, problem: ProblemStatus, style: str) -> None:
    words = cell(problem.what, HEAD)
    words.append(f"  for {duration(problem.since_seconds)}", DIM)
    if problem.count > 1:
        ago = duration(problem.seconds_ago)
        words.append(f", seen {problem.count} times, last {ago} ago", DIM)
    if problem.retry_seconds is not None:
        words.append(f", tried again in {duration(problem.retry_seconds)}", DIM)
    rows.add_row(cell(problem.cause, style), words)
    rows.add_row("", cell(problem.reason))


def _broken(pod: BrokenStatus) -> Text:
    words = cell(f"pod {pod.pod or pod.container_id[:13]}", HEAD)
    return words.append_text(cell(f"  {pod.reason}"))


def _pool(state: NodeStatus) -> Table:
    counts = ("LEASED", "FREE", "COOLING", "DELETING", "DOUBT")
    heads = ("CLASS", "FAMILY", *counts, "NEEDED", "TARGET", "SUBNETS")
    rows = table(*heads, right=(*counts, "NEEDED", "TARGET"))
    for x in state.classes:
        is_short = x.wanted > x.free
        rows.add_row(
            cell(x.pod_class or "own"),
            cell(x.family),
            cell(x.leased),
            cell(x.free, BAD if is_short else ""),
            *map(cell, (x.cooling, x.deleting, x.doubted)),
            cell(x.wanted, BAD if is_short else ""),
            cell(x.target),
            cell(" ".join(map(short_id, x.subnet_ids)), DIM),
        )
    if not state.classes:
        for family, n in state.families.items():
            numbers = (n.leased, n.free, n.cooling, n.deleting, n.doubted)
            rows.add_row("", *map(cell, (family, *numbers, "", "", "")))
    return rows


def _vnics(state: NodeStatus) -> Table:
    heads = ("", "VNIC", "ADDRESS", "MAC", "CLASS", "IPS", "BLOCKS", "SUBNET")
    rows = table(*heads, right=("", "IPS", "BLOCKS"))
    for x in state.vnics:
        rows.add_row(
            cell(x.index),
            cell(short_id(x.id)),
            cell(" ".join(a for a in (x.address, x.ipv6) if a)),
            cell(x.mac, DIM),
            cell("the node's" if x.primary else x.pod_class or "own"),
            cell("" if x.primary else x.addresses),
            cell("" if x.primary else len(x.blocks)),
            cell(x.subnet_cidr, DIM),
        )
    if not state.vnics:
        rows.add_row("", cell("none is known", DOUBT), *[""] * 6)
    return rows


def _node(state: NodeStatus, policy: PolicyAsked | None) -> Table:
    rows = table("", "")
    rows.add_row(cell("OCI"), _cloud(state))
    if state.budget is not None:
        rows.add_row(cell("API budget"), _budget(state))
    rows.add_row(cell("express lane"), express_line(state.express))
    rows.add_row(cell("network policies"), _policy(state, policy))
    return rows


def _cloud(state: NodeStatus) -> Text:
    limit = f"{len(state.vnics)} of {state.vnic_limit} VNICs"
    if not state.cloud_observed:
        return cell("not reached since the daemon's start", DOUBT)
    ago = state.compared_seconds
    when = "" if ago is None else f"compared {duration(ago)} ago; "
    return cell(f"{when}{limit} are known here")


def _budget(state: NodeStatus) -> Text:
    budget = state.budget
    if budget is None:
        return Text()
    slowed = budget.calls_per_second < budget.most_per_second
    words = cell(f"{budget.calls_per_second:g} calls/s", DOUBT if slowed else "")
    if slowed:
        words.append(f" of {budget.most_per_second:g}: OCI has answered 429")
    if budget.queued:
        words.append(f", {budget.queued} wait for their turn", DOUBT)
    return words


def express_line(lane: ExpressStatus) -> Text:
    """Return the express lane's state in one line."""
    if not lane.on:
        words = cell("off", DOUBT)
        return words.append_text(cell(f": {lane.cause}: {lane.reason}"))
    return Text.assemble(
        ("on", GOOD),
        f": {counted(lane.pods, 'pod')}, {counted(lane.flows, 'flow')},"
        f" {number(lane.express_packets)} packets,"
        f" {number(lane.ordinary_packets)} by the ordinary path",
    )


def _policy(state: NodeStatus, policy: PolicyAsked | None) -> Text:
    if not state.policies:
        return cell("off", DIM)
    if policy is None:
        return cell("enforced by vcnd-policy")
    if policy.status is None:
        return cell("unknown", BAD).append_text(cell(f": {policy.reason}"))
    return _policy_line(policy.status)


def _policy_line(status: PolicyStatus) -> Text:
    cluster, rules = status.cluster, status.rules
    words = cell(status.enforcement, GOOD)
    known = cluster.policies + cluster.cluster_policies
    words.append(f": {known} policies, {cluster.pods} pods known, {rules.links} here")
    if rules.held:
        state = "closed" if status.enforcement == "strict" else "open, and not known"
        words.append(f", {rules.held} {state}", BAD)
    if cluster.flawed:
        words.append(f", {len(cluster.flawed)} policies flawed", BAD)
        names = ", ".join(x.policy for x in cluster.flawed)
        words.append_text(cell(f" ({names})"))
    for awaited in cluster.awaited:
        words.append("; waits for ", DOUBT)
        words.append_text(cell(f"{awaited.kind} {awaited.reason}".strip()))
    if rules.refused:
        words.append("; the kernel refused: ", BAD)
        words.append_text(cell(rules.refused))
    return words


def _repairs(state: NodeStatus) -> Table | None:
    if not state.repaired:
        return None
    rows = table("", "", "")
    for x in state.repaired[:MOST_REPAIRS]:
        times = f"{x.number} x " if x.number > 1 else ""
        by = f", changed by {x.by}" if x.by else ""
        rows.add_row(
            cell(f"{duration(x.seconds_ago)} ago", DIM),
            cell(x.kind, DOUBT),
            cell(f"{times}{x.what}{by}"),
        )
    return rows


def _leases(state: NodeStatus) -> Table | None:
    if not state.leases:
        return None
    rows = table("POD", "ADDRESSES", "LINK", "")
    for x in state.leases:
        rows.add_row(
            cell(x.pod or x.container_id[:13]),
            cell(" ".join(x.addresses)),
            cell(x.host_ifname, DIM),
            cell("" if x.express else "not express", DIM),
        )
    return rows
