"""What vcnd-policy answers, in lines for a person."""

from collections.abc import Iterator, Sequence

from vcnd.ctl.telling import plain
from vcnd.model.policy import Direction, Packet
from vcnd.model.policy_answers import (
    DeniedFlows,
    DryRunAnswer,
    ExplainAnswer,
    Explained,
    KernelCheck,
    PodShown,
    SideExplained,
    WayInForce,
    WayShown,
)
from vcnd.model.policy_status import PolicyStatus

LABEL = 12
VERDICT = 9
NODE = "node"
"""The ground where the pod's own node is the other end."""
MINUTE, HOUR, DAY = 60, 3600, 86400


def describe_status(state: PolicyStatus) -> str:
    """Return the process' state."""
    cluster, rules = state.cluster, state.rules
    known = (
        f"{_number(cluster.namespaces, 'namespace')}, {_number(cluster.pods, 'pod')},"
        f" {cluster.policies} NetworkPolicies,"
        f" {cluster.cluster_policies} ClusterNetworkPolicies"
    )
    age = rules.in_force_seconds
    since = "none of this process yet" if age is None else f"in force for {_span(age)}"
    lines = [
        _row("enforcement", state.enforcement),
        _row("cluster", known if cluster.synced else f"not all is known: {known}"),
        _row(
            "rules",
            f"{since}: {_number(rules.links, 'link')} ({rules.held} held),"
            f" {_number(rules.chains, 'chain')}, {_number(rules.sets, 'set')} with"
            f" {_number(rules.elements, 'element')}",
        ),
        _row(
            "changes",
            f"{rules.changes} since the start; the last one took"
            f" {rules.last_change_seconds * 1000:.0f} ms",
        ),
    ]
    lines += [
        _row("awaited", f"{x.kind}: {x.reason or 'the first list is on its way'}")
        for x in cluster.awaited
    ]
    lines += [
        _row("flawed", f"{x.policy}: {flaw}")
        for x in cluster.flawed
        for flaw in x.flaws
    ]
    if rules.refused:
        lines.append(_row("refused", rules.refused))
    return plain("\n".join(lines))


def describe_pod(pod: PodShown) -> str:
    """Return what policies say about a pod, and what is in force."""
    where = f"link {pod.link}" if pod.link else "not on this node"
    node = f"node {pod.node}" if pod.node else ""
    facts = [pod.pod, *pod.addresses, node, where]
    lines = [_row("pod", "  ".join(filter(None, facts)))]
    if pod.held:
        lines.append(_row("HELD", f"all its packets are dropped: {pod.held}"))
    if pod.ajar:
        lines.append(_row("NOT KNOWN", f"all its packets are accepted: {pod.ajar}"))
    for name, way in (("ingress", pod.ingress), ("egress", pod.egress)):
        state = "held" if pod.held else "open" if pod.ajar else _state(way)
        lines += [_row(name, state), *_way(way, is_here=bool(pod.link))]
    return plain("\n".join(lines))


def _state(way: WayShown) -> str:
    if way.isolated:
        return "isolated: only what a rule allows is allowed"
    if way.policies:
        return "not isolated: only what a rule denies is denied"
    return "open: no policy is about it"


def _way(way: WayShown, *, is_here: bool) -> Iterator[str]:
    for policy in way.policies:
        priority = "" if policy.priority is None else f", priority {policy.priority}"
        yield _row("", f"{policy.kind} {policy.policy}{priority}")
        for number, rule in enumerate(policy.rules, 1):
            yield _row("", f"{number:>3}  {rule}")
        if not policy.rules:
            yield _row("", "  -  no rule, so it allows nothing")
    if way.left_out:
        yield _row("", f"and {way.left_out} more policies")
    if is_here:
        yield _row("", f"kernel: {_in_force(way.in_force)}")


def _in_force(way: WayInForce) -> str:
    if not way.chain:
        return "nothing is in force: all packets are dropped"
    facts = [f"chain {way.chain}"]
    if way.number is not None:
        facts.append(f"number {way.number}")
    if way.counts is not None:
        accepted, denied = way.counts.accepted, way.counts.denied
        facts.append(f"{_number(accepted, 'connection')} accepted")
        facts.append(f"{_number(denied, 'packet')} denied")
    return ", ".join(facts)


