"""The fields that every Kubernetes object has, as the API server writes them."""

import msgspec
import pytest

from vcnd.kubeapi.wire import ListMeta, Meta, Object, OwnerReference, Status


def test_fields_are_read_by_their_names_in_kubernetes() -> None:
    body = b"""{"apiVersion": "v1", "kind": "Pod", "metadata": {
        "name": "p", "namespace": "n", "uid": "u", "resourceVersion": "7",
        "deletionTimestamp": "2026-01-02T03:04:05Z", "generation": 3,
        "labels": {"a": "b"}, "annotations": {"c": "d"},
        "ownerReferences": [{"apiVersion": "v1", "kind": "Node", "name": "o",
                             "uid": "x", "controller": true}]}}"""
    assert msgspec.json.decode(body, type=Object).metadata == Meta(
        name="p",
        namespace="n",
        uid="u",
        resource_version="7",
        deletion_timestamp="2026-01-02T03:04:05Z",
        labels={"a": "b"},
        annotations={"c": "d"},
        owner_references=[OwnerReference(kind="Node", name="o", uid="x")],
    )
    listed = msgspec.json.decode(b'{"resourceVersion": "9"}', type=ListMeta)
    assert listed == ListMeta(resource_version="9")
    refused = b'{"kind": "Status", "code": 410, "reason": "Expired", "message": "m"}'
    found = msgspec.json.decode(refused, type=Status)
    assert found == Status(code=410, reason="Expired", message="m")


@pytest.mark.parametrize("kind", [Object, Meta, ListMeta, Status, OwnerReference])
def test_every_field_may_be_absent(kind: type[msgspec.Struct]) -> None:
    assert msgspec.json.decode(b"{}", type=kind) == kind()


NODE = OwnerReference(kind="Node", name="node1", uid="x")
OTHER = OwnerReference(kind="ReplicaSet", name="web", uid="y")


@pytest.mark.parametrize(
    ("owners", "expected"),
    [
        ([], ""),
        ([OTHER], ""),
        ([NODE], "node1"),
        ([OTHER, NODE], "node1"),
        ([NODE, OwnerReference(kind="Node", name="node2")], "node1"),
    ],
)
def test_owning_node_is_found_among_owners(
    owners: list[OwnerReference], expected: str
) -> None:
    assert Meta(owner_references=owners).node == expected
