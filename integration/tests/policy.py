"""A small cluster, and policies about it, for tests of what the kernel does."""

from contextlib import AbstractContextManager
from itertools import count

from integration.lab import streams
from integration.lab.policy import PolicyNode, policy_node
from integration.lab.streams import Datagrams, Stream
from tests.core.policy.strategies import NODES, OUTSIDE
from vcnd.model.policy import (
    Attached,
    Cluster,
    ContainerPort,
    Direction,
    Operator,
    Pods,
    Policy,
    PolicyPod,
    PolicyRef,
    Protocol,
    Requirement,
    Rule,
    Selector,
    Tier,
)

HERE, OTHER = NODES
PODS = {f"oci{n}": (f"10.0.0.{n}", f"fd00::{n}") for n in range(1, 6)}


def small_node() -> AbstractContextManager[PolicyNode]:
    """Run a node for five pods; the other node is one of the hosts outside."""
    return policy_node(PODS, (*OUTSIDE, *NODES[OTHER]), NODES[HERE])


def link_of(pod: PolicyPod) -> Attached:
    """Return a pod's link: its number is that of the pod's address."""
    number = pod.addresses[0].replace(":", ".").rpartition(".")[2]
    return Attached(
        link=f"oci{number}",
        addresses=pod.addresses,
        namespace=pod.namespace,
        name=pod.name,
    )


PORTS = count(30_000)
"""No two connections have a port in common."""
WEB, DB, FAR, NAMELESS = "10.0.0.1", "10.0.0.2", "10.0.0.3", "10.0.0.4"
TCP, UDP, SCTP = Protocol
BLUE, GREEN = "blue", "green"


def tcp(node: PolicyNode, source: str, destination: str = WEB) -> Stream:
    """Return a connection between two pods or hosts."""
    server, client = (destination, next(PORTS)), (source, next(PORTS))
    with streams.listen(node.space_of(destination), server) as listener:
        return streams.connect(node.space_of(source), client, listener)


def udp(node: PolicyNode, source: str, destination: str = WEB) -> Datagrams:
    """Return two ends that may talk; nothing was sent yet."""
    return streams.talk(
        (node.space_of(source), (source, next(PORTS))),
        (node.space_of(destination), (destination, next(PORTS))),
    )


def pod(number: int, namespace: str, app: str) -> PolicyPod:
    return PolicyPod(
        namespace=namespace,
        name=f"pod{number}",
        labels={"app": app},
        addresses=(f"10.0.0.{number}", f"fd00::{number}"),
        ports=(ContainerPort("http", TCP, 8080),),
        node=HERE,
    )


KNOWN = (pod(1, BLUE, "web"), pod(2, BLUE, "db"), pod(3, GREEN, "db"))
"""The pods of the cluster."""
LINKS = [*map(link_of, KNOWN), Attached(link="oci4", addresses=PODS["oci4"])]
"""Theirs, and that of an unknown pod."""


def app(name: str) -> Selector:
    return Selector(frozenset([Requirement("app", Operator.IN, frozenset([name]))]))


def policy(
    *rules: Rule,
    tier: Tier = Tier.NAMESPACE,
    direction: Direction = Direction.INGRESS,
    priority: int = 0,
    name: str = "policy",
    subject: str = "web",
) -> Policy:
    """Return a policy for apps of the blue namespace, or of all if it is no user's."""
    namespace = BLUE if tier is Tier.NAMESPACE else ""
    ways = {direction.lower(): rules}
    return Policy(
        ref=PolicyRef(tier, namespace, name),
        subject=Pods(namespace=namespace, pods=app(subject)),
        priority=priority,
        ingress=ways.get("ingress"),
        egress=ways.get("egress"),
    )


def cluster(*policies: Policy) -> Cluster:
    return Cluster(
        namespaces={BLUE: {"team": "a"}, GREEN: {"team": "b"}},
        pods=KNOWN,
        policies=policies,
        nodes=NODES,
    )
