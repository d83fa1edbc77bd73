"""Where a node knows pods' addresses to be."""

from itertools import product
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from sim.policy.judging import accepts
from tests.core.policy.example import NAMESPACES, NODES, PODS
from tests.core.policy.strategies import OUTSIDE, clusters
from vcnd.core.policy.compiler import compile_rules
from vcnd.core.policy.judge import judge
from vcnd.core.policy.node_view import node_view, why_unknown
from vcnd.model.family import family_of
from vcnd.model.policy import Attached, Cluster, Packet, Protocol

CLUSTER = Cluster(namespaces=NAMESPACES, pods=PODS, nodes=NODES)
WEB, DB = "10.0.0.1", "10.0.0.2"


def link(name: str, *addresses: str, namespace: str = "shop") -> Attached:
    return Attached(
        link=f"oci{name}", addresses=addresses, namespace=namespace, name=name
    )


def test_an_address_belongs_to_the_pod_that_has_it_here() -> None:
    """The cluster still has it at the pod that had it before."""
    view = node_view(CLUSTER, [link("web", DB)], ())
    found = {pod.name: pod.addresses for pod in view.pods}
    assert found["web"] == (DB,)
    assert found["db"] == ("fd00::2",)
    assert found["till"] == ("10.0.0.3", "fd00::3")


def test_a_pod_has_the_addresses_of_all_its_links() -> None:
    """Its sandbox is made again, or its name is another pod's by now."""
    before = replace(link("web", "10.0.0.9"), link="oci0", uid="before")
    cluster = replace(CLUSTER, pods=(replace(PODS[0], uid="now"),))
    its = [replace(link("web", a), link=f"oci{a}", uid="now") for a in (WEB, DB)]
    for here in ([before, *its], [*its, before]):
        (pod,) = node_view(cluster, here, ()).pods
        assert pod.addresses == (WEB, DB)


def test_the_nodes_own_addresses_count_for_its_pods() -> None:
    view = node_view(CLUSTER, [link("web", WEB)], ["10.1.0.1", "10.1.0.99"])
    assert set(view.nodes["one"]) == {*NODES["one"], "10.1.0.99"}
    assert view.nodes["two"] == NODES["two"]


def test_nothing_attached_changes_nothing() -> None:
    assert node_view(CLUSTER, [], ["10.1.0.1"]) == CLUSTER


@pytest.mark.parametrize(
    ("attached", "why"),
    [
        (link("web", WEB), ""),
        (link("", WEB, namespace=""), "no name"),
        (link("new", WEB), "not told of the pod yet"),
        (link("ghost", WEB, namespace="gone"), "pod's namespace"),
    ],
)
def test_a_pod_is_unknown_for_a_reason(attached: Attached, why: str) -> None:
    ghost = replace(PODS[0], namespace="gone", name="ghost")
    cluster = replace(CLUSTER, pods=(*PODS, ghost))
    found = why_unknown(cluster, attached)
    assert why in found
    assert bool(found) is bool(why)


@pytest.mark.slow
@given(clusters(), st.randoms(use_true_random=False))
def test_rules_do_what_the_judge_says_of_the_view(
    cluster: Cluster, random: Random
) -> None:
    """Pods here have others' addresses, which the cluster does not know yet."""
    pods = list(cluster.pods)
    addresses = [pod.addresses for pod in pods]
    random.shuffle(addresses)
    here = [
        Attached(
            link=f"oci{pod.name}",
            addresses=own,
            namespace=pod.namespace,
            name=pod.name,
        )
        for pod, own in list(zip(pods, addresses, strict=True))[:3]
    ]
    names = {f"{a.namespace}/{a.name}" for a in here}
    rules = compile_rules(cluster, here)
    view = replace(node_view(cluster, here, ()), nodes={})
    ends = [x for some in (*addresses, OUTSIDE) for x in some]
    for source, destination in product(ends, repeat=2):
        if family_of(source) is family_of(destination):
            packet = Packet(
                source=source, destination=destination, protocol=Protocol.TCP, port=80
            )
            decisions = judge(view, packet).decisions
            expected = all(d.allowed for d in decisions if d.pod in names)
            assert accepts(rules, here, packet) == expected, packet
