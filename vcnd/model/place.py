"""Where something can go wrong: the key of a problem."""

from enum import StrEnum

import msgspec

from vcnd.model.family import Family
from vcnd.model.ids import ClassName


class PlaceKind(StrEnum):
    """The subject of a problem."""

    METADATA = "metadata"
    """The instance metadata service does not say which instance this is."""
    POD_NETWORK = "pod-network"
    """The NativePodNetwork is missing or malformed."""
    AUDIT = "audit"
    """The cloud, or one address family of it, cannot be compared with the journal."""
    JOURNAL = "journal"
    """The disk does not take the journal's records."""
    KERNEL = "kernel"
    """Links, routes, rules or the nftables table cannot be set up."""
    LINK = "link"
    """A VNIC has no link on the node."""
    TAGS = "tags"
    """Our tags on a VNIC or address cannot be restored."""
    NSGS = "nsgs"
    """A VNIC cannot be put into the NSGs of the pod network."""
    VCN = "vcn"
    """The CIDRs of the VCN, or the IPv6 prefix of a subnet, cannot be read."""
    SUBNET = "subnet"
    """A subnet of pods is nearly full."""
    OLD_SUBNET = "old-subnet"
    """A VNIC is in a subnet that the pod network does not name any more."""
    SHAPE = "shape"
    """The VNICs that the shape allows hold no more addresses."""
    MAX_PODS = "max-pods"
    """kubelet takes more pods than the shape's VNICs hold addresses."""
    ATTACH = "attach"
    """A VNIC of a class cannot be attached."""
    ADDRESSES = "addresses"
    """A VNIC is refused further addresses of a family."""
    FIXED_ADDRESS = "fixed-address"
    """A fixed address cannot be brought to this node."""
    RELEASE = "release"
    """Addresses of a VNIC, or the VNIC itself, cannot be released."""
    CLUSTER = "cluster"
    """The API server cannot be followed, or refuses a write."""
    CLUSTER_OBJECTS = "cluster-objects"
    """Kubernetes objects of one kind cannot be decoded."""
    FIREWALL = "firewall"
    """A firewall of the node drops pods' packets."""
    SETTINGS = "settings"
    """A setting of the node's kernel does not fit pods."""
    KUBE_PROXY = "kube-proxy"
    """kube-proxy's configuration does not fit pods with VCN addresses."""
    POLICIES = "policies"
    """Network policies: vcnd-policy does not bring those of new pods in force."""
    TASK = "task"
    """A background task of the daemon failed, which is a defect, and is restarted."""

    @property
    def is_attempt(self) -> bool:
        """Return True if the problem is a refused attempt, repeated only on demand.

        The other kinds are states: a loop checks each of them again and clears it.
        """
        return self in _ATTEMPTS

    @property
    def costs_addresses(self) -> bool:
        """Return True if the problem can be why a pod has no address."""
        return self not in _COST_NO_ADDRESSES


_ATTEMPTS = {
    PlaceKind.SHAPE,
    PlaceKind.ATTACH,
    PlaceKind.ADDRESSES,
    PlaceKind.FIXED_ADDRESS,
    PlaceKind.RELEASE,
    PlaceKind.POLICIES,
}
_COST_NO_ADDRESSES = {
    PlaceKind.MAX_PODS,
    PlaceKind.RELEASE,
    PlaceKind.TAGS,
    PlaceKind.VCN,
    PlaceKind.SUBNET,
    PlaceKind.OLD_SUBNET,
    PlaceKind.CLUSTER,
    PlaceKind.CLUSTER_OBJECTS,
    PlaceKind.FIREWALL,
    PlaceKind.SETTINGS,
    PlaceKind.KUBE_PROXY,
    PlaceKind.POLICIES,
}


