"""Events on flawed policies, as a real API server takes them."""

from random import Random
from typing import Any

import trio

from integration.lab.apiserver import ApiServer
from integration.tests.kube import until
from vcnd.kube.policy.events import REASON
from vcnd.kube.policy.source import PolicySource
from vcnd.kubeapi.client import KubeClient
from vcnd.kubeapi.credentials import Credentials

POLICIES = "/apis/networking.k8s.io/v1/namespaces/default/networkpolicies"
EVENTS = "/api/v1/namespaces/default/events"


def posted(server: ApiServer) -> list[dict[str, Any]]:
    items = server.admin("GET", EVENTS).json()["items"]
    return [x for x in items if x["reason"] == REASON]


async def test_many_nodes_post_one_event_on_a_flawed_policy(server: ApiServer) -> None:
    host_bits = {"ipBlock": {"cidr": "10.0.0.5/24"}}
    spec = {"podSelector": {}, "ingress": [{"from": [host_bits]}]}
    made = server.make(POLICIES, {"metadata": {"name": "odd"}, "spec": spec})
    path = server.write_kubeconfig(server.admin_token)
    try:
        async with trio.open_nursery() as running:
            for node in ("one", "two", "three"):
                client = KubeClient(Credentials(path))
                source = PolicySource(client, random=Random(1), node=node)
                running.start_soon(source.run)
            await until(lambda: bool(posted(server)))
            await trio.sleep(1)
            running.cancel_scope.cancel()
    finally:
        server.admin("DELETE", f"{POLICIES}/odd")
    (event,) = posted(server)
    assert event["involvedObject"]["uid"] == made["metadata"]["uid"]
    assert "host bits" in event["message"]
    assert event["type"] == "Warning"
