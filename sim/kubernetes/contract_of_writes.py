"""What clients may expect of writes: those of the simulated and of the real server."""

from sim.kubernetes.peer import (
    NETWORKS,
    NODES,
    PODS,
    Case,
    Peer,
    by_name,
    network,
    pod,
    told,
    version,
)
from sim.kubernetes.resources import Body
from sim.kubernetes.writes import STRATEGIC


async def created_object_has_identity(peer: Peer) -> None:
    made = await peer.make(PODS, pod("identity", labels={"a": "b"}))
    meta = made["metadata"]
    assert meta["uid"]
    assert meta["creationTimestamp"].endswith("Z")
    assert int(version(made)) > 0
    assert (made["kind"], made["apiVersion"]) == ("Pod", "v1")
    assert made["status"]["phase"] == "Pending"
    assert (await peer.send("GET", f"{PODS}/identity"))[1]["metadata"]["uid"] == (
        meta["uid"]
    )


async def name_is_taken_once(peer: Peer) -> None:
    await peer.make(PODS, pod("taken"))
    code, refusal = await peer.send("POST", PODS, pod("taken"))
    assert (code, refusal["reason"]) == (409, "AlreadyExists")
    unnamed = pod("")
    del unnamed["metadata"]["name"]
    code, refusal = await peer.send("POST", PODS, unnamed)
    assert (code, refusal["reason"]) == (422, "Invalid")
    unnamed["metadata"]["generateName"] = "made-"
    first, second = [await peer.make(PODS, unnamed) for _ in range(2)]
    names = [x["metadata"]["name"] for x in (first, second)]
    assert names[0] != names[1]
    assert all(x.startswith("made-") and len(x) == 10 for x in names)


async def unknown_things_are_not_found(peer: Peer) -> None:
    for method, path, body in (
        ("GET", f"{PODS}/none", None),
        ("PATCH", f"{PODS}/none", {"metadata": {"labels": {"a": "b"}}}),
        ("DELETE", f"{PODS}/none", None),
        ("POST", "/api/v1/namespaces/none/pods", pod("x")),
        ("GET", "/api/v1/nothings", None),
    ):
        code, refusal = await peer.send(method, path, body)
        assert (code, refusal["reason"]) == (404, "NotFound"), path


async def patch_of_older_version_is_a_conflict(peer: Peer) -> None:
    made = await peer.make(PODS, pod("stale"))
    patch = {"metadata": {"labels": {"a": "b"}}}
    code, patched = await peer.send("PATCH", f"{PODS}/stale", patch)
    assert code == 200
    assert int(version(patched)) > int(version(made))
    stale = {"metadata": {"labels": {"a": "c"}, "resourceVersion": version(made)}}
    code, refusal = await peer.send("PATCH", f"{PODS}/stale", stale)
    assert (code, refusal["reason"]) == (409, "Conflict")
    now = (await peer.send("GET", f"{PODS}/stale"))[1]
    assert now["metadata"]["labels"] == {"a": "b"}
    stale["metadata"]["resourceVersion"] = version(now)
    assert (await peer.send("PATCH", f"{PODS}/stale", stale))[0] == 200


async def patch_that_changes_nothing_makes_no_version(peer: Peer) -> None:
    made = await peer.make(PODS, pod("same", labels={"a": "b"}))
    since, field = version(made), by_name("same")
    async with peer.watch(PODS, resourceVersion=since, fieldSelector=field) as events:
        same = {"metadata": {"labels": {"a": "b"}}}
        code, patched = await peer.send("PATCH", f"{PODS}/same", same)
        assert (code, version(patched)) == (200, since)
        other = {"metadata": {"labels": {"a": "c"}}}
        await peer.send("PATCH", f"{PODS}/same", other)
        assert (await events())["object"]["metadata"]["labels"] == {"a": "c"}


