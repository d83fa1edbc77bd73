"""A packet's microseconds by part of the kernel."""

from xml.etree import ElementTree

import pytest

from integration.bench.datapath import parts, profile
from integration.bench.stacked import Bar

SCRIPT = """
    ffffffff8209469c tcp_v4_rcv
    ffffffff820556f8 ip_protocol_deliver_rcu

    ffffffff8209469c jhash
    ffffffff8209469d nft_rhash_lookup
    ffffffff820556f8 nft_do_chain

              10ab59 __send
                   0 [unknown]

    ffffffff8209469c kfree
    ffffffff820556f8 nf_conntrack_in
"""


@pytest.mark.parametrize(
    ("function", "part"),
    [
        ("nft_do_chain", "nftables' rules"),
        ("nf_conntrack_in", "connection tracking, NAT"),
        ("__nf_conntrack_find_get", "connection tracking, NAT"),
        ("nf_hook_slow", "hooks"),
        ("br_nf_pre_routing", "bridge"),
        ("vxlan_xmit_one", "VXLAN"),
        ("udp_tunnel_xmit_skb", "VXLAN"),
        ("fib_table_lookup", "policy rules and routes"),
        ("ip_route_input_slow", "policy rules and routes"),
        ("ip_finish_output2", "IP and neighbours"),
        ("__netif_receive_skb_core.constprop.0", "links and queues"),
        ("veth_xmit", "links and queues"),
        ("tcp_ack", "sockets, TCP, system calls"),
        ("bpf_prog_386e3f3c78cbe05b_vcnd_express", "the express lane (BPF)"),
        ("bpf_redirect_neigh", "the express lane (BPF)"),
        ("bpf_prog_386e3f3c78cbe05b_tracer", ""),
        ("bpf_lsm_socket_sendmsg", ""),
        ("__htab_map_lookup_elem", ""),
        ("memcpy_orig", ""),
    ],
)
def test_function_belongs_to_a_part(function: str, part: str) -> None:
    assert parts.part_of(function) == part


def test_sample_belongs_to_the_nearest_caller_with_a_part() -> None:
    shares = parts.shares(parts.stacks(SCRIPT.splitlines()))
    assert shares == {
        "nftables' rules": 0.25,
        "connection tracking, NAT": 0.25,
        "sockets, TCP, system calls": 0.25,
        parts.REST: 0.25,
    }
    assert list(shares) == [p for p in (*parts.PARTS, parts.REST) if p in shares]


def test_no_samples_have_no_parts() -> None:
    assert parts.shares([]) == {}


def test_picture_shows_each_side_and_each_part() -> None:
    both = [
        Bar(side="vcnd", p50=15.0, parts={"hooks": 5.0, parts.REST: 10.0}),
        Bar(side="Flannel VXLAN", p50=20.0, parts={"bridge": 20.0}),
    ]
    root = ElementTree.fromstring(profile.picture(both, "burst"))  # noqa: S314
    words = {e.text for e in root.iter() if e.tag.endswith("text")}
    assert {"vcnd", "Flannel VXLAN", "15.0 µs", "20.0 µs", "hooks", "bridge"} <= words
    assert "60 KB there, 1 byte back, between two nodes, microseconds" in words
    assert "VXLAN" not in words
    width = float(root.attrib["width"])
    bars = [e for e in root.iter() if e.tag.endswith("rect") and "x" in e.attrib]
    assert all(float(b.attrib["x"]) + float(b.attrib["width"]) < width for b in bars)
