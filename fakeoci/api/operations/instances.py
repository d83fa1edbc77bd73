"""Operations on instances and their shapes."""

import base64
import binascii
from datetime import UTC, datetime
from typing import Any

import msgspec

from fakeoci.api.answers import SORTS, listed, one
from fakeoci.api.crud import changing, getter, names, rename
from fakeoci.api.details.base import decode
from fakeoci.api.details.instances import (
    LaunchInstanceDetails,
    LaunchInstanceShapeConfigDetails,
    UpdateInstanceDetails,
)
from fakeoci.api.details.vnics import CreateVnicDetails
from fakeoci.api.operations.vnics import new_vnic
from fakeoci.api.paging import page
from fakeoci.api.query import check_domain, compartment, in_state, matching, need
from fakeoci.api.service import Call, Operation, Result
from fakeoci.world import instances, work
from fakeoci.world.errors import incorrect_state, invalid, limit_exceeded, missing
from fakeoci.world.images import check_image
from fakeoci.world.labels import FAULT_DOMAINS
from fakeoci.world.resources import Instance
from fakeoci.world.shapes import (
    FIXED,
    FLEXIBLE,
    GIGABYTES_PER_OCPU,
    MOST_VNICS,
    Size,
    max_vnics,
    sized,
)
from fakeoci.world.vnics import attachments_of

MOST_METADATA_BYTES = 32_000
"""Maximum of ``metadata`` and ``extendedMetadata`` together (LaunchInstanceDetails)."""


def _list_instances(call: Call) -> Result:
    compartment(call)
    check_domain(call, call.query.get("availabilityDomain"))
    found = matching(
        call,
        call.world.all(Instance),
        compartmentId="compartment_id",
        displayName="display_name",
    )
    return listed(call, in_state(call, Instance, found), SORTS)


def _size(shape: str, config: LaunchInstanceShapeConfigDetails | None) -> Size:
    if config is None:
        return sized(shape, None, None)
    return sized(shape, config.ocpus, config.memory_in_g_bs)


def _source(details: LaunchInstanceDetails) -> tuple[str, dict[str, Any]]:
    """Return the OCID of a launch's image, and the caller's ``sourceDetails``.

    Raises:
        ServiceError: 400, the launch names no image or boot volume, or two images.
    """
    source = details.source_details
    if source is None:
        if details.image_id is None:
            raise missing("sourceDetails is required")
        return details.image_id, {}
    given = source.image_id if source.source_type == "image" else source.boot_volume_id
    if given is None:
        raise missing(f"sourceDetails of type {source.source_type} has no OCID of one")
    if details.image_id not in (None, source.image_id):
        raise invalid("imageId and sourceDetails name different images")
    plain = msgspec.to_builtins(source)
    return source.image_id or "", {k: v for k, v in plain.items() if v is not None}


def _check_metadata(details: LaunchInstanceDetails | UpdateInstanceDetails) -> None:
    """Raise 400 if metadata is too large, or its user data is not base64."""
    metadata, extended = details.metadata or {}, details.extended_metadata or {}
    size = len(msgspec.json.encode({**extended, **metadata}))
    if size > MOST_METADATA_BYTES:
        raise invalid(
            f"Metadata size is {size} bytes and cannot be larger than"
            f" {MOST_METADATA_BYTES} bytes"  # terraform-provider-oci issue 635
        )
    try:
        base64.b64decode(metadata.get("user_data", ""), validate=True)
    except (binascii.Error, ValueError):
        raise invalid("metadata: user_data is not base64") from None


def _named(call: Call, details: LaunchInstanceDetails) -> dict[str, Any]:
    """Return a new instance's OCID, name, tags and time of creation."""
    common = names(call, "instance", details)
    moment = datetime.fromtimestamp(call.now, UTC)
    made_up = f"instance{moment:%Y%m%d%H%M%S}"
    return {**common, "display_name": common["display_name"] or made_up}


def _began(call: Call, instance: Instance, operation: str, action: str) -> str:
    """Start a work request of an instance; return the request's OCID."""
    due = call.now + call.world.settings.timing.instance_seconds
    return work.note(call.world, instance, operation, action, now=call.now, due=due).id


