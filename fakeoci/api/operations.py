"""Every operation of the API, by the file that has it (facts/oci.md §4.2)."""

from fakeoci.api import (
    dhcp_operations,
    drg_operations,
    gateway_operations,
    image_operations,
    instance_operations,
    inventory_operations,
    ip_operations,
    network_operations,
    patch_operations,
    route_operations,
    rule_operations,
    tenancy_operations,
    vnic_operations,
)
from fakeoci.api.service import Operation

OPERATIONS: tuple[Operation, ...] = (
    *vnic_operations.OPERATIONS,
    *ip_operations.OPERATIONS,
    *network_operations.OPERATIONS,
    *patch_operations.OPERATIONS,
    *rule_operations.OPERATIONS,
    *route_operations.OPERATIONS,
    *gateway_operations.OPERATIONS,
    *drg_operations.OPERATIONS,
    *dhcp_operations.OPERATIONS,
    *instance_operations.OPERATIONS,
    *image_operations.OPERATIONS,
    *inventory_operations.OPERATIONS,
    *tenancy_operations.OPERATIONS,
)
