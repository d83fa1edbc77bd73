"""Private IPs and IPv6s, single, in blocks, reserved and in bulk."""

from ipaddress import ip_address, ip_network
from typing import Any

import oci
import pytest
from oci.core import models
from oci.exceptions import ServiceError

from integration.contract.conftest import Oracle
from integration.contract.networks import dual_stack


class Family:
    """One family's operations under common names."""

    def __init__(self, oracle: Oracle, version: int) -> None:
        self.oracle, self.version = oracle, version
        self.subnet = dual_stack(oracle)
        network, v4 = oracle.network, version == 4
        self.create = network.create_private_ip if v4 else network.create_ipv6
        self.get = network.get_private_ip if v4 else network.get_ipv6
        self.list = network.list_private_ips if v4 else network.list_ipv6s
        self.update = network.update_private_ip if v4 else network.update_ipv6
        self.delete = network.delete_private_ip if v4 else network.delete_ipv6
        self.detach = network.private_ip_vnic_detach if v4 else network.ipv6_vnic_detach
        word = "private_ip" if v4 else "ipv6"
        self.bulk = {
            verb: getattr(network, f"bulk_{verb}_{word}s")
            for verb in ("create", "delete", "detach", "update")
        }
        self.block = 28 if v4 else 120

    def new(self, **fields: Any) -> Any:
        v4 = self.version == 4
        made = models.CreatePrivateIpDetails if v4 else models.CreateIpv6Details
        return self.create(made(**fields)).data

    def changed(self, **fields: Any) -> Any:
        v4 = self.version == 4
        return (models.UpdatePrivateIpDetails if v4 else models.UpdateIpv6Details)(
            **fields
        )

    def in_bulk(self, verb: str, items: list[dict[str, Any]], **where: str) -> Any:
        """Carry out a bulk action; return its work request."""
        plural = "PrivateIps" if self.version == 4 else "Ipv6s"
        item = "PrivateIpItem" if self.version == 4 else "Ipv6sItem"
        kind = getattr(models, f"Bulk{verb.capitalize()}{item}")
        details = getattr(models, f"Bulk{verb.capitalize()}{plural}Details")
        field = "private_ip_item" if self.version == 4 else "ipv6s_item"
        body = {f"bulk_{verb}_{field}": [kind(**i) for i in items]}
        done = self.bulk[verb](details(**body, **where))
        assert done.status == 202
        assert done.data is None
        return self.oracle.done(done)

    def ids(self, vnic_id: str) -> dict[str, Any]:
        """Return a VNIC's secondary objects, by OCID."""
        listed = oci.pagination.list_call_get_all_results(self.list, vnic_id=vnic_id)
        return {a.id: a for a in listed.data if not getattr(a, "is_primary", False)}

    @property
    def id_field(self) -> str:
        return "private_ip_id" if self.version == 4 else "ipv6_id"


@pytest.fixture(params=[4, 6], ids=["ipv4", "ipv6"])
def family(oracle: Oracle, request: pytest.FixtureRequest) -> Family:
    return Family(oracle, request.param)


def test_create_get_list_update_delete(family: Family) -> None:
    vnic = family.oracle.attached(subnet_id=family.subnet)
    made = family.new(vnic_id=vnic, display_name="one", freeform_tags={"k": "v"})
    got = family.get(made.id)
    assert got.data.ip_address == made.ip_address
    assert (got.data.ip_state, got.data.lifetime) == ("ASSIGNED", "EPHEMERAL")
    assert ip_address(made.ip_address).version == family.version
    found = family.list(ip_address=made.ip_address, subnet_id=made.subnet_id).data
    assert [a.id for a in found] == [made.id]
    assert family.ids(vnic).keys() == {made.id}
    changed = family.update(
        made.id, family.changed(display_name="two"), if_match=got.headers["etag"]
    )
    assert (changed.data.display_name, changed.data.id) == ("two", made.id)
    with pytest.raises(ServiceError) as caught:
        family.delete(made.id, if_match=got.headers["etag"])
    assert caught.value.status == 412
    assert family.delete(made.id).status == 204
    with pytest.raises(ServiceError) as caught:
        family.get(made.id)
    assert caught.value.code == "NotAuthorizedOrNotFound"


def test_a_block_is_one_object(family: Family) -> None:
    vnic = family.oracle.attached(subnet_id=family.subnet)
    block = family.new(vnic_id=vnic, cidr_prefix_length=family.block)
    network = ip_network(f"{block.ip_address}/{block.cidr_prefix_length}")
    assert network.prefixlen == family.block
    single = family.new(vnic_id=vnic)
    assert ip_address(single.ip_address) not in network
    inside = str(network[3])
    with pytest.raises(ServiceError) as caught:
        family.new(vnic_id=vnic, ip_address=inside)
    assert caught.value.status == 409
    with pytest.raises(ServiceError) as caught:
        family.new(vnic_id=vnic, cidr_prefix_length=17)
    assert caught.value.status == 400


