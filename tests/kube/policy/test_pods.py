"""Pods and namespaces of the API as policies see them, and what is kept of them."""

from typing import Any

import msgspec
import pytest
from msgspec.structs import replace

from vcnd.kube.policy import pods as policy_pods
from vcnd.kube.policy import trim
from vcnd.kube.policy.wire import NetworkPolicy, Pod
from vcnd.kube.trim import MIRROR, STATIC_UID
from vcnd.kube.wire import Namespace
from vcnd.kubeapi.wire import Meta
from vcnd.model.policy import Attached, ContainerPort, PolicyPod, Protocol

META = {
    "name": "web-0",
    "namespace": "shop",
    "uid": "u",
    "resourceVersion": "7",
    "labels": {"app": "web"},
    "annotations": {"note": "long"},
    "ownerReferences": [{"kind": "StatefulSet", "name": "web", "uid": "s"}],
}


def pod(spec: dict[str, Any] | None = None, **status: Any) -> Pod:
    body = {
        "metadata": META,
        "spec": {"nodeName": "n1", **(spec or {})},
        "status": {"podIPs": [{"ip": "10.0.1.5"}, {"ip": "fd00::5"}], **status},
    }
    return msgspec.convert(body, Pod)


SEEN = PolicyPod(
    namespace="shop",
    name="web-0",
    labels={"app": "web"},
    addresses=("10.0.1.5", "fd00::5"),
    node="n1",
    uid="u",
)


STATIC = {STATIC_UID: "h", MIRROR: "h"}


def test_a_pod_that_is_no_mirror_keeps_its_own_uid() -> None:
    """A StatefulSet owns it; or it has only one of a mirror's annotations."""
    found = pod()
    for meta in (
        replace(found.metadata, annotations=STATIC),
        replace(found.metadata, annotations={STATIC_UID: "h"}, owner_references=[]),
    ):
        kept = trim.pod(replace(found, metadata=meta))
        assert kept.metadata.annotations == {}
        assert policy_pods.pod(kept) == SEEN
        assert policy_pods.pod(replace(found, metadata=meta)) == SEEN


def test_a_static_pod_has_the_uid_that_the_runtime_knows() -> None:
    found = pod()
    meta = replace(
        found.metadata, annotations={**STATIC, "note": "long"}, owner_references=[]
    )
    kept = trim.pod(replace(found, metadata=meta))
    assert kept.metadata.annotations == STATIC
    assert policy_pods.pod(kept) == replace(SEEN, uid="h")


def test_a_link_without_room_for_names_gets_those_of_its_uid() -> None:
    static = pod()
    meta = replace(
        static.metadata, annotations=STATIC, name="s", uid="m", owner_references=[]
    )
    thief = replace(meta, annotations={STATIC_UID: "u"}, namespace="evil", uid="e")
    told = [pod(), *(replace(static, metadata=x) for x in (meta, thief))]
    bare = Attached(link="oci1", addresses=("10.0.1.5",))
    whole = replace(bare, namespace="shop", name="web-0", uid="u")
    links = [
        *(bare, whole, replace(bare, uid="u")),
        *(replace(bare, uid="h"), replace(bare, uid="other")),
    ]
    assert list(policy_pods.named(links, told)) == [
        *(bare, whole, whole),
        *(replace(whole, name="s", uid="h"), replace(bare, uid="other")),
    ]


@pytest.mark.parametrize("phase", ["", "Pending", "Running", "Unknown", "Odd"])
def test_pod_is_seen_with_its_labels_and_addresses(phase: str) -> None:
    assert policy_pods.pod(pod(phase=phase)) == SEEN


@pytest.mark.parametrize(
    "found",
    [
        pod({"hostNetwork": True}),
        pod(phase="Succeeded"),
        pod(phase="Failed"),
        pod(podIPs=[]),
        pod(podIPs=None),
        pod(podIPs=[{}, {"ip": "none"}, {"ip": "fe80::1%eth0"}]),
        Pod(),
    ],
)
def test_pod_without_packets_of_its_own_is_not_seen(found: Pod) -> None:
    assert policy_pods.pod(found) is None


