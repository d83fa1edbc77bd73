"""The VCN's resolver: names of instances, over UDP and over TCP."""

import struct

import dns.message
import dns.rcode
import trio
import trio.testing

from fakeoci.fabric.resolver import answer, converse

Clock = trio.testing.MockClock
KNOWN_NAME = "node1.nodes.main.oraclevcn.com"
UNKNOWN_NAME = "x.nodes.main.oraclevcn.com"
KNOWN = {f"{KNOWN_NAME}.": "10.0.0.2"}


def asked(name: str) -> bytes:
    return dns.message.make_query(name, "A").to_wire()


def test_known_and_unknown_names() -> None:
    reply = dns.message.from_wire(answer(asked(KNOWN_NAME), KNOWN) or b"")
    assert "10.0.0.2" in reply.answer[0].to_text()
    reply = dns.message.from_wire(answer(asked(UNKNOWN_NAME), KNOWN) or b"")
    assert reply.rcode() == dns.rcode.NXDOMAIN


def test_garbage_has_no_answer() -> None:
    assert answer(b"x", KNOWN) is None


async def test_stream_of_queries_in_pieces(
    autojump_clock: Clock,
) -> None:
    ours, theirs = trio.testing.memory_stream_pair()
    wire = b"".join(
        struct.pack("!H", len(q)) + q for q in (asked(KNOWN_NAME), asked(UNKNOWN_NAME))
    )
    held = b""
    async with trio.open_nursery() as nursery:
        nursery.start_soon(converse, theirs, lambda: KNOWN)
        for i in range(0, len(wire), 7):
            await ours.send_all(wire[i : i + 7])
        codes: list[dns.rcode.Rcode] = []
        while len(codes) < 2:
            held += await ours.receive_some()
            while len(held) >= 2 and len(held) - 2 >= int.from_bytes(held[:2]):
                size = int.from_bytes(held[:2])
                codes.append(dns.message.from_wire(held[2 : 2 + size]).rcode())
                held = held[2 + size :]
        await ours.aclose()
    assert codes == [dns.rcode.NOERROR, dns.rcode.NXDOMAIN]


async def test_silent_stream_is_closed(autojump_clock: Clock) -> None:
    ours, theirs = trio.testing.memory_stream_pair()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(converse, theirs, lambda: KNOWN)
        assert await ours.receive_some() == b""
