"""Request bodies of moves to another compartment."""

from fakeoci.api.details.base import Details


class ChangeCompartmentDetails(Details, kw_only=True):
    """ChangeVcnCompartmentDetails, ChangeSubnetCompartmentDetails and their like."""

    compartment_id: str
