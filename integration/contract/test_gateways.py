"""Gateways, routes through them, and DHCP options, by Oracle's clients."""

import pytest
from oci.core import models
from oci.exceptions import ServiceError

from integration.contract.conftest import Oracle
from integration.contract.networks import made_subnet, made_vcn


def test_gateways_and_routes(oracle: Oracle) -> None:
    network, vcn = oracle.network, made_vcn(oracle)
    common = {"compartment_id": oracle.compartment, "vcn_id": vcn}
    internet = network.create_internet_gateway(
        models.CreateInternetGatewayDetails(is_enabled=True, **common)
    ).data
    nat = network.create_nat_gateway(models.CreateNatGatewayDetails(**common)).data
    assert network.get_nat_gateway(nat.id).data.nat_ip
    route = models.RouteRule(
        destination="0.0.0.0/0",
        destination_type="CIDR_BLOCK",
        network_entity_id=internet.id,
    )
    table = network.create_route_table(
        models.CreateRouteTableDetails(route_rules=[route], **common)
    ).data
    with pytest.raises(ServiceError) as caught:
        network.delete_internet_gateway(internet.id)
    assert caught.value.status == 409
    network.update_route_table(table.id, models.UpdateRouteTableDetails(route_rules=[]))
    assert network.get_route_table(table.id).data.route_rules == []
    listed = network.list_route_tables(oracle.compartment, vcn_id=vcn).data
    assert table.id in {t.id for t in listed}
    network.delete_route_table(table.id)
    network.update_internet_gateway(
        internet.id, models.UpdateInternetGatewayDetails(display_name="x")
    )
    assert network.get_internet_gateway(internet.id).data.display_name == "x"
    seen = network.list_internet_gateways(oracle.compartment, vcn_id=vcn).data
    assert [g.id for g in seen] == [internet.id]
    network.delete_internet_gateway(internet.id)
    network.update_nat_gateway(nat.id, models.UpdateNatGatewayDetails(display_name="y"))
    assert network.list_nat_gateways(oracle.compartment, vcn_id=vcn).data
    network.delete_nat_gateway(nat.id)


def test_peering(oracle: Oracle) -> None:
    network = oracle.network
    ends = [
        network.create_local_peering_gateway(
            models.CreateLocalPeeringGatewayDetails(
                compartment_id=oracle.compartment, vcn_id=vcn
            )
        ).data
        for vcn in (made_vcn(oracle), oracle.vcn())
    ]
    network.connect_local_peering_gateways(
        ends[0].id, models.ConnectLocalPeeringGatewaysDetails(peer_id=ends[1].id)
    )
    got = network.get_local_peering_gateway(ends[0].id).data
    assert (got.peering_status, got.peer_id) == ("PEERED", ends[1].id)
    assert got.peer_advertised_cidr_details == ["10.0.0.0/16", "10.1.0.0/16"]
    network.update_local_peering_gateway(
        ends[0].id, models.UpdateLocalPeeringGatewayDetails(display_name="x")
    )
    assert network.list_local_peering_gateways(oracle.compartment).data
    for end in ends:
        network.delete_local_peering_gateway(end.id)


def test_drgs(oracle: Oracle) -> None:
    network = oracle.network
    there = network.list_drgs(oracle.compartment).data[0]
    assert network.get_drg(there.id).data.display_name == "to-office"
    attached = network.list_drg_attachments(oracle.compartment).data
    assert [(a.drg_id, a.vcn_id) for a in attached] == [(there.id, oracle.vcn())]
    vcn = made_vcn(oracle)
    drg = network.create_drg(
        models.CreateDrgDetails(compartment_id=oracle.compartment)
    ).data
    network.update_drg(drg.id, models.UpdateDrgDetails(display_name="x"))
    details = models.CreateDrgAttachmentDetails(
        drg_id=drg.id,
        network_details=models.VcnDrgAttachmentNetworkCreateDetails(id=vcn),
    )
    attachment = network.create_drg_attachment(details).data
    assert attachment.network_details.id == vcn
    with pytest.raises(ServiceError) as caught:
        network.create_drg_attachment(details)
    assert caught.value.code == "LimitExceeded"
    with pytest.raises(ServiceError) as caught:
        network.delete_drg(drg.id)
    assert caught.value.status == 409
    assert network.get_drg_attachment(attachment.id).data.drg_id == drg.id
    renamed = network.update_drg_attachment(
        attachment.id, models.UpdateDrgAttachmentDetails(display_name="renamed")
    )
    assert renamed.data.display_name == "renamed"
    network.delete_drg_attachment(attachment.id)
    network.delete_drg(drg.id)


def test_service_gateways(oracle: Oracle) -> None:
    network, vcn = oracle.network, made_vcn(oracle)
    services = network.list_services().data
    assert network.get_service(services[0].id).data.name == services[0].name
    wanted = models.ServiceIdRequestDetails(service_id=services[0].id)
    gateway = network.create_service_gateway(
        models.CreateServiceGatewayDetails(
            compartment_id=oracle.compartment, vcn_id=vcn, services=[wanted]
        )
    ).data
    assert [s.service_id for s in gateway.services] == [services[0].id]
    more = models.ServiceIdRequestDetails(service_id=services[1].id)
    changed = network.attach_service_id(gateway.id, more).data
    assert len(changed.services) == 2
    changed = network.detach_service_id(gateway.id, wanted).data
    assert [s.service_id for s in changed.services] == [services[1].id]
    network.update_service_gateway(
        gateway.id, models.UpdateServiceGatewayDetails(block_traffic=True)
    )
    assert network.get_service_gateway(gateway.id).data.block_traffic
    assert network.list_service_gateways(oracle.compartment, vcn_id=vcn).data
    with pytest.raises(ServiceError):
        network.attach_service_id(
            gateway.id, models.ServiceIdRequestDetails(service_id="no")
        )
    network.delete_service_gateway(gateway.id)


def test_dhcp_options(oracle: Oracle) -> None:
    network, vcn = oracle.network, made_vcn(oracle)
    default = network.get_vcn(vcn).data.default_dhcp_options_id
    assert network.get_dhcp_options(default).data.options[0].server_type
    made = network.create_dhcp_options(
        models.CreateDhcpDetails(
            compartment_id=oracle.compartment,
            vcn_id=vcn,
            options=[
                models.DhcpDnsOption(
                    server_type="CustomDnsServer", custom_dns_servers=["10.50.0.5"]
                ),
                models.DhcpSearchDomainOption(search_domain_names=["example.com"]),
            ],
        )
    ).data
    assert made.options[0].custom_dns_servers == ["10.50.0.5"]
    network.update_dhcp_options(made.id, models.UpdateDhcpDetails(options=[]))
    subnet = made_subnet(oracle, vcn)
    assert network.get_subnet(subnet).data.dhcp_options_id == default
    network.update_subnet(subnet, models.UpdateSubnetDetails(dhcp_options_id=made.id))
    with pytest.raises(ServiceError) as caught:
        network.delete_dhcp_options(made.id)
    assert caught.value.status == 409
    network.delete_subnet(subnet)
    assert len(network.list_dhcp_options(oracle.compartment, vcn_id=vcn).data) == 2
    network.delete_dhcp_options(made.id)
