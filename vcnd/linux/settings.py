"""Keeps the kernel settings that pods depend on; hears at once when they change.

A package upgrade runs ``sysctl --system``, udev does so for each new link, and people
set ``ip_forward`` to 0.  Files of /proc/sys have no events, but the kernel tells of
forwarding and rp_filter by netlink.
"""

import os
import socket
import sys
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from contextlib import suppress
from pathlib import Path
from typing import Never

import msgspec
import trio

from vcnd.core.repairs import Repair, Repairs
from vcnd.linux import events, reverse_path
from vcnd.linux.kernel import set_device
from vcnd.linux.vnic_link import VnicLink, primary_names
from vcnd.log import log
from vcnd.model.cause import Cause, Fault
from vcnd.model.drift import DriftKind
from vcnd.netlink import event_filter, rtnetlink
from vcnd.netlink.messages import attributes, is_missing, messages

RTNLGRP_IPV4_NETCONF, RTNLGRP_IPV6_NETCONF = 24, 25
RTM_NEWNETCONF = 80
NETCONFA_IFINDEX, NETCONFA_FORWARDING, NETCONFA_RP_FILTER = 1, 2, 3
ALL_LINKS = -1
SPACING_SECONDS = 0.2
"""Least time between two checks: a program that fights vcnd cannot keep it busy."""
ROOT = Path("/proc/sys/net")
IPV4_FORWARD, IPV6_FORWARD = "ipv4/ip_forward", "ipv6/conf/all/forwarding"

Problems = Mapping[str, Fault]
"""Setting → why its value is a problem, and what to do."""


class Settings:
    """Forwarding on the node, and the settings of VNICs' links."""

    def __init__(
        self,
        *,
        vnics: Callable[[], Sequence[VnicLink]],
        pod_links: Callable[[], Iterable[str]],
        uses_ipv6: Callable[[], bool],
        restore: Callable[[], Awaitable[object]],
        repairs: Repairs,
    ) -> None:
        """Make it; it works in ``run``.

        Args:
            vnics: returns the VNICs' links.
            pod_links: returns the names of the pods' links.
            uses_ipv6: returns True if a subnet has IPv6.
            restore: compares the node's links with what they should be, and restores.
            repairs: takes note of settings that were restored here.
        """
        self._restore, self._repairs = restore, repairs
        self._vnics = vnics
        self._pod_links = pod_links
        self._uses_ipv6 = uses_ipv6
        self._kept_loose: set[str] = set()
        """The links whose filter is to be put back at the withdrawal."""
        self._fit: set[str] = set()
        """The settings that were right once: another value is somebody's change."""
        self._events = events.subscribed(
            socket.NETLINK_ROUTE, RTNLGRP_IPV4_NETCONF, RTNLGRP_IPV6_NETCONF
        )
        event_filter.attach(self._events, event_filter.short_messages())

    def close(self) -> None:
        """Close the socket."""
        self._events.close()

    async def run(self, report: Callable[[Problems], None]) -> Never:
        """Check at the start and at each event; report what is wrong."""
        report(self.find_problems())
        while True:
            data = await events.received(self._events)
            if data is None:
                await self._restore()
                report(self.find_problems())
            else:
                await self._react(list(_changes(data)), report)
            await trio.sleep(SPACING_SECONDS)

    async def _react(
        self, changes: Sequence["Change"], report: Callable[[Problems], None]
    ) -> None:
        filtered = _filtered(changes)
        everywhere = ALL_LINKS in filtered
        if everywhere or _with_index(self._pod_vnics(), filtered):
            await self._restore()
        if everywhere or _with_index(self._primary(), filtered):
            for name in self.loosen_primary():
                self._note(f"net.ipv4.conf.{name}.rp_filter: 1, not 2")
        if any(c.concerns_forwarding for c in changes):
            report(self.find_problems())

    def loosen_primary(self) -> list[str]:
        """Make the primary VNIC's reverse path filter loose where it is strict.

        Return the links on which somebody has made it strict again.  Any thread may
        call it.
        """
        found: list[str] = []
        for name in self._primary():
            self._kept_loose.add(name)
            setting = f"net.ipv4.conf.{name}.rp_filter"
            # Before the look: another thread may make the first change meanwhile.
            again = setting in self._fit
            try:
                loosened = reverse_path.loosen(name)
            except OSError as error:
                log.error("setting_not_restored", setting=name, reason=str(error))
                continue
            if loosened and _tell(setting, 2, again=again):
                found.append(name)
            self._fit.add(setting)
        return found

    def put_primary_back(self) -> None:
        """Make the primary VNIC's filter as it was; its link must be ours no more.

        Raises:
            OSError: it could not be read or changed; the next call tries again.
        """
        for name in sorted(self._kept_loose):
            reverse_path.put_back(name)
            self._fit.discard(f"net.ipv4.conf.{name}.rp_filter")
            self._kept_loose.discard(name)

    def _primary(self) -> list[str]:
        return primary_names(self._vnics())

    def _pod_vnics(self) -> set[str]:
        return {v.ifname for v in self._vnics() if v.carries_pods}

    def find_problems(self) -> Problems:
        """Switch forwarding on again; return the settings that cannot be set."""
        problems: dict[str, Fault] = {}
        if not self._keep_on(IPV4_FORWARD):
            # A link's own setting decides, and needs no file to be written.
            self._let_links_forward()
            problems[_name(IPV4_FORWARD)] = Fault(
                Cause.FORWARDING_OFF,
                "is 0: vcnd's links forward all the same, the node's others do not;"
                " find who sets it (/etc/sysctl.d), and restart vcnd.socket",
            )
        if self._uses_ipv6() and not self._keep_on(IPV6_FORWARD):
            problems[_name(IPV6_FORWARD)] = Fault(
                Cause.FORWARDING_OFF,
                "is 0: pods' IPv6 packets go nowhere; find who sets it"
                " (/etc/sysctl.d), and restart vcnd.socket",
            )
        return problems

    def _keep_on(self, path: str) -> bool:
        """Switch a setting on again; return False if it cannot be written."""
        if _is_on(path):
            self._fit.add(path)
            return True
        if not _switch_on(path):
            return False
        if _tell(_name(path), 1, again=path in self._fit):
            self._note(f"{_name(path)}: 0, not 1")
        self._fit.add(path)
        return True

    def _note(self, what: str) -> None:
        now = trio.current_time()
        self._repairs.note(Repair(kind=DriftKind.SETTING, number=1, what=what, at=now))

    def _let_links_forward(self) -> None:
        names = {*(v.ifname for v in self._vnics()), *self._pod_links()}
        _set_links(names, {rtnetlink.DEVCONF_FORWARDING: 1})


