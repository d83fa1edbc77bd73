"""``./vcn demo --console``: the fake's page, over a lab that stays open with traffic.

The lab has a network namespace of its own, so nothing outside can connect to it.  The
page's socket is therefore opened before, on the machine's loopback address, and the
fake inherits it.
"""

import os
import signal
import socket
import sys
from random import Random

import trio
from rich.console import Console

from integration.checking import CheckError
from integration.demo.stage import Stage
from integration.lab import traffic
from integration.lab.cni_exec import CniError
from integration.lab.node import Node

PORT = 8090
DESCRIPTOR = "VCND_CONSOLE_SOCKET"
"""The environment variable with the socket's descriptor."""
TALK_SECONDS = 0.3
CHURN_SECONDS = 4.0
MOST_PODS = 16
"""On one node."""
TALKERS = 4


def open_socket(port: int) -> None:
    """Listen for browsers, and let the process that comes next inherit the socket."""
    sock = socket.socket()
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        sock.bind(("127.0.0.1", port))
        sock.listen(64)
    except OSError as error:
        sys.exit(f"demo: the console cannot listen at 127.0.0.1:{port}: {error}")
    sock.set_inheritable(True)
    os.environ[DESCRIPTOR] = str(sock.detach())


def inherited() -> tuple[int, str]:
    """Return the descriptor of the inherited socket, and the page's address."""
    descriptor = int(os.environ[DESCRIPTOR])
    with socket.socket(fileno=os.dup(descriptor)) as sock:
        return descriptor, f"http://127.0.0.1:{sock.getsockname()[1]}/"


async def keep_open(stage: Stage, url: str, console: Console) -> None:
    """Let pods come, go and talk until Ctrl-C."""
    console.print(f"\n[bold]The page stays open: {url}[/]  Ctrl-C ends the lab.")
    with trio.open_signal_receiver(signal.SIGINT, signal.SIGTERM) as signals:
        async with trio.open_nursery() as nursery:
            dice = talk(stage, nursery)
            nursery.start_soon(_churn, stage, dice, console)
            async for _ in signals:
                nursery.cancel_scope.cancel()
                break


def talk(stage: Stage, nursery: trio.Nursery) -> Random:
    """Let pods talk until the nursery is cancelled; return the dice that they use."""
    dice = Random(1)  # noqa: S311 - who talks to whom, no secret
    for _ in range(TALKERS):
        nursery.start_soon(_talk, stage, dice)
    return dice


async def _talk(stage: Stage, dice: Random) -> None:
    """Let pods connect to pods and hosts; one port is not allowed by their NSG."""
    hosts = [a for n, a in stage.lab.addresses.items() if not n.startswith("node")]
    while True:
        await trio.sleep(dice.uniform(0.5, 1.5) * TALK_SECONDS * TALKERS)
        client, server = dice.sample(stage.all_pods(), 2)
        refused = dice.random() < 0.15  # noqa: PLR2004
        port = traffic.BLOCKED_PORT if refused else traffic.SERVICE_PORT
        outside = dice.random() < 0.25  # noqa: PLR2004
        address = dice.choice(hosts) if outside else server.address
        try:
            await traffic.ask(client.netns, address, port, seconds=0.5)
        except FileNotFoundError:
            continue  # the pod has ended meanwhile


async def _churn(stage: Stage, dice: Random, console: Console) -> None:
    """Start a pod, or stop one, now and then; a fault may make it fail."""
    while True:
        await trio.sleep(CHURN_SECONDS)
        node: Node = dice.choice(stage.nodes)
        mine = stage.pods[node.name]
        try:
            if len(mine) <= 2 or (len(mine) < MOST_PODS and dice.random() < 0.6):  # noqa: PLR2004
                await stage.start_pod(node)
            else:
                await stage.stop_pod(dice.choice(mine))
        except (CniError, CheckError) as error:
            console.print(f"  [dim]{node.name}: {error}[/]", highlight=False)
