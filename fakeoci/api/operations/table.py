"""All operations of the API (docs/oci.md#operations)."""

from fakeoci.api.operations import (
    dhcp,
    drgs,
    gateways,
    images,
    instances,
    inventory,
    ips,
    moves,
    networks,
    patches,
    routes,
    rules,
    tenancy,
    vnics,
    vtaps,
)
from fakeoci.api.service import Operation

OPERATIONS: tuple[Operation, ...] = (
    *vnics.OPERATIONS,
    *ips.OPERATIONS,
    *networks.OPERATIONS,
    *patches.OPERATIONS,
    *rules.OPERATIONS,
    *routes.OPERATIONS,
    *gateways.OPERATIONS,
    *drgs.OPERATIONS,
    *dhcp.OPERATIONS,
    *instances.OPERATIONS,
    *images.OPERATIONS,
    *inventory.OPERATIONS,
    *vtaps.OPERATIONS,
    *moves.OPERATIONS,
    *tenancy.OPERATIONS,
)
