"""Which part of the kernel a sample of perf belongs to: rules, no I/O."""

import re
from collections import Counter
from collections.abc import Iterable, Iterator
from functools import cache

PARTS = {
    # Other programs of the machine, such as tracers, are not the lane.
    "the express lane (BPF)": (
        r"bpf_prog_\w+_vcnd_|tcx_run|tc_run|sch_handle|cls_bpf|bpf_redirect"
        r"|skb_do_redirect"
    ),
    "nftables' rules": r"nft_|nf_tables",
    "connection tracking, NAT": (
        r"nf_conntrack|__nf_conntrack|nf_ct_|__nf_ct|nf_nat|ipv4_conntrack|nf_confirm"
        r"|ipv4_confirm|resolve_|hash_conntrack|tcp_in_window|nf_defrag|ipv4_helper"
    ),
    "hooks": r"nf_hook|nf_",
    "bridge": r"br_|__br_|brnf|fdb_",
    "VXLAN": r"vxlan_|udp_tunnel|iptunnel|ip_tunnel|gro_cell|udp_gro|skb_udp|udp_",
    "policy rules and routes": (
        r"fib_|__fib|ip_route|ip_rt|ip_mkroute|__mkroute|find_exception|rt_"
    ),
    "IP and neighbours": (
        r"ip_|__ip_|neigh_|__neigh|inet_gso|inet_gro|arp_|dst_|eth_|__skb_flow"
    ),
    "links and queues": (
        r"veth_|napi_|__napi|process_backlog|__netif|netif_|enqueue_to_backlog"
        r"|dev_|__dev_|net_rx|net_tx|validate_xmit|skb_|__skb|handle_softirqs"
        r"|do_softirq|get_rps"
    ),
    "sockets, TCP, system calls": (
        r"tcp_|__tcp|sock_|__sock|inet_|__inet|__sys|__x64_sys|do_syscall|entry_"
        r"|release_sock|lock_sock|sk_|__sk_|bictcp|cubictcp|security_|apparmor|__fget|fput"
    ),
}
"""Part → the functions that begin like this; in the order in which they are tried."""
REST = "the measuring program"
_PATTERNS = [(part, re.compile(text)) for part, text in PARTS.items()]


@cache
def part_of(function: str) -> str:
    """Return the part to which a function belongs; empty for one that serves many."""
    for part, pattern in _PATTERNS:
        if pattern.match(function):
            return part
    return ""


def stacks(lines: Iterable[str]) -> Iterator[list[str]]:
    """Yield the functions of each sample of ``perf script -F ip,sym``, leaf first."""
    stack: list[str] = []
    for line in lines:
        address_and_name = line.split(maxsplit=1)
        if len(address_and_name) > 1:
            stack.append(address_and_name[1].strip())
        elif stack:
            yield stack
            stack = []
    if stack:
        yield stack


def shares(samples: Iterable[list[str]]) -> dict[str, float]:
    """Return each part's share of the samples, in the order of ``PARTS``.

    A sample in a function that serves many, such as an allocation, belongs to the
    nearest caller that has a part.
    """
    found = Counter(
        next((part for f in stack if (part := part_of(f))), REST) for stack in samples
    )
    whole = found.total() or 1
    return {p: found[p] / whole for p in (*PARTS, REST) if found[p]}
