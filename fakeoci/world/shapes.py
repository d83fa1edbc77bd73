"""How many VNICs a shape takes (docs/oci.md#shapes)."""

import math

FIXED = {
    "VM.Standard.E2.1.Micro": 1,
    "VM.Standard2.1": 2,
    "VM.Standard2.2": 2,
    "VM.Standard2.4": 4,
    "VM.Standard2.8": 8,
    "VM.Standard2.16": 16,
    "VM.Standard2.24": 24,
    "VM.Standard.E2.1": 2,
    "VM.Standard.E2.2": 2,
    "VM.Standard.E2.4": 4,
    "VM.Standard.E2.8": 4,
}
FLEXIBLE = (
    "VM.Standard3.Flex",
    "VM.Standard.E3.Flex",
    "VM.Standard.E4.Flex",
    "VM.Standard.E5.Flex",
    "VM.Standard.A1.Flex",
    "VM.Standard.A2.Flex",
)
ARM = ("VM.Standard.A1.Flex", "VM.Standard.A2.Flex")
"""The shapes that run images for aarch64."""
MOST_VNICS = 24


def max_vnics(shape: str, ocpus: float) -> int:
    """Return how many VNICs an instance takes, its primary one included.

    Raises:
        KeyError: the fake does not know the shape.
    """
    if shape in FLEXIBLE:
        return min(MOST_VNICS, max(2, math.floor(ocpus)))
    if shape == "VM.Optimized3.Flex":
        return min(MOST_VNICS, 2 * math.floor(ocpus))
    return FIXED[shape]
