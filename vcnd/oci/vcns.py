"""The networks of the VCNs that pods' subnets are in.

Neither IMDS nor a VNIC tells them.  A subnet never moves to another VCN, so it is read
once; VCNs get and lose CIDRs, so they are read again with each audit.
"""

from collections.abc import Iterable

from msgspec.structs import replace

from vcnd.model.cause import Fault
from vcnd.model.errors import CloudError
from vcnd.model.vnic import Vnic
from vcnd.oci.prefixes import Prefixes
from vcnd.ociapi.client import CoreClient
from vcnd.ociapi.retry import Retrier


class Vcns:
    """What was read last; the calls of all urgencies share it."""

    def __init__(self, *, needed: bool) -> None:
        self._needed = needed
        """False if nothing on the node needs them: they cost calls and a right."""
        self._vcn_of: dict[str, str] = {}
        """Subnet → its VCN."""
        self._cidrs: dict[str, tuple[str, ...]] = {}
        """VCN → its CIDRs, of both families."""
        self._recalled: dict[str, tuple[str, ...]] = {}
        """Subnet → the CIDRs that the journal has."""
        self.prefixes = Prefixes()

    def recall(self, vnics: Iterable[Vnic]) -> None:
        """Learn what the journal has: it stands in for what cannot be read."""
        vnics = list(vnics)
        self.prefixes.recall(vnics)
        for vnic in vnics:
            if vnic.vcn_cidrs:
                self._recalled[vnic.subnet_id] = vnic.vcn_cidrs

    def add_to(self, vnic: Vnic) -> Vnic:
        """Return a VNIC with the CIDRs of its VCN, and its IPv6 prefix."""
        vnic = self.prefixes.add_to(vnic)
        if not self._needed:
            return vnic
        subnet_id = vnic.subnet_id
        read = self._cidrs.get(self._vcn_of.get(subnet_id, ""))
        return replace(vnic, vcn_cidrs=read or self._recalled.get(subnet_id, ()))

    def unread(self, subnet_ids: Iterable[str]) -> list[str]:
        """Return the subnets whose VCNs were never read."""
        return [s for s in subnet_ids if self._vcn_of.get(s, "") not in self._cidrs]

    async def read(
        self, core: CoreClient, retry: Retrier, subnet_ids: Iterable[str]
    ) -> Fault | None:
        """Read the VCNs of subnets; return why one cannot be read.

        What was read before stays: pods need no more than that.
        """
        fault: Fault | None = None
        read: set[str] = set()
        for subnet_id in dict.fromkeys(subnet_ids if self._needed else ()):
            try:
                if subnet_id not in self._vcn_of:
                    subnet = await retry(core.get_subnet, subnet_id)
                    self._vcn_of[subnet_id] = subnet.vcn_id
                vcn_id = self._vcn_of[subnet_id]
                if vcn_id not in read:
                    vcn = await retry(core.get_vcn, vcn_id)
                    self._cidrs[vcn_id] = vcn.cidrs
                    read.add(vcn_id)
            except CloudError as error:
                fault = Fault(error.cause, str(error))
        return fault
