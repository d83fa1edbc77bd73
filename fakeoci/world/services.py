"""The Oracle services that a service gateway can lead to."""

SERVICES = {
    "ocid1.service.oc1.iad.all": "All IAD Services In Oracle Services Network",
    "ocid1.service.oc1.iad.objectstorage": "OCI IAD Object Storage",
}
"""Names of the services by OCID."""


def cidr_of(service_id: str) -> str:
    """Return a service's ``cidrBlock``, the label that routes and rules use."""
    return SERVICES[service_id].lower().replace(" ", "-")


CIDRS = frozenset(map(cidr_of, SERVICES))