def _launch(call: Call) -> Result:
    details = decode(call.body, LaunchInstanceDetails)
    check_domain(call, details.availability_domain)
    image_id, source = _source(details)
    _check_metadata(details)
    new = details.create_vnic_details
    if new is None:
        if details.subnet_id is None:
            raise missing("createVnicDetails is required")
        new = CreateVnicDetails(subnet_id=details.subnet_id)
    size = _size(details.shape, details.shape_config)
    check_image(call.world.region_key, image_id, details.shape)
    common = _named(call, details)
    instance = Instance(
        image_id=image_id,
        source=source,
        fault_domain=details.fault_domain or FAULT_DOMAINS[0],
        shape=details.shape,
        ocpus=size.ocpus,
        gigabytes=size.gigabytes,
        max_vnic_attachments=size.vnics,
        metadata=dict(details.metadata),
        netns=common["display_name"],
        compartment_id=call.world.compartment(details.compartment_id),
        **common,
    )
    vnic = new_vnic(new, instance.display_name)
    instances.launch(call.world, instance, vnic, now=call.now)
    instances.provision(call.world, instance, call.now)
    launched = one(call, instance)
    began = _began(call, instance, "LaunchInstance", "CREATED")
    headers = {**launched.headers, "opc-work-request-id": began}
    return Result(body=launched.body, headers=headers)


def _update(call: Call) -> Result:
    details = decode(call.body, UpdateInstanceDetails)
    _check_metadata(details)
    instance = changing(call, Instance)
    if details.shape is not None or details.shape_config is not None:
        _reshape(call, instance, details)
    if details.metadata is not None:
        instance.metadata = details.metadata
    if details.fault_domain is not None:
        instance.fault_domain = details.fault_domain
    rename(instance, details)
    call.world.touch(instance)
    return one(call, instance)


def _reshape(call: Call, instance: Instance, details: UpdateInstanceDetails) -> None:
    shape = details.shape or instance.shape
    config = details.shape_config or LaunchInstanceShapeConfigDetails()
    size = sized(shape, config.ocpus or instance.ocpus, config.memory_in_g_bs)
    held = len(attachments_of(call.world, instance.id))
    if held > size.vnics:
        raise limit_exceeded(f"{held} VNICs are attached, {shape} takes {size.vnics}")
    instance.shape, instance.max_vnic_attachments = shape, size.vnics
    instance.ocpus, instance.gigabytes = size.ocpus, size.gigabytes


def _act(call: Call) -> Result:
    instance = changing(call, Instance)
    instances.act(call.world, instance, need(call, "action"), call.now)
    return one(call, instance)


def _terminate(call: Call) -> Result:
    instance = changing(call, Instance)
    if instance.lifecycle_state == "TERMINATED":
        raise incorrect_state(instance.id, instance.lifecycle_state)
    instances.terminate(call.world, instance.id)
    began = _began(call, instance, "TerminateInstance", "DELETED")
    return Result(status=204, headers={"opc-work-request-id": began})


def _list_shapes(call: Call) -> Result:
    compartment(call)
    check_domain(call, call.query.get("availabilityDomain"))
    wanted = call.query.get("shape")
    shapes = [_shape(s) for s in (*FIXED, *FLEXIBLE) if wanted in (None, s)]
    return page(call, shapes)


def _shape(shape: str) -> dict[str, Any]:
    flexible = FLEXIBLE.get(shape)
    size = sized(shape, 1.0, None)
    body: dict[str, Any] = {
        "shape": shape,
        "ocpus": float(size.ocpus),
        "memoryInGBs": float(size.gigabytes),
        "isFlexible": flexible is not None,
        # For a flexible shape this is only the base value (docs/oci.md#bodies).
        "maxVnicAttachments": size.vnics,
        "networkPorts": 1,
        "billingType": "PAID",
    }
    if flexible is not None:
        per_ocpu = GIGABYTES_PER_OCPU
        body["ocpuOptions"] = {"min": 1.0, "max": float(flexible.most_ocpus)}
        body["memoryOptions"] = {
            "minInGBs": float(per_ocpu[0]),
            "maxInGBs": float(flexible.most_gigabytes),
            "minPerOcpuInGBs": float(per_ocpu[0]),
            "maxPerOcpuInGBs": float(per_ocpu[-1]),
            "defaultPerOcpuInGBs": float(flexible.gigabytes_per_ocpu),
        }
        body["maxVnicAttachmentOptions"] = {
            "min": size.vnics,
            "max": float(MOST_VNICS),
            "defaultPerOcpu": max_vnics(shape, 8.0) / 8.0,
        }
    return body


_INSTANCES, _INSTANCE = "/instances", "/instances/{id}"
OPERATIONS: tuple[Operation, ...] = (
    Operation("ListInstances", "GET", _INSTANCES, _list_instances),
    Operation("LaunchInstance", "POST", _INSTANCES, _launch),
    Operation("GetInstance", "GET", _INSTANCE, getter(Instance)),
    Operation("UpdateInstance", "PUT", _INSTANCE, _update),
    Operation("InstanceAction", "POST", _INSTANCE, _act),
    Operation("TerminateInstance", "DELETE", _INSTANCE, _terminate),
    Operation("ListShapes", "GET", "/shapes", _list_shapes),
)