def describe_explained(answer: ExplainAnswer) -> str:
    """Return verdicts, and how the kernel does."""
    texts = ("\n".join(_explained(x)) for x in answer.connections)
    return plain("\n\n".join(texts))


def _explained(found: Explained) -> Iterator[str]:
    verdict = "ALLOWED" if found.allowed else "DENIED"
    yield f"{verdict}  {_connection(found.packet)}"
    if not found.sides:
        yield _row("", "neither end is a pod that policies are about")
    for side in found.sides:
        yield from _side(side)
    yield from _kernel(found.kernel)
    ends_at_pod = any(x.direction is Direction.INGRESS for x in found.sides)
    if not ends_at_pod and all(x.ground != NODE for x in found.sides):
        what = f"{found.packet.destination} is no pod's address"
        yield _row("note", f"{what}; in place of a Service ask for a pod behind it")


def _connection(packet: Packet) -> str:
    ends = f"from {packet.source} to {packet.destination}"
    if packet.protocol is None:
        return f"ICMP {ends}"
    return f"{packet.protocol} {ends} port {packet.port}"


def _side(side: SideExplained) -> Iterator[str]:
    label, verdict = side.direction.lower(), "allowed" if side.allowed else "denied"
    for sentence in side.sentences:
        yield _row(label, f"{verdict:<{VERDICT}}{sentence}")
        label = verdict = ""


def _kernel(check: KernelCheck) -> Iterator[str]:
    if check.agrees is None:
        yield _row("kernel", f"not compared: {check.why}")
        return
    if check.agrees:
        yield _row("kernel", "the kernel agrees")
    else:
        yield _row("KERNEL", "THE KERNEL DIFFERS")
        for difference in check.differences:
            yield _row("", difference)
        for table in sorted({x.table for x in check.rulings if x.table}):
            yield _row("", f"See: nft -a list table inet {table}")
    for ruling in check.rulings:
        # One that leads nowhere has let a packet pass that is no pod's of this node.
        if len(ruling.path) > 1 or not ruling.allowed:
            verdict = "accepts" if ruling.allowed else "drops"
            rule = f"handle {ruling.handle}" if ruling.handle else "its policy"
            where = f"{' > '.join(ruling.path)}, {rule}"
            yield _row("", f"{verdict:<{VERDICT}}{where}")


def describe_dry_run(answer: DryRunAnswer) -> str:
    """Return which connections would be denied."""
    lines = [_row("add", name) for name in answer.added]
    lines += [_row("replace", name) for name in answer.replaced]
    there = f"{_number(answer.connections, 'connection')} of this node's pods"
    lines.append(f"{answer.denied} of {there} would be denied")
    if answer.judged < answer.connections:
        lines.append(
            f"only {answer.judged} were judged: there are too many to judge all"
        )
    if answer.groups:
        lines += ["", *_table(answer.groups)]
    if answer.left_out:
        lines.append(f"and {_number(answer.left_out, 'more group')}: see --most")
    return plain("\n".join(lines))


def _table(groups: Sequence[DeniedFlows]) -> Iterator[str]:
    head = ("COUNT", "SOURCE", "DESTINATION", "PORT", "SIDE", "BY")
    rows = [head]
    rows += [
        (
            str(x.connections),
            x.source,
            x.destination,
            f"{x.port}/{x.protocol}" if x.protocol else "-",
            x.direction.lower(),
            ", ".join(x.policies),
        )
        for x in groups
    ]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for count, *texts in rows:
        cells = [
            f"{text:<{width}}" for text, width in zip(texts, widths[1:], strict=True)
        ]
        yield f"{count:>{widths[0]}}  {'  '.join(cells)}".rstrip()


def _row(label: str, text: str) -> str:
    return f"{label:<{LABEL}}{text}"


def _number(number: int, what: str) -> str:
    return f"{number} {what}" if number == 1 else f"{number} {what}s"


def _span(seconds: float) -> str:
    """Return a time in its largest unit, and the next one."""
    whole = int(seconds)
    if whole < MINUTE:
        return f"{whole} s"
    if whole < HOUR:
        return f"{whole // MINUTE} min {whole % MINUTE} s"
    if whole < DAY:
        return f"{whole // HOUR} h {whole % HOUR // MINUTE} min"
    return f"{whole // DAY} d {whole % DAY // HOUR} h"
