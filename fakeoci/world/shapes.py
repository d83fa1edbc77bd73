"""The shapes of instances: OCPUs, memory and VNICs (docs/oci.md#shapes).

Oracle's pages Compute Shapes and Extended Memory VM Instances (2025) have the ranges.
A launch requests extended memory only by larger numbers.
"""

import math
from dataclasses import dataclass

from fakeoci.world.errors import ServiceError, invalid

GIGABYTES_PER_OCPU = range(1, 65)
"""Range of a flexible shape, from OCI's messages (oci-python-sdk issue 358)."""
MOST_VNICS = 24


@dataclass(frozen=True, slots=True)
class Fixed:
    """A shape of one size."""

    ocpus: int
    gigabytes: int
    vnics: int


@dataclass(frozen=True, slots=True)
class Flexible:
    """A shape whose size the caller chooses, from 1 OCPU on."""

    most_ocpus: int
    most_gigabytes: int
    gigabytes_per_ocpu: int
    """The default if the launch names no memory (oci-cli issue 986)."""


FIXED = {
    "VM.Standard.E2.1.Micro": Fixed(1, 1, 1),
    "VM.Standard2.1": Fixed(1, 15, 2),
    "VM.Standard2.2": Fixed(2, 30, 2),
    "VM.Standard2.4": Fixed(4, 60, 4),
    "VM.Standard2.8": Fixed(8, 120, 8),
    "VM.Standard2.16": Fixed(16, 240, 16),
    "VM.Standard2.24": Fixed(24, 320, 24),
    "VM.Standard.E2.1": Fixed(1, 8, 2),
    "VM.Standard.E2.2": Fixed(2, 16, 2),
    "VM.Standard.E2.4": Fixed(4, 32, 4),
    "VM.Standard.E2.8": Fixed(8, 64, 4),
}
FLEXIBLE = {
    "VM.Standard3.Flex": Flexible(56, 896, 16),
    "VM.Standard.E3.Flex": Flexible(114, 1760, 16),
    "VM.Standard.E4.Flex": Flexible(114, 1760, 16),
    "VM.Standard.E5.Flex": Flexible(94, 1049, 12),
    "VM.Standard.A1.Flex": Flexible(76, 472, 6),
    "VM.Standard.A2.Flex": Flexible(78, 946, 6),
    "VM.Optimized3.Flex": Flexible(18, 256, 14),
}
ARM = ("VM.Standard.A1.Flex", "VM.Standard.A2.Flex")
"""The shapes that run aarch64 images."""


@dataclass(frozen=True, slots=True)
class Size:
    """The size of an instance."""

    ocpus: float
    gigabytes: float
    vnics: int
    """The maximum number, including the primary VNIC."""


def max_vnics(shape: str, ocpus: float) -> int:
    """Return how many VNICs an instance can have, including its primary one.

    Raises:
        KeyError: the fake does not know the shape.
    """
    if shape in FIXED:
        return FIXED[shape].vnics
    if shape not in FLEXIBLE:
        raise KeyError(shape)
    per_ocpu = 2 if shape == "VM.Optimized3.Flex" else 1
    return min(MOST_VNICS, max(2, per_ocpu * math.floor(ocpus)))


def sized(shape: str, ocpus: float | None, gigabytes: float | None) -> Size:
    """Return the size of an instance, with defaults filled in.

    Raises:
        ServiceError: 404, the shape does not exist; 400, it does not have the size.
    """
    if shape in FIXED:
        fixed = FIXED[shape]
        return Size(fixed.ocpus, fixed.gigabytes, fixed.vnics)
    if shape not in FLEXIBLE:
        raise ServiceError(404, "NotAuthorizedOrNotFound", f"shape {shape} not found")
    if ocpus is None:
        raise invalid(
            "Invalid ShapeConfig: null (Cannot launch flexible instance without"
            " ShapeConfig)"
        )
    flexible = FLEXIBLE[shape]
    if not 1 <= ocpus <= flexible.most_ocpus:
        raise invalid(f"{shape} has 1 to {flexible.most_ocpus} OCPUs, not {ocpus}")
    if gigabytes is None:
        gigabytes = min(flexible.gigabytes_per_ocpu * ocpus, flexible.most_gigabytes)
    least, most = GIGABYTES_PER_OCPU[0], GIGABYTES_PER_OCPU[-1]
    if not least <= gigabytes / ocpus <= most:
        raise invalid(
            "Invalid ratio of memory in GB to OCPUs. Current ratio:"
            f" {gigabytes / ocpus}. Valid ratio range: {least} - {most}"
        )
    if gigabytes > flexible.most_gigabytes:
        raise invalid(
            f"{shape} has {flexible.most_gigabytes} GB at most, not {gigabytes}"
        )
    return Size(ocpus, gigabytes, max_vnics(shape, ocpus))
