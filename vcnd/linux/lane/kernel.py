"""The express lane in the kernel, as this life of the daemon has made it."""

import errno
import socket
from collections.abc import Collection, Mapping

from vcnd.linux.lane.hooks import Hooks
from vcnd.linux.lane.maps import Link, pod_value
from vcnd.linux.lane.pods import Legs
from vcnd.linux.lane.programs import LanePrograms
from vcnd.linux.lane.queues import queued_by_others
from vcnd.log import log
from vcnd.netlink.messages import NetlinkSocket

GONE = (errno.ENODEV, errno.ENXIO)


class LaneKernel:
    """Programs, the links that have them, and the pods that they let in.

    ``attach`` runs in a worker thread, everything else in the daemon's own: a pod that
    is unplugged meanwhile is not let in again.

    Attributes:
        programs: programs and maps.
        pods: the pods' links and entries, by the name of the link.
    """

    def __init__(self, programs: LanePrograms, hooks: Hooks) -> None:
        self.programs = programs
        self.pods: dict[str, tuple[Link, bytes]] = {}
        self._hooks, self._route = hooks, NetlinkSocket(socket.NETLINK_ROUTE)
        self._queued: set[int] = set()
        """Pods' links with queues or programs of others: their pods stay out."""
        self._links: dict[str, Link] = {}
        """Links with our programs, by name."""
        self._refused: set[str] = set()
        """Links whose refusal has been logged."""
        self._swept = False

    def attach(
        self, pods: Mapping[str, Legs], vnics: Collection[str], *, check: bool
    ) -> None:
        """Put the programs at the links of these pods and VNICs, nowhere else.

        Args:
            pods: the pods of the lane.
            vnics: the links of VNICs, with pods or not: to attach programs there holds
                the lock of all links, so that is not for an ADD to wait for.
            check: whether links that have the programs are looked at again.
        """
        known, links = self._links, dict[str, Link]()
        found = {name: self._link(name) for name in {*pods, *vnics}}
        if check:
            looked_at = {x.index for name, x in found.items() if x and name in pods}
            self._queued = queued_by_others(self._route, self._hooks, looked_at)
        for name, link in found.items():
            if link is None:
                continue
            if name in pods and link.index in self._queued:
                self._tell(name, "others have a queue or a program at it")
                continue
            there = name in known and known[name].index == link.index
            if (there and not check) or self._ensure(name, link):
                links[name] = link
        wanted = {link.index for link in links.values()}
        surplus = {link.index for link in known.values()} - wanted
        if not self._swept:
            surplus = {index for index, _ in socket.if_nameindex()} - wanted
        for index in surplus:
            self._hooks.clear(index)
        self._links, self._swept = links, True

    def _link(self, name: str) -> Link | None:
        """Return a link, or None if it is gone."""
        try:
            return Link(self._route.index_of(name), self._route.mtu_of(name))
        except OSError as error:
            if error.errno not in GONE:
                raise
            return None

    def _ensure(self, name: str, link: Link) -> bool:
        try:
            self._hooks.ensure(link.index, self.programs.loaded)
        except OSError as error:
            # Gone meanwhile, or not to be had: its packets go the ordinary way.
            if self._link(name) == link:
                self._tell(name, str(error))
            return False
        self._refused.discard(name)
        return True

    def _tell(self, name: str, reason: str) -> None:
        """Log once why a link has no programs."""
        if name not in self._refused:
            self._refused.add(name)
            log.warning("express_refused", link=name, reason=reason)

    def admit(self, pods: Mapping[str, Legs]) -> None:
        """Let the packets of these pods in, where their links have the programs."""
        for name in self.pods.keys() - pods.keys():
            self.exclude(name)
        for name, legs in pods.items():
            entry = self._entry(name, legs)
            if entry == self.pods.get(name):
                continue
            self.exclude(name)
            # The name may be another link's by now: one that has no programs yet.
            if entry is not None and self._link(name) == entry[0]:
                self.programs.admit(*entry)
                self.pods[name] = entry

    def _entry(self, name: str, legs: Legs) -> tuple[Link, bytes] | None:
        link = self._links.get(name)
        vnics = {
            f: self._links[x.vnic] for f, x in legs.items() if x.vnic in self._links
        }
        if link is None or not vnics:
            return None
        return link, pod_value(link, legs, vnics)

    def exclude(self, name: str) -> None:
        """Let no more packets of a pod in, and none go its noted way."""
        entry = self.pods.pop(name, None)
        if entry is not None:
            # In this order: what is admitted in between does not outlast the epoch.
            try:
                self.programs.exclude(entry[0])
            finally:
                self.programs.raise_epoch()

    def close(self) -> None:
        """Let go of everything; the kernel goes on."""
        self._route.close()
        self._hooks.close()
        self.programs.close()


def sweep(hooks: Hooks) -> None:
    """Remove our programs from all links, also those of an earlier life.

    Raises:
        OSError: the kernel refused at a link; the others are clear.
    """
    refusals: list[OSError] = []
    for index, _ in socket.if_nameindex():
        try:
            hooks.clear(index)
        except OSError as error:
            refusals.append(error)
    if refusals:
        raise refusals[0]
