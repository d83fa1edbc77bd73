"""The VCN resolver at 169.254.169.254:53: names of the world's instances."""

import struct
from collections.abc import Callable
from contextlib import suppress

import dns.exception
import dns.flags
import dns.message
import dns.rcode
import dns.rdataclass
import dns.rdatatype
import dns.rrset
import trio

from fakeoci.world.resources import Instance, Subnet, Vcn, Vnic
from fakeoci.world.world import World

TTL_SECONDS = 60
IDLE_SECONDS = 30.0
LENGTH = struct.Struct("!H")


def names(world: World, vcn_id: str) -> dict[str, str]:
    """Return ``host.subnet.vcn.oraclevcn.com`` → address of a VCN's primary VNICs."""
    found = {}
    for vnic in world.all(Vnic):
        subnet = world.get(Subnet, vnic.subnet_id)
        if vnic.is_primary and subnet.vcn_id == vcn_id:
            host = world.get(Instance, vnic.instance_id).display_name
            vcn = world.get(Vcn, vcn_id).display_name
            fqdn = f"{host}.{subnet.display_name}.{vcn}.oraclevcn.com."
            found[fqdn.lower()] = world.primary_ip(vnic.id)
    return found


def answer(query: bytes, known: dict[str, str]) -> bytes | None:
    """Return the answer to a query, or None if it cannot be answered."""
    try:
        asked = dns.message.from_wire(query)
    except dns.exception.DNSException:
        return None
    if not asked.question:
        return None
    response = dns.message.make_response(asked)
    response.flags |= dns.flags.RA | dns.flags.AA
    question = asked.question[0]
    address = known.get(question.name.to_text().lower())
    if address is None:
        response.set_rcode(dns.rcode.NXDOMAIN)
    elif question.rdtype == dns.rdatatype.A:
        response.answer.append(
            dns.rrset.from_text(
                question.name, TTL_SECONDS, dns.rdataclass.IN, dns.rdatatype.A, address
            )
        )
    return response.to_wire()


async def serve(sock: trio.socket.SocketType, world: World, vcn_id: str) -> None:
    """Answer queries for ever."""
    while True:
        query, sender = await sock.recvfrom(4096)
        response = answer(query, names(world, vcn_id))
        if response is not None:
            await sock.sendto(response, sender)


async def serve_stream(
    listener: trio.socket.SocketType, world: World, vcn_id: str
) -> None:
    """Answer queries over TCP for ever."""
    async with trio.open_nursery() as calls:
        while True:
            connection, _ = await listener.accept()
            stream = trio.SocketStream(connection)
            calls.start_soon(converse, stream, lambda: names(world, vcn_id))


async def converse(
    stream: trio.abc.Stream, known: Callable[[], dict[str, str]]
) -> None:
    """Answer one connection's queries; each is preceded by its length (RFC 7766)."""
    held = b""
    async with stream:
        with trio.move_on_after(IDLE_SECONDS), suppress(trio.BrokenResourceError):
            async for chunk in stream:
                held += chunk
                while len(held) >= LENGTH.size:
                    (size,) = LENGTH.unpack_from(held)
                    query, rest = held[LENGTH.size :][:size], held[LENGTH.size + size :]
                    if len(query) < size:
                        break
                    held = rest
                    response = answer(query, known())
                    if response is None:
                        return
                    await stream.send_all(LENGTH.pack(len(response)) + response)
