"""Operations on images and boot volumes, which are only read."""

from typing import Any

from fakeoci.api.bodies import time_text
from fakeoci.api.paging import page
from fakeoci.api.query import among, check_domain, check_known, compartment, need
from fakeoci.api.service import Call, Operation, Result
from fakeoci.world.errors import not_found
from fakeoci.world.images import VOLUME_GIGABYTES, Image, all_images, boot_volume_id
from fakeoci.world.moves import volume_compartment
from fakeoci.world.resources import Instance

FILTERS = (
    "displayName",
    "operatingSystem",
    "operatingSystemVersion",
    "lifecycleState",
)
"""The query parameters of ListImages that are names of fields."""


def _image_body(image: Image) -> dict[str, Any]:
    return {
        "id": image.id,
        "compartmentId": None,  # a platform image has none
        "displayName": image.display_name,
        "operatingSystem": image.operating_system,
        "operatingSystemVersion": image.version,
        "lifecycleState": "AVAILABLE",
        "createImageAllowed": True,
        "launchMode": "NATIVE",
        "sizeInMBs": VOLUME_GIGABYTES * 1024,
        "billableSizeInGBs": 0,
        "timeCreated": time_text(0.0),
        "freeformTags": {},
        "definedTags": {},
    }


def _list_images(call: Call) -> Result:
    compartment(call)
    among(call, "sortBy", ("TIMECREATED", "DISPLAYNAME"))
    down = among(call, "sortOrder", ("ASC", "DESC")) == "DESC"
    shape = call.query.get("shape")
    images = all_images(call.world.region_key)
    rows = [_image_body(i) for i in images if shape is None or i.fits(shape)]
    for name in FILTERS:
        wanted = call.query.get(name)
        rows = [row for row in rows if wanted in (None, row[name])]
    return page(call, sorted(rows, key=lambda r: r["displayName"], reverse=down))


def _image(call: Call) -> Image:
    for image in all_images(call.world.region_key):
        if image.id == call.path["id"]:
            return image
    raise not_found()


def _get_image(call: Call) -> Result:
    return Result(body=_image_body(_image(call)), headers={"etag": "1"})


def _list_shapes(call: Call) -> Result:
    image = _image(call)
    return page(call, [{"imageId": image.id, "shape": s} for s in image.shapes])


def _list_boot_volumes(call: Call) -> Result:
    inside = compartment(call)
    check_domain(call, need(call, "availabilityDomain"))
    check_known(call, instanceId=Instance)
    rows = [
        {
            "id": i.id,  # in OCI too, a boot volume attachment's OCID is the instance's
            "instanceId": i.id,
            "bootVolumeId": boot_volume_id(i.id),
            "availabilityDomain": call.world.availability_domain,
            "compartmentId": inside,
            "displayName": "Remote boot attachment for instance",
            "lifecycleState": "ATTACHED",
            "timeCreated": time_text(i.time_created),
        }
        for i in _with_volumes(call)
        if inside == i.compartment_id
        and call.query.get("instanceId") in (None, i.id)
        and call.query.get("bootVolumeId") in (None, boot_volume_id(i.id))
    ]
    return page(call, rows)


def _with_volumes(call: Call) -> list[Instance]:
    """Return the instances that still have a boot volume."""
    every = call.world.all(Instance)
    return [i for i in every if i.lifecycle_state != "TERMINATED"]


def _get_boot_volume(call: Call) -> Result:
    for instance in _with_volumes(call):
        if boot_volume_id(instance.id) == call.path["id"]:
            break
    else:
        raise not_found()
    size = int(instance.source.get("bootVolumeSizeInGBs") or VOLUME_GIGABYTES)
    body = {
        "id": call.path["id"],
        "availabilityDomain": call.world.availability_domain,
        "compartmentId": volume_compartment(instance),
        "displayName": f"{instance.display_name} (Boot Volume)",
        "imageId": instance.image_id,
        "lifecycleState": "AVAILABLE",
        "sizeInGBs": size,
        "sizeInMBs": size * 1024,
        "vpusPerGB": 10,
        "isHydrated": True,
        "timeCreated": time_text(instance.time_created),
        "freeformTags": {},
        "definedTags": {},
    }
    return Result(body=body, headers={"etag": instance.etag})


OPERATIONS: tuple[Operation, ...] = (
    Operation("ListImages", "GET", "/images", _list_images),
    Operation("GetImage", "GET", "/images/{id}", _get_image),
    Operation(
        "ListImageShapeCompatibilityEntries",
        "GET",
        "/images/{id}/shapes",
        _list_shapes,
    ),
    Operation(
        "ListBootVolumeAttachments", "GET", "/bootVolumeAttachments", _list_boot_volumes
    ),
    Operation("GetBootVolume", "GET", "/bootVolumes/{id}", _get_boot_volume),
)
