"""Damaged journals and full disks on a real kernel while pods run."""

import os
import subprocess
from pathlib import Path

import pytest
import trio

from fakeoci.fabric import netns
from integration.lab import pods, traffic
from integration.lab.lab import Lab
from integration.lab.node import Node
from integration.lab.small_disk import SPARES, fill, small_disk, use_what_is_left
from integration.tests.conftest import SOON_SECONDS


def remount(directory: Path, how: str) -> None:
    command = ["/bin/mount", "-o", f"remount,{how}", str(directory)]
    subprocess.run(command, check=True)


async def problems(node: Node) -> list[str]:
    return [p.what for p in (await node.status()).problems]


async def until_told(node: Node, *, gone: bool = False) -> None:
    with trio.fail_after(SOON_SECONDS):
        while ("journal" in await problems(node)) == gone:
            await trio.sleep(0.1)


@pytest.mark.parametrize("how", ["full", "read-only"])
async def test_pods_are_deleted_when_the_disk_refuses(lab: Lab, how: str) -> None:
    node = lab.nodes[0]
    await node.stop()
    with small_disk(node.state_directory):
        await node.start()
        spares = [
            await pods.start(node, f"spare{n}", lab.servers) for n in range(SPARES)
        ]
        second = await pods.start(node, "pod2", lab.servers)
        third = await pods.start(lab.nodes[1], "pod3", lab.servers)
        filler = fill(node.state_directory) if how == "full" else None
        if filler is None:
            # The kernel remounts under an open file only after an error.
            await node.stop()
            remount(node.state_directory, "ro")
            await node.start()
        refusal = await use_what_is_left(node)
        assert refusal is not None
        assert ("No space left" if filler else "Read-only") in str(refusal)
        assert refusal.code == 11
        for spare in spares:
            await pods.stop(spare)
        await until_told(node)
        # A restart needs no compaction and no write.
        await node.kill()
        await node.start()
        status = await node.status()
        assert [x.address for x in status.leases] == [second.address]
        assert await traffic.ask("pod2", third.address) == second.address
        await pods.stop(second)
        if filler is not None:
            await trio.to_thread.run_sync(filler.unlink)
        else:
            remount(node.state_directory, "rw")
        await until_told(node, gone=True)
        fresh = await pods.start(node, "pod5", lab.servers)
        assert await traffic.ask("pod5", third.address) == fresh.address
        await pods.stop(fresh)
        await node.stop()


def damage(journal: Path, how: str) -> None:
    data = journal.read_bytes()
    match how:
        case "removed":
            journal.unlink()
        case "emptied":
            journal.write_bytes(b"")
        case "zeroed":
            journal.write_bytes(b"\0" * len(data))
        case "cut":
            journal.write_bytes(data[: data.index(b'"Leased"')])
        case _:
            at = data.rindex(b'"Leased"')
            journal.write_bytes(data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :])


@pytest.mark.parametrize("how", ["removed", "emptied", "zeroed", "cut", "bit flipped"])
async def test_pods_survive_a_damaged_journal(lab: Lab, how: str) -> None:
    node = lab.nodes[0]
    other = await pods.start(lab.nodes[1], "other", lab.servers)
    running = [await pods.start(node, f"pod{n}", lab.servers) for n in range(3)]
    before = (await node.status()).leases
    await node.kill()
    await trio.to_thread.run_sync(damage, node.state_directory / "journal", how)
    # Another program's link whose name looks like ours.
    netns.ip("node1", ["link add oci0123456789a type veth peer name theirs"])
    await node.start()
    assert (await node.status()).leases == before
    fresh = [await pods.start(node, f"fresh{n}", lab.servers) for n in range(4)]
    addresses = [p.address for p in running + fresh]
    assert len(set(addresses)) == len(addresses)
    await trio.sleep(3)  # an audit
    for pod in running + fresh:
        assert await traffic.ask(pod.netns, other.address) == pod.address
    for pod in running:
        await node.network().check(pod.attachment, pod.result)
        assert await node.network().add(pod.attachment) == pod.result
    for pod in [*running, *fresh, other]:
        await pods.stop(pod)
    assert (await node.status()).leases == ()
    assert "oci0123456789a" in netns.ip_output("node1", "link")
    netns.ip("node1", ["link del oci0123456789a"])


async def test_pods_without_route_or_alias_are_known_by_map_and_name(lab: Lab) -> None:
    """Links of older versions have no alias; the pods' table was flushed."""
    node = lab.nodes[0]
    pod = await pods.start(node, "pod1", lab.servers)
    link = pod.result["interfaces"][0]["name"]
    await node.kill()
    (node.state_directory / "journal").unlink()
    netns.ip("node1", [f'link set {link} alias ""', "route flush table 100"])
    await node.start()
    await node.until_warm(1)
    other = await pods.start(lab.nodes[1], "pod2", lab.servers)
    assert await traffic.ask("pod1", other.address) == pod.address
    await node.network().check(pod.attachment, pod.result)
    assert await node.network().add(pod.attachment) == pod.result
    await pods.stop(pod)
    with trio.fail_after(SOON_SECONDS):
        while link in netns.ip_output("node1", "link"):
            await trio.sleep(0.05)


async def test_foreign_link_in_the_reapers_group_stays(lab: Lab) -> None:
    node = lab.nodes[0]
    netns.ip(
        "node1",
        [
            "link add theirs type veth peer name peer",
            "link set theirs group 1868785921",
        ],
    )
    for number in range(2):
        pod = await pods.start(node, f"pod{number}", lab.servers)
        await pods.stop(pod)
    with trio.fail_after(SOON_SECONDS):
        while "oci" in netns.ip_output("node1", "link"):
            await trio.sleep(0.05)
    assert "theirs" in netns.ip_output("node1", "link")
    netns.ip("node1", ["link del theirs"])


async def test_journal_removed_under_the_daemon_is_rewritten(
    lab: Lab,
) -> None:
    node, journal = lab.nodes[0], lab.nodes[0].state_directory / "journal"
    first = await pods.start(node, "pod1", lab.servers)
    await trio.to_thread.run_sync(os.unlink, journal)
    second = await pods.start(node, "pod2", lab.servers)
    await node.kill()
    await node.start()
    events = [e["event"] for e in node.log_events()]
    assert "lease_restored_from_kernel" not in events
    assert len((await node.status()).leases) == 2
    for pod in (first, second):
        await pods.stop(pod)
