"""Which connections policies would deny that are allowed now."""

from collections import Counter
from collections.abc import Sequence
from heapq import nsmallest

from msgspec.structs import replace

from vcnd.core.policy.judge import Decision, Judge
from vcnd.core.policy.words import policy_name, policy_names
from vcnd.model.policy import (
    Cluster,
    Direction,
    Packet,
    Policy,
    PolicyRef,
    Protocol,
    Tier,
)
from vcnd.model.policy_answers import DeniedFlows, DryRunAnswer

Group = tuple[str, str, int, str, str, tuple[str, ...]]
"""What connections have in common: source, destination, its port, the protocol (empty
for none), the side that denies, and the policies.  Plain values: there can be many, and
groups of one size are told in their order."""


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
        self._groups: Counter[Group] = Counter()
        self._blamed: dict[tuple[PolicyRef, ...], tuple[str, ...]] = {}
        """Names of policies."""

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
        group = (
            self._end(packet.source),
            self._end(packet.destination),
            packet.port,
            packet.protocol or "",
            denying.direction.value,
            self._blame(denying),
        )
        self._groups[group] += connections

    def _blame(self, denying: Decision) -> tuple[str, ...]:
        """Return the names of the policies that deny."""
        rule = denying.rule
        refs = denying.isolating if rule is None else (rule.policy,)
        names = self._blamed.get(refs)
        if names is None:
            # Of several that isolate a pod, those that are new make the difference.
            new = tuple(ref for ref in refs if ref in self._new)
            names = self._blamed[refs] = policy_names(new or refs)
        return names

    def _end(self, address: str) -> str:
        pod = self._after.pod_at(address)
        return address if pod is None else f"{pod.namespace}/{pod.name}"

    def answer(self, connections: int, most: int) -> DryRunAnswer:
        """Return what was found.

        Args:
            connections: how many there are, judged or not.
            most: so many groups at most.
        """
        counted = ((-n, group) for group, n in self._groups.items())
        largest = nsmallest(most, counted)
        return DryRunAnswer(
            added=self._names[False],
            replaced=self._names[True],
            connections=connections,
            judged=self._judged,
            denied=self._groups.total(),
            groups=tuple(_denied(group, -n) for n, group in largest),
            left_out=len(self._groups) - len(largest),
        )


def _denied(group: Group, connections: int) -> DeniedFlows:
    source, destination, port, protocol, direction, policies = group
    return DeniedFlows(
        source=source,
        destination=destination,
        protocol=Protocol(protocol) if protocol else None,
        port=port,
        direction=Direction(direction),
        policies=policies,
        connections=connections,
    )
