"""Request bodies of instances."""

from typing import Annotated, Any, Literal

import msgspec

from fakeoci.api.details.base import (
    Details,
    Named,
    SecurityAttributes,
)
from fakeoci.api.details.vnics import CreateVnicDetails
from fakeoci.world.labels import DefinedTags, FaultDomain, Hostname

Sources = Literal["image", "bootVolume"]
BootVolumeGigabytes = Annotated[int, msgspec.Meta(ge=50, le=32_768)]
BootVolumeVpus = Annotated[int, msgspec.Meta(ge=10, le=120, multiple_of=10)]
"""Both ranges are those of the SDK's InstanceSourceViaImageDetails."""


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


class ImageFilter(Details, kw_only=True):
    """InstanceSourceImageFilterDetails."""

    compartment_id: str | None = None
    operating_system: str | None = None
    operating_system_version: str | None = None
    defined_tags_filter: DefinedTags | None = None


class SourceDetails(Details, kw_only=True):
    """InstanceSourceViaImageDetails and InstanceSourceViaBootVolumeDetails."""

    source_type: Sources
    image_id: str | None = None
    boot_volume_id: str | None = None
    boot_volume_size_in_g_bs: BootVolumeGigabytes | None = msgspec.field(
        default=None, name="bootVolumeSizeInGBs"
    )
    boot_volume_vpus_per_g_b: BootVolumeVpus | None = msgspec.field(
        default=None, name="bootVolumeVpusPerGB"
    )
    kms_key_id: str | None = None
    instance_source_image_filter_details: ImageFilter | None = None


class LaunchInstanceDetails(Named, kw_only=True):
    """LaunchInstanceDetails.  ``Any`` fields are accepted and not acted upon."""

    availability_domain: str
    compartment_id: str
    shape: str
    create_vnic_details: CreateVnicDetails | None = None
    subnet_id: str | None = None
    shape_config: LaunchInstanceShapeConfigDetails | None = None
    metadata: dict[str, str] = msgspec.field(default_factory=dict)
    extended_metadata: dict[str, Any] = msgspec.field(default_factory=dict)
    fault_domain: FaultDomain | None = None
    hostname_label: Hostname | None = None
    image_id: str | None = None
    source_details: SourceDetails | None = None
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
    """UpdateInstanceDetails.  ``Any`` fields are accepted and not acted upon."""

    metadata: dict[str, str] | None = None
    extended_metadata: dict[str, Any] | None = None
    shape: str | None = None
    shape_config: LaunchInstanceShapeConfigDetails | None = None
    fault_domain: FaultDomain | None = None
    agent_config: Any = None
    availability_config: Any = None
    capacity_reservation_id: str | None = None
    dedicated_vm_host_id: str | None = None
    instance_options: Any = None
    is_ai_enterprise_enabled: bool | None = msgspec.field(
        default=None, name="isAIEnterpriseEnabled"
    )
    launch_options: Any = None
    licensing_configs: Any = None
    """The Go SDK sends it with every update, as null."""
    platform_config: Any = None
    security_attributes: SecurityAttributes | None = None
    source_details: Any = None
    time_maintenance_reboot_due: str | None = None
    update_operation_constraint: str | None = None
