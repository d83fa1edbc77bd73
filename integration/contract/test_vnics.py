"""VNICs, attached and changed by Oracle's clients."""

from typing import Any

import oci
import pytest
from oci.core.models import (
    AttachVnicDetails,
    CreatePrivateIpDetails,
    CreateVnicDetails,
    Ipv6AddressIpv6SubnetCidrPairDetails,
    UpdateVnicDetails,
)
from oci.exceptions import ServiceError

from integration.contract.conftest import Oracle
from integration.contract.networks import dual_stack


def test_attach_update_detach(oracle: Oracle) -> None:
    vnic_id = oracle.attached(display_name="pods", freeform_tags={"owner": "me"})
    vnic = oracle.network.get_vnic(vnic_id)
    assert vnic.data.lifecycle_state == "AVAILABLE"
    assert vnic.data.freeform_tags == {"owner": "me"}
    assert vnic.data.private_ip.startswith("10.1.")
    assert not vnic.data.is_primary
    changed = oracle.network.update_vnic(
        vnic_id,
        UpdateVnicDetails(display_name="other", skip_source_dest_check=True),
        if_match=vnic.headers["etag"],
    )
    assert changed.data.display_name == "other"
    assert changed.data.skip_source_dest_check
    assert changed.headers["etag"] != vnic.headers["etag"]
    with pytest.raises(ServiceError) as caught:
        oracle.network.update_vnic(
            vnic_id, UpdateVnicDetails(), if_match=vnic.headers["etag"]
        )
    assert (caught.value.status, caught.value.code) == (412, "NoEtagMatch")
    listed = oracle.compute.list_vnic_attachments(
        oracle.compartment, instance_id=oracle.instance(), vnic_id=vnic_id
    ).data
    assert [a.lifecycle_state for a in listed] == ["ATTACHED"]
    oracle.compute.detach_vnic(listed[0].id)
    gone = oracle.compute.get_vnic_attachment(listed[0].id)
    assert gone.data.lifecycle_state == "DETACHING"
    oci.wait_until(oracle.compute, gone, "lifecycle_state", "DETACHED")
    with pytest.raises(ServiceError) as caught:
        oracle.network.get_vnic(vnic_id)
    assert (caught.value.status, caught.value.code) == (404, "NotAuthorizedOrNotFound")


def test_a_vnic_in_both_families_with_chosen_addresses(oracle: Oracle) -> None:
    subnet = dual_stack(oracle)
    prefix = oracle.network.get_subnet(subnet).data.ipv6_cidr_block
    vnic_id = oracle.attached(
        subnet_id=subnet,
        private_ip="10.1.64.9",
        ipv6_address_ipv6_subnet_cidr_pair_details=[
            Ipv6AddressIpv6SubnetCidrPairDetails(ipv6_subnet_cidr=prefix)
        ],
    )
    vnic = oracle.network.get_vnic(vnic_id).data
    assert vnic.private_ip == "10.1.64.9"
    assert len(vnic.ipv6_addresses) == 1
    simple = oracle.attached("node2", subnet_id=subnet, assign_ipv6_ip=True)
    assert len(oracle.network.get_vnic(simple).data.ipv6_addresses) == 1


def test_a_reserved_private_ip_becomes_the_primary_one(oracle: Oracle) -> None:
    reserved = oracle.network.create_private_ip(
        CreatePrivateIpDetails(subnet_id=oracle.subnet(), lifetime="RESERVED")
    ).data
    vnic_id = oracle.attached(private_ip_id=reserved.id)
    assert oracle.network.get_vnic(vnic_id).data.private_ip == reserved.ip_address
    held = oracle.network.get_private_ip(reserved.id).data
    assert (held.vnic_id, held.is_primary) == (vnic_id, True)


@pytest.mark.parametrize(
    ("vnic", "status", "code"),
    [
        ({"subnet_id": "ocid1.subnet.oc1.iad.no"}, 404, "NotAuthorizedOrNotFound"),
        ({"nsg_ids": ["ocid1.networksecuritygroup.oc1.iad.no"]}, 404, None),
        ({"assign_public_ip": True}, 400, "InvalidParameter"),
        ({"private_ip": "10.9.9.9"}, 400, "InvalidParameter"),
        ({"assign_ipv6_ip": True}, 400, "InvalidParameter"),
        ({"vlan_id": "ocid1.vlan.oc1.iad.x"}, 400, "InvalidParameter"),
        ({"freeform_tags": {"a.b": "c"}}, 400, "InvalidParameter"),
    ],
)
def test_refused_vnics_leave_nothing(
    oracle: Oracle, vnic: dict[str, Any], status: int, code: str | None
) -> None:
    with pytest.raises(ServiceError) as caught:
        oracle.attached(**vnic)
    assert caught.value.status == status
    assert code in (None, caught.value.code)
    assert caught.value.request_id
    listed = oracle.compute.list_vnic_attachments(
        oracle.compartment, instance_id=oracle.instance()
    ).data
    assert len(listed) == 1


def test_one_change_of_an_instances_vnics_at_a_time(oracle: Oracle) -> None:
    details = AttachVnicDetails(
        instance_id=oracle.instance(),
        create_vnic_details=CreateVnicDetails(subnet_id=oracle.subnet()),
    )
    oracle.compute.attach_vnic(details)
    with pytest.raises(ServiceError) as caught:
        oracle.compute.attach_vnic(details)
    assert (caught.value.status, caught.value.code) == (409, "Conflict")
    assert "currently being modified" in caught.value.message
