"""What clients may expect of lists and watches: of simulated and real servers."""

from collections.abc import Mapping

from sim.kubernetes.peer import (
    NETWORKS,
    NODES,
    PARTIAL,
    PODS,
    Case,
    Peer,
    by_name,
    network,
    pod,
    told,
    version,
)


async def watch_goes_on_from_a_version(peer: Peer) -> None:
    made = await peer.make(NETWORKS, network("on"))
    await peer.send("PATCH", f"{NETWORKS}/on", {"metadata": {"labels": {"a": "1"}}})
    await peer.make(NETWORKS, network("off"))
    async with peer.watch(NETWORKS, resourceVersion=version(made)) as events:
        first, second = await events(), await events()
        assert [told(first), told(second)] == [("MODIFIED", "on"), ("ADDED", "off")]
        await peer.send("DELETE", f"{NETWORKS}/off")
        third = await events()
        assert told(third) == ("DELETED", "off")
        versions = [int(version(x["object"])) for x in (first, second, third)]
        assert versions == sorted({*versions})
    # One version too far: the event of that version never comes.
    late = version(second["object"])
    async with peer.watch(NETWORKS, resourceVersion=late) as events:
        assert told(await events()) == ("DELETED", "off")


async def watch_of_no_version_begins_with_objects(peer: Peer) -> None:
    await peer.make(NODES, {"metadata": {"name": "there"}})
    async with peer.watch(NODES, fieldSelector=by_name("there")) as events:
        assert told(await events()) == ("ADDED", "there")
        await peer.send("PATCH", f"{NODES}/there", {"spec": {"unschedulable": True}})
        assert told(await events()) == ("MODIFIED", "there")


async def selected_objects_come_and_go(peer: Peer) -> None:
    made = await peer.make(PODS, pod("moves"))
    field = "metadata.name=moves,status.phase=Running"
    query = {"resourceVersion": version(made), "fieldSelector": field}
    async with peer.watch(PODS, **query) as events:
        for phase, kind in (
            ("Running", "ADDED"),
            ("Failed", "DELETED"),
            ("Running", "ADDED"),
        ):
            patch = {"status": {"phase": phase}}
            code, patched = await peer.send("PATCH", f"{PODS}/moves/status", patch)
            assert code == 200
            event = await events()
            assert told(event) == (kind, "moves")
            assert version(event["object"]) == version(patched)
            assert event["object"]["status"]["phase"] == "Running"


async def unknown_field_is_refused(peer: Peer) -> None:
    code, refusal = await peer.send("GET", PODS, fieldSelector="spec.nothing=x")
    assert (code, refusal["reason"]) == (400, "BadRequest")


async def too_old_version_is_an_event(peer: Peer) -> None:
    since = version((await peer.send("GET", PODS))[1])
    for name in ("before", "after"):
        await peer.make(PODS, pod(name))
    await peer.forget()
    async with peer.watch(PODS, resourceVersion=since) as events:
        event = await events()
        assert event["type"] == "ERROR"
        assert (event["object"]["code"], event["object"]["reason"]) == (410, "Expired")
        assert await events() == {}


async def watch_ends_with_a_bookmark(peer: Peer) -> None:
    """A server tells none before it has seen an event of the kind."""
    since = version((await peer.send("GET", NETWORKS))[1])
    query = {"resourceVersion": since, "timeoutSeconds": "6"}
    async with peer.watch(NETWORKS, allowWatchBookmarks="true", **query) as events:
        made = await peer.make(NETWORKS, network("marked"))
        assert told(await events()) == ("ADDED", "marked")
        event = await events()
        assert event["type"] == "BOOKMARK"
        assert int(version(event["object"])) >= int(version(made))
        while event:
            event = await events()
            assert event.get("type", "BOOKMARK") == "BOOKMARK"


async def version_of_the_future_is_refused(peer: Peer) -> None:
    """As of a server that was restored from a backup."""
    code, found = await peer.send("GET", NETWORKS)
    query = {"limit": "1", "resourceVersionMatch": "NotOlderThan"}
    since = int(version(found))
    code, found = await peer.send("GET", NETWORKS, resourceVersion=str(since), **query)
    assert code == 200
    late = str(since + 100_000)
    code, found = await peer.send("GET", NETWORKS, resourceVersion=late, **query)
    assert (code, found["reason"]) == (504, "Timeout")
    assert "Too large resource version" in found["message"]


