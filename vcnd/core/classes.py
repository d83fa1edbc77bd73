"""Names of classes of pod VNICs: the same on each node, and after each restart."""

import hashlib
from collections.abc import Iterable

from vcnd.model.ids import ClassName
from vcnd.model.podnetwork import PodClass


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
    name = hashlib.sha256(whole.encode()).hexdigest()[:12]
    return PodClass(ClassName(name), subnet_ids, nsgs)
