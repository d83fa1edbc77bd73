"""The daemon on a real kernel, beyond the demo."""

import json
import shutil
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
import trio

from fakeoci.fabric import netns
from integration.build.machines import Machine
from integration.cloudview import addresses_of
from integration.lab import pods, snapshot, traffic
from integration.lab.cni_exec import CniError
from integration.lab.cnitool import cnitool
from integration.lab.lab import INTERNET, Lab, running_lab, world_text
from integration.lab.plugins import by, launcher
from integration.tests.conftest import POOL, SOON_SECONDS
from vcnd.journal.lines import encode_line

OFFICE = "172.16.0.10"
"""A host outside the VCN."""
NODE_SERVICE = 7070
"""A port of the nodes; the shared subnet's NSG lets pods reach it."""
CHAIN = Path(__file__).parents[2] / "cni" / "10-vcnd.conflist"


async def test_check_finds_what_is_missing(lab: Lab) -> None:
    node = lab.nodes[0]
    pod = await pods.start(node, "pod1", lab.servers)
    network = node.network()
    await network.check(pod.attachment, pod.result)
    netns.ip("pod1", ["route del default"])
    with pytest.raises(CniError, match=r"route to 0\.0\.0\.0/0"):
        await network.check(pod.attachment, pod.result)
    netns.ip("pod1", [f"addr del {pod.address}/32 dev eth0"])
    with pytest.raises(CniError, match=f"address {pod.address}"):
        await network.check(pod.attachment, pod.result)
    await pods.stop(pod)
    with pytest.raises(CniError, match="CNI_NETNS"):
        await network.check(pod.attachment, pod.result)


async def test_repeated_add_and_a_foreign_interface(lab: Lab) -> None:
    node = lab.nodes[0]
    pod = await pods.start(node, "pod1", lab.servers)
    again = await node.network().add(pod.attachment)
    assert again == pod.result
    other = pods.prepare(node, "pod2")
    netns.ip("pod2", ["link add eth0 type veth peer name eth9"])
    with pytest.raises(CniError, match="vcnd did not make") as caught:
        await node.network().add(other.attachment)
    assert caught.value.code == 4
    status = await node.status()
    assert status.pool.leased == 1
    await pods.stop(pod)


async def test_repeated_add_mends_half_a_pod(lab: Lab) -> None:
    """A crash between two steps leaves half a pod; the same ADD completes it."""
    node = lab.nodes[0]
    pod = await pods.start(node, "pod1", lab.servers)
    other = await pods.start(lab.nodes[1], "pod2", lab.servers)
    netns.ip("pod1", ["link set eth0 down"])
    netns.ip("node1", [f"route del {pod.address} table 100"])
    assert await node.network().add(pod.attachment) == pod.result
    assert await traffic.ask("pod1", other.address) == pod.address


async def test_del_without_namespace_and_of_a_dead_pod(lab: Lab) -> None:
    node = lab.nodes[0]
    pod = await pods.start(node, "pod1", lab.servers)
    pod.servers.cancel()
    await trio.testing.wait_all_tasks_blocked()
    netns.remove("pod1")
    await node.network().delete(pod.attachment, None)
    assert (await node.status()).pool.leased == 0


async def test_pod_that_vanished_is_noticed_by_the_audit(lab: Lab) -> None:
    node = lab.nodes[0]
    pod = await pods.start(node, "pod1", lab.servers)
    link = pod.result["interfaces"][0]["name"]
    netns.ip("node1", [f"link del {link}"])
    with trio.fail_after(SOON_SECONDS):
        while (await node.status()).pool.leased:
            await trio.sleep(0.1)


async def test_a_pod_cannot_send_as_another(lab: Lab) -> None:
    a = await pods.start(lab.nodes[0], "pod1", lab.servers)
    b = await pods.start(lab.nodes[0], "pod2", lab.servers)
    c = await pods.start(lab.nodes[1], "pod3", lab.servers)
    netns.ip("pod1", [f"addr add {b.address}/32 dev eth0"])
    netns.ip(
        "pod1", [f"route replace {c.address} via 169.254.1.1 dev eth0 src {b.address}"]
    )
    assert await traffic.ask("pod1", c.address, seconds=0.5) is None
    assert await traffic.ask("pod2", c.address) == b.address
    assert a.address != b.address
    assert await lab.cloud.spoofed_packets() == 0


