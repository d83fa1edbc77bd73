"""Request bodies of PATCH."""

from typing import Any

from fakeoci.api.details.base import Details


class PatchInstruction(Details, kw_only=True):
    """PatchVcnReplaceInstruction and PatchSubnetReplaceInstruction."""

    operation: str
    selection: str
    value: Any = None


class PatchVcnDetails(Details, kw_only=True):
    """PatchVcnDetails."""

    patch_vcn_instructions: list[PatchInstruction]


class PatchSubnetDetails(Details, kw_only=True):
    """PatchSubnetDetails."""

    patch_subnet_instructions: list[PatchInstruction]
