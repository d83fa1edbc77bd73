"""``vcndctl bundle`` and ``replay`` of a real daemon, on a real kernel."""

import sys
from pathlib import Path

import trio

from integration import leaks
from integration.lab import pods
from integration.lab.lab import Lab
from integration.lab.node import Node
from vcnd.ctl.bundle import archive

FINE, DIFFERS = 0, 3


async def run(node: Node, *arguments: str) -> tuple[int, str]:
    """Run vcndctl in the node's network; return its exit code and output."""
    command = [
        *("ip", "netns", "exec", node.name, sys.executable, "-m", "vcnd.ctl"),
        *("--socket", str(node.socket_path), *arguments),
    ]
    done = await trio.run_process(command, capture_stdout=True, check=False)
    return done.returncode, done.stdout.decode()


async def bundle(node: Node, file: Path) -> None:
    code, output = await run(node, "bundle", f"--config={node.config_path}", str(file))
    assert code == FINE, output


async def test_bundle_of_a_real_node_replays(quiet: Lab, tmp_path: Path) -> None:
    node = quiet.nodes[0]
    pod = await pods.start(node, "pod1", quiet.servers)
    file = tmp_path / "b.tar.gz"
    await bundle(node, file)
    members = archive.read(file).members
    assert b"table inet vcnd" in members["kernel/nft"]
    assert pod.result["interfaces"][0]["name"].encode() in members["kernel/links"]
    known = leaks.known({"the node's key": await node.instance_key()})
    for name, data in members.items():
        assert leaks.found(data, known) == [], name
    code, output = await run(node, "replay", str(file))
    assert (code, output.splitlines()[-1]) == (FINE, "what could be compared agrees")


async def test_changed_journal_diverges(quiet: Lab, tmp_path: Path) -> None:
    node = quiet.nodes[0]
    await pods.start(node, "pod1", quiet.servers)
    journal = node.state_directory / "journal"
    lines = journal.read_bytes().splitlines(keepends=True)
    journal.write_bytes(b"".join(x for x in lines if b'["Leased"' not in x))
    file = tmp_path / "b.tar.gz"
    await bundle(node, file)
    code, output = await run(node, "replay", str(file))
    assert code == DIFFERS
    assert "differs   lease vcnd/" in output
