"""rbac.yaml and admission.yaml on a real API server: limits of a node's token."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest

from integration.lab.apiserver import ApiServer
from integration.tests.kube import TAINT, until
from vcnd.core.requests import RESOURCE_PREFIX
from vcnd.install.identity import TOKEN_SECONDS
from vcnd.kube import bodies
from vcnd.kube.early import ANNOTATION, MOST_BYTES
from vcnd.kubeapi.client import MERGE_PATCH, STRATEGIC_PATCH

ONE, TWO = "/api/v1/nodes/one", "/api/v1/nodes/two"
EVENTS = "/api/v1/namespaces/default/events"
ACCOUNT = "/api/v1/namespaces/kube-system/serviceaccounts"
HOUR = 3600
REFUSED = (403, 422)


def owner(node: dict[str, Any]) -> dict[str, Any]:
    meta = node["metadata"]
    owner = {"apiVersion": "v1", "kind": "Node"}
    return {**owner, "name": meta["name"], "uid": meta["uid"]}


def network(name: str, *owners: dict[str, Any], **meta: Any) -> dict[str, Any]:
    return {
        "apiVersion": bodies.GROUP_VERSION,
        "kind": "NativePodNetwork",
        "metadata": {"name": name, "ownerReferences": list(owners), **meta},
        "spec": {"id": f"ocid1.instance.oc1.iad.{name}", "podSubnetIds": ["s"]},
    }


def event(**changes: Any) -> dict[str, Any]:
    body = {
        "metadata": {"generateName": "e.", "namespace": "default"},
        "involvedObject": {"kind": "Node", "name": "one"},
        "reason": "Test",
        "reportingInstance": "one",
        "reportingComponent": "vcnd",
        "source": {"component": "vcnd", "host": "one"},
    }
    return body | changes


def as_was(node: dict[str, Any]) -> dict[str, Any]:
    """Return a patch that undoes the changes of a try."""
    annotations = {"a": None, "theirs": None, ANNOTATION: None}
    meta = {"labels": {"a": None}, "annotations": annotations, "finalizers": None}
    taints = node["spec"]["taints"]
    return {"metadata": meta, "spec": {"taints": taints, "unschedulable": None}}


def condition(kind: str) -> dict[str, Any]:
    condition = {"type": kind, "status": "False", "reason": "x", "message": "x"}
    return {"status": {"conditions": [condition]}}


@dataclass
class Stage:
    """A server with objects of two nodes, and the token of the first."""

    server: ApiServer
    one: dict[str, Any]
    two: dict[str, Any]
    token: str

    def send(self, method: str, path: str, body: Any, patch: str = MERGE_PATCH) -> Any:
        return self.server.as_token(self.token, method, path, body, patch=patch)

    def token_request(self, node: dict[str, Any], **spec: Any) -> dict[str, Any]:
        bound = {"boundObjectRef": owner(node), "expirationSeconds": HOUR}
        return {"spec": bound | spec}


@pytest.fixture
async def stage(server: ApiServer) -> Any:
    """Create the objects of the tries; wait until the policies are in force."""
    nodes = [server.admin("GET", path).json() for path in (ONE, TWO)]
    made = Stage(server, nodes[0], nodes[1], server.node_token(nodes[0]))
    networks = {
        "mine": network("mine", owner(made.one)),
        "theirs": network("theirs", owner(made.two)),
        "nobodys": network("nobodys"),
        "both": network("both", owner(made.one), owner(made.two)),
    }
    for body in networks.values():
        server.make(bodies.NETWORKS, body)
    for name in ("a", "b"):
        body = event(metadata={"name": name, "namespace": "default"})
        server.make(EVENTS, body)
    server.admin("PATCH", ONE, {"metadata": {"annotations": {"theirs": "a"}}})
    patch = {"spec": {"taints": [{"key": "mark", "effect": "NoSchedule"}]}}
    await until(lambda: made.send("PATCH", TWO, patch).status_code in REFUSED)
    yield made
    # Objects that a try leaves if it is not refused.
    for name in (*networks, "n"):
        path = f"{bodies.NETWORKS}/{name}"
        server.admin("PATCH", path, {"metadata": {"finalizers": None}})
        server.admin("DELETE", path)
    server.admin("DELETE", EVENTS)
    for node in (made.one, made.two):
        server.admin("PATCH", f"/api/v1/nodes/{node['metadata']['name']}", as_was(node))


Try = tuple[str, str, Callable[[Stage], Any]]


def patch_node(body: Any, path: str = ONE) -> Try:
    return "PATCH", path, lambda _: body


def annotate(annotations: Any, path: str = ONE) -> Try:
    return patch_node({"metadata": {"annotations": annotations}}, path)


def patch_network(name: str, body: Any, part: str = "") -> Try:
    return "PATCH", f"{bodies.NETWORKS}/{name}{part}", lambda _: body


def make_network(made: Callable[[Stage], Any]) -> Try:
    return "POST", bodies.NETWORKS, made


def make_event(**changes: Any) -> Try:
    return "POST", EVENTS, lambda _: event(**changes)


def ask_token(made: Callable[[Stage], Any], account: str = "vcnd") -> Try:
    return "POST", f"{ACCOUNT}/{account}/token", made


def keep(stage: Stage, *gone: str, **more: str) -> dict[str, Any]:
    """Return a patch of the node's taints: without some, and with others."""
    node = stage.server.admin("GET", ONE).json()
    kept = [t for t in node["spec"].get("taints", []) if t["key"] not in gone]
    kept += [{"key": key, "effect": effect} for key, effect in more.items()]
    return {"spec": {"taints": kept}}


