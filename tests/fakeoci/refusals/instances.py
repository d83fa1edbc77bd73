"""Instances: their shapes, sizes, images and VNICs."""

from typing import Any

from fakeoci.world.images import all_images
from tests.fakeoci.refusals import LIMITS, SDK, Row, accepted, refused, unknown

SHAPES = "Compute Shapes: OCPUs, memory and VNICs by shape"
NO_SHAPE = "oci-cloudnative issue 19: 404, shape VM.Standard.E2.1.Micro not found"
NO_CONFIG = "terraform-provider-oci issue 2001: 400, Invalid ShapeConfig: null"
RATIO = "oci-python-sdk issue 358: Invalid ratio of memory in GB to OCPUs"
IMAGE = "terraform-provider-oci issue 2103: 400-InvalidParameter, not valid for image"
X86, ARM = (
    next(i.id for i in all_images("iad") if i.arm == arm) for arm in (False, True)
)


def launch(**fields: Any) -> dict[str, Any]:
    return {
        "compartmentId": "{compartment}",
        "availabilityDomain": "{domain}",
        "shape": "VM.Standard.E5.Flex",
        "shapeConfig": {"ocpus": 2, "memoryInGBs": 24},
        "sourceDetails": {"sourceType": "image", "imageId": X86},
        "createVnicDetails": {"subnetId": "{pods}"},
        **fields,
    }


def of(shape: str, ocpus: float, gigabytes: float | None = None) -> dict[str, Any]:
    image = ARM if ".A" in shape else X86
    config = {"ocpus": ocpus} | ({"memoryInGBs": gigabytes} if gigabytes else {})
    source = {"sourceType": "image", "imageId": image}
    return launch(shape=shape, shapeConfig=config, sourceDetails=source)


POST, PUT = "POST /instances", "PUT /instances/{node1}"
ROWS: tuple[Row, ...] = (
    unknown("a launch of no shape", POST, launch(shape="VM.Huge"), source=NO_SHAPE),
    unknown("a change to no shape", PUT, {"shape": "VM.Huge"}, source=NO_SHAPE),
    refused(
        "a flexible shape without its size",
        POST,
        {k: v for k, v in launch().items() if k != "shapeConfig"},
        source=NO_CONFIG,
    ),
    refused(
        "a flexible shape without OCPUs",
        POST,
        launch(shapeConfig={"memoryInGBs": 16}),
        source=NO_CONFIG,
    ),
    *(
        refused(f"{shape} of {ocpus} OCPUs", POST, of(shape, ocpus), source=SHAPES)
        for shape, ocpus in (
            *(("VM.Standard.E5.Flex", n) for n in (0, -1, 0.5, 95, 1e300)),
            *(("VM.Standard.A1.Flex", n) for n in (0, 77)),
            *(("VM.Standard3.Flex", 57), ("VM.Standard.E4.Flex", 115)),
            *(("VM.Standard.A2.Flex", 79), ("VM.Optimized3.Flex", 19)),
        )
    ),
    *(
        accepted(f"{shape} of {ocpus} OCPUs", POST, of(shape, ocpus), source=SHAPES)
        for shape, ocpus in (
            *(("VM.Standard.E5.Flex", 1), ("VM.Standard.E5.Flex", 94)),
            *(("VM.Standard.A1.Flex", 76), ("VM.Optimized3.Flex", 18)),
        )
    ),
    *(
        refused(
            f"{ocpus} OCPUs with {gigabytes} GB",
            POST,
            of("VM.Standard.E5.Flex", ocpus, gigabytes),
            source=RATIO,
        )
        for ocpus, gigabytes in ((2, 1), (1, 65), (8, -8), (20, 1050), (1, 1e300))
    ),
    *(
        accepted(
            f"{ocpus} OCPUs with {gigabytes} GB",
            POST,
            of("VM.Standard.E5.Flex", ocpus, gigabytes),
            source=SHAPES,
        )
        for ocpus, gigabytes in ((2, 2), (1, 64), (94, 1049))
    ),
    refused(
        "a change to more OCPUs than there are",
        PUT,
        {"shapeConfig": {"ocpus": 95}},
        source=SHAPES,
    ),
    refused(
        "an image for another processor",
        POST,
        launch(sourceDetails={"sourceType": "image", "imageId": ARM}),
        source=IMAGE,
    ),
    *(
        refused(
            f"a boot volume of {size} GB",
            POST,
            launch(
                sourceDetails={
                    "sourceType": "image",
                    "imageId": X86,
                    "bootVolumeSizeInGBs": size,
                }
            ),
            source=f"{SDK}: 50 GB to 32,768 GB",
        )
        for size in (49, 32_769, 10**30)
    ),
    refused(
        "more VNICs than the shape takes",
        "POST /vnicAttachments",
        {"instanceId": "{full}", "createVnicDetails": {"subnetId": "{pods}"}},
        source=f"{SHAPES}; {LIMITS}; the code is inferred",
        code="LimitExceeded",
    ),
    refused(
        "a shape for fewer VNICs than there are",
        "PUT /instances/{full}",
        {"shape": "VM.Standard.E2.1.Micro"},
        source=f"{SHAPES}; the code is inferred",
        code="LimitExceeded",
    ),
)
