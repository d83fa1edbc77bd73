"""The kernel refuses each step of a pod's wiring in turn, and nothing stays behind."""

import errno
import os
import socket
import struct
import subprocess
from collections.abc import Callable, Iterator

import pytest

from fakeoci.fabric import netns
from integration.lab import express
from vcnd.linux.layout import Layout
from vcnd.linux.pod_links import reap_group
from vcnd.linux.pods import PodWiring
from vcnd.model.ids import SubnetId, VnicId
from vcnd.model.interface import Destination
from vcnd.model.sandbox import HostLink, Lease, SandboxKey
from vcnd.model.vnic import Vnic, VnicSlot
from vcnd.netlink.messages import NLMSG_ERROR, NetlinkError, message, numbered

TABLE = """
add table inet vcnd
add chain inet vcnd via1
add map inet vcnd pods4 { type ifname . ipv4_addr : verdict; }
add map inet vcnd pods6 { type ifname . ipv6_addr : verdict; }
"""
EDGES = (0x10, 0x11)
"""Begin and end of a transaction of nf_tables: no steps."""


class Reluctant(socket.socket):
    """A netlink socket of which one message, by its number, is refused."""

    seen = 0
    refused_at = -1
    error = errno.ENOMEM
    answers: list[bytes]

    def send(self, data: bytes, *_: int) -> int:  # type: ignore[override]
        kept, self.answers = b"", []
        for sequence, kind, flags, body in numbered(data):
            is_edge = self.proto != socket.NETLINK_ROUTE and kind in EDGES
            number, is_step = Reluctant.seen, not is_edge
            Reluctant.seen += is_step
            if is_step and number == Reluctant.refused_at:
                refusal = struct.pack("=i", -Reluctant.error) + bytes(16)
                self.answers.append(message(NLMSG_ERROR, 0, refusal, sequence))
            else:
                whole = message(kind, flags, body, sequence)
                kept += whole + bytes(-len(whole) % 4)
        return super().send(kept) if kept else len(data)

    def recv(self, *arguments: int) -> bytes:
        return self.answers.pop() if self.answers else super().recv(*arguments)


LAYOUT = Layout()
SLOT = VnicSlot(
    index=1,
    vnic=Vnic(
        id=VnicId("ocid1.vnic.1"),
        address="10.0.0.2",
        mac="02:00:17:00:00:01",
        subnet_id=SubnetId("subnet"),
        subnet_cidr="10.0.0.0/24",
        virtual_router="10.0.0.1",
    ),
)
LEASE = Lease(
    key=SandboxKey("vcnd", "c", "eth0"),
    addresses=("10.1.0.5", "fd00::5"),
    wiring=HostLink(ifname="oci0123456789a", netns_cookie=1),
)


WITH_REAPER = f"group {LAYOUT.link_group} "
"""In the lines of links that were cut."""


def state() -> dict[str, str]:
    """Return what the node's namespace holds of pods, cut links left out."""
    commands = {
        "links": "-o link show",
        "routes": f"route show table {LAYOUT.pods_table}",
        "routes6": f"-6 route show table {LAYOUT.pods_table}",
        "neighbours": "neigh show nud permanent",
    }
    found = {n: netns.ip_output("node", *c.split()) for n, c in commands.items()}
    links = found["links"].splitlines()
    cut = {x.split()[1].split("@")[0] for x in links if WITH_REAPER in x}
    found["links"] = "\n".join(x for x in links if WITH_REAPER not in x)
    found["neighbours"] = "\n".join(
        x for x in found["neighbours"].splitlines() if x.split()[2] not in cut
    )
    return found | {"elements": netns.nft_output("node", "list table inet vcnd")}


@pytest.fixture
def wiring(monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[PodWiring, int]]:
    for name in ("node", "pod"):
        netns.add(name)
    netns.nft("node", TABLE)
    # A table that no route is in yet is an error to ip.
    netns.ip("node", ["link set lo up", "route add blackhole 192.0.2.1 table 100"])
    netns.ip("node", ["route add blackhole 2001:db8::1 table 100"], six=True)
    monkeypatch.setattr(socket, "socket", Reluctant)
    made = netns.inside("node", lambda: PodWiring(LAYOUT, lambda: reap_group(LAYOUT)))
    pod = os.open(netns.DIRECTORY / "pod", os.O_RDONLY)
    yield made, pod
    made.close()
    os.close(pod)
    for name in ("pod", "node"):
        netns.remove(name)


