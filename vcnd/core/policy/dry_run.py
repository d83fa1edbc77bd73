"""Which connections policies would deny that are allowed now."""

from collections import Counter
from collections.abc import Sequence

import msgspec
from msgspec.structs import replace

from vcnd.core.policy.judge import Decision, Judge
from vcnd.core.policy.words import policy_name, policy_names
from vcnd.model.policy import Cluster, Packet, Policy, PolicyRef, Tier
from vcnd.model.policy_answers import DeniedFlows, DryRunAnswer


class Reason(msgspec.Struct, frozen=True):
    """What connections of a group have in common."""

    source: str
    destination: str
    packet: Packet
    """Without addresses."""
    decision: Decision
    """Without the rules that passed it on."""


def same_object(ref: PolicyRef) -> tuple[bool, str, str]:
    """Return what names a policy's object: its tier can change."""
    return ref.tier is Tier.NAMESPACE, ref.namespace, ref.name


class DryRun:
    """Judges connections twice: by the policies there are, and with others."""

    def __init__(self, cluster: Cluster, policies: Sequence[Policy]) -> None:
        """Make it.

        Args:
            cluster: as it is.
            policies: are added, or replace those of the same name.
        """
        wanted = {same_object(policy.ref): policy for policy in policies}
        present = {same_object(policy.ref) for policy in cluster.policies}
        kept = [p for p in cluster.policies if same_object(p.ref) not in wanted]
        self._before = Judge(cluster)
        self._after = Judge(
            replace(cluster, policies=(*kept, *wanted.values())),
        )
        self._new = {policy.ref for policy in wanted.values()}
        self._names = {
            is_there: tuple(
                policy_name(policy.ref)
                for key, policy in wanted.items()
                if (key in present) is is_there
            )
            for is_there in (True, False)
        }
        self._judged = 0
        self._groups: Counter[Reason] = Counter()

    def take(self, packet: Packet, connections: int = 1) -> None:
        """Judge connections.

        Args:
            packet: the first packet of each.
            connections: how many there are.
        """
        self._judged += connections
        after = self._after.verdict(packet)
        if after.allowed or not self._before.verdict(packet).allowed:
            return
        denying = next(d for d in after.decisions if not d.allowed)
        reason = Reason(
            self._end(packet.source),
            self._end(packet.destination),
            replace(packet, source="", destination=""),
            replace(denying, passed=()),
        )
        self._groups[reason] += connections

    def _end(self, address: str) -> str:
        pod = self._after.pod_at(address)
        return address if pod is None else f"{pod.namespace}/{pod.name}"

    def answer(self, connections: int, most: int) -> DryRunAnswer:
        """Return what was found.

        Args:
            connections: how many there are, judged or not.
            most: so many groups at most.
        """
        found = sorted(self._groups.items(), key=_order)
        return DryRunAnswer(
            added=self._names[False],
            replaced=self._names[True],
            connections=connections,
            judged=self._judged,
            denied=self._groups.total(),
            groups=tuple(self._group(reason, n) for reason, n in found[:most]),
            left_out=max(0, len(found) - most),
        )

    def _group(self, reason: Reason, connections: int) -> DeniedFlows:
        decision = reason.decision
        refs = decision.isolating
        if decision.rule is not None:
            refs = (decision.rule.policy,)
        # Of several that isolate the pod, those that are new have made the difference.
        blamed = tuple(ref for ref in refs if ref in self._new) or refs
        return DeniedFlows(
            source=reason.source,
            destination=reason.destination,
            protocol=reason.packet.protocol,
            port=reason.packet.port,
            direction=decision.direction,
            policies=policy_names(blamed),
            connections=connections,
        )


def _order(item: tuple[Reason, int]) -> tuple[int, str, str, int, str]:
    """Return what puts large groups first, and equal ones in one order."""
    reason, connections = item
    port, protocol = reason.packet.port, reason.packet.protocol or ""
    return -connections, reason.source, reason.destination, port, protocol
