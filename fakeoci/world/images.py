"""The images for launches: a few invented ones that never change.

The fake has no disks.  It lists an instance's boot volume for tools that look for it.
"""

import base64
import hashlib
from dataclasses import dataclass

from fakeoci.world.errors import invalid
from fakeoci.world.shapes import ARM, FIXED, FLEXIBLE

VOLUME_GIGABYTES = 47
"""Size of a boot volume of Oracle's images, unless the launch requests a larger one."""


@dataclass(frozen=True, slots=True)
class Image:
    """A platform image."""

    id: str
    display_name: str
    operating_system: str
    version: str
    arm: bool = False

    def fits(self, shape: str) -> bool:
        """Return True if instances of a shape can run it."""
        return self.arm == (shape in ARM)

    @property
    def shapes(self) -> list[str]:
        """Return the shapes that can run it."""
        return [shape for shape in (*FIXED, *FLEXIBLE) if self.fits(shape)]


SYSTEMS = (
    ("Oracle-Linux-9.5-2025.10.23-0", "Oracle Linux", "9", False),
    ("Oracle-Linux-9.5-aarch64-2025.10.23-0", "Oracle Linux", "9", True),
    ("Oracle-Linux-8.10-2025.10.23-0", "Oracle Linux", "8", False),
    ("Canonical-Ubuntu-24.04-2025.10.31-0", "Canonical Ubuntu", "24.04", False),
    ("Canonical-Ubuntu-24.04-aarch64-2025.10.31-0", "Canonical Ubuntu", "24.04", True),
)


def all_images(region_key: str) -> list[Image]:
    """Return a region's images; their OCIDs are the same in each world."""
    return [
        Image(_ocid(name, region_key), name, system, version, arm=arm)
        for name, system, version, arm in SYSTEMS
    ]


def default_image(region_key: str, shape: str) -> Image:
    """Return the image of an instance that was launched without the API."""
    return next(image for image in all_images(region_key) if image.fits(shape))


def check_image(region_key: str, image_id: str, shape: str) -> None:
    """Raise 400 if the fake has the image and instances of the shape cannot run it."""
    for image in all_images(region_key):
        if image.id == image_id and not image.fits(shape):
            raise invalid(f"Shape {shape} is not valid for image {image_id}.")


def boot_volume_id(instance_id: str) -> str:
    """Return the OCID of an instance's boot volume."""
    return instance_id.replace("ocid1.instance.", "ocid1.bootvolume.", 1)


def _ocid(name: str, region_key: str) -> str:
    unique = base64.b32encode(hashlib.sha512(name.encode()).digest()[:35])
    return f"ocid1.image.oc1.{region_key}.{unique.decode().lower()}"
