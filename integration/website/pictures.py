"""The pictures of the page about concepts (docs/concepts.md)."""

from collections.abc import Callable, Mapping
from pathlib import Path

from integration.website.drawing import Drawing
from vcnd.config import Config
from vcnd.core.target import target

FOLDER = Path("docs")
PODS, COOLING, IN_FLIGHT = 13, 3, 3
"""Of the pool's picture."""


def pool() -> str:
    """Draw the addresses of a node by their states, and the target."""
    policy = Config().pool_policy()
    aim = target(PODS, policy)
    draw = Drawing(900, 250, "The addresses that a node holds")
    draw.text(30, 34, f"{PODS} pods are bound to the node", "h")
    batch, buffer = policy.batch, f"{policy.buffer_fraction:g}"
    told = f"target = {batch} · ⌈{buffer} + {PODS} / {batch}⌉ = {aim} addresses"
    draw.text(30, 56, told, "s")
    free = aim - PODS - COOLING - IN_FLIGHT
    kinds = [
        ("leased", PODS, "blue"),
        ("cooling", COOLING, "grey"),
        ("free", free, "green"),
        ("in flight", IN_FLIGHT, "none"),
    ]
    left = 30.0
    for name, count, kind in kinds:
        begin = left
        for _ in range(count):
            draw.box(left, 92, 30, 42, kind=kind)
            left += 34
        draw.text(begin, 160, f"{count} {name}", "h")
    draw.note(
        30,
        206,
        "Cooling: for 30 s no pod gets the address. In flight: asked of the cloud. What"
        " lasts above the target for five minutes goes back to the cloud.",
    )
    return draw.svg()


def packet() -> str:
    """Draw the way of a packet from a pod to a pod of another node."""
    draw = Drawing(900, 330, "The way of a packet between pods of two nodes")
    for left, name in ((20, "node 1"), (620, "node 2")):
        draw.frame(left, 20, 260, 220, name)
    draw.box(40, 50, 100, 50, "pod A", "10.0.2.5", kind="blue")
    draw.box(40, 160, 100, 60, "nftables", "source check,", "mark of VNIC 2")
    draw.box(170, 160, 95, 60, "VNIC 2", "its own", "route table", kind="green")
    draw.arrow((90, 100), (90, 158))
    draw.text(98, 134, "veth", "s")
    draw.arrow((140, 190), (168, 190))
    draw.box(
        340,
        130,
        220,
        120,
        "the VCN",
        "route tables, NSGs,",
        "security lists, flow logs",
    )
    draw.arrow((265, 190), (338, 190))
    draw.arrow((560, 190), (633, 190))
    draw.box(635, 160, 95, 60, "VNIC 3", kind="green")
    draw.box(760, 160, 100, 60, "nftables", "policies,", "/32 route")
    draw.arrow((730, 190), (758, 190))
    draw.box(760, 50, 100, 50, "pod B", "10.0.2.77", kind="blue")
    draw.arrow((810, 160), (810, 102))
    draw.text(818, 134, "veth", "s")
    draw.text(450, 60, "10.0.2.5 > 10.0.2.77, all the way", "h m")
    draw.text(450, 82, "no tunnel, no NAT", "s m")
    draw.note(
        20,
        272,
        "Answers leave by the VNIC through which the connection came in. The number of"
        " rules does not grow with the pods. Established connections may take the"
        " express lane: BPF programs hand packets from link to link.",
    )
    return draw.svg()


def add() -> str:
    """Draw the way of an ADD, with the pool that works apart from it."""
    draw = Drawing(900, 360, "The way of an ADD")
    draw.box(20, 40, 120, 56, "runtime", "containerd, CRI-O")
    draw.box(180, 40, 120, 56, "vcnd-cni", "C, over a socket")
    draw.arrow((140, 68), (178, 68))
    draw.frame(340, 16, 540, 180, "vcnd")
    draw.box(355, 44, 145, 56, "take an address", "of the pool", kind="green")
    draw.arrow((300, 68), (353, 68))
    draw.box(530, 44, 150, 56, "write the lease", "to the journal", kind="blue")
    draw.arrow((500, 72), (528, 72))
    draw.box(720, 44, 140, 56, "plug", "veth, route, map")
    draw.arrow((680, 72), (718, 72))
    draw.box(530, 124, 150, 50, "disk: durable", kind="blue")
    draw.arrow((605, 100), (605, 122))
    draw.box(385, 124, 115, 50, "answer")
    draw.arrow((528, 149), (502, 149))
    draw.arrow((790, 100), (682, 140))
    draw.arrow((383, 149), (302, 92))
    draw.text(
        400, 226, "Only an ADD that finds the pool empty waits for the cloud.", "h"
    )
    draw.box(360, 256, 130, 60, "warm pool", "when it runs low", kind="green")
    draw.arrow((366, 254), (366, 102), away=True)
    draw.box(640, 256, 180, 60, "OCI's Core API", "blocks, singles, VNICs")
    draw.arrow((490, 286), (638, 286), "in the background", both=True)
    draw.box(60, 256, 180, 60, "Kubernetes", "a pod is bound here")
    draw.arrow((240, 286), (358, 286), "before the ADD")
    return draw.svg()


def crash() -> str:
    """Draw what is left of an ADD when the daemon is killed at each step."""
    draw = Drawing(900, 300, "What is left when the daemon is killed")
    steps = (
        (("address taken", "in memory"), ("nothing", "the address is free")),
        (("lease written", "the kernel has it"), ("the lease", "in the journal")),
        (("pod plugged", "veth, route, map"), ("lease and link", "")),
        (
            ("durable", "the disk has it"),
            ("lease and link", "the lease after a", "power cut, too"),
        ),
        (("answered", ""), ("a pod that runs", "and stays as it is")),
    )
    draw.text(
        20, 34, "One ADD, and what is there if the daemon is killed after a step", "h"
    )
    for number, (step, left) in enumerate(steps):
        x = 20 + 176 * number
        draw.box(x, 54, 150, 60, *filter(None, step), kind="blue")
        if number:
            draw.arrow((x - 26, 84), (x - 2, 84))
        draw.arrow((x + 75, 116), (x + 75, 150), away=True)
        draw.box(x, 152, 150, 74, *filter(None, left), kind="green")
    draw.note(
        20,
        256,
        "systemd holds the socket and starts the daemon anew; the plugin repeats its"
        " call. The new daemon reads the journal, compares it with kernel and cloud,"
        " and finishes the ADD or takes it back. Packets need no daemon.",
    )
    return draw.svg()


PICTURES: Mapping[str, Callable[[], str]] = {
    "concept-pool.svg": pool,
    "concept-packet.svg": packet,
    "concept-add.svg": add,
    "concept-crash.svg": crash,
}