async def test_a_pod_cannot_send_as_the_node_while_the_rules_are_lost(
    lab: Lab,
) -> None:
    node, address = lab.nodes[0], lab.addresses["node1"]
    await pods.start(node, "pod1", lab.servers)
    b = await pods.start(lab.nodes[1], "pod2", lab.servers)
    netns.ip("pod1", [f"addr add {address}/32 dev lo"])
    await node.kill()
    netns.nft("node1", "flush ruleset\n")
    with (
        traffic.datagrams("pod2", b.address, traffic.SERVICE_PORT) as hears,
        traffic.datagrams("pod1", address, 7000) as lies,
        traffic.datagrams("node1", address, 7001) as tells,
    ):
        await lies.sendto(b"lie", (b.address, traffic.SERVICE_PORT))
        # The real one gets through: the check can fail.
        await tells.sendto(b"truth", (b.address, traffic.SERVICE_PORT))
        with trio.fail_after(traffic.ANSWER_SECONDS):
            assert await hears.recv(64) == b"truth"
    await node.start()


async def test_unused_pool_address_is_rejected_at_once(lab: Lab) -> None:
    """A packet for an address without a pod is refused: no loop, no silent hang."""
    world = await lab.cloud.world()
    status = await lab.nodes[0].status()
    vnic = status.pod_vnics[0].id
    unused = next(
        p["ipAddress"]
        for p in world["PrivateIp"]
        if p["vnicId"] == vnic and not p["isPrimary"]
    )
    began, port = trio.current_time(), traffic.SERVICE_PORT
    assert await traffic.connect("node2", unused, port, seconds=30.0) is None
    # Nobody is waited for: else it would have taken 30 s.
    assert trio.current_time() - began < 15.0


async def test_element_flushed_by_another_comes_back(quiet: Lab) -> None:
    """The kernel's events tell of it; no audit comes."""
    pod = await pods.start(quiet.nodes[0], "pod1", quiet.servers)
    netns.nft("node1", "flush map inet vcnd pods4\n")
    with trio.fail_after(SOON_SECONDS):
        while await traffic.ask("pod1", OFFICE, seconds=0.1) != pod.address:
            pass


async def test_rule_deleted_by_another_comes_back(quiet: Lab) -> None:
    """The kernel's events tell of it; no audit comes."""
    pod = await pods.start(quiet.nodes[0], "pod1", quiet.servers)
    # Another program's rule, at a priority of ours: vcnd must not touch it (I8).
    netns.ip("node1", ["rule add pref 1010 from 192.0.2.77 lookup 77"])

    def rules() -> list[str]:
        return sorted(netns.ip_output("node1", "rule").splitlines())

    before = rules()
    netns.ip("node1", ["rule del pref 1000", "rule del pref 1010 fwmark 2/0xff"])
    with trio.fail_after(SOON_SECONDS):
        while rules() != before:
            await trio.sleep(0.05)
    assert await traffic.ask("pod1", OFFICE) == pod.address


@pytest.fixture
def empty_var_lib() -> Iterator[None]:
    """Hide /var/lib: libcni always keeps its results there."""
    subprocess.run(["/bin/mount", "-t", "tmpfs", "none", "/var/lib"], check=True)
    yield
    subprocess.run(["/bin/umount", "/var/lib"], check=True)


@pytest.mark.skipif(cnitool() is None, reason="no Go here to build cnitool with")
@pytest.mark.usefixtures("empty_var_lib")
async def test_cnitool_drives_it(lab: Lab) -> None:
    """The CNI project's own driver calls ADD, CHECK and DEL."""
    tool = cnitool()
    assert tool is not None
    node, pod = lab.nodes[0], pods.prepare(lab.nodes[0], "pod1")
    conf = node.directory / "net.d"
    conf.mkdir()
    shutil.copy(CHAIN, conf)
    chain = json.loads((conf / CHAIN.name).read_text())
    chain["plugins"] = [p for p in chain["plugins"] if p["type"] == "vcnd-cni"]
    (conf / CHAIN.name).write_text(json.dumps(chain))

    async def run(*arguments: str) -> subprocess.CompletedProcess[bytes]:
        return await trio.run_process(
            [
                *("/usr/bin/nsenter", f"--net={netns.DIRECTORY / node.name}"),
                *(str(tool), *arguments, "vcnd", str(netns.DIRECTORY / pod.netns)),
            ],
            env={
                "NETCONFPATH": str(conf),
                "CNI_PATH": node.network().path,
                "VCND_SOCKET": str(node.socket_path),
                "PATH": "/usr/bin:/usr/sbin",
                "HOME": str(node.directory),
            },
            capture_stdout=True,
            capture_stderr=True,
            check=False,
        )

    added = await run("add")
    assert added.returncode == 0, added.stderr + added.stdout
    address = json.loads(added.stdout)["ips"][0]["address"]
    assert address.endswith("/32")
    checked = await run("check")
    assert checked.returncode == 0, checked.stderr + checked.stdout
    for _ in range(2):
        deleted = await run("del")
        assert deleted.returncode == 0, deleted.stderr + deleted.stdout
    assert (await node.status()).pool.leased == 0


