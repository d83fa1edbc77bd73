"""Check of the express lane: which packets take it, and how soon a rule stops them."""

import re
import shutil
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import trio

from fakeoci.fabric import netns
from integration.checking import CheckError, require
from integration.demo.stage import Stage, connect
from integration.lab import others, traffic
from integration.lab.node import Node
from integration.lab.pods import Pod
from vcnd.model.cause import Cause
from vcnd.model.status import ExpressStatus

WATCHED = "inet lab_watch"
"""The table whose rules count a pod's packets."""
ASKS = 100
"""Questions in a row on one connection; each takes two packets or more."""
SAMPLES = 40
"""Most packets of them on the ordinary path: the lane is asked anew every 2 s."""
TRIES = 10
TRY_SECONDS = 0.3
"""Changed rules end all entries; the daemon hears of them a moment later."""
STOPPED_SECONDS = 1.0
"""A new rule stops a connection within this time, half of what an entry lasts."""
SILENCE_SECONDS = 0.3
GOES_ON_SECONDS = 20.0
"""TCP sends again after growing pauses."""
SERVICE_PORT = 80
SERVICES = {"ip": "10.96.0.10", "ip6": "fd00:96::10"}


async def express_lane(stage: Stage) -> str:
    """Connections between pods take the lane, those to Services do not."""
    node, client, server = stage.nodes[0], stage.pod(0), stage.pod(1)
    neighbour = stage.pod(0, 1)
    state = (await node.status()).express
    if not state.on:
        if stage.express:
            require(_cannot_be_on(state), f"the lane is off: {state.reason}")
        else:
            require(state.cause is Cause.SWITCHED_OFF, f"the lane: {state}")
        await _is_ordinary(client, server.address)
        return f"off: {state.reason}; {ASKS} questions took the ordinary path"
    require(stage.express, "the lane is on, though the configuration switches it off")
    far, stopped = 0, 0.0
    for address in server.addresses:
        far = await _is_express(client, server, address)
        await _service_is_ordinary(client, address)
        stopped = max(stopped, await _rule_stops(client, address))
    near = await _is_express(client, neighbour, neighbour.address)
    await node.ctl("express", "off")
    await _is_ordinary(client, server.address)
    await node.ctl("express", "on")
    await _is_express(client, server, server.address)
    return (
        f"of {ASKS} questions to {server.name} the ordinary path saw {far} packets, to"
        f" {neighbour.name} {near}; all of a Service's, and all after a switch; a drop"
        f" rule stopped a connection in {stopped * 1000:.0f} ms"
    )


async def _is_express(client: Pod, server: Pod, address: str) -> int:
    """Require that most packets of a connection take the lane on each node.

    Return how many took the ordinary path all the same.
    """
    nodes = list({n.name: n for n in (client.node, server.node)}.values())
    with _watching(nodes, address):
        talk = await connect(client, address)
        ordinary, express = [0], [0]
        for _ in range(TRIES):
            before = [(_seen(n), (await n.status()).express) for n in nodes]
            await _ask(talk, client, address)
            after = [(_seen(n), (await n.status()).express) for n in nodes]
            ordinary = [a[0] - b[0] for a, b in zip(after, before, strict=True)]
            express = [
                a[1].express_packets - b[1].express_packets
                for a, b in zip(after, before, strict=True)
            ]
            if max(ordinary) <= SAMPLES and min(express) >= 2 * ASKS - SAMPLES:
                break
            await trio.sleep(TRY_SECONDS)
        else:
            raise CheckError(
                f"{client.name} → {address}: of {ASKS} questions {express} packets took"
                f" the lane, {ordinary} the ordinary path"
            )
        talk.close()
    return max(ordinary)


async def _is_ordinary(client: Pod, address: str) -> None:
    """Require that every packet of a connection takes the ordinary path."""
    with _watching([client.node], address):
        talk = await connect(client, address)
        await _require_ordinary(talk, client, address)
        talk.close()


async def _service_is_ordinary(client: Pod, address: str) -> None:
    """Require that a Service's packets take the ordinary path where it translates."""
    family = "ip6" if ":" in address else "ip"
    service = SERVICES[family]
    backend = f"[{address}]" if family == "ip6" else address
    rule = (
        f"{family} daddr {service} tcp dport {SERVICE_PORT}"
        f" dnat {family} to {backend}:{traffic.SERVICE_PORT}"
    )
    translates = others.chain("nat hook prerouting priority dstnat", rule)
    with (
        _watching([client.node], address),
        others.table(client.node.name, "inet lab", translates),
    ):
        talk = await connect(client, service, SERVICE_PORT)
        await _require_ordinary(talk, client, service)
        talk.close()


async def _rule_stops(client: Pod, address: str) -> float:
    """Require that a new rule stops a connection in the lane; return how soon."""
    family = "ip6" if ":" in address else "ip"
    rule = f"{family} daddr {address} tcp dport {traffic.SERVICE_PORT} drop"
    drops = others.chain("filter hook forward priority -300", rule)
    talk = await connect(client, address)
    await _ask(talk, client, address)
    with others.table(client.node.name, "inet lab", drops):
        began = trio.current_time()
        while await talk.ask(SILENCE_SECONDS) is not None:
            pass
        took = trio.current_time() - began - SILENCE_SECONDS
    require(took < STOPPED_SECONDS, f"{took:.2f} s after the rule {address} answers")
    with trio.move_on_after(GOES_ON_SECONDS):
        while await talk.ask() is None:
            pass
        talk.close()
        return took
    raise CheckError(f"{client.name} → {address}: silent after the rule has gone")


async def _ask(talk: traffic.Conversation, client: Pod, address: str) -> None:
    for number in range(ASKS):
        heard = await talk.ask()
        require(
            heard in client.addresses,
            f"{client.name} → {address}: {heard!r} to question {number}",
        )


async def _require_ordinary(
    talk: traffic.Conversation, client: Pod, address: str
) -> None:
    """Require that the watched counter sees each packet of ``ASKS`` questions."""
    await _ask(talk, client, address)
    before = _seen(client.node)
    await _ask(talk, client, address)
    count = _seen(client.node) - before
    require(
        count >= 2 * ASKS,
        f"{client.name} → {address}: the ordinary path saw {count} packets of {ASKS}"
        " questions and answers",
    )


@contextmanager
def _watching(nodes: list[Node], address: str) -> Iterator[None]:
    """Count packets from and to an address that nodes forward."""
    family = "ip6" if ":" in address else "ip"
    rules = [f"{family} {side} {address} counter" for side in ("saddr", "daddr")]
    counting = others.chain("filter hook forward priority -310", *rules)
    with ExitStack() as tables:
        for node in nodes:
            tables.enter_context(others.table(node.name, WATCHED, counting))
        yield


def _seen(node: Node) -> int:
    """Return how many packets the counters of ``_watching`` have seen."""
    text = netns.nft_output(node.name, f"list table {WATCHED}")
    return sum(map(int, re.findall(r"packets (\d+)", text)))


def _cannot_be_on(state: ExpressStatus) -> bool:
    """Return True if this machine is why the lane is off.

    It has no clang, or the run is a plain user's, whose root may load no programs.
    """
    if state.cause is Cause.NOT_BUILT:
        return shutil.which("clang") is None
    mapped = Path("/proc/self/uid_map").read_text().split()
    return state.cause is Cause.NOT_PERMITTED and mapped != ["0", "0", str(2**32 - 1)]