def test_a_reserved_address_moves_and_outlives_its_vnic(family: Family) -> None:
    oracle = family.oracle
    one = oracle.attached("node1", subnet_id=family.subnet)
    two = oracle.attached("node2", subnet_id=family.subnet)
    fixed = family.new(subnet_id=family.subnet, lifetime="RESERVED")
    assert (fixed.ip_state, fixed.vnic_id) == ("AVAILABLE", None)
    for vnic in (one, two):
        moved = family.update(fixed.id, family.changed(vnic_id=vnic)).data
        assert (moved.id, moved.vnic_id) == (fixed.id, vnic)
    attachment = oracle.compute.list_vnic_attachments(
        oracle.compartment, vnic_id=two
    ).data[0]
    oracle.compute.detach_vnic(attachment.id)
    oracle.cloud.clock.sleep(15.0)
    assert family.get(fixed.id).data.ip_state == "AVAILABLE"
    family.update(fixed.id, family.changed(vnic_id=one))
    freed = family.detach(fixed.id).data
    assert (freed.vnic_id, freed.ip_state) == (None, "AVAILABLE")
    reserved = family.list(
        subnet_id=family.subnet, lifetime="RESERVED", ip_state="AVAILABLE"
    ).data
    assert [a.id for a in reserved] == [fixed.id]
    ephemeral = family.new(vnic_id=one)
    with pytest.raises(ServiceError) as caught:
        family.detach(ephemeral.id)
    assert caught.value.status == 400


def test_bulk_actions(family: Family) -> None:
    vnic = family.oracle.attached(subnet_id=family.subnet)
    items: list[dict[str, Any]] = [{"display_name": f"n{n}"} for n in range(8)]
    items.append({"cidr_prefix_length": family.block})
    items.append({"lifetime": "RESERVED"})
    work = family.in_bulk("create", items, vnic_id=vnic)
    assert work.status == "SUCCEEDED"
    assert {r.action_type for r in work.resources} == {"CREATED"}
    made = family.ids(vnic)
    assert {r.identifier for r in work.resources} == made.keys()
    assert len(made) == 10
    reserved = next(i for i, a in made.items() if a.lifetime == "RESERVED")
    some = list(made)[:2]
    work = family.in_bulk(
        "update",
        [{family.id_field: i, "display_name": "same"} for i in some],
        vnic_id=vnic,
    )
    assert work.status == "SUCCEEDED"
    assert {family.get(i).data.display_name for i in some} == {"same"}
    family.in_bulk("detach", [{family.id_field: reserved}], vnic_id=vnic)
    assert family.get(reserved).data.vnic_id is None
    family.in_bulk(
        "delete", [{family.id_field: i} for i in made if i != reserved], vnic_id=vnic
    )
    assert family.ids(vnic) == {}


def test_bulk_create_without_room_names_the_reason(family: Family) -> None:
    vnic = family.oracle.attached(subnet_id=family.subnet)
    work = family.in_bulk("create", [{}] * 65, vnic_id=vnic)
    assert work.status == "FAILED"
    errors = family.oracle.work.list_work_request_errors(work.id).data
    assert [e.code for e in errors] == ["LimitExceeded"]
    logs = family.oracle.work.list_work_request_logs(work.id).data
    assert len(logs) == 2
    assert family.ids(vnic) == {}


def test_one_change_of_a_vnics_addresses_at_a_time(family: Family) -> None:
    vnic = family.oracle.attached(subnet_id=family.subnet)
    details = models.BulkCreatePrivateIpsDetails(
        vnic_id=vnic,
        bulk_create_private_ip_item=[models.BulkCreatePrivateIpItem()],
    )
    family.oracle.network.bulk_create_private_ips(details)
    with pytest.raises(ServiceError) as caught:
        family.new(vnic_id=vnic)
    assert (caught.value.status, caught.value.code) == (409, "Conflict")


def test_primary_addresses_stay(oracle: Oracle) -> None:
    vnic = oracle.attached()
    primary = oracle.network.list_private_ips(vnic_id=vnic).data[0]
    assert primary.is_primary
    with pytest.raises(ServiceError) as caught:
        oracle.network.delete_private_ip(primary.id)
    assert caught.value.status == 400


def test_where_is_required(oracle: Oracle) -> None:
    with pytest.raises(ServiceError) as caught:
        oracle.network.create_private_ip(models.CreatePrivateIpDetails())
    assert caught.value.code == "MissingParameter"
    assert "subnetId, vnicId, vlanId" in caught.value.message


def test_an_address_of_each_of_several_cidrs(oracle: Oracle) -> None:
    details = models.AddIpv4SubnetCidrDetails(ipv4_cidr_block="10.1.80.0/24")
    oracle.done(oracle.network.add_ipv4_subnet_cidr(oracle.subnet(), details))
    vnic = oracle.attached()
    made = oracle.network.create_private_ip(
        models.CreatePrivateIpDetails(
            vnic_id=vnic,
            cidr_prefix_length=27,
            ipv4_subnet_cidr_at_creation="10.1.80.0/24",
        )
    ).data
    assert ip_address(made.ip_address) in ip_network("10.1.80.0/24")
    assert made.ipv4_subnet_cidr_at_creation == "10.1.80.0/24"
