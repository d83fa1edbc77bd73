"""What a service gateway can lead to."""

SERVICES = {
    "ocid1.service.oc1.iad.all": "All IAD Services In Oracle Services Network",
    "ocid1.service.oc1.iad.objectstorage": "OCI IAD Object Storage",
}
"""A service's OCID → its name."""


def cidr_of(service_id: str) -> str:
    """Return what routes and rules call a service: its ``cidrBlock``, a word."""
    return SERVICES[service_id].lower().replace(" ", "-")


CIDRS = frozenset(map(cidr_of, SERVICES))
