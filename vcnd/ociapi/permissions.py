"""The policy statements that each operation needs (docs/oci-policy.md).

OCI answers 404 NotAuthorizedOrNotFound both for a missing object and for a missing
permission.  The statements that may be missing are those that the operation needs,
without those that the success of another operation has proven.
"""

from vcnd.model.permissions import Held, StatementStatus

INSTANCES = (
    "{INSTANCE_INSPECT, INSTANCE_ATTACH_SECONDARY_VNIC,"
    " INSTANCE_DETACH_SECONDARY_VNIC, VNIC_ATTACHMENT_READ}"
)
VNICS = "use vnics"
PRIVATE_IPS = "use private-ips"
SUBNETS = "use subnets"
NSGS = "use network-security-groups"
IPV6S = "manage ipv6s"
VCNS = "inspect vcns"
ROUTE_TABLES = "inspect route-tables"
SECURITY_LISTS = "inspect security-lists"
IPAM = "inspect ipam"

_CREATE = (PRIVATE_IPS, VNICS, SUBNETS)
_CREATE_IPV6 = (IPV6S, VNICS, SUBNETS)
NEEDS: dict[str, tuple[str, ...]] = {
    "ListVnicAttachments": (INSTANCES,),
    "GetVnicAttachment": (INSTANCES,),
    "AttachVnic": (INSTANCES, VNICS, SUBNETS, NSGS),
    "DetachVnic": (INSTANCES, VNICS, SUBNETS),
    "GetVnic": (VNICS,),
    "UpdateVnic": (VNICS, NSGS),
    "GetSubnet": (SUBNETS,),
    "ListSubnets": (SUBNETS,),
    "GetSubnetCidrUtilization": (IPAM,),
    "GetVcn": (VCNS,),
    "GetRouteTable": (ROUTE_TABLES,),
    "GetSecurityList": (SECURITY_LISTS,),
    "ListNetworkSecurityGroupSecurityRules": (NSGS,),
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


PURPOSES: dict[str, str] = {
    INSTANCES: "the instance's VNICs: list, attach, detach",
    VNICS: "pod VNICs",
    PRIVATE_IPS: "pods' addresses",
    SUBNETS: "addresses and VNICs from the pod subnet",
    NSGS: "pod VNICs in NSGs; their rules, for vcndctl path",
    IPV6S: "pods' IPv6 addresses",
    VCNS: "[node] snat; vcndctl path",
    IPAM: "how full the subnets are",
    ROUTE_TABLES: "vcndctl path",
    SECURITY_LISTS: "vcndctl path",
}
"""What each statement is for, in the order of docs/oci-policy.md."""


class Permissions:
    """The statements that operations have used since the daemon's start."""

    def __init__(self) -> None:
        self._used: dict[str, str] = {}
        """Statement → the operation that succeeded."""
        self._refused: dict[str, str] = {}

    def allowed(self, operation: str) -> None:
        """Note that an operation succeeded."""
        for needed in NEEDS.get(operation, ()):
            self._used[needed] = operation
            self._refused.pop(needed, None)

    def review(self) -> tuple[StatementStatus, ...]:
        """Return what is known of each statement."""
        return tuple(self._status(name, why) for name, why in PURPOSES.items())

    def _status(self, statement: str, purpose: str) -> StatementStatus:
        held = Held.UNKNOWN
        if statement in self._refused:
            held = Held.REFUSED
        elif statement in self._used:
            held = Held.USED
        return StatementStatus(
            statement=statement,
            held=held,
            purpose=purpose,
            operation=self._refused.get(statement, self._used.get(statement, "")),
        )

    def hint(self, operation: str) -> str:
        """Return the statements that may be missing after a 404 of an operation."""
        open_ = [n for n in NEEDS.get(operation, ()) if n not in self._used]
        if len(open_) == 1:
            self._refused[open_[0]] = operation
        if not open_:
            return (
                "; what it names is not there, or in a compartment without the policy"
            )
        statements = " or ".join(f"'{n}'" for n in open_)
        return (
            f"; it is not there, or the policy lacks {statements} (docs/oci-policy.md)"
        )
