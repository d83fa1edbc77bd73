"""Limits learnt from refusals, because no page gives them, or gives them wrongly.

OCI refuses alike for a full VNIC, a full subnet and a fragmented one.  The next calls
show which it was:

* a VNIC without addresses is refused one: its subnet is full;
* a VNIC with n addresses is refused one, and another VNIC of the subnet is given
  one: a VNIC takes n;
* a block is refused, and smaller pieces are given: the subnet is fragmented.

Each lesson expires, since limits are raised and subnets become empty.  Time is an
argument (seconds of any monotonic clock).
"""

from collections.abc import Sequence

import msgspec

from vcnd.core.placement import BLOCKS
from vcnd.model.cause import Cause
from vcnd.model.family import Family
from vcnd.model.ids import VnicId

LIMIT_SECONDS = 3600.0
"""How long a VNIC's learnt limit holds."""

BLOCK_SECONDS = 600.0
"""How long a refused block is not requested again."""

SUBNET_SECONDS = 300.0
"""How long other subnets of the class are preferred to a full one."""


class _Refused(msgspec.Struct, frozen=True):
    """A VNIC that was refused more addresses."""

    subnet_id: str
    held: int


class LearntLimits:
    """One node's lessons of one family."""

    def __init__(
        self, *, per_vnic: int, blocks: bool, family: Family = Family.IPV4
    ) -> None:
        self._published = per_vnic
        self._blocks = BLOCKS[family] if blocks else ()
        self._refused_block = 0
        """The smallest block that was refused lately; 0 is none."""
        self._refused_until = 0.0
        self._no_blocks_until = 0.0
        self._refused: dict[VnicId, _Refused] = {}
        self._limits: dict[VnicId, tuple[int, float]] = {}
        self._full: dict[str, float] = {}

    # VNICs

    def vnic_refused(
        self, vnic_id: VnicId, subnet_id: str, held: int, now: float
    ) -> Cause:
        """Note that a VNIC with a number of objects was refused a single one.

        Returns the cause, as far as it is known.
        """
        # The cause was not a missing aligned range.
        self._refused_block = 0
        if held == 0:
            self.subnet_full(subnet_id, now)
            return Cause.SUBNET_FULL
        self._refused[vnic_id] = _Refused(subnet_id, held)
        return Cause.LIMIT_REACHED

    def vnic_accepted(
        self, vnic_id: VnicId, subnet_id: str, now: float
    ) -> list[VnicId]:
        """Note that a VNIC was given addresses, so its subnet has free ones.

        Returns the VNICs whose limit this proves.
        """
        self._full.pop(subnet_id, None)
        self._refused.pop(vnic_id, None)
        self._limits.pop(vnic_id, None)
        proven = [v for v, r in self._refused.items() if r.subnet_id == subnet_id]
        for other in proven:
            refused = self._refused.pop(other)
            self._limits[other] = refused.held, now + LIMIT_SECONDS
        return proven

    def limit(self, vnic_id: VnicId, now: float) -> int:
        """Return how many objects a VNIC takes."""
        learnt, until = self._limits.get(vnic_id, (self._published, now + 1))
        return learnt if now < until else self._published

    def probing(self, vnic_id: VnicId) -> bool:
        """Return True if a VNIC was refused more at the last request."""
        return vnic_id in self._refused

    def new_vnic_limit(self, now: float) -> int:
        """Return how many objects a new VNIC is expected to take."""
        learnt = [limit for limit, until in self._limits.values() if now < until]
        return min([self._published, *learnt])

    def forget(self, vnic_id: VnicId) -> None:
        """Drop the lessons of a VNIC that is gone."""
        self._refused.pop(vnic_id, None)
        self._limits.pop(vnic_id, None)

    # Blocks

    def block_refused(self, size: int, now: float) -> None:
        """Note that a block of this size was refused."""
        self._refused_block = size
        self._refused_until = now + BLOCK_SECONDS

    def no_blocks(self, now: float) -> None:
        """Note that the API has no blocks."""
        self._no_blocks_until = now + LIMIT_SECONDS

    def blocks(self, now: float) -> tuple[int, ...]:
        """Return the block sizes worth requesting, ascending."""
        if now < self._no_blocks_until:
            return ()
        if not self._refused_block or now >= self._refused_until:
            return self._blocks
        return tuple(size for size in self._blocks if size < self._refused_block)

    def most_addresses(self, vnics: Sequence[VnicId], further: int, now: float) -> int:
        """Return how many addresses VNICs hold, in blocks where the API has them.

        Args:
            vnics: those that are attached.
            further: how many more the shape takes.
            now: the time.
        """
        objects = further * self.new_vnic_limit(now)
        objects += sum(self.limit(vnic_id, now) for vnic_id in vnics)
        has_blocks = now >= self._no_blocks_until
        return objects * (max(self._blocks, default=1) if has_blocks else 1)

    # Subnets

    def subnet_full(self, subnet_id: str, now: float) -> None:
        """Note that a subnet had no address for a new VNIC."""
        self._full[subnet_id] = now + SUBNET_SECONDS

    def preferred(self, subnet_ids: Sequence[str], now: float) -> str:
        """Return the first subnet not known to be full, or the first if all are."""
        for subnet_id in subnet_ids:
            if self._full.get(subnet_id, 0.0) <= now:
                return subnet_id
        return subnet_ids[0]

    def all_full(self, subnet_ids: Sequence[str], now: float) -> bool:
        """Return True if every subnet is known to be full."""
        return all(self._full.get(s, 0.0) > now for s in subnet_ids)
