"""What pods reach at link-local addresses: DNS and NTP, nothing else.  Pure."""

from collections.abc import Iterable, Sequence

from vcnd.model.family import Family

LINK_LOCAL_SERVICES = {
    Family.IPV4: "169.254.169.254",
    Family.IPV6: "fd00:c1::a9fe:a9fe",
}
LINK_LOCAL = {Family.IPV4: "169.254.0.0/16", Family.IPV6: "fd00:c1::/64"}
SELECTORS = {Family.IPV4: "ip", Family.IPV6: "ip6"}
PORTS = ("meta l4proto { tcp, udp } th dport 53", "udp dport 123")


def guarded(families: Iterable[Family]) -> Sequence[str]:
    """Return the rules that lead packets to link-local addresses to the guard."""
    return [f"{SELECTORS[f]} daddr {LINK_LOCAL[f]} goto guard" for f in families]


def guard(primary: str) -> Sequence[str]:
    """Return the guard's rules.

    Args:
        primary: what forwards a packet by the primary VNIC.
    """
    return [
        # An address of the node itself, such as NodeLocal DNSCache's.
        "fib daddr type local accept",
        *(f"{p} {_to_service(f)} {primary}" for p in PORTS for f in Family),
        "counter drop",
    ]


def masquerades(by_pod: str) -> Sequence[str]:
    """Return the rules that let pods ask in the node's name.

    Args:
        by_pod: what tells packets of pods.
    """
    return [f"{_to_service(f)} {by_pod} masquerade" for f in Family]


def _to_service(family: Family) -> str:
    return f"{SELECTORS[family]} daddr {LINK_LOCAL_SERVICES[family]}"