async def watch_of_the_future_tells_nothing(peer: Peer) -> None:
    late = int(version((await peer.send("GET", NETWORKS))[1])) + 100_000
    query = {"resourceVersion": str(late), "timeoutSeconds": "4"}
    async with peer.watch(NETWORKS, allowWatchBookmarks="true", **query) as events:
        await peer.make(NETWORKS, network("unseen"))
        assert await events() == {}


async def pages_are_of_one_version(peer: Peer) -> None:
    names = [f"page{n}" for n in range(4)]
    for name in names:
        await peer.make(NETWORKS, network(name))
    code, first = await peer.send("GET", NETWORKS, limit="1")
    await peer.make(NETWORKS, network("page9"))
    await peer.send("DELETE", f"{NETWORKS}/page3")
    found, page = list(first["items"]), first
    while token := page["metadata"].get("continue"):
        query: Mapping[str, str] = {"limit": "2", "continue": token}
        code, page = await peer.send("GET", NETWORKS, **query)
        assert (code, version(page)) == (200, version(first))
        found += page["items"]
    listed = [x["metadata"]["name"] for x in found]
    assert [x for x in listed if x.startswith("page")] == names
    assert listed == sorted(listed)
    code, whole = await peer.send("GET", NETWORKS, limit="1", resourceVersion="0")
    assert len(whole["items"]) > 1
    assert not whole["metadata"].get("continue")


async def compaction_ends_pages(peer: Peer) -> None:
    for name in ("old1", "old2", "old3"):
        await peer.make(NETWORKS, network(name))
    code, first = await peer.send("GET", NETWORKS, limit="1")
    await peer.make(NETWORKS, network("old4"))
    await peer.forget()
    token = first["metadata"]["continue"]
    code, found = await peer.send("GET", NETWORKS, **{"continue": token})
    assert (code, found.get("reason")) == (410, "Expired"), found
    rest = {"continue": found["metadata"]["continue"]}
    code, found = await peer.send("GET", NETWORKS, **rest)
    assert code == 200
    assert "old4" in {x["metadata"]["name"] for x in found["items"]}


async def namespace_that_ends_takes_nothing(peer: Peer) -> None:
    path = "/api/v1/namespaces"
    made = await peer.make(path, {"metadata": {"name": "ends"}})
    assert made["metadata"]["labels"] == {"kubernetes.io/metadata.name": "ends"}
    await peer.send("DELETE", f"{path}/ends")
    code, found = await peer.send("GET", f"{path}/ends")
    assert (code, found["status"]["phase"]) == (200, "Terminating")
    code, refusal = await peer.send("POST", f"{path}/ends/pods", pod("x"))
    assert (code, refusal["reason"]) == (403, "Forbidden")


async def metadata_alone_is_told(peer: Peer) -> None:
    path = "/api/v1/namespaces"
    made = await peer.make(path, {"metadata": {"name": "bare"}})
    field = by_name("bare")
    code, found = await peer.send(
        "GET", path, accept=PARTIAL.format("List"), fieldSelector=field
    )
    assert (code, found["kind"]) == (200, "PartialObjectMetadataList")
    assert [{*x} - {"kind", "apiVersion"} for x in found["items"]] == [{"metadata"}]
    query = {"resourceVersion": version(made), "fieldSelector": field}
    async with peer.watch(path, accept=PARTIAL.format(""), **query) as events:
        patch = {"metadata": {"annotations": {"a": "b"}}}
        await peer.send("PATCH", f"{path}/bare", patch)
        event = await events()
        assert event["object"]["kind"] == "PartialObjectMetadata"
        assert event["object"]["metadata"]["annotations"] == {"a": "b"}
        assert "spec" not in event["object"]


CASES: tuple[Case, ...] = (
    watch_goes_on_from_a_version,
    watch_of_no_version_begins_with_objects,
    selected_objects_come_and_go,
    unknown_field_is_refused,
    too_old_version_is_an_event,
    watch_ends_with_a_bookmark,
    version_of_the_future_is_refused,
    watch_of_the_future_tells_nothing,
    pages_are_of_one_version,
    compaction_ends_pages,
    namespace_that_ends_takes_nothing,
    metadata_alone_is_told,
)
