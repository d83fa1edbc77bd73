"""The netlink messages that wire and unwire a pod, as templates.

What is the same for all pods of a node is built once.
"""

import struct
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache

from vcnd.linux.pod_names import MOST_ALIAS_BYTES
from vcnd.model.family import Family, family_of
from vcnd.model.interface import GATEWAYS, Destination
from vcnd.netlink import nftables, traffic_control
from vcnd.netlink import rtnetlink as rtnl
from vcnd.netlink.messages import NetlinkError, NetlinkSocket, is_missing
from vcnd.netlink.templates import Step, Template, requests

SETTINGS = {
    rtnl.DEVCONF_FORWARDING: 1,  # also while the node's is off
    rtnl.DEVCONF_SEND_REDIRECTS: 0,  # a hairpin would be told to redirect
    # The map's key has the link and the source.  The kernel's own check costs a look-up
    # for each packet; without the second setting it is made even if the filter is off,
    # to find sources that are the node's addresses.
    rtnl.DEVCONF_RP_FILTER: 0,
    rtnl.DEVCONF_ACCEPT_LOCAL: 1,
    # Both ends know each other.  The kernel would answer requests for the node's own
    # addresses, and keep an entry of each sender: a pod could fill the node's table.
    rtnl.DEVCONF_ARP_IGNORE: 8,
}
"""IPv4 settings of the host's end."""

INDEX, MTU, NETNS = 0x7E69647E, 0x7E6D747E, 0x7E6E737E
HOST, POD = "~host-15-bytes~", "~pod--15-bytes~"
HOST_MAC, POD_MAC = "7e:68:6f:73:74:7e", "7e:70:6f:64:30:7e"
ALIAS = "~" * MOST_ALIAS_BYTES
ADDRESSES = {Family.IPV4: "126.97.52.126", Family.IPV6: "7e61:3664:6472:6573::7e"}
"""Blanks: what stands in the templates where a pod's own values go."""

CLSACT = "clsact of the pod's link"
"""The name of a step that a kernel may be built without."""
Families = tuple[Family, ...]
Destinations = tuple[Destination, ...]
Element = tuple[str, str, bytes]
"""An element of an nft map: the map, the chain to go to, the key."""


def u32(value: int) -> bytes:
    """Return a number as the messages have it."""
    return struct.pack("=I", value)


@lru_cache(maxsize=1)
def veth() -> Template:
    """Return the creation of a pair; blanks: names, MACs, MTU, namespace."""
    host = rtnl.LinkEnd(name=HOST, mac=HOST_MAC, mtu=MTU)
    pod = rtnl.LinkEnd(name=POD, mac=POD_MAC, mtu=MTU)
    return Template(
        requests([("create veth", rtnl.new_veth(host, pod, NETNS))]),
        host=HOST.encode(),
        pod=POD.encode(),
        host_mac=rtnl.mac_bytes(HOST_MAC),
        pod_mac=rtnl.mac_bytes(POD_MAC),
        mtu=u32(MTU),
        netns=u32(NETNS),
    )


@lru_cache
def pod_end(families: Families, destinations: Destinations) -> Template:
    """Return the set-up of the pod's end; refused if one of the routes is there.

    Args:
        families: of the pod's addresses.
        destinations: where the pod's routes lead.

    Blanks: its index, the host's MAC, the addresses by family.
    """
    steps: list[Step] = [("pod link up", rtnl.link_up(INDEX))]
    for family in families:
        gateway = GATEWAYS[family]
        steps += [
            ("pod address", rtnl.new_address(INDEX, ADDRESSES[family])),
            ("pod neighbour", rtnl.new_neighbour(INDEX, gateway, HOST_MAC)),
            (
                "pod gateway route",
                rtnl.new_route(gateway, index=INDEX, replace=False),
            ),
        ]
    steps += pod_routes(INDEX, destinations, replace=False)
    return Template(
        requests(steps),
        index=u32(INDEX),
        mac=rtnl.mac_bytes(HOST_MAC),
        **_blank_addresses(families),
    )


def pod_routes(
    index: int, destinations: Iterable[Destination], *, replace: bool
) -> list[Step]:
    """Return a pod's routes by its gateway.

    Args:
        index: of the pod's end.
        destinations: where they lead.
        replace: whether they replace those that are there.
    """
    return [
        (
            f"pod route to {to.network}",
            rtnl.new_route(
                to.network, index=index, gateway=to.gateway, mtu=to.mtu, replace=replace
            ),
        )
        for to in destinations
    ]


@lru_cache(maxsize=2)
def host_end(*, clsact: bool) -> Template:
    """Return the set-up of the host's end as a link; blanks: its index and alias.

    Args:
        clsact: whether it gets that qdisc, for programs of the express lane.  A link
            that is up already would lose packets by it.
    """
    steps = [(CLSACT, traffic_control.new_clsact(INDEX))] if clsact else []
    steps += [
        ("veth settings", rtnl.device_settings(INDEX, SETTINGS, ALIAS)),
        ("veth up", rtnl.link_up(INDEX)),
    ]
    return Template(requests(steps), index=u32(INDEX), alias=ALIAS.encode())


