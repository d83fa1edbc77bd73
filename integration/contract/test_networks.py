"""VCNs, subnets, rules, routes and gateways by Oracle's clients."""

import oci
import pytest
from oci.core import models
from oci.exceptions import ServiceError

from integration.contract.conftest import Oracle
from integration.contract.networks import made_subnet, made_vcn


def test_a_vcn_and_its_cidr_blocks(oracle: Oracle) -> None:
    network, vcn = oracle.network, made_vcn(oracle)
    got = network.get_vcn(vcn).data
    assert got.lifecycle_state == "AVAILABLE"
    assert got.ipv6_cidr_blocks[0].endswith("::/56")
    listed = network.list_vcns(oracle.compartment, display_name="mine").data
    assert [v.id for v in listed] == [vcn]
    network.update_vcn(vcn, models.UpdateVcnDetails(display_name="other"))
    add = models.AddVcnCidrDetails(cidr_block="10.60.0.0/24")
    assert oracle.done(network.add_vcn_cidr(vcn, add)).status == "SUCCEEDED"
    modify = models.ModifyVcnCidrDetails(
        original_cidr_block="10.60.0.0/24", new_cidr_block="10.60.0.0/23"
    )
    oracle.done(network.modify_vcn_cidr(vcn, modify))
    assert network.get_vcn(vcn).data.cidr_blocks == ["10.50.0.0/20", "10.60.0.0/23"]
    remove = models.RemoveVcnCidrDetails(cidr_block="10.60.0.0/23")
    oracle.done(network.remove_vcn_cidr(vcn, remove))
    oracle.done(network.add_ipv6_vcn_cidr(vcn))
    second = network.get_vcn(vcn).data.ipv6_cidr_blocks[1]
    gone = models.RemoveVcnIpv6CidrDetails(ipv6_cidr_block=second)
    oracle.done(network.remove_ipv6_vcn_cidr(vcn, remove_vcn_ipv6_cidr_details=gone))
    assert len(network.get_vcn(vcn).data.ipv6_cidr_blocks) == 1
    subnet = made_subnet(oracle, vcn)
    with pytest.raises(ServiceError) as caught:
        network.delete_vcn(vcn)
    assert caught.value.status == 409
    network.delete_subnet(subnet)
    network.delete_vcn(vcn)
    with pytest.raises(ServiceError):
        network.get_vcn(vcn)


@pytest.mark.parametrize(
    "cidr", ["10.50.0.0/8", "10.50.0.0/31", "10.50.0.1/24", "nonsense", "fd00::/64"]
)
def test_vcn_blocks_are_checked(oracle: Oracle, cidr: str) -> None:
    details = models.CreateVcnDetails(
        compartment_id=oracle.compartment, cidr_blocks=[cidr]
    )
    with pytest.raises(ServiceError) as caught:
        oracle.network.create_vcn(details)
    assert (caught.value.status, caught.value.code) == (400, "InvalidParameter")


def test_a_subnet_and_its_cidr_blocks(oracle: Oracle) -> None:
    network, vcn = oracle.network, made_vcn(oracle)
    subnet = made_subnet(oracle, vcn)
    for overlapping in ("10.50.0.128/25", "10.99.0.0/24"):
        with pytest.raises(ServiceError) as caught:
            made_subnet(oracle, vcn, overlapping)
        assert caught.value.status == 400
    add = models.AddIpv4SubnetCidrDetails(ipv4_cidr_block="10.50.4.0/24")
    oracle.done(network.add_ipv4_subnet_cidr(subnet, add))
    modify = models.ModifyIpv4SubnetCidrDetails(
        ipv4_cidr_block="10.50.4.0/24", updated_ipv4_cidr_block="10.50.4.0/23"
    )
    oracle.done(network.modify_ipv4_subnet_cidr(subnet, modify))
    got = network.get_subnet(subnet).data
    assert got.ipv4_cidr_blocks == ["10.50.0.0/24", "10.50.4.0/23"]
    assert got.virtual_router_ip == "10.50.0.1"
    remove = models.RemoveIpv4SubnetCidrDetails(ipv4_cidr_block="10.50.4.0/23")
    oracle.done(network.remove_ipv4_subnet_cidr(subnet, remove))
    prefix = network.get_vcn(vcn).data.ipv6_cidr_blocks[0].replace("/56", "/64")
    add6 = models.AddSubnetIpv6CidrDetails(ipv6_cidr_block=prefix)
    oracle.done(network.add_ipv6_subnet_cidr(subnet, add6))
    assert network.get_subnet(subnet).data.ipv6_virtual_router_ip.startswith("fe80:")
    remove6 = models.RemoveSubnetIpv6CidrDetails(ipv6_cidr_block=prefix)
    oracle.done(network.remove_ipv6_subnet_cidr(subnet, remove6))
    network.update_subnet(subnet, models.UpdateSubnetDetails(display_name="x"))
    listed = network.list_subnets(oracle.compartment, vcn_id=vcn).data
    assert [(s.id, s.display_name) for s in listed] == [(subnet, "x")]


def test_a_cidr_in_use_stays(oracle: Oracle) -> None:
    oracle.attached()
    remove = models.RemoveIpv4SubnetCidrDetails(ipv4_cidr_block="10.1.0.0/20")
    with pytest.raises(ServiceError) as caught:
        oracle.network.remove_ipv4_subnet_cidr(oracle.subnet(), remove)
    assert caught.value.status == 409
    with pytest.raises(ServiceError) as caught:
        oracle.network.delete_subnet(oracle.subnet())
    assert caught.value.status == 409


