"""The console over real packets: flows with their rules, and who cannot reach it."""

import json
import socket
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import trio

from fakeoci.fabric import netns
from integration.lab import traffic
from integration.lab.cloud import running_cloud
from integration.lab.lab import world_text

NODE1, NODE2 = "10.0.0.2", "10.0.0.3"
ELSEWHERE = "10.0.0.99"
PATIENCE_SECONDS = 30.0
FEED = b"GET /feed HTTP/1.0\r\nhost: 127.0.0.1:%d\r\n\r\n"


@dataclass(frozen=True)
class Page:
    """The console's page: its port, and the flows of its feed."""

    port: int

    async def flow(self, **fields: object) -> dict[str, Any]:
        """Return the first flow of the feed that has some fields' values."""
        async with await trio.open_tcp_stream("127.0.0.1", self.port) as stream:
            # HTTP/1.0 has no chunks: the answer is the events as they are.
            await stream.send_all(FEED % self.port)
            told = b""
            while part := await stream.receive_some():
                *events, told = (told + part).split(b"\n\n")
                for line in (line for event in events for line in flows(event)):
                    if fields.items() <= line.items():
                        return line
        raise AssertionError("the feed ended")


def flows(event: bytes) -> list[dict[str, Any]]:
    """Return the flows that an event has."""
    parts = (part.partition(": ") for part in event.decode().split("\n"))
    fields = {name: value for name, _, value in parts}
    if fields.get("event") not in ("picture", "flows"):
        return []
    data = json.loads(fields["data"])
    looks = data["flows"] if fields["event"] == "picture" else [data]
    return [line for look in looks for line in look["lines"]]


@pytest.fixture
async def page(tmp_path: Path) -> AsyncIterator[Page]:
    world_file = tmp_path / "world.toml"
    world_file.write_text(world_text(nodes=2, seed=1, slow=False))
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen()
        passed = listening.fileno()
        async with (
            running_cloud(world_file, tmp_path / "fakeoci.log", passed),
            trio.open_nursery() as servers,
        ):
            for name in ("node1", "node2", "onprem-office"):
                await servers.start(traffic.serve, name, traffic.SERVICE_PORT)
            with trio.fail_after(PATIENCE_SECONDS):
                yield Page(listening.getsockname()[1])
            servers.cancel_scope.cancel()


async def test_accepted_flow_names_the_rules_of_both_sides(page: Page) -> None:
    assert await traffic.ask("node1", NODE2) == NODE1
    line = await page.flow(source=NODE1, destination=NODE2, isReply=False)
    assert line["isAccepted"]
    assert (line["sourceName"], line["destinationName"]) == ("node1", "node2")
    assert [d["stage"] for d in line["decisions"]] == ["egress", "ingress"]
    assert all("security list nodes" in d["text"] for d in line["decisions"])


async def test_dropped_flow_names_the_lists_without_a_rule(page: Page) -> None:
    async with trio.open_nursery() as nursery:

        async def knock() -> None:
            while True:
                await traffic.ask("onprem-office", NODE1, seconds=0.3)

        nursery.start_soon(knock)
        line = await page.flow(destination=NODE1, isAccepted=False)
        nursery.cancel_scope.cancel()
    assert line["sourceName"] == "on-premises office"
    assert line["decisions"] == [
        {
            "stage": "ingress",
            "allows": False,
            "text": "no rule of security list nodes allows tcp 8080 from 172.16.0.10",
        }
    ]


async def test_spoofed_packet_is_the_source_checks(page: Page) -> None:
    netns.ip("node1", [f"addr add {ELSEWHERE}/32 dev lo"])
    async with trio.open_nursery() as nursery:

        async def spoof() -> None:
            with traffic.datagrams("node1", ELSEWHERE, 4000) as sock:
                while True:
                    await sock.sendto(b"x", (NODE2, 9999))
                    await trio.sleep(0.2)

        nursery.start_soon(spoof)
        line = await page.flow(source=ELSEWHERE, isAccepted=False)
        nursery.cancel_scope.cancel()
    assert [d["stage"] for d in line["decisions"]] == ["source check"]


@pytest.mark.parametrize("host", ["node1", "onprem-office", "internet", "vcn-main"])
async def test_hosts_of_the_cloud_cannot_reach_the_console(
    page: Page, host: str
) -> None:
    for address in ("127.0.0.1", "169.254.169.254", "192.0.2.10", "10.0.0.1"):
        reached = await traffic.connect(host, address, page.port, seconds=0.3)
        assert reached is None, address


async def test_metadata_has_no_console(page: Page) -> None:
    del page  # it runs

    def make() -> socket.socket:
        return socket.create_connection(("169.254.169.254", 80), timeout=10)

    for method in (b"GET /feed", b"GET /main.js", b"POST /faults/clear"):
        made = await trio.to_thread.run_sync(netns.inside, "node1", make)
        with trio.socket.from_stdlib_socket(made) as sock:
            head = b" HTTP/1.1\r\nhost: x\r\nx-fakeoci-console: 1\r\n"
            await sock.send(method + head + b"content-length: 0\r\n\r\n")
            assert (await sock.recv(100)).startswith(b"HTTP/1.1 501")
