"""The invariants, checked from outside at each event that concerns them.

The witnesses are kernels, cloud, disks and runtimes; no daemon is asked.
"""

from collections.abc import Collection

import msgspec
import trio

from sim.fleet.books import Books
from sim.fleet.violations import Report
from vcnd.model.sandbox import Lease, SandboxKey

EPSILON = 1e-6


class Carrier(msgspec.Struct, frozen=True):
    """The pod that carries an address."""

    node: str
    key: SandboxKey
    instance_id: str


class Cut(msgspec.Struct, frozen=True):
    """The last pod that carried an address, and when it ended."""

    key: SandboxKey
    instance_id: str
    at: float


class Watch:
    """Knows which pod carries which address, in the whole fleet."""

    def __init__(self, books: Books, report: Report, *, cooling_seconds: float) -> None:
        self._books = books
        self._report = report
        self._cooling_seconds = cooling_seconds
        self._carriers: dict[str, Carrier] = {}
        self._cuts: dict[str, Cut] = {}
        self._running: set[tuple[str, SandboxKey]] = set()
        self._answered: set[tuple[str, SandboxKey]] = set()
        """Sandboxes whose ADD succeeded: nothing ran in the others."""
        books.taken = self._taken

    def _is_robbed(self, address: str, by: Carrier | None) -> bool:
        return by is not None and self._books.is_robbed(address, by.instance_id)

    # What kernels say

    def plugged(self, node: str, instance_id: str, lease: Lease) -> None:
        """Check I1, I2 and I3: a pod carries addresses from now on."""
        carrier = Carrier(node, lease.key, instance_id)
        for address in lease.addresses:
            if self._books.is_robbed(address, instance_id):
                continue
            other = self._carriers.get(address)
            if other not in (None, carrier) and not self._is_robbed(address, other):
                self._report(
                    "I1", node, f"{address}: {lease.key} has it, and so has {other}"
                )
            owner = self._books.instance_with(address)
            if owner != instance_id:
                self._report(
                    "I2", node, f"{address}: {lease.key} gets it, it is {owner}'s"
                )
            cut = self._cuts.get(address)
            cools = not (self._books.is_fixed(address) or self._moved(address))
            if cut is not None and cut.key != lease.key and cools:
                rested = trio.current_time() - cut.at
                if rested < self._cooling_seconds - EPSILON:
                    self._report(
                        "I3", node, f"{address}: {rested:.3f} s after {cut.key}"
                    )
            self._carriers[address] = carrier

    def unplugged(self, node: str, lease: Lease) -> None:
        """Check I6 and I9: a daemon cuts a pod off."""
        if (node, lease.key) in self._running:
            self._report(
                "I9", node, f"{lease.key} runs and is cut off from {lease.addresses}"
            )
        self.vanished(node, lease)

    def unrouted(self, node: str, lease: Lease, vnic_id: str) -> None:
        """Check I9: the kernel forgets a VNIC, or its number."""
        if (node, lease.key) not in self._running:
            return
        for address in lease.addresses:
            carrier = self._carriers.get(address)
            if carrier and self._books.was_robbed(address, carrier.instance_id):
                continue  # the cloud may have given it to another VNIC since
            if self._books.vnic_with(address) == vnic_id:
                self._report("I9", node, f"{lease.key} runs and loses {vnic_id}")

    def vanished(self, node: str, lease: Lease) -> None:
        """Note that a pod's link is gone."""
        for address in lease.addresses:
            if self._carries(address, node, lease.key):
                was = self._carriers.pop(address)
                if (node, lease.key) in self._answered:
                    now = trio.current_time()
                    self._cuts[address] = Cut(lease.key, was.instance_id, now)
        self._answered.discard((node, lease.key))

    def _moved(self, address: str) -> bool:
        """Return True if others took an address from its last pod's instance."""
        cut = self._cuts.get(address)
        return cut is not None and self._books.was_robbed(address, cut.instance_id)

    def _carries(self, address: str, node: str, key: SandboxKey) -> bool:
        carrier = self._carriers.get(address)
        return carrier is not None and (carrier.node, carrier.key) == (node, key)

    # What the cloud says

    def _taken(self, address: str, instance_id: str) -> None:
        """Check I9: vcnd lets the cloud take an address."""
        carrier = self._carriers.get(address)
        if carrier is None or carrier.instance_id != instance_id:
            return  # others had moved it
        if self._books.was_robbed(address, instance_id):
            return  # it came back, as part of a bulk creation that failed, say
        if (carrier.node, carrier.key) in self._running:
            self._report(
                "I9", carrier.node, f"{address} is released: {carrier.key} runs"
            )

    # What runtimes say

    def runs(self, node: str, instance_id: str, lease: Lease) -> None:
        """Check I2: an ADD has succeeded, and its pod has what the answer says."""
        self._running.add((node, lease.key))
        self._answered.add((node, lease.key))
        for address in lease.addresses:
            robbed = self._books.was_robbed(address, instance_id)
            if not robbed and not self._carries(address, node, lease.key):
                self._report(
                    "I9", node, f"{lease.key} was told {address} and has it not"
                )

    def ends(self, node: str, key: SandboxKey) -> None:
        """Note that a sandbox is being ended."""
        self._running.discard((node, key))

    def carried(self, node: str) -> Collection[SandboxKey]:
        """Return the sandboxes of a node that carry an address."""
        return {c.key for c in self._carriers.values() if c.node == node}
