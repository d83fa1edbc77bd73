"""What pods send to destinations outside the VCN, in the node's name.  Pure.

With ``[node] snat = "outside-vcn"`` a new IPv4 connection of a pod to such a
destination leaves by the primary VNIC and is masqueraded (decision 24).  It is decided
once, at the connection's first packet, and kept in the connection's mark: so neither a
changed rule nor a changed VCN moves a live connection to another VNIC.
"""

from collections.abc import Iterable, Sequence

from vcnd.linux.layout import Layout
from vcnd.linux.nft_text import chain
from vcnd.linux.vnic_link import VnicLink
from vcnd.model.family import Family, family_of
from vcnd.model.vnic import PRIMARY_INDEX

CHAIN = "outside"


def inside(layout: Layout, vnics: Iterable[VnicLink]) -> list[str]:
    """Return the IPv4 networks to which pods talk as themselves.

    Empty if nothing may be masqueraded: it is switched off, or the VCN of a pod VNIC is
    not known, or the primary VNIC.
    """
    vnics = list(vnics)
    carriers = [v for v in vnics if v.carries_pods]
    known = all(v.vcn_cidrs for v in carriers)
    has_primary = any(v.index == PRIMARY_INDEX for v in vnics)
    if not (layout.snat and carriers and known and has_primary):
        return []
    networks = {c for v in carriers for c in (*v.vcn_cidrs, *v.networks)}
    found = {*networks, *layout.snat_exempt}
    return sorted(n for n in found if family_of(n) is Family.IPV4)


def outside_chain(layout: Layout, networks: Sequence[str]) -> list[str]:
    """Return the chain for the first packets of pods' connections.

    A rule for each network, and no set: a set is empty to a packet that is judged while
    the table changes, and would send it out in the node's name.

    Args:
        layout: the marks.
        networks: those to which pods talk as themselves; there are some.
    """
    keep, mark = f"{layout.keep_mask:#x}", f"{layout.mark(PRIMARY_INDEX):#x}"
    return chain(
        CHAIN,
        *(f"ip daddr {network} return" for network in networks),
        # To an address of the node itself; broadcasts and multicasts.
        "fib daddr type != unicast return",
        f"ct mark set ct mark & {keep} | {mark}",
    )


def leaving(layout: Layout, to_primary: str) -> list[str]:
    """Return the rules that lead pods' packets outside.

    Args:
        layout: the marks.
        to_primary: marks a packet as the primary VNIC's, and returns.
    """
    first = "ct direction original ct status & confirmed == 0"
    return [
        f"{first} meta nfproto ipv4 jump {CHAIN}",
        f"{_outside(layout)} {to_primary}",
    ]


def masquerade(layout: Layout, by_pod: str) -> str:
    """Return the rule that translates the sources of what ``leaving`` leads away.

    Ports are chosen at random: two connections at once would choose the same next one,
    and the second would lose its first packet (kube-proxy does the same).

    Args:
        layout: the marks.
        by_pod: what tells packets of pods.
    """
    ours = f"ct direction original {_outside(layout)}"
    return f"{by_pod} meta nfproto ipv4 {ours} masquerade fully-random"


def _outside(layout: Layout) -> str:
    return f"ct mark & {layout.mark_mask:#x} == {layout.mark(PRIMARY_INDEX):#x}"
