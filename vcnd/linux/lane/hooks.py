"""Puts the express lane's programs at a link: by tcx, or by clsact.

tcx (kernel 6.6) costs each packet less.  But when a program comes to a link, and when
it goes with its link, the kernel waits for a grace period of RCU, some 20 ms, and holds
the lock of all links: calls would wait with it.  So VNICs, which stay, have tcx, and
pods' links have clsact.

A link that is up loses packets when clsact comes and when it goes.  So a pod's link
gets it before it is up (``PodWiring``) and keeps it.  One that has none, because it was
made while the lane was off, gets tcx.

Others' programs stay: ours are behind them.  A program is known by its name.
"""

import errno
import os
import socket
from collections.abc import Mapping
from typing import Protocol

from vcnd.bpf import programs, tcx
from vcnd.bpf.call import BpfError
from vcnd.bpf.tcx import Hook
from vcnd.netlink import traffic_control
from vcnd.netlink.messages import NetlinkError, NetlinkSocket, is_missing

NAMES = {Hook.INGRESS: "vcnd_express", Hook.EGRESS: "vcnd_admit"}
"""Each hook's program."""
PARENTS = {
    Hook.INGRESS: traffic_control.INGRESS,
    Hook.EGRESS: traffic_control.EGRESS,
}
NO_QDISC = (errno.EINVAL, errno.EOPNOTSUPP)
"""Errors about filters of a link without clsact."""


class Hooks(Protocol):
    """A way to attach programs to links."""

    def ensure(self, link: int, loaded: Mapping[Hook, int]) -> None:
        """Have exactly these programs of ours at a link; others of ours go.

        Args:
            link: the link's index.
            loaded: the programs' descriptors.

        Raises:
            OSError: the kernel refused; the link then has none of ours.
        """

    def clear(self, link: int) -> None:
        """Remove our programs from a link; one that is gone is no error."""

    def would_pass_by(self, link: int) -> bool:
        """Return True if others' programs at a pod's link would not see the lane."""

    def close(self) -> None:
        """Let go of what it holds; programs stay."""


class TcxHooks:
    """tcx hooks."""

    def __init__(self) -> None:
        self._names: dict[int, str] = {}
        """Of the kernel's programs; numbers are not used twice."""

    def ensure(self, link: int, loaded: Mapping[Hook, int]) -> None:
        """Attach, or replace (``Hooks.ensure``)."""
        try:
            for hook, descriptor in loaded.items():
                self._ensure(link, hook, descriptor)
        except OSError:
            self.clear(link)
            raise

    def _ensure(self, link: int, hook: Hook, descriptor: int) -> None:
        _, wanted = programs.name_and_id(descriptor)
        mine = self._mine(link, hook)
        if wanted in mine:
            mine.remove(wanted)
        elif mine:
            old = programs.by_id(mine.pop())
            try:
                tcx.attach(link, hook, descriptor, replaced=old)
            finally:
                os.close(old)
        else:
            tcx.attach(link, hook, descriptor)
        for number in mine:
            _detach(link, hook, number)

    def _mine(self, link: int, hook: Hook) -> list[int]:
        found = tcx.attached(link, hook)
        for number in found:
            if number not in self._names:
                self._names[number] = programs.name_of(number)
        return [n for n in found if self._names[n] == NAMES[hook]]

    def clear(self, link: int) -> None:
        """Detach (``Hooks.clear``)."""
        for hook in NAMES:
            try:
                for number in self._mine(link, hook):
                    _detach(link, hook, number)
            except BpfError as error:
                if error.errno != errno.ENODEV:
                    raise

    def would_pass_by(self, link: int) -> bool:
        """Look for programs at egress, and behind ours (``Hooks.would_pass_by``)."""
        try:
            at = {hook: tcx.attached(link, hook) for hook in NAMES}
            mine = {hook: self._mine(link, hook) for hook in NAMES}
        except BpfError as error:
            if error.errno != errno.ENODEV:
                raise
            return False
        egress, ingress = at[Hook.EGRESS], at[Hook.INGRESS]
        ours = mine[Hook.INGRESS]
        behind = bool(ours) and ingress[-1] not in ours
        return behind or len(egress) > len(mine[Hook.EGRESS])

    def close(self) -> None:
        """Do nothing: no descriptor is held."""


def _detach(link: int, hook: Hook, number: int) -> None:
    """Detach a program; one that was detached meanwhile is no error."""
    try:
        descriptor = programs.by_id(number)
    except BpfError as error:
        if error.errno != errno.ENOENT:
            raise
        return
    try:
        tcx.detach(link, hook, descriptor)
    except BpfError as error:
        if error.errno != errno.ENOENT:
            raise
    finally:
        os.close(descriptor)