async def test_killed_in_the_middle_of_calls(
    lab: Lab, tmp_path: Path, machine: Machine
) -> None:
    """SIGKILL during ADDs: the shim calls again, and no call is lost."""
    node = lab.nodes[0]
    made = [pods.prepare(node, f"pod{n}") for n in range(6)]
    network = by(node.network(), launcher(tmp_path, machine))
    results: list[str] = []

    async def add(number: int) -> None:
        result = await network.add(made[number].attachment)
        results.append(result["ips"][0]["address"])

    async with trio.open_nursery() as calls:
        for number in range(6):
            calls.start_soon(add, number)
        await trio.sleep(0.01)
        await node.kill()
        await node.start()
    assert len(set(results)) == 6
    leases = {x.address for x in (await node.status()).leases}
    assert {r.partition("/")[0] for r in results} == leases


async def test_journal_of_a_newer_version_stops_the_daemon_in_words(lab: Lab) -> None:
    node = lab.nodes[0]
    await node.stop()
    journal = node.state_directory / "journal"
    journal.write_bytes(encode_line({"vcnd_journal": 99}))
    with pytest.raises(RuntimeError, match="format 99, newer than this"):
        await node.start()
    last = node.log_path.read_text().splitlines()[-1]
    assert last.startswith("vcnd: the journal")  # a sentence, not a traceback


async def test_half_requests_and_noise_on_the_real_socket(lab: Lab) -> None:
    node = lab.nodes[0]
    for noise in (b"", b"\0" * 4096, b"vcnd 1 10 10\nabc", b"\xff" * 100_000):
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as sock:
            sock.connect(str(node.socket_path))
            try:
                sock.sendall(noise)
            except BrokenPipeError:
                continue
    pod = await pods.start(node, "pod1", lab.servers)
    await pods.stop(pod)


async def test_nodes_and_pods_share_a_subnet(tmp_path: Path) -> None:
    """Small clusters often have pod VNICs in the nodes' own subnet."""
    text = world_text(nodes=2, seed=1, slow=False, name="shared-subnet")
    names = ["node1", "node2"]
    async with running_lab(
        text, tmp_path, nodes=names, pool=POOL, pod_subnet="all"
    ) as lab:
        # As an administrator does: vcnd opens no port of a node to pods.
        opened = f"tcp dport {NODE_SERVICE} accept"
        netns.nft("node2", f"insert rule inet firewalld filter_INPUT {opened}\n")
        before = [snapshot.of_namespace(n) for n in names]
        for node in lab.nodes:
            await node.start()
        for node in lab.nodes:
            await node.until_warm(4)
        a = await pods.start(lab.nodes[0], "pod1", lab.servers)
        b = await pods.start(lab.nodes[1], "pod2", lab.servers)
        await lab.servers.start(traffic.serve, "node2", NODE_SERVICE)
        assert await traffic.ask("pod1", b.address) == a.address
        assert await traffic.ask("node2", a.address) == lab.addresses["node2"]
        assert (
            await traffic.ask("pod1", lab.addresses["node2"], NODE_SERVICE) == a.address
        )
        assert (
            await traffic.ask("node1", lab.addresses["node2"], NODE_SERVICE) is not None
        )
        assert await traffic.ask("onprem-office", b.address) == OFFICE
        # The internet gateway maps one address both ways; pods go by the NAT gateway.
        bastion = await traffic.ask("bastion", lab.addresses[INTERNET])
        assert bastion is not None
        assert bastion.startswith("203.0.113.1")
        seen = await traffic.ask(INTERNET, bastion)
        assert seen == lab.addresses[INTERNET]
        assert await traffic.ask("pod1", lab.addresses[INTERNET]) == "203.0.113.10"
        assert await lab.cloud.spoofed_packets() == 0
        for pod in (a, b):
            await pods.stop(pod)
        for node in lab.nodes:
            await node.ctl("release")
            await node.stop()
        await lab.cloud.settled()  # the links of detached VNICs go
        assert [snapshot.of_namespace(n) for n in names] == before


async def test_lost_answers_over_http(tmp_path: Path) -> None:
    """The connection breaks after the change: no second VNIC, no second address."""
    text = world_text(nodes=1, seed=1, slow=False)
    async with running_lab(text, tmp_path, nodes=["node1"], pool=POOL) as lab:
        for operation in ("AttachVnic", "CreatePrivateIp", "Federate"):
            await lab.cloud.fault(operation=operation, kind="after", times=2)
        node = lab.nodes[0]
        await node.start()
        await node.until_warm(6)
        world = await lab.cloud.world()
        assert sum(v["displayName"] == "vcnd-pods" for v in world["Vnic"]) == 1
        tagged = [p for p in world["PrivateIp"] if p["freeformTags"]]
        assert sum(len(addresses_of(p)) for p in tagged) == 6
        lost = [r for r in await lab.cloud.requests() if r["status"] == 0]
        assert len(lost) == 6
