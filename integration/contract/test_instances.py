"""Instances and shapes, identity's lists, work requests, by Oracle's clients."""

from typing import Any

import oci
import pytest
from oci.core import models
from oci.exceptions import ServiceError

from integration.contract.conftest import Oracle


def test_launch_change_stop_terminate(oracle: Oracle) -> None:
    compute = oracle.compute
    domain = oracle.identity.list_availability_domains(oracle.compartment).data[0]
    image = compute.list_images(oracle.compartment).data[0].id
    answer = compute.launch_instance(
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
            source_details=models.InstanceSourceViaImageDetails(
                image_id=image, boot_volume_size_in_gbs=100
            ),
            metadata={"oke-max-pods": "31"},
        )
    )
    launched = answer.data
    assert (launched.image_id, launched.source_details.image_id) == (image, image)
    (resource,) = oracle.done(answer).resources
    assert (resource.identifier, resource.action_type) == (launched.id, "CREATED")
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
    going = oracle.done(compute.terminate_instance(launched.id))
    assert (going.operation_type, going.status) == ("TerminateInstance", "SUCCEEDED")
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


def test_images_fit_shapes(oracle: Oracle) -> None:
    compute = oracle.compute
    arm = compute.list_images(oracle.compartment, shape="VM.Standard.A1.Flex").data
    assert all("aarch64" in image.display_name for image in arm)
    (noble,) = compute.list_images(
        oracle.compartment,
        operating_system="Canonical Ubuntu",
        operating_system_version="24.04",
        shape="VM.Standard.E5.Flex",
    ).data
    assert compute.get_image(noble.id).data.display_name == noble.display_name
    shapes = compute.list_image_shape_compatibility_entries(noble.id).data
    assert "VM.Standard.A1.Flex" not in {entry.shape for entry in shapes}
    with pytest.raises(ServiceError) as caught:
        compute.get_image("ocid1.image.oc1.iad.none")
    assert caught.value.status == 404


def test_an_instance_has_a_boot_volume_and_a_name(oracle: Oracle) -> None:
    domain = oracle.identity.list_availability_domains(oracle.compartment).data[0].name
    image = oracle.compute.list_images(oracle.compartment).data[0].id
    details = models.LaunchInstanceDetails(
        availability_domain=domain,
        compartment_id=oracle.compartment,
        shape="VM.Standard.E2.1",
        subnet_id=oracle.subnet("nodes"),
        image_id=image,
    )
    launched = oracle.compute.launch_instance(details).data
    assert launched.display_name.startswith("instance20")
    where = {"availability_domain": domain, "compartment_id": oracle.compartment}
    (attached,) = oracle.compute.list_boot_volume_attachments(
        **where, instance_id=launched.id
    ).data
    disks = oci.core.BlockstorageClient(
        oracle.config, service_endpoint=oracle.cloud.url
    )
    volume = disks.get_boot_volume(attached.boot_volume_id).data
    assert (volume.image_id, volume.size_in_gbs) == (image, 47)


@pytest.mark.parametrize(
    ("more", "code"),
    [
        ({"image_id": None}, "MissingParameter"),
        (
            {
                "source_details": models.InstanceSourceViaImageDetails(
                    image_id="another"
                )
            },
            "InvalidParameter",
        ),
        ({"metadata": {"user_data": "not base64!"}}, "InvalidParameter"),
        ({"extended_metadata": {"x": "y" * 32_000}}, "InvalidParameter"),
        ({"fault_domain": "FAULT-DOMAIN-9"}, "InvalidParameter"),
    ],
    ids=["no image", "two images", "user data", "metadata size", "fault domain"],
)
def test_a_launch_is_refused(oracle: Oracle, more: dict[str, Any], code: str) -> None:
    domain = oracle.identity.list_availability_domains(oracle.compartment).data[0].name
    before = len(oracle.compute.list_instances(oracle.compartment).data)
    details = models.LaunchInstanceDetails(
        **{
            "availability_domain": domain,
            "compartment_id": oracle.compartment,
            "shape": "VM.Standard.E2.1",
            "subnet_id": oracle.subnet("nodes"),
            "image_id": "image",
            **more,
        }
    )
    with pytest.raises(ServiceError) as caught:
        oracle.compute.launch_instance(details)
    assert (caught.value.status, caught.value.code) == (400, code)
    assert len(oracle.compute.list_instances(oracle.compartment).data) == before
