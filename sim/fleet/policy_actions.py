"""What events do to a fleet's network policies, and to those who enforce them."""

from random import Random

from sim.fleet.event import OnNode
from sim.fleet.fleet import Fleet
from sim.fleet.lasting import Lasting
from sim.fleet.policies import FleetPolicies
from sim.fleet.policy_events import (
    ChangePolicy,
    KillPolicy,
    LabelNamespace,
    LabelPod,
    RefuseRules,
)
from sim.fleet.policy_side import PolicySide
from sim.kubernetes.resources import CLUSTER_POLICIES, NETWORK_POLICIES, PODS, Body
from sim.policy import drawn

KEPT = ("podSelector", "subject", "tier", "priority")
"""What an edit of a policy leaves: it concerns the same pods."""


class PolicyActions:
    """Carries out the events that concern policies, where a fleet has them."""

    def __init__(self, fleet: Fleet, faults: Lasting) -> None:
        self._fleet, self._faults = fleet, faults

    async def _policies(self) -> FleetPolicies | None:
        """Return the fleet's policies when its API server takes changes."""
        policies = self._fleet.policies
        if policies is not None:
            await policies.cluster.until_up()
        return policies

    async def change(self, event: ChangePolicy) -> None:
        """Create, replace, edit or delete a policy."""
        policies = await self._policies()
        if policies is None:
            return
        random, server = Random(event.pick), policies.server
        stored = [
            x.body
            for kind in (NETWORK_POLICIES, CLUSTER_POLICIES)
            for x in server.objects(kind)
        ]
        how = random.choice(("put",) * 5 + ("edit",) * 5 + ("delete",) * 2)
        if how == "put" or not stored:
            cluster_wide = random.random() < 0.3
            policies.plane.put_policy(_drawn(random, cluster_wide=cluster_wide))
        elif how == "edit":
            policies.plane.put_policy(_edited(random, random.choice(stored)))
        else:
            policies.plane.delete_policy(random.choice(stored))

    async def label_pod(self, event: LabelPod) -> None:
        """Let a pod be selected by other policies."""
        policies = await self._policies()
        if policies is not None:
            pods = [x.body for x in policies.server.objects(PODS)]
            if pods:
                pod = pods[event.pick % len(pods)]
                policies.plane.label_pod(pod, {"app": event.app})

    async def label_namespace(self, event: LabelNamespace) -> None:
        """Let a namespace be selected by other policies."""
        policies = await self._policies()
        if policies is not None:
            policies.plane.label_namespace(event.namespace, {"team": event.team})

    async def kill(self, event: KillPolicy) -> None:
        """Kill vcnd-policy; its rules stay in force."""
        side = self._side(event)
        if side is not None:
            side.kill(event.seconds)

    async def refuse(self, event: RefuseRules) -> None:
        """Let a kernel refuse rules, or fail once they are in force."""
        side, policies = self._side(event), self._fleet.policies
        if side is None or policies is None:
            return
        name = "fails_late" if event.late else "refuses"
        side.is_guarded = False
        policies.news.begin()
        await self._faults.set(side.kernel, name, value=True, seconds=event.seconds)
        policies.news.end()

    def _side(self, event: OnNode) -> PolicySide | None:
        return self._fleet.machines[event.node].policy


def _drawn(random: Random, *, cluster_wide: bool) -> Body:
    draw = drawn.cluster_policy if cluster_wide else drawn.network_policy
    return draw(random)


def _edited(random: Random, old: Body) -> Body:
    """Return a policy that allows something else to the same pods."""
    made = _drawn(random, cluster_wide=old["kind"] == CLUSTER_POLICIES.kind)
    same = {k: v for k, v in old["spec"].items() if k in KEPT}
    name = {k: old["metadata"].get(k) for k in ("name", "namespace")}
    meta = {k: v for k, v in name.items() if v is not None}
    return {**made, "metadata": meta, "spec": {**made["spec"], **same}}
