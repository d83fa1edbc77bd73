"""Lists and watches of a real etcd and kube-apiserver that fail and restart."""

import trio
from msgspec.structs import replace

from integration.lab.apiserver import ApiServer
from integration.tests.kube import cluster_of, delete_pod, make_pod, names, until
from vcnd.log import log
from vcnd.model.request import PodRequest

POLICY = "/apis/flowcontrol.apiserver.k8s.io/v1"


async def test_pods_of_this_node_alone(server: ApiServer) -> None:
    make_pod(server, "first")
    make_pod(server, "elsewhere", node="two")
    make_pod(server, "host", hostNetwork=True)
    async with cluster_of(server) as cluster:
        assert cluster.pods() is None
        await until(lambda: names(cluster) == {"first"})
        make_pod(server, "second")
        await until(lambda: names(cluster) == {"first", "second"})
        delete_pod(server, "first")
        await until(lambda: names(cluster) == {"second"})


async def test_annotations_of_pod_and_namespace(server: ApiServer) -> None:
    """The pod's own win; an earlier pod of the same name had others."""
    a, b = "vcnd.io/a", "vcnd.io/b"
    theirs = {a: "theirs", b: "b", "other.io/c": "c"}
    body = {"metadata": {"name": "annotated", "annotations": theirs}}
    server.make("/api/v1/namespaces", body)
    make_pod(server, "plain", namespace="annotated")
    make_pod(server, "own", namespace="annotated", annotations={a: "mine"})
    async with cluster_of(server) as cluster:
        await until(lambda: {"plain", "own"} <= names(cluster))
        bound = {b.pod.name: b for b in cluster.pods() or []}
        assert bound["plain"].request.annotations == {a: "theirs", b: "b"}
        assert bound["own"].request.annotations == {a: "mine", b: "b"}
        pod = bound["own"].pod
        asked = PodRequest(annotations={a: "mine", b: "b"})
        assert cluster.request(pod, None) == asked
        asked = PodRequest(annotations={a: "theirs", b: "b", "c": "c"})
        assert cluster.request(pod, {"c": "c"}) == asked
        assert cluster.request(replace(pod, uid="of-before"), None) is None


async def test_server_restarts(server: ApiServer) -> None:
    async with cluster_of(server) as cluster:
        make_pod(server, "before")
        await until(lambda: names(cluster) == {"before"})
        await trio.to_thread.run_sync(server.stop)
        await trio.sleep(1)
        assert names(cluster) == {"before"}  # the last known pods
        await trio.to_thread.run_sync(server.start)
        make_pod(server, "after")
        await until(lambda: names(cluster) == {"before", "after"})


async def test_compaction_while_we_were_away(server: ApiServer) -> None:
    """410 Gone: the server no longer has our version, so we list everything again."""
    node = server.admin("GET", "/api/v1/nodes/one").json()
    async with cluster_of(server) as cluster:
        make_pod(server, "early")
        await until(lambda: names(cluster) == {"early"})
        server.write_kubeconfig("locked-out")
        await trio.to_thread.run_sync(server.stop)
        await trio.to_thread.run_sync(server.start)
        delete_pod(server, "early")
        make_pod(server, "late")
        await trio.to_thread.run_sync(server.compact)
        # A restarted server has no versions before the newest one at its start.
        await trio.to_thread.run_sync(server.stop)
        await trio.to_thread.run_sync(server.start)
        assert names(cluster) == {"early"}
        server.write_kubeconfig(server.node_token(node))
        with log.collected() as logged:
            await until(lambda: names(cluster) == {"late"})
    assert "watch_expired" in {x["event"] for x in logged}


async def test_watch_that_stalls(server: ApiServer) -> None:
    """The connection stays open and silent: the cluster connects again."""
    async with cluster_of(server, silence_seconds=2.0) as cluster:
        make_pod(server, "before")
        await until(lambda: names(cluster) == {"before"})
        await trio.to_thread.run_sync(server.hold)
        await trio.sleep(4)
        assert names(cluster) == {"before"}
        await trio.to_thread.run_sync(server.go_on)
        make_pod(server, "after")
        await until(lambda: names(cluster) == {"before", "after"})


async def test_token_that_ends(server: ApiServer) -> None:
    """The server refuses our token: the client reads the file's new token."""
    account = "/api/v1/namespaces/kube-system/serviceaccounts/vcnd"
    body = server.admin("GET", account).json()
    async with cluster_of(server) as cluster:
        await until(lambda: cluster.pods() is not None)
        assert server.admin("DELETE", account).is_success  # and all its tokens
        await trio.to_thread.run_sync(server.stop)
        await trio.to_thread.run_sync(server.start)
        meta = {"name": "vcnd", "namespace": "kube-system"}
        await trio.sleep(2)
        server.make(account.rpartition("/")[0], {**body, "metadata": meta})
        make_pod(server, "unseen")
        await trio.sleep(2)
        assert names(cluster) == set()
        node = server.admin("GET", "/api/v1/nodes/one").json()
        server.write_kubeconfig(server.node_token(node))
        await until(lambda: names(cluster) == {"unseen"})


async def test_priority_and_fairness_answers_429(server: ApiServer) -> None:
    limited = {
        "type": "Limited",
        "limited": {
            "nominalConcurrencyShares": 0,
            "lendablePercent": 0,
            "borrowingLimitPercent": 0,
            "limitResponse": {"type": "Reject"},
        },
    }
    server.make(
        f"{POLICY}/prioritylevelconfigurations",
        {"metadata": {"name": "none"}, "spec": limited},
    )
    user = {"name": "vcnd", "namespace": "kube-system"}
    rule = {
        "subjects": [{"kind": "ServiceAccount", "serviceAccount": user}],
        "resourceRules": [
            {
                "verbs": ["*"],
                "apiGroups": ["*"],
                "resources": ["*"],
                "clusterScope": True,
                "namespaces": ["*"],
            }
        ],
    }
    schema = server.make(
        f"{POLICY}/flowschemas",
        {
            "metadata": {"name": "none"},
            "spec": {
                "matchingPrecedence": 2,
                "priorityLevelConfiguration": {"name": "none"},
                "rules": [rule],
            },
        },
    )
    node = server.admin("GET", "/api/v1/nodes/one").json()
    token = server.node_token(node)

    path = "/api/v1/pods?fieldSelector=spec.nodeName%3Done"

    def in_force() -> bool:
        headers = server.as_token(token, "GET", path).headers
        uid: str = schema["metadata"]["uid"]
        return headers.get("x-kubernetes-pf-flowschema-uid") == uid

    await until(in_force)
    # A level without shares serves one request at a time: this one's body never ends.
    while True:
        busy = server.unfinished_request(token, "/api/v1/namespaces/default/events")
        await trio.sleep(0.2)
        if server.as_token(token, "GET", path).status_code == 429:
            break
        busy.close()  # the last one had not ended, so this one was refused
    make_pod(server, "one")
    try:
        with log.collected() as logged:
            async with cluster_of(server) as cluster:
                await trio.sleep(3)
                assert cluster.pods() is None
                busy.close()
                await until(lambda: names(cluster) == {"one"})
        assert any("429" in x.get("reason", "") for x in logged)
    finally:
        busy.close()
        server.admin("DELETE", f"{POLICY}/flowschemas/none")
        server.admin("DELETE", f"{POLICY}/prioritylevelconfigurations/none")
