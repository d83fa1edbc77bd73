"""Checks of addresses: who has them, how they are leased and released."""

from typing import Any

import trio

from integration.checking import CheckError, require
from integration.cloudview import addresses_of, named
from integration.demo.stage import Stage, connect, private_ip_of
from integration.lab import snapshot, traffic
from integration.lab.cni_exec import CniError
from integration.lab.lab import POOL
from integration.lab.node import Node
from vcnd.model.status import NodeStatus, PoolStatus

WARM_ADDS = 10
RELEASE_SECONDS = 40
RETURNS = ("DeletePrivateIp", "BulkDeletePrivateIps", "DetachVnic")


async def warm_add(stage: Stage) -> str:
    """Start ten pods a node; none of their ADDs waits for the cloud."""
    last = max((r["number"] for r in await stage.lab.cloud.requests()), default=0)
    slowest = 0.0
    for node in stage.nodes:
        for _ in range(WARM_ADDS):
            await stage.start_pod(node)
    requests = await stage.lab.cloud.requests(last)
    for node in stage.nodes:
        traces = {p.trace for p in stage.pods[node.name]}
        events = [e for e in node.log_events() if e.get("trace") in traces]
        calls = [e for e in events if e["event"] == "call" and e["command"] == "ADD"]
        waited = [e for e in events if e["event"] == "address_waited_for"]
        require(
            len(calls) == WARM_ADDS,
            f"{node.name} logged {len(calls)} of {WARM_ADDS} ADDs",
        )
        require(not waited, f"{node.name}: ADDs waited for the pool: {waited}")
        named_by = [
            r for r in requests if any(t in r["opc_request_id"] for t in traces)
        ]
        require(not named_by, f"{node.name}: ADDs called the cloud: {named_by}")
        slowest = max(slowest, *(e["ms"] for e in calls))
    count = len(stage.nodes) * WARM_ADDS
    refills = len([r for r in requests if r["operation"] != "IMDS"])
    return (
        f"{count} ADDs, the slowest {slowest:.1f} ms in the daemon; {refills} calls"
        " went to the cloud meanwhile, all the pool's own"
    )


async def pods_have_private_ips(stage: Stage) -> str:
    """Compare each pod's address with what the API lists."""
    world = await stage.lab.cloud.world()
    subnet = named(world, "Subnet", "pods")
    for pod in stage.all_pods():
        private_ip = private_ip_of(world, pod.address)
        require(not private_ip["isPrimary"], f"{pod.address} is a primary private IP")
        require(
            private_ip["subnetId"] == subnet["id"],
            f"{pod.address} is not in the subnet",
        )
        instance = named(world, "Instance", pod.node.name)
        attached = [
            a
            for a in world["VnicAttachment"]
            if a["instanceId"] == instance["id"]
            and a.get("vnicId") == private_ip["vnicId"]
        ]
        require(attached, f"{pod.address} is on no VNIC of {pod.node.name}")
    addresses = {p.address for p in stage.all_pods()}
    require(len(addresses) == len(stage.all_pods()), "an address was given twice")
    return f"{len(addresses)} pods, each a secondary private IP of its node in `pods`"


async def second_vnic_used(stage: Stage) -> str:
    """On the node with few addresses per VNIC, pods are on more than one."""
    world = await stage.lab.cloud.world()
    node = stage.nodes[-1]
    used = {private_ip_of(world, p.address)["vnicId"] for p in stage.pods[node.name]}
    require(len(used) > 1, f"{node.name}'s pods are all on one VNIC")
    others = {
        n.name: {private_ip_of(world, p.address)["vnicId"] for p in stage.pods[n.name]}
        for n in stage.nodes[:-1]
    }
    crowded = [n for n, vnics in others.items() if len(vnics) != 1]
    require(not crowded, f"{crowded} use more VNICs than they need")
    return f"{node.name}'s pods are on {len(used)} VNICs, the other nodes' on one each"


async def restart_keeps_pods(stage: Stage) -> str:
    """Kill the daemon; pods talk on, no lease changes, the next ADD works."""
    node, pod, other = stage.nodes[0], stage.pod(0), stage.pod(1)
    conversation = await connect(pod, other.address)
    before = (await node.status()).leases
    await node.kill()
    while_down = await conversation.ask()
    require(while_down == pod.address, f"while the daemon is dead: {while_down!r}")
    began = trio.current_time()
    await stage.start_daemon(node)
    took = trio.current_time() - began
    after = (await node.status()).leases
    require(before == after, f"leases changed: {before} → {after}")
    afterwards = await conversation.ask()
    conversation.close()
    require(afterwards == pod.address, f"after the restart: {afterwards!r}")
    fresh = await stage.start_pod(node)
    await stage.lab.cloud.settled()
    seen = await traffic.ask(fresh.netns, other.address)
    require(seen == fresh.address, f"the new pod is seen as {seen!r}")
    await stage.stop_pod(fresh)
    return f"SIGKILL, ready again after {took:.1f} s; {len(after)} leases as before"