NEW_OWNER = [{"apiVersion": "v1", "kind": "Node", "name": "one", "uid": "x"}]
TRIES: dict[str, Try] = {
    # Nodes
    "taints of another node": patch_node({"spec": {"taints": []}}, TWO),
    "a condition of another node": patch_node(
        condition("NetworkUnavailable"), f"{TWO}/status"
    ),
    "a label": patch_node({"metadata": {"labels": {"a": "b"}}}),
    "a label, by the status": patch_node(
        {"metadata": {"labels": {"a": "b"}}}, f"{ONE}/status"
    ),
    "an annotation": annotate({"a": "b"}),
    "an annotation, by the status": annotate({"a": "b"}, f"{ONE}/status"),
    "all annotations off": annotate(None),
    "somebody's annotation": annotate({"theirs": "b", ANNOTATION: "{}"}),
    "early addresses of another node": annotate({ANNOTATION: "{}"}, TWO),
    "early addresses without end": annotate({ANNOTATION: "x" * (MOST_BYTES + 1)}),
    "a finalizer": patch_node({"metadata": {"finalizers": ["a.io/b"]}}),
    "cordon": patch_node({"spec": {"unschedulable": True}}),
    "a provider's id": patch_node({"spec": {"providerID": "oci://x"}}),
    "a pod range": patch_node({"spec": {"podCIDR": "10.9.0.0/24"}}),
    "a new taint": ("PATCH", ONE, lambda s: keep(s, new="NoSchedule")),
    "a taint that evicts": (
        "PATCH",
        ONE,
        lambda s: keep(s, **{bodies.ONLY_RESOURCES: "NoExecute"}),
    ),
    "somebody else's taint off": ("PATCH", ONE, lambda s: keep(s, "other")),
    "all taints off": patch_node({"spec": {"taints": None}}),
    "another effect of a taint": (
        "PATCH",
        ONE,
        lambda s: keep(s, "other", other="PreferNoSchedule"),
    ),
    "the condition Ready": patch_node(condition("Ready"), f"{ONE}/status"),
    "capacity": patch_node({"status": {"capacity": {"cpu": "999"}}}, f"{ONE}/status"),
    "allocatable": patch_node(
        {"status": {"allocatable": {"cpu": "999"}}}, f"{ONE}/status"
    ),
    "an address": patch_node(
        {"status": {"addresses": [{"type": "InternalIP", "address": "192.0.2.66"}]}},
        f"{ONE}/status",
    ),
    "the kubelet's port": patch_node(
        {"status": {"daemonEndpoints": {"kubeletEndpoint": {"Port": 66}}}},
        f"{ONE}/status",
    ),
    "deletion of the node": ("DELETE", ONE, lambda _: None),
    "a node": ("POST", "/api/v1/nodes", lambda _: {"metadata": {"name": "three"}}),
    # NativePodNetworks
    "the spec of nobody's": patch_network("nobodys", {"spec": {"podSubnetIds": []}}),
    "the status of nobody's": patch_network(
        "nobodys", {"status": {"state": "SUCCESS"}}, "/status"
    ),
    "to own nobody's": patch_network(
        "nobodys", {"metadata": {"ownerReferences": NEW_OWNER}}
    ),
    "the spec of another's": patch_network("theirs", {"spec": {"podSubnetIds": []}}),
    "the status of another's": patch_network(
        "theirs", {"status": {"state": "BACKOFF"}}, "/status"
    ),
    "the spec of one that two own": patch_network("both", {"spec": {}, "x": 1}),
    "to let go of mine": patch_network("mine", {"metadata": {"ownerReferences": []}}),
    "a finalizer on mine": patch_network(
        "mine", {"metadata": {"finalizers": ["a.io/b"]}}
    ),
    "a label on mine": patch_network("mine", {"metadata": {"labels": {"a": "b"}}}),
    "another instance for mine": patch_network("mine", {"spec": {"id": "other"}}),
    "one of another node": make_network(lambda s: network("n", owner(s.two))),
    "one of no node": make_network(lambda _: network("n")),
    "one of two nodes": make_network(
        lambda s: network("n", owner(s.one), owner(s.two))
    ),
    "one of a node that was": make_network(lambda _: network("n", NEW_OWNER[0])),
    "one that cannot be deleted": make_network(
        lambda s: network("n", owner(s.one), finalizers=["a.io/b"])
    ),
    "one whose name is not its instance's": make_network(
        lambda s: {**network("n", owner(s.one)), "spec": {"id": "ocid1.instance.x"}}
    ),
    "deletion of mine": ("DELETE", f"{bodies.NETWORKS}/mine", lambda _: None),
    "deletion of another's": ("DELETE", f"{bodies.NETWORKS}/theirs", lambda _: None),
    # Events
    "an Event of another node": make_event(reportingInstance="two"),
    "an Event from another host": make_event(
        source={"component": "vcnd", "host": "two"}
    ),
    "an Event of another component": make_event(reportingComponent="kubelet"),
    "an Event in the scheduler's name": make_event(
        source={"component": "default-scheduler", "host": "one"}
    ),
    "an Event about another node": make_event(
        involvedObject={"kind": "Node", "name": "two"}
    ),
    "an Event about a Secret": make_event(
        involvedObject={"kind": "Secret", "name": "s", "namespace": "default"}
    ),
    "to change an Event": ("PATCH", f"{EVENTS}/a", lambda _: {"message": "x"}),
    "to delete an Event": ("DELETE", f"{EVENTS}/b", lambda _: None),
    "an Event of the newer API": (
        "POST",
        "/apis/events.k8s.io/v1/namespaces/default/events",
        lambda _: {"metadata": {"generateName": "e."}, "eventTime": None},
    ),
    # Tokens
    "a token of another node": ask_token(lambda s: s.token_request(s.two)),
    "a token for ten years": ask_token(
        lambda s: s.token_request(s.one, expirationSeconds=10 * 365 * 24 * HOUR)
    ),
    "a token for a day": ask_token(
        lambda s: s.token_request(s.one, expirationSeconds=24 * HOUR)
    ),
    "a token bound to nothing": ask_token(lambda _: {"spec": {}}),
    "a token bound to a name alone": ask_token(
        lambda s: s.token_request(
            s.one, boundObjectRef={"apiVersion": "v1", "kind": "Node", "name": "one"}
        )
    ),
    "a token of another account": ask_token(
        lambda s: s.token_request(s.one), "default"
    ),
    # Other requests
    "Secrets": ("GET", "/api/v1/namespaces/kube-system/secrets", lambda _: None),
    "a pod's deletion": (
        "DELETE",
        "/api/v1/namespaces/default/pods",
        lambda _: None,
    ),
    "a namespace's annotation": (
        "PATCH",
        "/api/v1/namespaces/default",
        lambda _: {"metadata": {"annotations": {"vcnd.io/nsg-ids": "x"}}},
    ),
    "a ConfigMap": (
        "PATCH",
        "/api/v1/namespaces/kube-system/configmaps/kube-proxy",
        lambda _: {"data": {}},
    ),
}


