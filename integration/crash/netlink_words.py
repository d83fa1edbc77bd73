"""The names of the messages that are sent to netlink, for a step's text."""

import struct
from itertools import groupby

_HEADER = struct.Struct("=IHHII")
_ROUTE = {
    16: "RTM_NEWLINK",
    17: "RTM_DELLINK",
    18: "RTM_GETLINK",
    19: "RTM_SETLINK",
    20: "RTM_NEWADDR",
    21: "RTM_DELADDR",
    22: "RTM_GETADDR",
    24: "RTM_NEWROUTE",
    25: "RTM_DELROUTE",
    26: "RTM_GETROUTE",
    28: "RTM_NEWNEIGH",
    29: "RTM_DELNEIGH",
    30: "RTM_GETNEIGH",
    32: "RTM_NEWRULE",
    33: "RTM_DELRULE",
    34: "RTM_GETRULE",
    36: "RTM_NEWQDISC",
    37: "RTM_DELQDISC",
    38: "RTM_GETQDISC",
    44: "RTM_NEWTFILTER",
    45: "RTM_DELTFILTER",
    46: "RTM_GETTFILTER",
    80: "RTM_GETNETCONF",
}
_NFTABLES = (
    *("NEWTABLE", "GETTABLE", "DELTABLE", "NEWCHAIN", "GETCHAIN", "DELCHAIN"),
    *("NEWRULE", "GETRULE", "DELRULE", "NEWSET", "GETSET", "DELSET", "NEWSETELEM"),
    *("GETSETELEM", "DELSETELEM", "NEWGEN", "GETGEN", "TRACE", "NEWOBJ", "GETOBJ"),
    *("DELOBJ", "GETOBJ_RESET", "NEWFLOWTABLE", "GETFLOWTABLE", "DELFLOWTABLE"),
    *("GETRULE_RESET", "DESTROYTABLE", "DESTROYCHAIN", "DESTROYRULE", "DESTROYSET"),
    *("DESTROYSETELEM", "DESTROYOBJ", "DESTROYFLOWTABLE", "GETSETELEM_RESET"),
)
_NETFILTER = {
    (0, 16): "BATCH_BEGIN",
    (0, 17): "BATCH_END",
    (1, 0): "CT_NEW",
    (1, 1): "CT_GET",
    (1, 2): "CT_DELETE",
    **{(10, number): f"NFT_{name}" for number, name in enumerate(_NFTABLES)},
}
NETFILTER = 12


def names(protocol: int, data: bytes) -> list[str]:
    """Return the names of netlink messages; a number for those without one.

    Args:
        protocol: of netlink: 0 is routing, 12 netfilter.
        data: the messages, as they are sent; the end may be missing.
    """
    found: list[str] = []
    while len(data) >= _HEADER.size:
        length, kind, _, _, _ = _HEADER.unpack_from(data)
        if length < _HEADER.size:
            break
        if protocol == NETFILTER:
            key = (kind >> 8, kind & 0xFF)
            found.append(_NETFILTER.get(key, f"{key[0]}:{key[1]}"))
        else:
            found.append(_ROUTE.get(kind, str(kind)))
        data = data[(length + 3) & ~3 :]
    return found


def text(found: list[str]) -> str:
    """Return the names of messages in one line, repeated ones with their number."""
    runs = ((name, len(list(same))) for name, same in groupby(found))
    return " ".join(f"{name} x {n}" if n > 1 else name for name, n in runs)


def only_ask(found: list[str]) -> bool:
    """Return True if messages, by their names, change nothing."""
    asks = ("_GET" in name and "_RESET" not in name for name in found)
    return bool(found) and all(asks)
