"""Instance and region by the metadata service, and a VNIC in the flows' form."""

import json
from typing import Any

import httpx2
import pytest

from tests.doubles.server import Reply, Server, oci
from vcnd.model.errors import CloudError, CloudRefusedError
from vcnd.model.family import Family
from vcnd.model.ids import OWN_CLASS, PrivateIpId, VnicId
from vcnd.model.vnic import PrivateIp, Vnic
from vcnd.oci.where import ImdsWhere, Instance, as_vnic
from vcnd.ociapi.errors import BadAnswerError
from vcnd.ociapi.imds import Metadata
from vcnd.ociapi.meter import ApiMeter
from vcnd.ociapi.wire import ImdsVnic

URL = "http://169.254.169.254/opc/v2"


class Imds:
    """A metadata service of one instance."""

    def __init__(self) -> None:
        self.vnic_limit = 4
        self.reads = 0

    def answer(self, _request: httpx2.Request) -> Reply:
        self.reads += 1
        region = {"regionIdentifier": "iad", "realmDomainComponent": "example.com"}
        body = {
            "id": "i",
            "compartmentId": "c",
            "regionInfo": region,
            "shapeConfig": {"maxVnicAttachments": self.vnic_limit},
        }
        return Reply(body=json.dumps(body).encode())


async def test_the_instance_is_asked_for_once_or_anew() -> None:
    imds = Imds()
    async with oci(Server(imds.answer)) as client:
        where = ImdsWhere(Metadata(client=client, base_url=URL, meter=ApiMeter()))
        assert (await where.region()).region_identifier == "iad"
        four = Instance(id="i", compartment_id="c", vnic_limit=4)
        assert await where.known() == four
        assert imds.reads == 1
        imds.vnic_limit = 2  # the instance gets another shape
        assert await where.known() == four
        assert (await where.instance()).vnic_limit == 2
        assert (await where.known()).vnic_limit == 2
        assert imds.reads == 2


FOREIGN = {
    "vnicId": "six",
    "macAddr": "02:00:17:00:00:0B",
    "vlanTag": 0,
    "subnetCidrBlock": None,
    "ipv6Addresses": ["fd00::7"],
    "ipv6VirtualRouterIp": "fe80::1",
}
"""As in cloud-init's issue 6123: a VNIC without IPv4."""
OURS = {
    "vnicId": "ours",
    "macAddr": "02:00:17:00:00:0A",
    "privateIp": "10.1.0.2",
    "virtualRouterIp": "10.1.0.1",
    "subnetCidrBlock": "10.1.0.0/16",
}


async def listed(*bodies: Any) -> dict[str, ImdsVnic]:
    reply = Reply(body=json.dumps(bodies).encode())
    async with oci(Server(lambda _: reply)) as client:
        metadata = Metadata(client=client, base_url=URL, meter=ApiMeter())
        return await ImdsWhere(metadata).vnics()


@pytest.mark.parametrize(
    ("fields", "why"),
    [
        ({}, "no IPv4"),
        ({"privateIp": None, "vlanTag": None}, "no IPv4"),
        ({"ipv6Addresses": None}, "no IPv4"),
        ({"privateIp": 5}, "privateIp"),
        ({"vlanTag": 5000}, "vlanTag"),
        ({"ipv6Addresses": {}}, "ipv6Addresses"),
    ],
)
async def test_an_odd_vnic_hides_no_other(fields: dict[str, Any], why: str) -> None:
    found = await listed(FOREIGN | fields, OURS)
    assert found.keys() == {"six", "ours"}
    assert vnic(found["ours"], Family.IPV4).address == "10.1.0.2"
    with pytest.raises(CloudError, match=f"VNIC six: .*{why}"):
        vnic(found["six"], Family.IPV4)


@pytest.mark.parametrize("body", [5, {}, {"vnicId": "/"}, {"vnicId": "x"}])
async def test_a_vnic_without_name_is_a_bad_answer(body: Any) -> None:
    with pytest.raises(BadAnswerError):
        await listed(OURS, body)


def local(**fields: Any) -> ImdsVnic:
    return ImdsVnic(
        vnic_id="v",
        mac_addr="02:00:17:00:00:0A",
        private_ip="10.1.0.2",
        virtual_router_ip="10.1.0.1",
        subnet_cidr_block="10.1.0.0/16",
        ipv6_addresses=["fd00::5", "fd00::2"],
        ipv6_subnet_cidr_block="fd00::/64",
        ipv6_virtual_router_ip="fe80::1",
        **fields,
    )


def vnic(found: ImdsVnic, *families: Family) -> Vnic:
    pod = PrivateIp(id=PrivateIpId("p"), address="fd00::5", vnic_id=VnicId("v"))
    return as_vnic(
        found, subnet_id="s", pod_class=OWN_CLASS, families=families, pods=[pod]
    )


def test_a_vnics_own_ipv6_address_is_no_pods() -> None:
    found = vnic(local(), Family.IPV4, Family.IPV6)
    assert found.ipv6 == "fd00::2"
    assert (found.ipv6_cidr, found.ipv6_router) == ("fd00::/64", "fe80::1")
    assert found.mac == "02:00:17:00:00:0a"


def test_ipv6_is_left_out_where_pods_have_none() -> None:
    found = vnic(local(), Family.IPV4)
    assert (found.ipv6, found.ipv6_cidr, found.ipv6_router) == ("", "", "")


def test_a_vnic_that_cannot_carry_pods() -> None:
    with pytest.raises(CloudRefusedError, match="VLAN tag 7"):
        vnic(local(vlan_tag=7), Family.IPV4)
    odd = local()
    odd.mac_addr = "banana"
    with pytest.raises(CloudError, match="VNIC v: 'banana' is no MAC"):
        vnic(odd, Family.IPV4)
