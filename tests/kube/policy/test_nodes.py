"""What Nodes tell of their pods, and which pods have it."""

from typing import Any

import msgspec
import pytest

from vcnd.kube import early
from vcnd.kube.policy import nodes as policy_nodes
from vcnd.kube.policy import pods as policy_pods
from vcnd.kube.policy import trim
from vcnd.kube.policy.nodes import EarlyPods, PolicyNode
from vcnd.kube.policy.wire import Node, Pod

X, Y, SIX = "10.0.0.1", "10.0.0.2", "fd00::1"


def node(annotation: str | None = None, **meta: Any) -> Node:
    annotations = {} if annotation is None else {early.ANNOTATION: annotation}
    body = {
        "metadata": {
            "name": "n1",
            "uid": "n",
            "annotations": annotations | {"long": "text"},
            "labels": {"a": "b"},
            **meta,
        },
        "status": {
            "addresses": [
                {"type": "InternalIP", "address": "192.0.2.1"},
                {"type": "ExternalIP", "address": "FD00::9"},
                {"type": "Hostname", "address": "n1"},
            ],
            "conditions": [{"type": "Ready"}],
        },
    }
    return msgspec.convert(body, Node)


def test_node_is_read_with_its_addresses_and_its_word() -> None:
    assert policy_nodes.node(node(f'{{"a": ["{X}", "FD00::1", "x"]}}')) == PolicyNode(
        name="n1", addresses=("192.0.2.1", "fd00::9"), early={"a": (X, SIX)}
    )
    assert policy_nodes.node(node()).early == {}


def test_malformed_word_of_a_node_is_named_and_passed_over() -> None:
    found = policy_nodes.node(node("[]"))
    assert found.early == {}
    assert "expected `object`" in found.malformed.lower()
    assert found.addresses == ("192.0.2.1", "fd00::9")


def test_node_keeps_what_policies_are_about() -> None:
    found = node("{}", resourceVersion="7")
    kept = trim.node(found)
    assert policy_nodes.node(kept) == policy_nodes.node(found)
    assert kept.metadata.annotations == {early.ANNOTATION: "{}"}
    assert (kept.metadata.labels, kept.metadata.resource_version) == ({}, "7")
    assert trim.node(node()).metadata.annotations == {}


def pod(uid: str, *addresses: str, on: str = "n1", **more: Any) -> dict[str, Pod]:
    body = {
        "metadata": {"name": uid, "namespace": "shop", "uid": uid, **more},
        "spec": {"nodeName": on, "hostNetwork": more.get("hostNetwork", False)},
        "status": {
            "podIPs": [{"ip": a} for a in addresses],
            "phase": more.get("phase", ""),
        },
    }
    return {uid: trim.pod(msgspec.convert(body, Pod))}


def told(*addresses: str, of: str = "a", by: str = "n1") -> PolicyNode:
    return PolicyNode(name=by, addresses=("192.0.2.1",), early={of: addresses})


def seen(pods: dict[str, Pod], *nodes: PolicyNode) -> dict[str, tuple[str, ...]]:
    """Return the addresses of the pods that policies see, by name."""
    read = {uid: policy_pods.pod(found) for uid, found in pods.items()}
    known = {uid: found for uid, found in read.items() if found is not None}
    return {p.name: p.addresses for p in EarlyPods().among(pods, known, nodes)}


GOING = {"deletionTimestamp": "2026-01-02T03:04:05Z"}


def test_pod_has_the_address_that_its_own_node_tells() -> None:
    both = pod("a") | pod("b", Y)
    assert seen(both, told(X, SIX)) == {"b": (Y,), "a": (X, SIX)}
    assert seen(both, told(X, by="n2")) == {"b": (Y,)}
    assert seen(both, told(X, of="gone")) == {"b": (Y,)}
    assert seen(both) == {"b": (Y,)}


def test_pods_status_wins_over_its_nodes_word() -> None:
    assert seen(pod("a", Y), told(X)) == {"a": (Y,)}


@pytest.mark.parametrize("more", [{"phase": "Succeeded"}, {"hostNetwork": True}])
def test_pod_without_packets_of_its_own_claims_nothing(more: dict[str, Any]) -> None:
    """Its node's word may be older than its end."""
    assert seen(pod("a", **more), told(X)) == {}
    both = pod("a", **more) | pod("b", on="n2")
    assert seen(both, told(X), told(X, of="b", by="n2")) == {"b": (X,)}


def test_address_of_a_living_pod_is_not_taken_early() -> None:
    assert seen(pod("a") | pod("b", X), told(X)) == {"b": (X,)}
    assert seen(pod("a"), told("192.0.2.1")) == {}


def test_reused_address_is_the_newer_pods_that_its_node_names() -> None:
    """The earlier pod stands in the API until its finalizers are gone."""
    going, done = pod("b", X, SIX, **GOING), pod("b", X, phase="Succeeded")
    assert seen(pod("a") | going, told(X)) == {"b": (SIX,), "a": (X,)}
    assert seen(pod("a") | pod("b", X, **GOING), told(X)) == {"a": (X,)}
    assert seen(pod("a") | done, told(X)) == {"a": (X,)}


def test_pod_keeps_its_labels_and_ports_with_an_early_address() -> None:
    pods = pod("a", labels={"app": "web"})
    (found,) = EarlyPods().among(pods, {}, [told(X)])
    assert found == policy_pods.pod(pods["a"], [X])
    assert (found.labels, found.node) == ({"app": "web"}, "n1")


def test_pod_that_stays_the_same_is_the_same_object() -> None:
    early, pods = EarlyPods(), pod("a") | pod("b")
    (first,) = early.among(pods, {}, [told(X)])
    again, _ = early.among(pods, {}, [told(X), told(Y, of="b")])
    assert again is first
    (other,) = early.among(pods, {}, [told(Y)])
    assert other.addresses == (Y,)
    assert early.among(pods, {"a": first}, [told(X)]) == (first,)