DESTINATIONS = (
    Destination("0.0.0.0/0", 1500),
    Destination("10.0.0.0/16"),
    Destination("::/0", 1500),
    Destination("2001:db8::/32"),
)
"""As in a node with larger MTUs inside the VCN than outside."""


def plug(wiring: PodWiring, pod: int) -> None:
    def call() -> None:
        wiring.plug(
            LEASE,
            netns=pod,
            slots=dict.fromkeys(LEASE.addresses, SLOT),
            mtu=9000,
            destinations=DESTINATIONS,
            sources={},
            classes={},
            express=True,
        )

    netns.inside("node", call)


def unplug(wiring: PodWiring) -> None:
    netns.inside("node", lambda: wiring.unplug(LEASE, by_class=False))


def steps_of(call: Callable[[], None]) -> int:
    Reluctant.seen, Reluctant.refused_at = 0, -1
    call()
    return Reluctant.seen


def refuse(number: int, call: Callable[[], None]) -> None:
    """Have the kernel refuse one step of a call, which must say so."""
    Reluctant.seen, Reluctant.refused_at = 0, number
    with pytest.raises(NetlinkError) as caught:
        call()
    assert caught.value.errno == errno.ENOMEM
    Reluctant.refused_at = -1


def test_refused_step_of_add_leaves_nothing(wiring: tuple[PodWiring, int]) -> None:
    host, pod = wiring
    before = state()
    steps = steps_of(lambda: plug(host, pod))
    plugged = state()
    assert steps == 22
    assert all(plugged[name] != before[name] for name in before)
    unplug(host)
    assert state() == before
    for number in range(steps):
        refuse(number, lambda: plug(host, pod))
        assert state() == before, f"step {number}"
    # And the same ADD succeeds once the kernel takes all steps.
    plug(host, pod)
    assert {n: x for n, x in state().items() if n != "links"} == {
        n: x for n, x in plugged.items() if n != "links"
    }


def test_a_kernel_without_clsact_has_pods_all_the_same(
    wiring: tuple[PodWiring, int],
) -> None:
    host, pod = wiring
    Reluctant.seen, Reluctant.refused_at, Reluctant.error = 0, 1, errno.ENOENT
    try:
        plug(host, pod)
    finally:
        Reluctant.refused_at, Reluctant.error = -1, errno.ENOMEM
    assert "qdisc clsact" not in netns.inside("node", qdiscs)
    unplug(host)
    netns.inside("node", lambda: reap_group(LAYOUT))
    # It is not asked again: the kernel would look for a module each time.
    assert steps_of(lambda: plug(host, pod)) == 21


def qdiscs() -> str:
    return subprocess.run(
        ["/usr/sbin/tc", "qdisc"], check=True, capture_output=True, text=True
    ).stdout


def test_an_add_soon_after_del_has_a_link_of_its_own(
    wiring: tuple[PodWiring, int],
) -> None:
    """That of the pod before waits for the reaper, and is up until then."""
    host, pod = wiring
    plug(host, pod)
    unplug(host)
    plug(host, pod)
    # The kernel tells that a link is up a moment after it is.
    express.until(lambda: "state UP" in state()["links"], "the new link is up")
    plugged = state()
    netns.inside("node", lambda: reap_group(LAYOUT))
    assert state() == plugged
    assert LEASE.host_ifname in plugged["links"]


def test_refused_step_of_del_is_done_by_the_next(
    wiring: tuple[PodWiring, int],
) -> None:
    host, pod = wiring
    before = state()
    plug(host, pod)
    steps = steps_of(lambda: unplug(host))
    assert steps == 5
    for number in range(steps):
        plug(host, pod)
        refuse(number, lambda: unplug(host))
        unplug(host)
        assert state() == before, f"step {number}"
