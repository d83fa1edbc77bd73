"""No packet leaves a machine that has a network while a test mocks OCI."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

NAMESPACE = "mocked"
ROOT = Path(__file__).parents[2]


def _ip(*arguments: str) -> None:
    subprocess.run(["/sbin/ip", *arguments], check=True)


def _inside(*command: str) -> str:
    done = subprocess.run(
        ["/sbin/ip", "netns", "exec", NAMESPACE, *command],
        cwd=ROOT,
        check=True,
        capture_output=True,
        text=True,
    )
    return done.stdout


def _sent() -> int:
    """Return how many packets have left by the machine's only link."""
    return int(_inside("cat", "/sys/class/net/out/statistics/tx_packets"))


@pytest.fixture
def machine() -> Iterator[None]:
    """Make a machine whose packets all leave by one link that leads nowhere."""
    _ip("netns", "add", NAMESPACE)
    try:
        for name in ("all", "default"):  # IPv6's neighbour discovery would count
            knob = f"/proc/sys/net/ipv6/conf/{name}/disable_ipv6"
            _inside("sh", "-c", f"echo 1 >{knob}")
        inside = ("-n", NAMESPACE)
        _ip(*inside, "link", "set", "lo", "up")
        _ip(*inside, "link", "add", "out", "type", "veth", "peer", "nowhere")
        _ip(*inside, "address", "add", "198.51.100.1/24", "dev", "out")
        for name in ("out", "nowhere"):
            _ip(*inside, "link", "set", name, "up")
        _ip(*inside, "route", "add", "default", "dev", "out")
        yield
    finally:
        _ip("netns", "del", NAMESPACE)


def _ask(expression: str) -> None:
    _inside(sys.executable, "-c", f"import socket; {expression}")


@pytest.mark.usefixtures("machine")
def test_no_packet_leaves_while_oci_is_mocked() -> None:
    before = _sent()
    _inside(sys.executable, "-W", "ignore", "-m", "tests.fakeoci.trap", "watched")
    assert _sent() == before
    _ask("socket.socket(type=socket.SOCK_DGRAM).sendto(b'x', ('192.0.2.7', 9))")
    assert _sent() > before
