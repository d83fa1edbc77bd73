"""Names of classes of pod VNICs: the same on each node, and after each restart."""

import hashlib
from collections.abc import Collection, Iterable

from vcnd.model.ids import OWN_CLASS, ClassName
from vcnd.model.podnetwork import PodClass

RETIRED = "retired-"
"""With this begin the names of classes of VNICs that new pods get no address of."""


def retired_class(subnet_id: str) -> ClassName:
    """Return the class of own VNICs of a subnet that the pod network does not name.

    Their pods have the NSGs of before, so those of each subnet are a class by itself.
    """
    return ClassName(RETIRED + _digest(subnet_id))


def is_retired(name: ClassName) -> bool:
    """Return True if no new pod gets an address of a class."""
    return name.startswith(RETIRED)


def own_or_retired(
    name: ClassName, subnet_id: str, own_subnet_ids: Collection[str]
) -> ClassName:
    """Return the class of a VNIC, of its own class or retired, by its subnet.

    Args:
        name: its class so far; VNICs of other classes keep theirs.
        subnet_id: its subnet.
        own_subnet_ids: those of the node's own class; empty while they are not known.
    """
    if not own_subnet_ids or not (name == OWN_CLASS or is_retired(name)):
        return name
    return OWN_CLASS if subnet_id in own_subnet_ids else retired_class(subnet_id)


def named_class(
    subnet_ids: tuple[str, ...], nsg_ids: Iterable[str], *, apart: str = ""
) -> PodClass:
    """Return the class of some subnets, in order of preference, and NSGs, in none.

    Args:
        subnet_ids: where addresses come from.
        nsg_ids: the NSGs.
        apart: tells it from another class of the same subnets and NSGs.
    """
    nsgs = tuple(sorted(nsg_ids))
    whole = "\n".join((*subnet_ids, "", *nsgs, "", apart))
    return PodClass(ClassName(_digest(whole)), subnet_ids, nsgs)


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:12]
