"""Defined tags: the tenancy must have their namespaces, if the world lists them."""

from typing import Any

import pytest

from tests.fakeoci.refusals import Row, names_in
from tests.fakeoci.test_refusals import ask, cloud, snapshot

VCN = {"compartmentId": "{compartment}", "cidrBlocks": ["10.20.0.0/16"]}
VNIC = {"subnetId": "{pods}"}
PLACES: dict[str, tuple[str, Any]] = {
    "a new object": ("POST /vcns", VCN | {"definedTags": "TAGS"}),
    "a changed one": ("PUT /vcns/{main}", {"definedTags": "TAGS"}),
    "a part": (
        "POST /vnicAttachments",
        {"instanceId": "{node1}", "createVnicDetails": VNIC | {"definedTags": "TAGS"}},
    ),
    "one of many": (
        "POST /privateIps/actions/bulkCreatePrivateIps",
        {"vnicId": "{vnic}", "bulkCreatePrivateIpItem": [{}, {"definedTags": "TAGS"}]},
    ),
}


def tagged(value: Any, tags: dict[str, Any]) -> Any:
    """Return a body with ``TAGS`` replaced by tags."""
    if isinstance(value, dict):
        return {k: tags if v == "TAGS" else tagged(v, tags) for k, v in value.items()}
    return [tagged(item, tags) for item in value] if isinstance(value, list) else value


@pytest.mark.matrix(fast=4)
@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize(
    ("known", "named", "lacking"),
    [
        (None, ["any"], ""),
        (["ours", "theirs"], ["ours"], ""),
        (["ours"], ["ours", "cn"], "cn"),
        ([], ["cn"], "cn"),
        ([], [], ""),
    ],
)
async def test_an_unknown_namespace_is_refused(
    place: str, known: list[str] | None, named: list[str], lacking: str
) -> None:
    service = cloud()
    service.world.settings.behaviour.tag_namespaces = known
    ids = names_in(service)
    before = snapshot(service.world)
    target, body = PLACES[place]
    tags = {name: {"key": "value"} for name in named}
    row = Row(what="", ask=target, body=tagged(body, tags), answer=(0, ""), source="")
    answer = await ask(service, row, ids)
    if not lacking:
        assert answer.is_success, answer.text
        return
    assert answer.status_code == 400
    assert answer.json()["code"] == "RelatedResourceNotAuthorizedOrNotFound"
    assert f"TagNamespace {lacking} does not exists." in answer.json()["message"]
    assert snapshot(service.world) == before


async def test_a_body_that_is_none_says_so_itself() -> None:
    service = cloud()
    service.world.settings.behaviour.tag_namespaces = []
    ids = names_in(service)
    for body in (b'{"definedTags":', b"[" * 5_000 + b'"definedTags"'):
        row = Row(what="", ask="POST /vcns", body=body, answer=(400, ""), source="")
        answer = await ask(service, row, ids)
        assert answer.json()["code"] == "CannotParseRequest"