@pytest.mark.parametrize("name", TRIES)
async def test_a_node_is_refused(stage: Stage, name: str) -> None:
    method, path, made = TRIES[name]
    answer = stage.send(method, path, made(stage))
    assert answer.status_code in REFUSED, (answer.status_code, answer.text)


async def test_a_node_does_what_it_has_to(stage: Stage) -> None:
    """The token allows every write of ``kube/cluster`` and of the installer."""
    name, server = f"{RESOURCE_PREFIX}web", stage.server
    only = {bodies.ONLY_RESOURCES: "NoSchedule"}
    resources = {"status": {"capacity": {name: "16"}}}
    no_resources = {"status": {"capacity": {name: None}}}
    unavailable = condition("NetworkUnavailable")
    strategic = STRATEGIC_PATCH
    mine = f"{bodies.NETWORKS}/mine"
    early: list[Any] = [
        {"metadata": {"annotations": {ANNOTATION: value}}}
        for value in ("{}", "x" * MOST_BYTES, None)
    ]
    steps: list[tuple[str, str, Any, str]] = [
        *(("PATCH", ONE, body, MERGE_PATCH) for body in early),
        ("PATCH", ONE, keep(stage, TAINT), MERGE_PATCH),
        ("PATCH", ONE, keep(stage, TAINT, **only), MERGE_PATCH),
        ("PATCH", ONE, keep(stage, TAINT, bodies.ONLY_RESOURCES), MERGE_PATCH),
        ("PATCH", f"{ONE}/status", unavailable, strategic),
        ("PATCH", f"{ONE}/status", resources, strategic),
        ("PATCH", f"{ONE}/status", no_resources, strategic),
        ("POST", bodies.NETWORKS, network("new", owner(stage.one)), ""),
        ("PATCH", mine, {"spec": {"podSubnetIds": ["t"]}}, MERGE_PATCH),
        ("PATCH", f"{mine}/status", {"status": {"state": "SUCCESS"}}, MERGE_PATCH),
        ("POST", EVENTS, event(), ""),
        ("POST", EVENTS, event(involvedObject={"kind": "Pod", "name": "p"}), ""),
    ]
    asked = stage.token_request(stage.one, expirationSeconds=TOKEN_SECONDS)
    steps.append(("POST", f"{ACCOUNT}/vcnd/token", asked, ""))
    taint = {"key": TAINT, "effect": "NoSchedule"}
    try:
        for method, path, body, kind in steps:
            answer = stage.send(method, path, body, kind)
            assert answer.is_success, (method, path, body, answer.text)
    finally:
        server.admin("DELETE", f"{bodies.NETWORKS}/new")
        taints = keep(stage)["spec"]["taints"]
        server.admin("PATCH", ONE, {"spec": {"taints": [*taints, taint]}})


async def test_a_taint_that_evicts_stays_as_it_is(stage: Stage) -> None:
    """The taint has a time; a list of taints without the time would change it."""
    server = stage.server
    before = server.admin("GET", ONE).json()["spec"]["taints"]
    evicts = {
        "key": "evicts",
        "effect": "NoExecute",
        "timeAdded": "2026-01-02T03:04:05Z",
    }
    try:
        server.admin("PATCH", ONE, {"spec": {"taints": [*before, evicts]}})
        untimed = [{"key": "evicts", "effect": "NoExecute"}]
        body = {"spec": {"taints": [*before, *untimed]}}
        assert stage.send("PATCH", ONE, body).status_code in REFUSED
        assert stage.send("PATCH", ONE, keep(stage, TAINT)).is_success
    finally:
        server.admin("PATCH", ONE, {"spec": {"taints": before}})
