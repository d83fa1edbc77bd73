"""List and watch, line by line."""

import json
from typing import Any

import pytest

from vcnd.kube.wire import Container, Pod, PodSpec
from vcnd.kubeapi.cache import Cache
from vcnd.kubeapi.errors import ExpiredError, KubeError


def pod(uid: str, version: str, **status: str) -> dict[str, Any]:
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": uid, "uid": uid, "resourceVersion": version},
        "spec": {"nodeName": "node1", "containers": [{"name": "c"}]},
        "status": status,
    }


def listing(version: str, *pods: dict[str, Any]) -> bytes:
    body = {"kind": "PodList", "metadata": {"resourceVersion": version}, "items": pods}
    return json.dumps(body).encode()


def line(kind: str, thing: dict[str, Any]) -> str:
    return json.dumps({"type": kind, "object": thing})


def test_list_then_changes() -> None:
    cache = Cache(Pod)
    assert not cache.synced
    cache.replace(listing("10", pod("a", "5"), pod("b", "6")))
    assert (cache.synced, cache.resource_version) == (True, "10")
    assert cache.apply_line(line("ADDED", pod("c", "11")))
    assert cache.apply_line(line("MODIFIED", pod("a", "12", phase="Running")))
    assert not cache.apply_line(line("MODIFIED", pod("a", "12", phase="Running")))
    assert cache.apply_line(line("DELETED", pod("b", "13")))
    assert cache.objects.keys() == {"a", "c"}
    assert cache.objects["a"].status.phase == "Running"
    assert cache.resource_version == "13"


def test_watch_goes_on_from_a_version_that_is_not_kept() -> None:
    cache = Cache(Pod, trim=lambda found: Pod(spec=found.spec))
    cache.replace(listing("10", pod("a", "5")))
    assert not cache.apply_line(line("MODIFIED", pod("a", "12", phase="Running")))
    assert cache.resource_version == "12"
    assert cache.objects == {
        "a": Pod(spec=PodSpec(node_name="node1", containers=[Container()]))
    }


def test_bookmark_moves_on_and_changes_nothing() -> None:
    cache = Cache(Pod)
    cache.replace(listing("10", pod("a", "5")))
    mark = {"kind": "Pod", "metadata": {"resourceVersion": "99"}}
    assert not cache.apply_line(line("BOOKMARK", mark))
    assert cache.resource_version == "99"
    assert cache.objects.keys() == {"a"}


def test_expired_version_is_forgotten_and_the_objects_kept() -> None:
    cache = Cache(Pod)
    cache.replace(listing("10", pod("a", "5")))
    gone = {"kind": "Status", "code": 410, "reason": "Expired", "message": "too old"}
    with pytest.raises(ExpiredError, match="too old"):
        cache.apply_line(line("ERROR", gone))
    assert cache.resource_version == ""
    assert cache.objects.keys() == {"a"}


def test_another_error_keeps_the_version() -> None:
    cache = Cache(Pod)
    cache.replace(listing("10"))
    with pytest.raises(KubeError, match="etcd"):
        cache.apply_line(line("ERROR", {"code": 500, "message": "etcd is away"}))
    assert cache.resource_version == "10"


def test_list_after_a_gap_removes_missing_objects() -> None:
    cache = Cache(Pod)
    cache.replace(listing("10", pod("a", "5"), pod("b", "6")))
    changed = cache.replace(listing("20", pod("b", "6"), pod("c", "19")))
    assert cache.objects.keys() == {"b", "c"}
    assert {p.metadata.uid for p in changed} == {"a", "c"}


@pytest.mark.parametrize("text", ["", "{", "[]", '"x"', "[" * 5000])
def test_garbage_is_an_error_and_changes_no_object(text: str) -> None:
    """The version is dropped: a watch from it would send the same line again."""
    cache = Cache(Pod)
    cache.replace(listing("10", pod("a", "5")))
    with pytest.raises(KubeError, match="cannot be decoded"):
        cache.apply_line(text)
    assert (cache.resource_version, list(cache.objects)) == ("", ["a"])


@pytest.mark.parametrize("body", [b"", b"{}", b'{"items": []}', b"\xff", b"[" * 5000])
def test_malformed_list_changes_nothing(body: bytes) -> None:
    cache = Cache(Pod)
    cache.replace(listing("10", pod("a", "5")))
    with pytest.raises(KubeError, match="cannot be decoded"):
        cache.replace(body)
    assert list(cache.objects) == ["a"]


def test_an_empty_list_of_go_is_null() -> None:
    cache = Cache(Pod)
    cache.replace(b'{"metadata": {"resourceVersion": "7"}, "items": null}')
    assert (cache.synced, cache.objects) == (True, {})


BAD: list[dict[str, Any]] = [
    {"spec": {"nodeName": 5}},
    {"spec": None},
    {"metadata": {"name": "x", "uid": "x", "resourceVersion": "11", "labels": 1}},
    {"status": {"phase": []}},
]


@pytest.mark.parametrize("spoiled", BAD)
@pytest.mark.parametrize("kind", ["ADDED", "MODIFIED"])
def test_a_bad_object_is_skipped_and_the_version_taken(
    spoiled: dict[str, Any], kind: str
) -> None:
    cache = Cache(Pod)
    cache.replace(listing("10", pod("a", "5"), pod("x", "6")))
    assert cache.apply_line(line(kind, {**pod("x", "11"), **spoiled})) == []
    assert cache.resource_version == "11"
    assert cache.objects.keys() == {"a", "x"}  # the last valid version stays
    assert [s.name for s in cache.skipped.values()] == ["x"]
    cache.apply_line(line("MODIFIED", pod("x", "12")))
    assert cache.skipped == {}


@pytest.mark.parametrize("spoiled", BAD)
def test_a_bad_object_in_a_list_is_skipped_and_deleted_later(
    spoiled: dict[str, Any],
) -> None:
    cache, bad = Cache(Pod), {**pod("x", "11"), **spoiled}
    cache.replace(listing("10", pod("a", "5"), bad))
    assert cache.objects.keys() == {"a"}
    assert [s.name for s in cache.skipped.values()] == ["x"]
    cache.apply_line(line("DELETED", bad))
    assert cache.skipped == {}


def test_known_object_listed_undecodable_is_kept() -> None:
    cache = Cache(Pod)
    cache.replace(listing("10", pod("x", "5")))
    cache.replace(listing("20", {**pod("x", "11"), "spec": 5}))
    assert cache.objects.keys() == cache.skipped.keys() == {"x"}
    cache.apply_line(line("DELETED", {**pod("x", "21"), "spec": 5}))
    assert cache.objects == {} == cache.skipped


@pytest.mark.parametrize("thing", [None, 5, [], {}, {"metadata": None}])
@pytest.mark.parametrize("kind", ["ADDED", "MODIFIED", "DELETED", "BOOKMARK", "NEW"])
def test_event_without_an_object_changes_nothing(kind: str, thing: Any) -> None:
    cache = Cache(Pod)
    cache.replace(listing("10", pod("a", "5")))
    cache.apply_line(json.dumps({"type": kind, "object": thing}))
    cache.apply_line(json.dumps({"type": kind}))
    assert (cache.resource_version, list(cache.objects)) == ("10", ["a"])


def test_event_of_unknown_type_moves_the_version_on() -> None:
    cache = Cache(Pod)
    cache.replace(listing("10", pod("a", "5")))
    assert cache.apply_line(line("MOVED", pod("a", "11"))) == []
    assert cache.resource_version == "11"
    assert "MOVED" in cache.skipped["a"].reason
