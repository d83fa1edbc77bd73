"""Wire and unwire one pod: synchronous, short, in the node's namespace."""

import errno
import socket
from collections.abc import Callable, Mapping

from vcnd.linux import kernel, pod_messages, pod_side
from vcnd.linux.layout import Layout
from vcnd.linux.pod_messages import Destinations
from vcnd.linux.pod_names import alias, is_ours, macs
from vcnd.linux.ruleset import CLASS_MAPS, PODS_MAPS, class_chain, via
from vcnd.model.errors import BadEnvironmentError, SandboxBrokenError
from vcnd.model.family import Family
from vcnd.model.ids import ClassName
from vcnd.model.interface import PodInterface
from vcnd.model.sandbox import Lease
from vcnd.model.vnic import VnicSlot
from vcnd.netlink import nftables, rtnetlink
from vcnd.netlink.messages import Message, NetlinkError, NetlinkSocket, is_missing
from vcnd.netlink.netns import Home
from vcnd.netlink.templates import Step

UNKNOWN_KIND = (errno.ENOENT, errno.EOPNOTSUPP)
"""Errors of a kernel that is built without a kind of qdisc."""


class PodWiring:
    """Plugs pods into the node's network namespace, where it was made."""

    def __init__(self, layout: Layout, reap_now: Callable[[], None]) -> None:
        self._layout = layout
        self._reap_now = reap_now
        self._home = Home()
        self._route = NetlinkSocket(socket.NETLINK_ROUTE)
        self._has_clsact = True
        """False once the kernel has said that it is built without."""
        self._nft = NetlinkSocket(nftables.NETLINK_NETFILTER)

    def close(self) -> None:
        """Close the sockets."""
        self._route.close()
        self._nft.close()
        self._home.close()

    def nft_port(self) -> int:
        """Return the port that events about pods' own elements name."""
        return self._nft.port

    def identify(self, netns: int) -> int:
        """Return a namespace's cookie.

        Raises:
            BadNetnsError: the descriptor is no pod's network namespace.
        """
        return self._home.cookie_of(netns)

    def _do(self, step: str, message: Message) -> None:
        self._route.request(step, *message)

    def plug(
        self,
        lease: Lease,
        *,
        netns: int,
        slots: Mapping[str, VnicSlot],
        mtu: int,
        destinations: Destinations,
        sources: Mapping[Family, str],
        classes: Mapping[ClassName, int],
        express: bool,
    ) -> PodInterface:
        """Wire a pod.  Results of an earlier try are reused.

        Args:
            lease: its addresses, and the interface.
            netns: descriptor of its network namespace.
            slots: each address' VNIC.
            mtu: of its link, in bytes.
            destinations: where its routes lead.
            sources: the node's own addresses, the sources of its packets to pods.
            classes: numbers of the pods' classes, where NSGs are enforced between them.
            express: whether the express lane may use its link.

        Raises:
            BadEnvironmentError: the interface exists and is not ours.
            NetlinkError: the kernel refused a step; the link was removed again.
        """
        host_mac, pod_mac = macs(lease.host_ifname)
        host = rtnetlink.LinkEnd(name=lease.host_ifname, mac=host_mac, mtu=mtu)
        pod = rtnetlink.LinkEnd(name=lease.key.ifname, mac=pod_mac, mtu=mtu)
        self._create(host, pod, netns)
        try:
            index = self._host_end(lease, express=express)
            with self._home.inside(netns), NetlinkSocket(socket.NETLINK_ROUTE) as route:
                made = pod_side.set_up(route, lease, host_mac, destinations)
            self._let_in(lease, slots, classes)
            self._lead_to(lease, index, pod_mac, sources)
        except BaseException:
            self.unplug(lease, by_class=bool(classes))
            raise
        return PodInterface(
            host_ifname=host.name,
            host_mac=host_mac,
            pod_mac=pod_mac,
            mtu=mtu,
            destinations=made,
        )

    def _create(
        self, host: rtnetlink.LinkEnd, pod: rtnetlink.LinkEnd, netns: int
    ) -> None:
        try:
            self._send_veth(host, pod, netns)
        except NetlinkError as error:
            if error.errno != errno.EEXIST:
                raise
            if self._is_intact(host.name, pod.name, netns):
                return
            self._refuse_foreign(host.name)
            # A link of an earlier try that the reaper has not deleted, or half of one.
            self.cut(host.name)
            self._reap_now()
            try:
                self._send_veth(host, pod, netns)
            except NetlinkError as again:
                if again.errno != errno.EEXIST:
                    raise
                raise BadEnvironmentError(
                    f"CNI_IFNAME={pod.name}: the container has an interface of that"
                    " name which vcnd did not make"
                ) from again

    def _send_veth(
        self, host: rtnetlink.LinkEnd, pod: rtnetlink.LinkEnd, netns: int
    ) -> None:
        pod_messages.veth().send(
            self._route,
            host=host.name.encode(),
            pod=pod.name.encode(),
            host_mac=rtnetlink.mac_bytes(host.mac),
            pod_mac=rtnetlink.mac_bytes(pod.mac),
            mtu=pod_messages.u32(host.mtu),
            netns=pod_messages.u32(netns),
        )

    def _refuse_foreign(self, name: str) -> None:
        """Raise ``BadEnvironmentError`` if a link of that name is somebody else's."""
        there = kernel.link(name)
        if there is not None and not is_ours(self._layout, there):
            raise BadEnvironmentError(
                f"the node has a link {name} which vcnd did not make",
                details="rename or delete it: the pod's link needs the name",
            )

    def _is_intact(self, host: str, pod: str, netns: int) -> bool:
        """Return True if both ends exist, are up, belong together, and stay."""
        ours = kernel.link(host)
        with self._home.inside(netns):
            theirs = kernel.link(pod)
        return (
            ours is not None
            and theirs is not None
            and ours.up
            and ours.group != self._layout.link_group
            and theirs.peer_index == ours.index
        )

    def _host_end(self, lease: Lease, *, express: bool) -> int:
        """Set the host's end up, and return its index."""
        index = self._route.index_of(lease.host_ifname)
        try:
            self._send_host_end(lease, index, clsact=express and self._has_clsact)
        except NetlinkError as error:
            if error.step != pod_messages.CLSACT or error.errno not in UNKNOWN_KIND:
                raise
            self._has_clsact = False
            self._send_host_end(lease, index, clsact=False)
        return index

    def _send_host_end(self, lease: Lease, index: int, *, clsact: bool) -> None:
        pod_messages.host_end(clsact=clsact).send(
            self._route,
            index=pod_messages.u32(index),
            alias=alias(lease).encode(),
        )

    def _let_in(
        self,
        lease: Lease,
        slots: Mapping[str, VnicSlot],
        classes: Mapping[ClassName, int],
    ) -> None:
        """Let the rule set know the pod."""
        elements: list[pod_messages.Element] = []
        for address, family in lease.families.items():
            slot = slots[address]
            key = nftables.interface_and_address(lease.host_ifname, address)
            elements.append((PODS_MAPS[family], via(slot.index), key))
            number = classes.get(slot.vnic.pod_class)
            if number is not None:
                key = rtnetlink.ip_bytes(address)
                elements.append((CLASS_MAPS[family], class_chain(number), key))
        pod_messages.add_elements(self._nft, self._layout.nft_table, elements)

    def _lead_to(
        self, lease: Lease, index: int, pod_mac: str, sources: Mapping[Family, str]
    ) -> None:
        """Lead packets to the pod.

        This comes last: a pod that can be reached is wired completely.
        """
        values = pod_messages.values_of(lease.addresses)
        routes = tuple((f, sources.get(f, "")) for f in lease.families.values())
        pod_messages.ways_to_pod(self._layout.pods_table, routes).send(
            self._route,
            index=pod_messages.u32(index),
            mac=rtnetlink.mac_bytes(pod_mac),
            **values,
        )

    def unplug(self, lease: Lease, *, by_class: bool) -> None:
        """Cut a pod off.  Parts that are gone already are no error.

        Args:
            lease: its addresses, and the interface.
            by_class: whether NSGs are enforced between classes.
        """
        layout = self._layout
        elements: list[pod_messages.Element] = []
        for address, family in lease.families.items():
            key = nftables.interface_and_address(lease.host_ifname, address)
            elements.append((PODS_MAPS[family], "", key))
            if by_class:
                elements.append((CLASS_MAPS[family], "", rtnetlink.ip_bytes(address)))
        pod_messages.delete_elements(self._nft, layout.nft_table, elements)
        values = pod_messages.values_of(lease.addresses)
        cut_off = pod_messages.cut_off(
            layout.pods_table, layout.link_group, tuple(lease.families.values())
        )
        try:
            cut_off.send(self._route, host=lease.host_ifname.encode(), **values)
        except NetlinkError as error:
            if not is_missing(error):
                raise
            self._cut_off_by_steps(lease)

    def _cut_off_by_steps(self, lease: Lease) -> None:
        """Cut a pod off of which a part is gone."""
        for address in lease.addresses:
            self._missing_is_fine(
                "pod's route on the host",
                rtnetlink.delete_route(address, table=self._layout.pods_table),
            )
        self.cut(lease.host_ifname)

    def check(
        self, lease: Lease, *, netns: int, destinations: Mapping[str, int | None]
    ) -> None:
        """Raise ``SandboxBrokenError`` if a part is missing, and name it (CNI CHECK).

        Args:
            lease: the sandbox's.
            netns: descriptor of its network namespace.
            destinations: networks to which ADD made routes, and their MTUs if known.
        """
        host = kernel.link(lease.host_ifname)
        with self._home.inside(netns):
            pod = kernel.link(lease.key.ifname)
            addresses = kernel.addresses(pod.index) if pod else set()
            with NetlinkSocket(socket.NETLINK_ROUTE) as route:
                routes = pod_side.destinations(route, lease.families.values())
        lacks = [
            (host is None or not host.up, f"host link {lease.host_ifname}"),
            (pod is None or not pod.up, f"interface {lease.key.ifname}"),
        ]
        for network, mtu in destinations.items():
            there = routes.get(network)
            lacks.append((there is None, f"route to {network}"))
            if there and mtu is not None:
                lacks.append((mtu not in there, f"MTU of the route to {network}"))
        for address, family in lease.families.items():
            here = kernel.host_routes(self._layout.pods_table, family)
            lacks += [
                (address not in addresses, f"address {address}"),
                (address not in here, f"host route to {address}"),
            ]
        missing = [what for lacking, what in lacks if lacking]
        if missing:
            raise SandboxBrokenError(
                f"the sandbox of {lease.key} lacks what ADD gave it",
                details=f"missing, down or changed: {', '.join(missing)}",
            )

    def restore_routes(self, lease: Lease, sources: Mapping[Family, str]) -> None:
        """Put a plugged pod's routes on the host back."""
        index = self._route.index_of(lease.host_ifname)
        for step, message in self.restoring(lease, index, sources, mtu=0):
            if message[0] == rtnetlink.RTM_NEWROUTE:
                self._do(step, message)

    def restore(self, lease: Lease, sources: Mapping[Family, str], *, mtu: int) -> None:
        """Put back all that a plugged pod has on the host, but its elements.

        Args:
            lease: its addresses, and the interface.
            sources: the node's own addresses, the sources of its packets to pods.
            mtu: of its link, in bytes; 0 leaves it.
        """
        index = self._route.index_of(lease.host_ifname)
        for step, message in self.restoring(lease, index, sources, mtu=mtu):
            self._do(step, message)

    def restoring(
        self, lease: Lease, index: int, sources: Mapping[Family, str], *, mtu: int
    ) -> list[Step]:
        """Return the steps of ``restore``, for a link with this index."""
        return pod_messages.restoring(
            table=self._layout.pods_table,
            index=index,
            # A lease that was found by its link alone has no sandbox to name.
            alias=alias(lease) if lease.key.network else "",
            pod_mac=macs(lease.host_ifname)[1],
            addresses=lease.addresses,
            sources=sources,
            mtu=mtu,
        )

    def cut(self, ifname: str) -> None:
        """Take a link down and mark it for the reaper; one that is gone is no error."""
        self._missing_is_fine(
            "veth down",
            rtnetlink.link_into_group(ifname, self._layout.link_group, down=True),
        )

    def _missing_is_fine(self, step: str, message: Message) -> None:
        try:
            self._do(step, message)
        except NetlinkError as error:
            if not is_missing(error):
                raise