class Place(msgspec.Struct, frozen=True, kw_only=True):
    """A place of this node's pod network; two problems of one place are the same."""

    kind: PlaceKind
    vnic_id: str = ""
    family: Family | None = None
    """The only affected address family; None if all are."""
    pod_class: ClassName | None = None
    """The only affected class; None if all are."""
    name: str = ""
    """Name of a fixed address, a task, a chain or a setting, kind of a Kubernetes
    object, or a subnet's OCID."""

    def __str__(self) -> str:
        """Return the place in words, as ``vcndctl status`` and Events show it."""
        words = [_WORDS[self.kind]]
        if self.family is not None:
            words.insert(0, str(self.family))
        if self.vnic_id:
            words.append(f"of {self.vnic_id}")
        if self.pod_class:
            words.append(f"of class {self.pod_class}")
        if self.name:
            words.append(self.name)
        return " ".join(words)


_WORDS = {
    PlaceKind.METADATA: "IMDS",
    PlaceKind.POD_NETWORK: "NativePodNetwork",
    PlaceKind.AUDIT: "audit",
    PlaceKind.JOURNAL: "journal",
    PlaceKind.KERNEL: "kernel",
    PlaceKind.LINK: "link",
    PlaceKind.TAGS: "tags",
    PlaceKind.NSGS: "NSGs",
    PlaceKind.VCN: "VCN",
    PlaceKind.SUBNET: "subnet",
    PlaceKind.OLD_SUBNET: "old subnet",
    PlaceKind.SHAPE: "shape",
    PlaceKind.MAX_PODS: "max-pods",
    PlaceKind.ATTACH: "VNIC attachment",
    PlaceKind.ADDRESSES: "addresses",
    PlaceKind.FIXED_ADDRESS: "fixed address",
    PlaceKind.RELEASE: "release",
    PlaceKind.CLUSTER: "Kubernetes",
    PlaceKind.CLUSTER_OBJECTS: "Kubernetes objects of kind",
    PlaceKind.FIREWALL: "firewall",
    PlaceKind.SETTINGS: "setting",
    PlaceKind.KUBE_PROXY: "kube-proxy",
    PlaceKind.POLICIES: "network policies",
    PlaceKind.TASK: "task",
}

METADATA = Place(kind=PlaceKind.METADATA)
POD_NETWORK = Place(kind=PlaceKind.POD_NETWORK)
AUDIT = Place(kind=PlaceKind.AUDIT)
JOURNAL = Place(kind=PlaceKind.JOURNAL)
KERNEL = Place(kind=PlaceKind.KERNEL)
TAGS = Place(kind=PlaceKind.TAGS)
VCN = Place(kind=PlaceKind.VCN)
PREFIXES = Place(kind=PlaceKind.VCN, family=Family.IPV6)
CLUSTER_WRITES = Place(kind=PlaceKind.CLUSTER, name="writes")
MAX_PODS = Place(kind=PlaceKind.MAX_PODS)
KUBE_PROXY = Place(kind=PlaceKind.KUBE_PROXY)
POLICIES = Place(kind=PlaceKind.POLICIES)


def attach_place(pod_class: ClassName) -> Place:
    """Return the place of attaching a VNIC for a class."""
    return Place(kind=PlaceKind.ATTACH, pod_class=pod_class)


def addresses_place(vnic_id: str, family: Family) -> Place:
    """Return the place of creating addresses of a family on a VNIC."""
    return Place(kind=PlaceKind.ADDRESSES, vnic_id=vnic_id, family=family)


def shape_place(pod_class: ClassName, family: Family) -> Place:
    """Return the place of a class that the shape has no room for."""
    return Place(kind=PlaceKind.SHAPE, pod_class=pod_class, family=family)


def link_place(vnic_id: str) -> Place:
    """Return the place of a VNIC's link on the node."""
    return Place(kind=PlaceKind.LINK, vnic_id=vnic_id)


def release_place(vnic_id: str) -> Place:
    """Return the place of giving a VNIC or its addresses back."""
    return Place(kind=PlaceKind.RELEASE, vnic_id=vnic_id)


def subnet_place(subnet_id: str) -> Place:
    """Return the place of a subnet's use."""
    return Place(kind=PlaceKind.SUBNET, name=subnet_id)


def fixed_place(name: str) -> Place:
    """Return the place of bringing a fixed address here."""
    return Place(kind=PlaceKind.FIXED_ADDRESS, family=Family.IPV4, name=name)