class ClsactHooks:
    """Filters of the clsact qdisc.

    It goes with the last filter, except at pods' links.
    """

    def __init__(self, pods_prefix: str = "") -> None:
        """Make it in the links' namespace.

        Args:
            pods_prefix: what the names of pods' links begin with; "": there are none.
        """
        self._prefix = pods_prefix
        self._route = NetlinkSocket(socket.NETLINK_ROUTE)

    def is_at(self, link: int) -> bool:
        """Return True if a link has the qdisc."""
        try:
            self._route.request("get clsact", *traffic_control.get_clsact(link))
        except NetlinkError as error:
            if not _is_gone(error):
                raise
            return False
        return True

    def ensure(self, link: int, loaded: Mapping[Hook, int]) -> None:
        """Make the qdisc and set the filters (``Hooks.ensure``)."""
        lacking = {
            hook: descriptor
            for hook, descriptor in loaded.items()
            if self._programs(link, hook).get(NAMES[hook])
            != programs.name_and_id(descriptor)[1]
        }
        made = bool(lacking) and self._add_clsact(link)
        try:
            for hook, descriptor in lacking.items():
                message = traffic_control.set_program(
                    link, PARENTS[hook], descriptor, NAMES[hook]
                )
                self._route.request("set a BPF filter", *message)
        except OSError:
            self.clear(link)
            if made:
                message = traffic_control.delete_clsact(link)
                self._missing_is_fine("delete clsact", *message)
            raise

    def _add_clsact(self, link: int) -> bool:
        """Give a link the qdisc; return False if it had it."""
        try:
            message = traffic_control.new_clsact(link, exclusive=True)
            self._route.request("add clsact", *message)
        except NetlinkError as error:
            if error.errno != errno.EEXIST:
                raise
            return False
        return True

    def clear(self, link: int) -> None:
        """Delete our filters, perhaps with the qdisc (``Hooks.clear``)."""
        found = {hook: self._programs(link, hook).keys() for hook in NAMES}
        mine = [hook for hook, names in found.items() if NAMES[hook] in names]
        others = any(n != NAMES[hook] for hook, names in found.items() for n in names)
        if mine and not others and not is_of_pod(link, self._prefix):
            # In one step: an empty qdisc could not be told from somebody else's.
            message = traffic_control.delete_clsact(link)
            self._missing_is_fine("delete clsact", *message)
            return
        for hook in mine:
            message = traffic_control.delete_program(link, PARENTS[hook])
            self._missing_is_fine("delete a BPF filter", *message)

    def _programs(self, link: int, hook: Hook) -> dict[str, int]:
        """Return the programs' numbers by the filters' names; 0 for another kind."""
        return {
            name: traffic_control.filter_program(body)
            for body in self._filters(link, hook)
            if (name := traffic_control.filter_name(body)) is not None
        }

    def _filters(self, link: int, hook: Hook) -> list[bytes]:
        request = traffic_control.list_programs(link, PARENTS[hook])
        try:
            return [body for _, body in self._route.dump("list filters", *request)]
        except NetlinkError as error:
            if not _is_gone(error):
                raise
            return []

    def _missing_is_fine(self, step: str, kind: int, flags: int, body: bytes) -> None:
        try:
            self._route.request(step, kind, flags, body)
        except NetlinkError as error:
            if not _is_gone(error):
                raise

    def would_pass_by(self, link: int) -> bool:
        """Look for filters, which are in no order (``Hooks.would_pass_by``)."""
        bodies = (body for hook in NAMES for body in self._filters(link, hook))
        return any(map(traffic_control.is_others_filter, bodies))

    def close(self) -> None:
        """Close the socket; filters stay."""
        self._route.close()


def _is_gone(error: NetlinkError) -> bool:
    """Return True if the link, its clsact or a filter is not there (any more)."""
    return error.errno in NO_QDISC or is_missing(error)


class MixedHooks:
    """clsact at pods' links that have it, tcx at all others."""

    def __init__(self, pods_prefix: str) -> None:
        self._prefix = pods_prefix
        self._tcx, self._clsact = TcxHooks(), ClsactHooks(pods_prefix)

    def ensure(self, link: int, loaded: Mapping[Hook, int]) -> None:
        """Attach (``Hooks.ensure``)."""
        if is_of_pod(link, self._prefix) and self._clsact.is_at(link):
            self._clsact.ensure(link, loaded)
            self._tcx.clear(link)
        else:
            self._tcx.ensure(link, loaded)

    def clear(self, link: int) -> None:
        """Detach (``Hooks.clear``)."""
        self._tcx.clear(link)
        self._clsact.clear(link)

    def would_pass_by(self, link: int) -> bool:
        """Look for both (``Hooks.would_pass_by``)."""
        return self._tcx.would_pass_by(link) or self._clsact.would_pass_by(link)

    def close(self) -> None:
        """Close the socket; programs stay."""
        self._clsact.close()


def is_of_pod(link: int, pods_prefix: str) -> bool:
    """Return True if a link's name begins like those of pods; False if it is gone."""
    try:
        return bool(pods_prefix) and socket.if_indextoname(link).startswith(pods_prefix)
    except OSError:
        return False


def hooks(pods_prefix: str) -> Hooks:
    """Return the best way that this kernel has.

    Args:
        pods_prefix: what the names of pods' links begin with.
    """
    if tcx.is_there():
        return MixedHooks(pods_prefix)
    return ClsactHooks(pods_prefix)
