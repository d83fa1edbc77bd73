"""A mirror tells the uid of a static pod; a uid alone names one pod, or none."""

import pytest
from msgspec.structs import replace

from vcnd.kube.mirrors import owners, static_uid, uid_of
from vcnd.kube.trim import MIRROR, STATIC_UID
from vcnd.kubeapi.wire import Meta, OwnerReference

HASH, UID = "0123456789abcdef0123456789abcdef", "11111111-2222-3333-4444-555555555555"
PLAIN = Meta(namespace="shop", name="web", uid=UID)


def mirror(name: str = "api-n1", claimed: str = HASH) -> Meta:
    annotations = {STATIC_UID: claimed, MIRROR: claimed}
    node = OwnerReference(kind="Node", name="n1", uid="n")
    return Meta(
        namespace="system",
        name=name,
        uid=f"uid of {name}",
        annotations=annotations,
        owner_references=[node],
    )


def test_a_mirror_tells_the_uid_that_the_runtime_knows() -> None:
    old = replace(mirror(), owner_references=[])
    for found in (mirror(), old):
        assert static_uid(found, "n1") == HASH
        assert uid_of(found, "n1") == HASH
    assert uid_of(PLAIN, "n1") == UID


HALF = replace(mirror(), annotations={STATIC_UID: HASH})
OTHERS = replace(mirror(), annotations={STATIC_UID: HASH, MIRROR: "another"})
SET = OwnerReference(kind="ReplicaSet", name="web", uid="r")


@pytest.mark.parametrize(
    ("found", "node"),
    [
        (PLAIN, "n1"),
        (HALF, "n1"),
        (OTHERS, "n1"),
        (replace(mirror(), annotations={MIRROR: HASH}), "n1"),
        (replace(mirror(), annotations={MIRROR: ""}), "n1"),
        (replace(mirror(), owner_references=[SET]), "n1"),
        (mirror(), "n2"),
        (mirror(), ""),
    ],
)
def test_other_pods_tell_none_whatever_annotations_they_have(
    found: Meta, node: str
) -> None:
    assert static_uid(found, node) == ""
    assert uid_of(found, node) == found.uid


def named(uid: str, *pods: Meta, node: str = "n1") -> str | None:
    """Return the name of the pod that a uid names; the order of pods is no matter."""
    some = [(x, x.node or "n1") for x in pods]
    found = owners({uid}, some, node)
    assert found == owners({uid}, some[::-1], node)
    return found[uid].name if uid in found else None


def test_a_uid_names_the_pod_that_has_it() -> None:
    assert named(UID, PLAIN) == "web"
    assert named(HASH, mirror()) == "api-n1"
    assert named(HASH, mirror(), node="") == "api-n1"
    assert named("other", PLAIN, mirror()) is None


def test_no_pod_takes_the_uid_of_another_by_annotations() -> None:
    thief = mirror("thief", UID)
    assert named(UID, PLAIN, thief) == "web"
    # The owner may have been deleted, or be known later than its link.
    assert named(UID, thief) is None


def test_a_uid_that_two_mirrors_claim_names_none() -> None:
    assert named(HASH, mirror(), mirror("thief")) is None
    assert named("odd", mirror(claimed="odd"), Meta(name="own", uid="odd")) == "own"


def test_a_mirror_of_another_node_tells_nothing_here() -> None:
    there = OwnerReference(kind="Node", name="n2", uid="n")
    thief = replace(mirror("thief"), owner_references=[there])
    assert named(HASH, mirror(), thief) == "api-n1"
    assert named(HASH, thief) is None