async def del_returns_addresses(stage: Stage) -> str:
    """Delete all pods; their addresses are the pool's again; DEL again is fine."""
    count, world = 0, await stage.lab.cloud.world()
    stage.blocks = {
        p["id"]: f"{p['ipAddress']}/{p['cidrPrefixLength']}"
        for p in world["PrivateIp"]
        if len(addresses_of(p)) > 1
    }
    for node in stage.nodes:
        stage.held_with_pods[node.name] = _listed(world, node)
        gone = list(stage.pods[node.name])
        total = (await node.status()).pool.held
        for pod in gone:
            await stage.stop_pod(pod)
            count += 1
        pool = (await node.status()).pool
        require(pool.leased == 0, f"{node.name}: {pool.leased} are still leased")
        require(
            pool.held == total,
            f"{node.name}: {total} addresses became {pool.held}",
        )
        try:
            # The namespace is gone by now, and so is the lease.
            await node.network().delete(gone[0].attachment, gone[0].result)
            await node.network().delete(gone[0].attachment, None)
        except CniError as error:
            raise CheckError(f"a repeated DEL failed: {error}") from error
        await _until_cooled(node)
    return f"{count} DELs; every address is free again once it has cooled"


async def _until_cooled(node: Node) -> None:
    pool: PoolStatus | None = None
    with trio.move_on_after(10):
        while pool is None or pool.cooling:
            await trio.sleep(0.1)
            pool = (await node.status()).pool
        return
    raise CheckError(f"{node.name}: still cooling: {pool}")


async def idle_addresses_released(stage: Stage) -> str:
    """No pod is left: after a while no node has a batch too many, or an empty VNIC."""
    counts: list[tuple[int, int]] = []
    for node in stage.nodes:
        was = stage.held_with_pods[node.name]
        status = await node.status()
        with trio.move_on_after(RELEASE_SECONDS):
            while not _is_idle(status):
                await trio.sleep(0.5)
                status = await node.status()
        require(_is_idle(status), f"{node.name} still has {status}")
        now = _listed(await stage.lab.cloud.world(), node)
        require(
            now == status.pool.held <= was,
            f"{node.name}: the API lists {now}, {was} before",
        )
        counts.append((was, now))
    before, after = (sum(n) for n in zip(*counts, strict=True))
    require(after < before, f"all nodes together hold {after}, {before} before")
    nodes = ", ".join(f"{was} → {now}" for was, now in counts)
    return f"addresses a node: {nodes}; no VNIC is empty"


def _is_idle(status: NodeStatus) -> bool:
    pool = status.pool
    busy = pool.leased + pool.cooling + pool.deleting
    empty = [v for v in status.pod_vnics if not v.addresses]
    # Less than a batch over is left alone.
    over = pool.free - pool.target
    return not busy and not empty and 0 <= over < POOL["batch"]


def _listed(world: dict[str, list[dict[str, Any]]], node: Node) -> int:
    """Return how many addresses the API lists on a node's pod VNICs."""
    instance = named(world, "Instance", node.name)["id"]
    vnics = {
        a.get("vnicId") for a in world["VnicAttachment"] if a["instanceId"] == instance
    }
    return sum(
        len(addresses_of(p))
        for p in world["PrivateIp"]
        if p["vnicId"] in vnics and not p["isPrimary"]
    )


async def block_returned(stage: Stage) -> str:
    """Blocks that the nodes were given are private IPs of the cloud no more."""
    world = await stage.lab.cloud.world()
    there = {p["id"] for p in world["PrivateIp"]}
    blocks = {i: cidr for i, cidr in stage.blocks.items() if i not in there}
    require(stage.blocks, "no node was ever given a block")
    require(blocks, f"all of {sorted(stage.blocks.values())} are still there")
    requests = await stage.lab.cloud.requests()
    deleted = [r for r in requests if r["operation"] in RETURNS and r["status"] < 300]  # noqa: PLR2004
    require(deleted, f"no node called any of {', '.join(RETURNS)}")
    return (
        f"{len(blocks)} of {len(stage.blocks)} blocks went back whole, among them"
        f" {min(blocks.values())}"
    )


async def nothing_left(stage: Stage) -> str:
    """Release everything and stop; nothing differs from before."""
    for node in stage.nodes:
        await node.ctl("release")
        await node.stop()
    await stage.lab.cloud.settled()
    after = await take(stage)
    difference = snapshot.difference(stage.baseline, after)
    require(not difference, "; ".join(difference[:8]))
    lines = sum(len(v) for v in after.values())
    spoofed = await stage.lab.cloud.spoofed_packets()
    last = await stage.lab.cloud.last_spoofed()
    require(spoofed == 0, f"the source check dropped {spoofed} packets, such as {last}")
    return (
        f"{lines} lines of links, routes, rules, nft, settings, files, processes and"
        " cloud objects are as before; the source check dropped nothing"
    )


async def take(stage: Stage) -> snapshot.Snapshot:
    """Return the present state."""
    taken: snapshot.Snapshot = {}
    for node in stage.nodes:
        taken |= await trio.to_thread.run_sync(snapshot.of_namespace, node.name)
    taken |= snapshot.of_cloud(await stage.lab.cloud.world())
    taken |= snapshot.of_machine([n.directory for n in stage.nodes], stage.pids)
    return taken
