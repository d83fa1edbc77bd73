"""The fields that are kept of each object: changes of others wake no flow."""

import pytest
from msgspec.structs import replace

from vcnd.core.requests import BANDWIDTH, NSG_IDS, RESOURCE_PREFIX
from vcnd.kube import trim
from vcnd.kube.bodies import CONDITION, MANAGED_BY
from vcnd.kube.wire import (
    Container,
    Namespace,
    NativePodNetwork,
    NetworkSpec,
    Node,
    NodeCondition,
    NodeSpec,
    NodeStatus,
    Pod,
    PodSpec,
    PodStatus,
    Resources,
    Taint,
)
from vcnd.kubeapi.wire import Meta, OwnerReference

WEB = f"{RESOURCE_PREFIX}web"
META = Meta(
    name="name",
    namespace="namespace",
    uid="uid",
    resource_version="7",
    deletion_timestamp="2026-01-02T03:04:05Z",
    labels={"app": "web", MANAGED_BY: "vcnd"},
    annotations={
        "prometheus.io/scrape": "true",
        NSG_IDS: "ocid1.networksecuritygroup.a",
        trim.STATIC_UID: "abc",
        trim.MIRROR: "abc",
    },
    owner_references=[OwnerReference(kind="Node", name="n", uid="u")],
)
KEPT = replace(
    META,
    labels={},
    annotations={
        NSG_IDS: "ocid1.networksecuritygroup.a",
        trim.STATIC_UID: "abc",
        trim.MIRROR: "abc",
    },
)
LIMITED = dict.fromkeys(BANDWIDTH, "10M")


def test_namespace_keeps_only_our_annotations() -> None:
    """The bandwidth plugin reads the pod's annotations, not the namespace's."""
    meta = replace(META, annotations=META.annotations | LIMITED)
    assert trim.namespace(Namespace(metadata=meta)) == Namespace(metadata=KEPT)


def test_pod_keeps_its_bandwidth() -> None:
    kept = trim.pod(Pod(metadata=replace(META, annotations={"x": "y"} | LIMITED)))
    assert kept.metadata.annotations == LIMITED


def asks_for(**limits: str) -> Container:
    named = {n.replace("web", WEB): v for n, v in limits.items()}
    return Container(resources=Resources(limits=named))


@pytest.mark.parametrize(
    ("containers", "init_containers", "expected"),
    [
        ([], [], []),
        ([asks_for(cpu="1")], [asks_for(memory="1G")], []),
        ([asks_for(cpu="1", web="1"), asks_for()], [], [asks_for(web="1")]),
        ([], [asks_for(web="1")], [asks_for(web="1")]),
    ],
)
def test_pod_keeps_its_application_resource(
    containers: list[Container],
    init_containers: list[Container],
    expected: list[Container],
) -> None:
    spec = PodSpec(
        node_name="node",
        host_network=True,
        containers=containers,
        init_containers=init_containers,
    )
    assert trim.pod(Pod(metadata=META, spec=spec)) == Pod(
        metadata=KEPT,
        spec=PodSpec(node_name="node", host_network=True, containers=expected),
    )


@pytest.mark.parametrize(
    ("phase", "kept"),
    [
        *(("", ""), ("Pending", ""), ("Running", ""), ("Unknown", "")),
        *(("Succeeded", "Succeeded"), ("Failed", "Failed")),
    ],
)
def test_pod_keeps_the_phases_in_which_it_has_ended(phase: str, kept: str) -> None:
    """The start of a pod changes nothing: it already has its address."""
    assert trim.pod(Pod(status=PodStatus(phase=phase))).status == PodStatus(phase=kept)


def test_pod_keeps_its_address_where_others_are_told_early() -> None:
    status = PodStatus(phase="Running", pod_ip="10.0.0.1")
    assert trim.pod(Pod(status=status)).status == PodStatus()
    assert trim.awaited_pod(Pod(status=status)).status == PodStatus(pod_ip="10.0.0.1")


def test_node_keeps_nothing_that_a_heartbeat_changes() -> None:
    network = NodeCondition(type=CONDITION, status="False", reason="VcndIsUp")
    spec = NodeSpec(taints=[Taint(key="gpu", effect="NoSchedule")])
    node = Node(
        metadata=META,
        spec=spec,
        status=NodeStatus(
            conditions=[NodeCondition(type="Ready", status="True"), network],
            capacity={"cpu": "4", "pods": "110", WEB: "8"},
        ),
    )
    assert trim.node(node) == Node(
        metadata=replace(KEPT, annotations={}),
        spec=spec,
        status=NodeStatus(conditions=[network], capacity={"pods": "110", WEB: "8"}),
    )


def test_network_keeps_who_manages_it() -> None:
    spec = NetworkSpec(id="ocid1.instance.a", max_pod_count=31)
    found = NativePodNetwork(metadata=META, spec=spec)
    assert trim.network(found) == NativePodNetwork(
        metadata=replace(KEPT, labels={MANAGED_BY: "vcnd"}), spec=spec
    )
