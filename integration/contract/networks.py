"""Networks that several tests create first."""

from typing import Any

from oci.core.models import (
    AddSubnetIpv6CidrDetails,
    CreateCaptureFilterDetails,
    CreateSubnetDetails,
    CreateVcnDetails,
    CreateVtapDetails,
    VtapCaptureFilterRuleDetails,
)

from integration.contract.conftest import Oracle


def dual_stack(oracle: Oracle) -> str:
    """Create a subnet of both families in the main VCN; return its OCID."""
    network, vcn = oracle.network, oracle.vcn()
    oracle.done(network.add_ipv6_vcn_cidr(vcn))
    block = network.get_vcn(vcn).data.ipv6_cidr_blocks[0]
    prefix = block.replace("::/56", "::/64")
    subnet = network.create_subnet(
        CreateSubnetDetails(
            compartment_id=oracle.compartment,
            vcn_id=vcn,
            cidr_block="10.1.64.0/24",
            display_name="both",
            prohibit_public_ip_on_vnic=True,
        )
    ).data
    done = network.add_ipv6_subnet_cidr(
        subnet.id, AddSubnetIpv6CidrDetails(ipv6_cidr_block=prefix)
    )
    oracle.done(done)
    return str(subnet.id)


def made_vcn(oracle: Oracle) -> str:
    """Create a VCN of both families; return its OCID."""
    vcn = oracle.network.create_vcn(
        CreateVcnDetails(
            compartment_id=oracle.compartment,
            cidr_blocks=["10.50.0.0/20"],
            display_name="mine",
            dns_label="mine",
            is_ipv6_enabled=True,
        )
    ).data
    return str(vcn.id)


def made_subnet(oracle: Oracle, vcn: str, cidr: str = "10.50.0.0/24") -> str:
    """Create a subnet in a VCN; return its OCID."""
    details = CreateSubnetDetails(
        compartment_id=oracle.compartment, vcn_id=vcn, ipv4_cidr_blocks=[cidr]
    )
    return str(oracle.network.create_subnet(details).data.id)


def made_filter(oracle: Oracle, *rules: Any) -> str:
    """Make a capture filter, of all packets unless there are rules; return its OCID."""
    every = VtapCaptureFilterRuleDetails(traffic_direction="EGRESS")
    details = CreateCaptureFilterDetails(
        compartment_id=oracle.compartment,
        filter_type="VTAP",
        vtap_capture_filter_rules=list(rules) or [every],
    )
    return str(oracle.network.create_capture_filter(details).data.id)


def made_vtap(oracle: Oracle, capture_filter: str) -> str:
    """Make a VTAP from the nodes' subnet to a new VNIC; return its OCID."""
    details = CreateVtapDetails(
        compartment_id=oracle.compartment,
        vcn_id=oracle.vcn(),
        source_id=oracle.subnet("nodes"),
        target_id=oracle.attached(),
        capture_filter_id=capture_filter,
    )
    return str(oracle.network.create_vtap(details).data.id)