def _set_links(names: Iterable[str], settings: dict[int, int]) -> None:
    """Change IPv4 settings of links; deleted links are skipped."""
    for name in names:
        try:
            set_device(socket.if_nametoindex(name), settings)
        except OSError as error:
            if not is_missing(error):
                log.error("setting_not_restored", setting=name, reason=str(error))


class Change(msgspec.Struct, frozen=True):
    """A change of a setting that the kernel reported."""

    link_index: int
    attribute: int

    @property
    def concerns_forwarding(self) -> bool:
        """Return True if the whole node's forwarding changed."""
        return self.attribute == NETCONFA_FORWARDING and self.link_index == ALL_LINKS


def _filtered(changes: Iterable[Change]) -> set[int]:
    """Return the links whose rp_filter changed, by index."""
    return {c.link_index for c in changes if c.attribute == NETCONFA_RP_FILTER}


def _with_index(names: Iterable[str], indexes: AbstractSet[int]) -> set[str]:
    """Return the links that have one of these indexes."""
    found: set[str] = set()
    for name in names:
        with suppress(OSError):  # gone meanwhile
            if socket.if_nametoindex(name) in indexes:
                found.add(name)
    return found


def _changes(data: bytes) -> Iterator[Change]:
    for kind, _, body in messages(data):
        if kind != RTM_NEWNETCONF:
            continue
        parts = attributes(body[4:])
        index = int.from_bytes(
            parts.get(NETCONFA_IFINDEX, b""), sys.byteorder, signed=True
        )
        for attribute in (NETCONFA_FORWARDING, NETCONFA_RP_FILTER):
            if attribute in parts:
                yield Change(index, attribute)


def _is_on(path: str) -> bool:
    try:
        return (ROOT / path).read_text().strip() != "0"
    except OSError:
        return True  # the kernel has no IPv6: nothing to forward


def _switch_on(path: str) -> bool:
    try:
        (ROOT / path).write_text("1")
    except OSError as error:
        log.warning("setting_not_restored", setting=_name(path), reason=str(error))
        return False
    return True


def _tell(setting: str, value: int, *, again: bool) -> bool:
    """Log that a setting was set; return True if that was a repair.

    The first time the image's own value was there, which nobody has changed.
    """
    if again:
        log.warning("setting_restored", setting=setting, value=value)
    else:
        log.info("setting_set", setting=setting, value=value)
    return again


def _name(path: str) -> str:
    return "net." + path.replace(os.sep, ".")