async def merge_patch_removes_what_is_null(peer: Peer) -> None:
    await peer.make(PODS, pod("nulls", annotations={"a": "1", "b": "2"}))
    patch = {"metadata": {"annotations": {"a": None, "c": "3"}}}
    code, patched = await peer.send("PATCH", f"{PODS}/nulls", patch)
    assert (code, patched["metadata"]["annotations"]) == (200, {"b": "2", "c": "3"})


async def patches_have_their_kinds(peer: Peer) -> None:
    await peer.make(NETWORKS, network("kinds"))
    for kind in (STRATEGIC, "application/json"):
        code, _ = await peer.send("PATCH", f"{NETWORKS}/kinds", {}, kind=kind)
        assert code == 415, kind


async def strategic_patch_merges_conditions(peer: Peer) -> None:
    await peer.make(NODES, {"metadata": {"name": "conditions"}})
    path = f"{NODES}/conditions/status"

    def patch(kind: str, value: str) -> Body:
        return {"status": {"conditions": [{"type": kind, "status": value}]}}

    for kind, value in (("A", "True"), ("B", "True"), ("A", "False")):
        code, _ = await peer.send("PATCH", path, patch(kind, value), kind=STRATEGIC)
        assert code == 200
    code, found = await peer.send("GET", f"{NODES}/conditions")
    conditions = {c["type"]: c["status"] for c in found["status"]["conditions"]}
    assert (code, conditions) == (200, {"A": "False", "B": "True"})
    capacity = {"status": {"capacity": {"oci.oraclecloud.com/x": "1"}}}
    code, found = await peer.send("PATCH", path, capacity, kind=STRATEGIC)
    assert found["status"]["capacity"] == {"oci.oraclecloud.com/x": "1"}


async def status_is_a_part_of_its_own(peer: Peer) -> None:
    await peer.make(NETWORKS, {**network("parts"), "status": {"state": "SUCCESS"}})
    path = f"{NETWORKS}/parts"
    code, found = await peer.send("GET", path)
    assert (code, "status" in found) == (200, False)
    both = {
        "metadata": {"labels": {"a": "b"}},
        "spec": {"maxPodCount": 3},
        "status": {"state": "BACKOFF"},
    }
    code, found = await peer.send("PATCH", f"{path}/status", both)
    assert (code, found["status"]) == (200, {"state": "BACKOFF"})
    assert "maxPodCount" not in found["spec"]
    assert "labels" not in found["metadata"]
    both["status"] = {"state": "SUCCESS"}
    code, found = await peer.send("PATCH", path, both)
    assert (code, found["spec"]["maxPodCount"]) == (200, 3)
    assert found["status"] == {"state": "BACKOFF"}
    assert found["metadata"]["labels"] == {"a": "b"}


async def spec_raises_the_generation(peer: Peer) -> None:
    made = await peer.make(NETWORKS, network("generation"))
    path = f"{NETWORKS}/generation"
    assert made["metadata"]["generation"] == 1
    found: Body = {}
    for patch in ({"metadata": {"labels": {"a": "b"}}}, {"spec": {"maxPodCount": 3}}):
        found = (await peer.send("PATCH", path, patch))[1]
    assert found["metadata"]["generation"] == 2


async def replacement_names_what_it_replaces(peer: Peer) -> None:
    made, path = await peer.make(NETWORKS, network("put")), f"{NETWORKS}/put"
    unnamed = network("put")
    unnamed["spec"]["maxPodCount"] = 3
    code, refusal = await peer.send("PUT", path, unnamed)
    assert (code, refusal["reason"]) == (422, "Invalid")
    named = {**unnamed, "metadata": {"name": "put", "resourceVersion": version(made)}}
    code, found = await peer.send("PUT", path, named)
    assert (code, found["spec"]["maxPodCount"]) == (200, 3)
    assert found["metadata"]["uid"] == made["metadata"]["uid"]
    named["spec"] = {**named["spec"], "maxPodCount": 4}
    code, refusal = await peer.send("PUT", path, named)
    assert (code, refusal["reason"]) == (409, "Conflict")


async def unknown_token_is_refused(peer: Peer) -> None:
    code, refusal = await peer.send("GET", NODES, token="nobodys")  # noqa: S106
    assert (code, refusal["reason"]) == (401, "Unauthorized")


