"""Topologies: a parameter that callers may leave out."""

import httpx2
import pytest

from fakeoci.mock import mock_oci
from fakeoci.world.resources import Subnet, Vcn
from tests.fakeoci.calls import CORE, unsigned, where


@pytest.mark.parametrize(
    ("path", "name", "kind"),
    [("vcnTopology", "vcnId", Vcn), ("subnetTopology", "subnetId", Subnet)],
)
def test_the_access_level_is_any_where_none_is_given(
    path: str, name: str, kind: type[Vcn] | type[Subnet]
) -> None:
    with mock_oci() as cloud:
        query = where(unsigned(cloud)) | {name: next(iter(cloud.world.all(kind))).id}
        answers = [
            httpx2.get(f"{CORE}/{path}", params=query | level)
            for level in ({}, {"accessLevel": "ANY"})
        ]
    assert [answer.status_code for answer in answers] == [200, 200]
    bare, told = (answer.json()["entities"] for answer in answers)
    assert bare == told
