"""The policy statements that each operation needs (docs/oci-policy.md).

OCI answers 404 NotAuthorizedOrNotFound both for a missing object and for a missing
permission.  The statements that may be missing are those that the operation needs,
without those that the success of another operation has proven.
"""

INSTANCES = (
    "{INSTANCE_INSPECT, INSTANCE_ATTACH_SECONDARY_VNIC,"
    " INSTANCE_DETACH_SECONDARY_VNIC, VNIC_ATTACHMENT_READ}"
)
VNICS = "use vnics"
PRIVATE_IPS = "use private-ips"
SUBNETS = "use subnets"
NSGS = "use network-security-groups"
IPV6S = "manage ipv6s"

_CREATE = (PRIVATE_IPS, VNICS, SUBNETS)
_CREATE_IPV6 = (IPV6S, VNICS, SUBNETS)
NEEDS: dict[str, tuple[str, ...]] = {
    "ListVnicAttachments": (INSTANCES,),
    "GetVnicAttachment": (INSTANCES,),
    "AttachVnic": (INSTANCES, VNICS, SUBNETS, NSGS),
    "DetachVnic": (INSTANCES, VNICS, SUBNETS),
    "GetVnic": (VNICS,),
    "UpdateVnic": (VNICS, NSGS),
    "ListPrivateIps": (PRIVATE_IPS,),
    "GetPrivateIp": (PRIVATE_IPS,),
    "UpdatePrivateIp": (PRIVATE_IPS, VNICS),
    "PrivateIpVnicDetach": (PRIVATE_IPS, VNICS),
    "CreatePrivateIp": _CREATE,
    "BulkCreatePrivateIps": _CREATE,
    "DeletePrivateIp": _CREATE,
    "BulkDeletePrivateIps": _CREATE,
    "ListIpv6s": (IPV6S,),
    "CreateIpv6": _CREATE_IPV6,
    "BulkCreateIpv6s": _CREATE_IPV6,
    "DeleteIpv6": _CREATE_IPV6,
    "BulkDeleteIpv6s": _CREATE_IPV6,
}


class Permissions:
    """The operations that have succeeded since the daemon's start."""

    def __init__(self) -> None:
        self._shown: set[str] = set()

    def allowed(self, operation: str) -> None:
        """Note that an operation succeeded."""
        self._shown.update(NEEDS.get(operation, ()))

    def hint(self, operation: str) -> str:
        """Return the statements that may be missing after a 404 of an operation."""
        open_ = [n for n in NEEDS.get(operation, ()) if n not in self._shown]
        if not open_:
            return (
                "; what it names is not there, or in a compartment without the policy"
            )
        statements = " or ".join(f"'{n}'" for n in open_)
        return (
            f"; it is not there, or the policy lacks {statements} (docs/oci-policy.md)"
        )