async def schema_drops_and_refuses(peer: Peer) -> None:
    body = network("schema")
    body["spec"]["nobodyKnows"] = 1
    assert "nobodyKnows" not in (await peer.make(NETWORKS, body))["spec"]
    for patch in ({"maxPodCount": 257}, {"podSubnetIds": "s"}, {"ipFamilies": ["x"]}):
        code, refusal = await peer.send("PATCH", f"{NETWORKS}/schema", {"spec": patch})
        assert (code, refusal["reason"]) == (422, "Invalid"), patch


async def bound_pod_ends_in_its_grace(peer: Peer) -> None:
    made = await peer.make(PODS, pod("grace", "one"))
    path, field = f"{PODS}/grace", by_name("grace")
    query = {"resourceVersion": version(made), "fieldSelector": field}
    async with peer.watch(PODS, **query) as events:
        code, _ = await peer.send("DELETE", path)
        assert code == 200
        event = await events()
        assert told(event) == ("MODIFIED", "grace")
        assert event["object"]["metadata"]["deletionTimestamp"]
        assert event["object"]["metadata"]["deletionGracePeriodSeconds"] == 30
        code, found = await peer.send("DELETE", path)  # once more: nothing changes
        assert (code, version(found)) == (200, version(event["object"]))
        await peer.send("DELETE", path, gracePeriodSeconds="0")
        now, last = await events(), await events()
        assert told(now) == ("MODIFIED", "grace")
        assert now["object"]["metadata"]["deletionGracePeriodSeconds"] == 0
        assert told(last) == ("DELETED", "grace")
        assert int(version(last["object"])) > int(version(now["object"]))
    assert (await peer.send("GET", path))[0] == 404


async def unbound_pod_ends_at_once(peer: Peer) -> None:
    made = await peer.make(PODS, pod("unbound"))
    query = {"resourceVersion": version(made), "fieldSelector": by_name("unbound")}
    async with peer.watch(PODS, **query) as events:
        assert (await peer.send("DELETE", f"{PODS}/unbound"))[0] == 200
        assert (await peer.send("GET", f"{PODS}/unbound"))[0] == 404
        assert told(await events()) == ("MODIFIED", "unbound")
        assert told(await events()) == ("DELETED", "unbound")


async def finalizer_keeps_an_object(peer: Peer) -> None:
    body = network("final")
    body["metadata"]["finalizers"] = ["vcnd.io/test"]
    await peer.make(NETWORKS, body)
    path = f"{NETWORKS}/final"
    await peer.send("DELETE", path)
    code, found = await peer.send("GET", path)
    assert (code, "deletionTimestamp" in found["metadata"]) == (200, True)
    await peer.send("PATCH", path, {"metadata": {"finalizers": None}})
    assert (await peer.send("GET", path))[0] == 404


async def deletion_may_name_what_it_means(peer: Peer) -> None:
    made = await peer.make(NETWORKS, network("meant"))
    path = f"{NETWORKS}/meant"
    other = {"preconditions": {"uid": "00000000-0000-0000-0000-000000000000"}}
    assert (await peer.send("DELETE", path, other))[0] == 409
    own = {"preconditions": {"uid": made["metadata"]["uid"]}}
    assert (await peer.send("DELETE", path, own))[0] == 200


CASES: tuple[Case, ...] = (
    created_object_has_identity,
    name_is_taken_once,
    unknown_things_are_not_found,
    patch_of_older_version_is_a_conflict,
    patch_that_changes_nothing_makes_no_version,
    merge_patch_removes_what_is_null,
    patches_have_their_kinds,
    strategic_patch_merges_conditions,
    status_is_a_part_of_its_own,
    spec_raises_the_generation,
    replacement_names_what_it_replaces,
    unknown_token_is_refused,
    schema_drops_and_refuses,
    bound_pod_ends_in_its_grace,
    unbound_pod_ends_at_once,
    finalizer_keeps_an_object,
    deletion_may_name_what_it_means,
)
