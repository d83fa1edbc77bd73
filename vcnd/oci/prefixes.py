"""The IPv6 prefixes of subnets of which IMDS tells none.

It tells none of a ULA prefix.  Without it the node has no rules for its pods' IPv6, so
the subnet is asked.
"""

from collections.abc import Iterable
from ipaddress import ip_address, ip_network

from msgspec.structs import replace

from vcnd.model.cause import Cause, Fault
from vcnd.model.errors import CloudError
from vcnd.model.ids import SubnetId, VnicId
from vcnd.model.vnic import Vnic
from vcnd.ociapi.client import CoreClient
from vcnd.ociapi.retry import Retrier


class Prefixes:
    """What was read of subnets; the calls of all urgencies share it."""

    def __init__(self) -> None:
        self._of_subnet: dict[SubnetId, tuple[str, ...]] = {}
        self._of_vnic: dict[VnicId, str] = {}
        self._new: set[VnicId] = set()
        """VNICs that a journal's list may not have yet."""

    def recall(self, vnics: Iterable[Vnic]) -> None:
        """Learn what the journal has: a VNIC's prefix stays the same."""
        new = {v: self._of_vnic[v] for v in self._new}
        self._of_vnic = new | {v.id: v.ipv6_cidr for v in vnics if v.ipv6_cidr}
        self._new = set()

    def of(self, vnic_id: VnicId) -> str:
        """Return the prefix of a VNIC that was passed here; empty: not known."""
        return self._of_vnic.get(vnic_id, "")

    def add_to(self, vnic: Vnic) -> Vnic:
        """Return a VNIC with its prefix, if it is known."""
        if _lacks(vnic):
            vnic = replace(vnic, ipv6_cidr=self._found(vnic))
        if vnic.ipv6_cidr:
            self._new |= {vnic.id} - self._of_vnic.keys()
            self._of_vnic[vnic.id] = vnic.ipv6_cidr
        return vnic

    async def read(
        self, core: CoreClient, retry: Retrier, vnics: Iterable[Vnic]
    ) -> Fault | None:
        """Read what VNICs lack; return why it stays unknown of one."""
        fault: Fault | None = None
        for vnic in vnics:
            if not _lacks(vnic) or self._found(vnic):
                continue
            try:
                subnet = await retry(core.get_subnet, vnic.subnet_id)
            except CloudError as error:
                fault = Fault(error.cause, str(error))
                continue
            self._of_subnet[vnic.subnet_id] = subnet.ipv6_prefixes
            if not self._found(vnic):
                why = f"subnet {vnic.subnet_id} has none for {vnic.ipv6 or 'its VNICs'}"
                fault = Fault(Cause.BAD_ANSWER, why)
        return fault

    def _found(self, vnic: Vnic) -> str:
        known = self._of_subnet.get(vnic.subnet_id, ())
        if vnic.ipv6:
            own = ip_address(vnic.ipv6)
            known = tuple(p for p in known if own in ip_network(p))
        return next(iter(known), self.of(vnic.id))


def _lacks(vnic: Vnic) -> bool:
    return bool(vnic.ipv6 or vnic.ipv6_router) and not vnic.ipv6_cidr
