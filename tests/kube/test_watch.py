"""List and watch, line by line."""

import json
from typing import Any

import msgspec
import pytest

from vcnd.kube.errors import ExpiredError, KubeError
from vcnd.kube.watch import Cache
from vcnd.kube.wire import Pod


def pod(uid: str, version: str, **status: str) -> dict[str, Any]:
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": uid, "uid": uid, "resourceVersion": version},
        "spec": {"nodeName": "node1", "containers": [{"name": "c"}]},
        "status": status,
    }


def listing(version: str, *pods: dict[str, Any]) -> bytes:
    said = {"kind": "PodList", "metadata": {"resourceVersion": version}, "items": pods}
    return json.dumps(said).encode()


def line(kind: str, thing: dict[str, Any]) -> str:
    return json.dumps({"type": kind, "object": thing})


def test_list_then_changes() -> None:
    cache = Cache(Pod)
    assert not cache.synced
    cache.listed(listing("10", pod("a", "5"), pod("b", "6")))
    assert (cache.synced, cache.resource_version) == (True, "10")
    assert cache.line(line("ADDED", pod("c", "11")))
    assert cache.line(line("MODIFIED", pod("a", "12", phase="Running")))
    assert cache.line(line("DELETED", pod("b", "13")))
    assert cache.objects.keys() == {"a", "c"}
    assert cache.objects["a"].status.phase == "Running"
    assert cache.resource_version == "13"


def test_bookmark_moves_on_and_changes_nothing() -> None:
    cache = Cache(Pod)
    cache.listed(listing("10", pod("a", "5")))
    mark = {"kind": "Pod", "metadata": {"resourceVersion": "99"}}
    assert not cache.line(line("BOOKMARK", mark))
    assert cache.resource_version == "99"
    assert cache.objects.keys() == {"a"}


def test_expired_version_is_forgotten_and_the_objects_kept() -> None:
    cache = Cache(Pod)
    cache.listed(listing("10", pod("a", "5")))
    gone = {"kind": "Status", "code": 410, "reason": "Expired", "message": "too old"}
    with pytest.raises(ExpiredError, match="too old"):
        cache.line(line("ERROR", gone))
    assert cache.resource_version == ""
    assert cache.objects.keys() == {"a"}


def test_another_error_keeps_the_version() -> None:
    cache = Cache(Pod)
    cache.listed(listing("10"))
    with pytest.raises(KubeError, match="etcd"):
        cache.line(line("ERROR", {"code": 500, "message": "etcd is away"}))
    assert cache.resource_version == "10"


def test_list_after_a_gap_forgets_what_is_gone() -> None:
    cache = Cache(Pod)
    cache.listed(listing("10", pod("a", "5"), pod("b", "6")))
    cache.listed(listing("20", pod("b", "6")))
    assert cache.objects.keys() == {"b"}


@pytest.mark.parametrize("text", ["", "{", '{"type": "ADDED"}', "[]"])
def test_garbage_is_an_error_and_changes_nothing(text: str) -> None:
    cache = Cache(Pod)
    cache.listed(listing("10", pod("a", "5")))
    with pytest.raises(msgspec.MsgspecError):
        cache.line(text)
    assert (cache.resource_version, list(cache.objects)) == ("10", ["a"])