def test_inventory_and_topology(oracle: Oracle) -> None:
    network, subnet = oracle.network, oracle.subnet("nodes")
    used = network.get_subnet_cidr_utilization(subnet).data
    rows = used.ip_inventory_cidr_utilization_summary
    assert [r.cidr for r in rows] == ["10.0.0.0/24"]
    assert 0 < rows[0].utilization < 100
    inventory = network.get_subnet_ip_inventory(subnet).data
    held = inventory.ip_inventory_subnet_resource_summary
    assert {r.assigned_resource_name for r in held} >= {"node1", "node2"}
    assert {r.parent_cidr for r in held} == {"10.0.0.0/24"}
    topology = network.get_subnet_topology(
        oracle.compartment, access_level="ACCESSIBLE", subnet_id=subnet
    ).data
    assert topology.subnet_id == subnet
    whole = network.get_vcn_topology(
        oracle.compartment, access_level="ACCESSIBLE", vcn_id=oracle.vcn()
    ).data
    contained = {(r.id1, r.id2) for r in whole.relationships}
    assert (oracle.vcn(), subnet) in contained


def test_network_security_groups(oracle: Oracle) -> None:
    network = oracle.network
    nsg = network.create_network_security_group(
        models.CreateNetworkSecurityGroupDetails(
            compartment_id=oracle.compartment, vcn_id=oracle.vcn(), display_name="web"
        )
    ).data
    ports = models.TcpOptions(destination_port_range=models.PortRange(min=443, max=443))
    rule = models.AddSecurityRuleDetails(
        direction="INGRESS",
        protocol="6",
        source="10.0.0.0/8",
        source_type="CIDR_BLOCK",
        tcp_options=ports,
    )
    add = models.AddNetworkSecurityGroupSecurityRulesDetails(security_rules=[rule])
    added = network.add_network_security_group_security_rules(nsg.id, add).data
    rule_id = added.security_rules[0].id
    change = models.UpdateSecurityRuleDetails(
        id=rule_id,
        direction="INGRESS",
        protocol="17",
        source="10.0.0.0/8",
        description="changed",
        is_stateless=True,
        udp_options=models.UdpOptions(
            source_port_range=models.PortRange(min=53, max=54)
        ),
    )
    network.update_network_security_group_security_rules(
        nsg.id,
        models.UpdateNetworkSecurityGroupSecurityRulesDetails(security_rules=[change]),
    )
    rules = network.list_network_security_group_security_rules(
        nsg.id, direction="INGRESS"
    ).data
    assert [(r.id, r.protocol, r.description) for r in rules] == [
        (rule_id, "17", "changed")
    ]
    assert rules[0].is_stateless
    assert rules[0].udp_options == change.udp_options
    too_many = models.AddNetworkSecurityGroupSecurityRulesDetails(
        security_rules=[rule] * 26
    )
    with pytest.raises(ServiceError) as caught:
        network.add_network_security_group_security_rules(nsg.id, too_many)
    assert caught.value.status == 400
    vnic = oracle.attached(nsg_ids=[nsg.id])
    members = network.list_network_security_group_vnics(nsg.id).data
    assert [(m.vnic_id, m.resource_id) for m in members] == [(vnic, oracle.instance())]
    with pytest.raises(ServiceError) as caught:
        network.delete_network_security_group(nsg.id)
    assert caught.value.status == 409
    network.update_vnic(vnic, models.UpdateVnicDetails(nsg_ids=[]))
    remove = models.RemoveNetworkSecurityGroupSecurityRulesDetails(
        security_rule_ids=[rule_id]
    )
    network.remove_network_security_group_security_rules(nsg.id, remove)
    network.update_network_security_group(
        nsg.id, models.UpdateNetworkSecurityGroupDetails(display_name="web2")
    )
    found = network.list_network_security_groups(
        compartment_id=oracle.compartment, display_name="web2"
    ).data
    assert [n.id for n in found] == [nsg.id]
    assert network.get_network_security_group(nsg.id).data.vcn_id == oracle.vcn()
    network.delete_network_security_group(nsg.id)


def test_security_lists(oracle: Oracle) -> None:
    network, vcn = oracle.network, made_vcn(oracle)
    egress = models.EgressSecurityRule(destination="0.0.0.0/0", protocol="all")
    made = network.create_security_list(
        models.CreateSecurityListDetails(
            compartment_id=oracle.compartment,
            vcn_id=vcn,
            egress_security_rules=[egress],
            ingress_security_rules=[],
        )
    ).data
    ingress = models.IngressSecurityRule(source="10.0.0.0/8", protocol="1")
    network.update_security_list(
        made.id, models.UpdateSecurityListDetails(ingress_security_rules=[ingress])
    )
    got = network.get_security_list(made.id).data
    assert len(got.egress_security_rules) == len(got.ingress_security_rules) == 1
    listed = network.list_security_lists(oracle.compartment, vcn_id=vcn).data
    assert len(listed) == 2  # the other is the VCN's default
    network.delete_security_list(made.id)
    default = network.get_vcn(vcn).data.default_security_list_id
    with pytest.raises(ServiceError) as caught:
        network.delete_security_list(default)
    assert caught.value.status == 400


def test_lists_have_pages_and_an_order(oracle: Oracle) -> None:
    every = oci.pagination.list_call_get_all_results(
        oracle.network.list_subnets,
        oracle.compartment,
        limit=1,
        sort_by="DISPLAYNAME",
        sort_order="DESC",
    ).data
    names = [s.display_name for s in every]
    assert len(names) > 2
    assert names == sorted(names, reverse=True)