@lru_cache
def ways_to_pod(table: int, sources: tuple[tuple[Family, str], ...]) -> Template:
    """Return neighbours and routes on the host; the routes to the pod come last.

    Args:
        table: the pods' route table.
        sources: of each family of the pod's addresses, the source of the node's packets
            to them.

    Blanks: the host's end's index, the pod's MAC, the addresses by family.
    """
    families = tuple(family for family, _ in sources)
    steps = [
        # The kernel lets a link transmit some time after its other end came up, and at
        # once if it is asked (linkwatch, since 6.8): else it drops the first packets.
        ("veth carrier", rtnl.get_link(INDEX)),
    ]
    steps += [
        (
            "pod's neighbour on the host",
            rtnl.new_neighbour(INDEX, ADDRESSES[family], POD_MAC),
        )
        for family in families
    ]
    steps += [
        (
            "pod's route on the host",
            rtnl.new_route(ADDRESSES[family], index=INDEX, source=source, table=table),
        )
        for family, source in sources
    ]
    return Template(
        requests(steps),
        index=u32(INDEX),
        mac=rtnl.mac_bytes(POD_MAC),
        **_blank_addresses(families),
    )


def restoring(
    *,
    table: int,
    index: int,
    alias: str,
    pod_mac: str,
    addresses: Sequence[str],
    sources: Mapping[Family, str],
    mtu: int,
) -> list[Step]:
    """Return what sets the host's end of a plugged pod again, and the ways to it.

    Args:
        table: the pods' route table.
        index: of the host's end.
        alias: of the host's end.
        pod_mac: the MAC of the pod's end.
        addresses: the pod's.
        sources: the node's own addresses, the sources of its packets to pods.
        mtu: of the link, in bytes; 0 leaves it.
    """
    steps = [
        ("veth settings", rtnl.device_settings(index, SETTINGS, alias)),
        ("veth up", rtnl.link_up(index, mtu)),
    ]
    for address in addresses:
        source = sources.get(family_of(address), "")
        steps += [
            (
                "pod's neighbour on the host",
                rtnl.new_neighbour(index, address, pod_mac),
            ),
            (
                "pod's route on the host",
                rtnl.new_route(address, index=index, source=source, table=table),
            ),
        ]
    return steps


@lru_cache
def cut_off(table: int, group: int, families: Families) -> Template:
    """Return what cuts a pod off: its routes go, its link is for the reaper.

    The link stays up until then: without an element of the nft map it carries nothing.

    Blanks: the name of the host's end, the addresses by family.
    """
    steps = [
        ("pod's route on the host", rtnl.delete_route(ADDRESSES[family], table=table))
        for family in families
    ]
    steps.append(("veth to the reaper", rtnl.link_into_group(HOST, group)))
    return Template(requests(steps), host=HOST.encode(), **_blank_addresses(families))


def add_elements(nft: NetlinkSocket, table: str, elements: Sequence[Element]) -> None:
    """Add elements to the nft maps; those that are there already are no error."""
    shapes = tuple((name, chain, len(key)) for name, chain, key in elements)
    _additions(table, shapes).send(nft, **_keys(elements))


def delete_elements(
    nft: NetlinkSocket, table: str, elements: Sequence[Element]
) -> None:
    """Delete elements of the nft maps; those that are gone already are no error."""
    shapes = tuple((name, len(key)) for name, _, key in elements)
    try:
        _deletions(table, shapes).send(nft, **_keys(elements))
    except NetlinkError as error:
        if not is_missing(error):
            raise
        # The kernel refused the whole transaction.
        if len(elements) > 1:
            for element in elements:
                delete_elements(nft, table, [element])


@lru_cache
def _additions(table: str, shapes: tuple[tuple[str, str, int], ...]) -> Template:
    keys = _blank_keys(size for _, _, size in shapes)
    changes = [
        (f"nft map {name}", nftables.addition(table, name, key, chain))
        for (name, chain, _), key in zip(shapes, keys.values(), strict=True)
    ]
    return Template(nftables.transaction(changes), **keys)


@lru_cache
def _deletions(table: str, shapes: tuple[tuple[str, int], ...]) -> Template:
    keys = _blank_keys(size for _, size in shapes)
    changes = [
        (f"nft map {name}", nftables.deletion(table, name, key))
        for (name, _), key in zip(shapes, keys.values(), strict=True)
    ]
    return Template(nftables.transaction(changes), **keys)


def _keys(elements: Iterable[Element]) -> dict[str, bytes]:
    return {f"key{n}": key for n, (_, _, key) in enumerate(elements)}


def _blank_keys(sizes: Iterable[int]) -> dict[str, bytes]:
    """Return a blank for each key; no two begin alike."""
    return {f"key{n}": bytes([0x80 + n]) * size for n, size in enumerate(sizes)}


def values_of(addresses: Iterable[str]) -> dict[str, bytes]:
    """Return the values of a pod's addresses, by family."""
    return {family_of(a): rtnl.ip_bytes(a) for a in addresses}


def _blank_addresses(families: Families) -> dict[str, bytes]:
    return {family: rtnl.ip_bytes(ADDRESSES[family]) for family in families}
