"""Checks of the journal and its disk: damaged, removed, full, while pods run."""

from collections.abc import Callable
from pathlib import Path

import trio

from integration.checking import CheckError, require
from integration.demo.stage import Stage, sees
from integration.lab.node import Node
from integration.lab.small_disk import SPARES, fill, small_disk, use_what_is_left

TOLD_SECONDS = 20.0


def _flip_bit(journal: Path) -> None:
    data = bytearray(journal.read_bytes())
    data[data.rindex(b'"Leased"')] ^= 1
    journal.write_bytes(data)


def _zero(journal: Path) -> None:
    journal.write_bytes(b"\0" * journal.stat().st_size)


DAMAGE: dict[str, Callable[[Path], object]] = {
    "a bit flipped": _flip_bit,
    "emptied": lambda journal: journal.write_bytes(b""),
    "filled with NULs": _zero,
    "removed": Path.unlink,
}


async def journal_damaged(stage: Stage) -> str:
    """Damage a node's journal in several ways; its pods keep addresses and network."""
    node, other = stage.nodes[0], stage.pod(1)
    running = list(stage.pods[node.name])
    for how, harm in DAMAGE.items():
        before = (await node.status()).leases
        await node.kill()
        await trio.to_thread.run_sync(harm, node.state_directory / "journal")
        await stage.start_daemon(node)
        after = (await node.status()).leases
        require(before == after, f"{how}: leases changed: {before} → {after}")
        fresh = await stage.start_pod(node)
        await stage.lab.cloud.settled()
        addresses = [pod.address for pod in stage.all_pods()]
        require(len({*addresses}) == len(addresses), f"{how}: an address twice")
        for pod in (*running, fresh):
            seen = await sees(pod.netns, other.address)
            require(seen == pod.address, f"{how}: {pod.name} is seen as {seen}")
            await node.network().check(pod.attachment, pod.result)
        await stage.stop_pod(fresh)
        held = {x.address for x in (await node.status()).leases}
        require(fresh.address not in held, f"{how}: DEL left {fresh.address} leased")
    return (
        f"{', '.join(DAMAGE)}: {len(running)} pods kept address and network each time"
    )


async def disk_full_del(stage: Stage) -> str:
    """Fill the journal's disk; DEL succeeds, a restart too, ADD says why not."""
    node, other = stage.nodes[0], stage.pod(1)
    running = list(stage.pods[node.name])
    spares = [await stage.start_pod(node) for _ in range(SPARES)]
    await node.stop()
    with small_disk(node.state_directory):
        await stage.start_daemon(node)
        filler = await trio.to_thread.run_sync(fill, node.state_directory)
        refused = await use_what_is_left(node)
        if refused is None:
            raise CheckError("the disk never refused")
        require("No space left" in str(refused), f"ADD was refused with: {refused}")
        for spare in spares:
            await stage.stop_pod(spare)
        await node.kill()
        await stage.start_daemon(node)
        status = await node.status()
        held = {x.address for x in status.leases}
        told = [p.reason for p in status.problems if p.what == "journal"]
        require(
            held == {p.address for p in running}, f"leased with a full disk: {held}"
        )
        require(told, f"no problem is told: {status.problems}")
        for pod in running:
            seen = await sees(pod.netns, other.address)
            require(seen == pod.address, f"{pod.name} is seen as {seen}")
        await trio.to_thread.run_sync(filler.unlink)
        await _until_relieved(node)
        fresh = await stage.start_pod(node)
        await stage.stop_pod(fresh)
        await node.stop()
    await stage.start_daemon(node)
    return f"DEL and a restart succeed, ADD is refused: {refused.error.get('details')}"


async def _until_relieved(node: Node) -> None:
    told = True
    with trio.move_on_after(TOLD_SECONDS):
        while told:
            await trio.sleep(0.1)
            problems = (await node.status()).problems
            told = any(p.what == "journal" for p in problems)
        return
    raise CheckError("the problem is told after its cause has gone")