def test_pod_is_seen_by_addresses_that_its_status_does_not_tell_yet() -> None:
    found = policy_pods.pod(pod(podIPs=[]), ["10.0.1.5", "fd00::5"])
    assert found == SEEN
    assert policy_pods.pod(pod({"hostNetwork": True}), ["10.0.1.5"]) is None


def test_address_has_one_form() -> None:
    found = policy_pods.pod(pod(podIPs=[{"ip": "FD00:0::5"}]))
    assert found
    assert found.addresses == ("fd00::5",)


CONTAINERS = {
    "containers": [
        {
            "ports": [
                {"name": "http", "containerPort": 80},
                {"containerPort": 81},
                {"name": "dns", "containerPort": 53, "protocol": "UDP"},
            ]
        },
        {"ports": [{"name": "m", "containerPort": 9, "protocol": "SCTP"}]},
        {"ports": None},
        {"ports": [{"name": "odd", "containerPort": 9, "protocol": "ICMP"}]},
        {"ports": [{"name": "none", "containerPort": 0}, {"name": "absent"}]},
        {"ports": [{"name": "far", "containerPort": 65536}]},
    ],
    "initContainers": [
        {"ports": [{"name": "first", "containerPort": 70}]},
        {
            "restartPolicy": "Always",
            "ports": [{"name": "proxy", "containerPort": 15001}],
        },
    ],
}


def test_pod_has_the_named_ports_of_containers_and_sidecars() -> None:
    found = policy_pods.pod(pod(CONTAINERS))
    assert found
    assert found.ports == (
        ContainerPort("http", Protocol.TCP, 80),
        ContainerPort("dns", Protocol.UDP, 53),
        ContainerPort("m", Protocol.SCTP, 9),
        ContainerPort("proxy", Protocol.TCP, 15001),
    )


@pytest.mark.parametrize("phase", ["Pending", "Running", "Succeeded"])
@pytest.mark.parametrize("spec", [{}, CONTAINERS, {"hostNetwork": True}])
def test_trimmed_pod_is_seen_as_before(spec: dict[str, Any], phase: str) -> None:
    found = pod(spec, phase=phase)
    assert policy_pods.pod(trim.pod(found)) == policy_pods.pod(found)


def test_trimmed_pod_does_not_change_by_what_policies_are_not_about() -> None:
    before = trim.pod(pod({"containers": []}, phase="Pending"))
    after = trim.pod(
        pod({"containers": [{"ports": [{"containerPort": 1}]}]}, phase="Running")
    )
    assert before == after
    assert trim.pod(pod(phase="Failed")) != before
    assert before.metadata == Meta(
        name="web-0",
        namespace="shop",
        uid="u",
        labels={"app": "web"},
    )


def test_pods_share_what_they_have_in_common() -> None:
    """A process has all pods of a cluster: what is one object is there once."""
    bodies = [msgspec.json.encode(pod(CONTAINERS)) for _ in range(2)]
    one, two = (trim.pod(msgspec.json.decode(b, type=Pod)) for b in bodies)
    assert one == two
    assert one.metadata.labels is two.metadata.labels
    assert one.metadata.namespace is two.metadata.namespace
    assert one.metadata.annotations is two.metadata.annotations
    assert one.metadata.owner_references is two.metadata.owner_references
    assert one.spec.node_name is two.spec.node_name
    assert one.spec.containers is two.spec.containers
    first, second = policy_pods.pod(one), policy_pods.pod(two)
    assert first
    assert second
    assert first.ports is second.ports
    assert one.status.pod_ips
    assert first.addresses[0] is one.status.pod_ips[0].ip


def test_namespaces_have_their_labels() -> None:
    body = {"metadata": {"name": "shop", "labels": {"team": "a"}, "annotations": {}}}
    found = [trim.labelled(msgspec.convert(body, Namespace)), Namespace()]
    assert policy_pods.namespaces(found) == {"shop": {"team": "a"}, "": {}}


def test_trimmed_policy_keeps_its_spec() -> None:
    body = {"metadata": META, "spec": {"policyTypes": ["Egress"]}}
    found = msgspec.convert(body, NetworkPolicy)
    kept = trim.labelled(found)
    assert kept.spec == found.spec
    assert not kept.metadata.annotations
