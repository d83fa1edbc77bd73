"""The pool under Kubernetes' demand: bursts, a full subnet, churn."""

import re
import time

from integration.checking import CheckError, require
from integration.cloudview import named
from integration.kind.checks.basics import scaled
from integration.kind.checks.stage import NAMESPACE, Stage, addresses, deployment

BURST = 60
CHURN, ROUNDS = 60, 3
COOLING_SECONDS = 10.0
"""The cooldown in the overlay's configuration."""
CALL = re.compile(r"^([\d.]+) .*event=call command=(ADD|DEL) .*address=([\d.]+)")


def no_failed_sandboxes(stage: Stage, since: float) -> None:
    """Raise if the network of a pod could not be set up since a time."""
    events = stage.events("FailedCreatePodSandBox", since)
    failed = [e["message"] for e in events if "vcnd" in e["message"]]
    require(not failed, f"{len(failed)} sandboxes failed: {failed[:1]}")


def demand_before_add(stage: Stage) -> str:
    """A burst of pods on one cold node: no ADD fails, and few calls are made."""
    node = stage.workers[1]
    began, number = time.time(), stage.cloud.last_request()
    held = len(stage.private_ips(node))
    scaled(stage, "burst", BURST, node=node)
    took = time.time() - began
    no_failed_sandboxes(stage, began)
    instance = named(stage.cloud.world(), "Instance", node)["id"]
    calls = [r for r in stage.cloud.requests(number) if r["principal"] == instance]
    kinds = sorted({r["operation"] for r in calls})
    now = len(stage.private_ips(node))
    stage.delete("deploy", "burst")
    return (
        f"{BURST} pods in {took:.0f} s on a node that held {held} addresses, now {now}:"
        f" no ADD failed; {len(calls)} API calls ({', '.join(kinds)})"
    )


def subnet_full_event(stage: Stage) -> str:
    """Pods' events report a full subnet; the pods start when there is room again."""
    cloud, node = stage.cloud, stage.workers[0]
    subnet = named(cloud.world(), "Subnet", "pods")["id"]
    began = time.time()
    wanted = len(stage.private_ips(node)) + 10  # more than the node holds now
    taken = cloud.admin("POST", "/subnets/pods/actions/exhaust")["taken"]
    try:
        stage.apply(deployment("many", wanted, node=node))

        def told() -> list[str]:
            events = stage.events("NoVCNAddress", began)
            return [e["message"] for e in events if subnet in e["message"]]

        message = stage.wait("an event that names the subnet", told, 90)[0]
        require("larger subnet" in message, f"the event says not what to do: {message}")
    finally:
        cloud.admin("POST", "/subnets/pods/actions/relieve")
    stage.kubectl(
        *("-n", NAMESPACE, "rollout", "status", "deploy/many", "--timeout=400s")
    )
    stage.delete("deploy", "many")
    return f"{taken} addresses were taken by others; told: {message}"


def rollout_churn(stage: Stage) -> str:
    """A Deployment restarts repeatedly: no address twice, none lost, all cool down."""
    began = time.time()
    scaled(stage, "churn", CHURN)
    for _ in range(ROUNDS):
        stage.kubectl("-n", NAMESPACE, "rollout", "restart", "deploy/churn")
        stage.kubectl(
            *("-n", NAMESPACE, "rollout", "status", "deploy/churn", "--timeout=400s")
        )
        held = list(addresses(stage.pods("app=churn")).values())
        require(len(held) == len(set(held)), "two pods have one address")
    no_failed_sandboxes(stage, began)
    stage.delete("deploy", "churn")
    reused = [_cooled(stage, node, began) for node in stage.workers]
    require(sum(reused), "no address was given again: cooling was not put to the test")
    stage.wait("books and cloud agree", lambda: in_agreement(stage), 60)
    return (
        f"{ROUNDS} restarts of {CHURN} pods; {sum(reused)} addresses served again, none"
        f" within {COOLING_SECONDS:.0f} s; nothing leaked"
    )


def _cooled(stage: Stage, node: str, since: float) -> int:
    """Return how many addresses were leased again; raise if one had not cooled down."""
    ended: dict[str, float] = {}
    reused = 0
    for line in stage.log_of(node, since):
        found = CALL.search(line)
        if found is None:
            continue
        stamp, verb, address = found.groups()
        at = float(stamp)
        if verb == "DEL":
            ended[address] = at
        elif address in ended:
            rested = at - ended.pop(address)
            if rested < COOLING_SECONDS - 0.1:
                raise CheckError(f"{node}: {address} given again after {rested:.1f} s")
            reused += 1
    return reused


def in_agreement(stage: Stage) -> bool:
    """Return True if each node's leases match its pods, and its addresses the cloud."""
    pods = stage.cluster.pod_list()
    for node in stage.cluster.nodes():
        status = stage.status(node)
        living = {
            p["status"]["podIP"]
            for p in pods
            if p["spec"].get("nodeName") == node
            and not p["spec"].get("hostNetwork")
            and p["status"].get("podIP")
            and p["status"]["phase"] == "Running"
        }
        leased = {lease.address for lease in status.leases}
        known = sum(v.addresses for v in status.vnics)
        if leased != living or known != len(stage.private_ips(node)):
            return False
    return True
