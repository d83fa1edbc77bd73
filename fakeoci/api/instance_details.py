"""Request bodies of instances."""

from typing import Any

import msgspec

from fakeoci.api.details import (
    CreateVnicDetails,
    Details,
    Named,
    SecurityAttributes,
)
from fakeoci.world.labels import Hostname


class LaunchInstanceShapeConfigDetails(Details, kw_only=True):
    """LaunchInstanceShapeConfigDetails."""

    ocpus: float | None = None
    vcpus: int | None = None
    memory_in_g_bs: float | None = msgspec.field(default=None, name="memoryInGBs")
    baseline_ocpu_utilization: str | None = None
    nvmes: int | None = None
    resource_management: str | None = None
    local_volume_size_in_g_bs: int | None = msgspec.field(
        default=None, name="localVolumeSizeInGBs"
    )


class LaunchInstanceDetails(Named, kw_only=True):
    """LaunchInstanceDetails.  What is ``Any`` is accepted and not acted upon."""

    availability_domain: str
    compartment_id: str
    shape: str
    create_vnic_details: CreateVnicDetails | None = None
    subnet_id: str | None = None
    shape_config: LaunchInstanceShapeConfigDetails | None = None
    metadata: dict[str, str] = msgspec.field(default_factory=dict)
    extended_metadata: dict[str, Any] = msgspec.field(default_factory=dict)
    fault_domain: str | None = None
    hostname_label: Hostname | None = None
    image_id: str | None = None
    source_details: Any = None
    capacity_reservation_id: str | None = None
    dedicated_vm_host_id: str | None = None
    security_attributes: SecurityAttributes | None = None
    cluster_placement_group_id: str | None = None
    compute_cluster_id: str | None = None
    ipxe_script: str | None = None
    launch_options: Any = None
    instance_options: Any = None
    availability_config: Any = None
    preemptible_instance_config: Any = None
    agent_config: Any = None
    launch_volume_attachments: Any = None
    is_pv_encryption_in_transit_enabled: bool | None = None
    platform_config: Any = None
    placement_constraint_details: Any = None
    is_ai_enterprise_enabled: bool | None = msgspec.field(
        default=None, name="isAIEnterpriseEnabled"
    )
    instance_configuration_id: str | None = None
    licensing_configs: Any = None


class UpdateInstanceDetails(Named, kw_only=True):
    """UpdateInstanceDetails: names, tags, metadata, and the shape."""

    metadata: dict[str, str] | None = None
    shape: str | None = None
    shape_config: LaunchInstanceShapeConfigDetails | None = None
    licensing_configs: Any = None
    """The Go SDK sends it with every update, as null."""
