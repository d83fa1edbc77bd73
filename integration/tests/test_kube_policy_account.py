"""The account of vcnd-policy on a real API server: it reads, and posts Events."""

from typing import Any

import pytest

from integration.lab.apiserver import ApiServer
from integration.tests.kube import until
from vcnd.install.identity import TOKEN_SECONDS
from vcnd.kube.policy.source import NAMESPACES, NETWORK_POLICIES, PODS

ONE = "/api/v1/nodes/one"
EVENTS = "/api/v1/namespaces/default/events"
TOKENS = "/api/v1/namespaces/kube-system/serviceaccounts/vcnd-policy/token"
NEW_POLICY = {"metadata": {"name": "p"}, "spec": {"podSelector": {}}}
IN_DEFAULT = "/apis/networking.k8s.io/v1/namespaces/default/networkpolicies"
REFUSED = (403, 422)


def event(**changes: Any) -> dict[str, Any]:
    body = {
        "metadata": {"generateName": "e.", "namespace": "default"},
        "involvedObject": {"kind": "NetworkPolicy", "name": "p"},
        "reason": "Test",
        "reportingInstance": "one",
        "reportingComponent": "vcnd-policy",
        "source": {"component": "vcnd-policy", "host": "one"},
    }
    return body | changes


@pytest.fixture
async def token(server: ApiServer) -> str:
    """Return the token that the installer asks for; wait for the admission policy."""
    node = server.admin("GET", ONE).json()
    bound = {"apiVersion": "v1", "kind": "Node", "name": "one"}
    spec = {
        "expirationSeconds": TOKEN_SECONDS,
        "boundObjectRef": {**bound, "uid": node["metadata"]["uid"]},
    }
    installer = server.node_token(node)
    answer = server.as_token(installer, "POST", TOKENS, {"spec": spec})
    assert answer.is_success, answer.text
    made: str = answer.json()["status"]["token"]
    odd = event(involvedObject={"kind": "Secret", "name": "s"})
    await until(
        lambda: server.as_token(made, "POST", EVENTS, odd).status_code in REFUSED
    )
    return made


@pytest.mark.parametrize("path", [PODS, NAMESPACES, NETWORK_POLICIES, "/api/v1/nodes"])
async def test_policies_and_pods_may_be_read(
    server: ApiServer, token: str, path: str
) -> None:
    assert server.as_token(token, "GET", path).is_success
    watch = f"{path}?watch=1&timeoutSeconds=1"
    assert server.as_token(token, "GET", watch).is_success


@pytest.mark.parametrize("kind", ["NetworkPolicy", "ClusterNetworkPolicy", "Pod"])
async def test_events_may_be_about_policies_and_pods(
    server: ApiServer, token: str, kind: str
) -> None:
    body = event(involvedObject={"kind": kind, "name": "p", "namespace": "default"})
    answer = server.as_token(token, "POST", EVENTS, body)
    assert answer.is_success, answer.text


TRIES: dict[str, tuple[str, str, Any]] = {
    "a taint": ("PATCH", ONE, {"spec": {"taints": []}}),
    "an annotation of the node": (
        "PATCH",
        ONE,
        {"metadata": {"annotations": {"a": "b"}}},
    ),
    "a policy": ("POST", IN_DEFAULT, NEW_POLICY),
    "a pod's deletion": ("DELETE", "/api/v1/namespaces/default/pods", None),
    "Secrets": ("GET", "/api/v1/namespaces/kube-system/secrets", None),
    "networks of pods": (
        "GET",
        "/apis/oci.oraclecloud.com/v1beta1/nativepodnetworks",
        None,
    ),
    "a token": ("POST", TOKENS, {"spec": {}}),
    "an Event of another node": ("POST", EVENTS, event(reportingInstance="two")),
    "an Event in vcnd's name": (
        "POST",
        EVENTS,
        event(source={"component": "vcnd", "host": "one"}),
    ),
    "an Event about another node": (
        "POST",
        EVENTS,
        event(involvedObject={"kind": "Node", "name": "two"}),
    ),
}


@pytest.mark.parametrize("name", TRIES)
async def test_other_requests_are_refused(
    server: ApiServer, token: str, name: str
) -> None:
    method, path, body = TRIES[name]
    answer = server.as_token(token, method, path, body)
    assert answer.status_code in REFUSED, (answer.status_code, answer.text)
