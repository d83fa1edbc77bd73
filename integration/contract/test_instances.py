"""Instances and shapes, identity's lists, work requests, by Oracle's clients."""

import oci
import pytest
from oci.core import models
from oci.exceptions import ServiceError

from integration.contract.conftest import Oracle


def test_launch_change_stop_terminate(oracle: Oracle) -> None:
    compute = oracle.compute
    domain = oracle.identity.list_availability_domains(oracle.compartment).data[0]
    launched = compute.launch_instance(
        models.LaunchInstanceDetails(
            availability_domain=domain.name,
            compartment_id=oracle.compartment,
            shape="VM.Standard.E5.Flex",
            shape_config=models.LaunchInstanceShapeConfigDetails(
                ocpus=3.0, memory_in_gbs=24.0
            ),
            display_name="new",
            create_vnic_details=models.CreateVnicDetails(
                subnet_id=oracle.subnet("nodes")
            ),
            source_details=models.InstanceSourceViaImageDetails(image_id="image"),
            metadata={"oke-max-pods": "31"},
        )
    ).data
    assert launched.lifecycle_state == "PROVISIONING"
    running = oci.wait_until(
        compute, compute.get_instance(launched.id), "lifecycle_state", "RUNNING"
    ).data
    assert running.shape_config.max_vnic_attachments == 3
    attached = compute.list_vnic_attachments(
        oracle.compartment, instance_id=launched.id
    ).data
    assert oracle.network.get_vnic(attached[0].vnic_id).data.is_primary
    config = models.UpdateInstanceShapeConfigDetails(ocpus=8.0)
    compute.update_instance(
        launched.id, models.UpdateInstanceDetails(shape_config=config)
    )
    got = compute.get_instance(launched.id)
    assert got.data.shape_config.max_vnic_attachments == 8
    compute.instance_action(launched.id, "STOP")
    oci.wait_until(
        compute, compute.get_instance(launched.id), "lifecycle_state", "STOPPED"
    )
    with pytest.raises(ServiceError) as caught:
        compute.instance_action(launched.id, "STOP")
    assert (caught.value.status, caught.value.code) == (409, "IncorrectState")
    compute.terminate_instance(launched.id)
    gone = compute.list_instances(
        oracle.compartment, display_name="new", lifecycle_state="TERMINATED"
    ).data
    assert [i.id for i in gone] == [launched.id]
    with pytest.raises(ServiceError):
        oracle.network.get_vnic(attached[0].vnic_id)


def test_shapes_tell_their_vnics(oracle: Oracle) -> None:
    shapes = {s.shape: s for s in oracle.compute.list_shapes(oracle.compartment).data}
    flexible = shapes["VM.Standard.E5.Flex"]
    assert (flexible.is_flexible, flexible.max_vnic_attachments) == (True, 2)
    options = flexible.max_vnic_attachment_options
    assert (options.min, options.max, options.default_per_ocpu) == (2, 24.0, 1.0)
    assert shapes["VM.Standard.E2.1.Micro"].max_vnic_attachments == 1


def test_who_and_where_we_are(oracle: Oracle) -> None:
    identity, tenancy = oracle.identity, oracle.config["tenancy"]
    assert identity.get_tenancy(tenancy).data.home_region_key == "IAD"
    assert [r.name for r in identity.list_regions().data] == ["us-ashburn-1"]
    subscribed = identity.list_region_subscriptions(tenancy).data
    assert [(s.region_name, s.is_home_region) for s in subscribed] == [
        ("us-ashburn-1", True)
    ]
    inside = identity.list_compartments(tenancy).data
    assert [c.id for c in inside] == [oracle.compartment]
    assert identity.get_compartment(oracle.compartment).data.compartment_id == tenancy
    domain = identity.list_availability_domains(tenancy).data[0].name
    assert len(identity.list_fault_domains(tenancy, domain).data) == 3


def test_work_requests_are_listed(oracle: Oracle) -> None:
    vnic = oracle.attached()
    details = models.BulkCreatePrivateIpsDetails(
        vnic_id=vnic,
        bulk_create_private_ip_item=[models.BulkCreatePrivateIpItem()],
    )
    started = oracle.network.bulk_create_private_ips(details)
    work = oracle.done(started)
    made = work.resources[0].identifier
    listed = oracle.work.list_work_requests(oracle.compartment, resource_id=made).data
    assert [w.id for w in listed] == [work.id]
    assert work.percent_complete == 100.0
    assert work.time_accepted < work.time_finished
