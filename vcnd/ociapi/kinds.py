"""OCI's two kinds of address objects: the same operations under different names."""

import msgspec

from vcnd.model.family import Family


class Kind(msgspec.Struct, frozen=True, kw_only=True):
    """The names of one kind (docs/oci.md#operations, docs/oci.md#bodies)."""

    family: Family
    noun: str
    """As in CreatePrivateIp; ``plural`` as in ListPrivateIps."""
    plural: str
    path: str
    id_field: str
    create_field: str
    """The list in the body of a bulk create; ``delete_field`` likewise."""
    delete_field: str


PRIVATE_IP = Kind(
    family=Family.IPV4,
    noun="PrivateIp",
    plural="PrivateIps",
    path="/privateIps",
    id_field="privateIpId",
    create_field="bulkCreatePrivateIpItem",
    delete_field="bulkDeletePrivateIpItem",
)
IPV6 = Kind(
    family=Family.IPV6,
    noun="Ipv6",
    plural="Ipv6s",
    path="/ipv6",
    id_field="ipv6Id",
    create_field="bulkCreateIpv6sItem",
    delete_field="bulkDeleteIpv6sItem",
)
KINDS = {kind.family: kind for kind in (PRIVATE_IP, IPV6)}
