"""VTAPs and capture filters, by Oracle's clients."""

import pytest
from oci.core import models
from oci.exceptions import ServiceError

from integration.contract.conftest import Oracle
from integration.contract.networks import made_filter, made_vtap


def test_vtap_and_its_capture_filter(oracle: Oracle) -> None:
    network = oracle.network
    rule = models.VtapCaptureFilterRuleDetails(
        traffic_direction="INGRESS",
        rule_action="EXCLUDE",
        source_cidr="10.0.0.0/8",
        protocol="6",
        tcp_options=models.TcpOptions(
            destination_port_range=models.PortRange(min=80, max=81)
        ),
    )
    held = network.get_capture_filter(made_filter(oracle, rule)).data
    assert held.vtap_capture_filter_rules == [rule]
    every = models.VtapCaptureFilterRuleDetails(traffic_direction="EGRESS")
    network.update_capture_filter(
        held.id,
        models.UpdateCaptureFilterDetails(vtap_capture_filter_rules=[rule, every]),
    )
    rules = network.get_capture_filter(held.id).data.vtap_capture_filter_rules
    assert [r.traffic_direction for r in rules] == ["INGRESS", "EGRESS"]
    assert network.list_capture_filters(oracle.compartment).data
    vtap = network.get_vtap(made_vtap(oracle, held.id)).data
    assert (vtap.is_vtap_enabled, vtap.lifecycle_state_details) == (False, "STOPPED")
    assert (vtap.source_type, vtap.target_type) == ("SUBNET", "VNIC")
    started = models.UpdateVtapDetails(is_vtap_enabled=True)
    oracle.done(network.update_vtap(vtap.id, started))
    assert network.get_vtap(vtap.id).data.lifecycle_state_details == "RUNNING"
    here = {"vcn_id": oracle.vcn(), "is_vtap_enabled": True}
    listed = network.list_vtaps(oracle.compartment, **here).data
    assert [v.id for v in listed] == [vtap.id]
    with pytest.raises(ServiceError) as caught:
        network.delete_capture_filter(held.id)
    assert caught.value.status == 409
    oracle.done(network.delete_vtap(vtap.id))
    network.delete_capture_filter(held.id)
