"""Plugins and journals of other versions meet this daemon on a real kernel."""

from pathlib import Path

import pytest
import trio
from rich.console import Console

from integration.build.cache import Cache
from integration.build.machines import Machine
from integration.build.plugin import plugin
from integration.crash.witness import witness
from integration.lab import pods, traffic
from integration.lab.cni_exec import CniError
from integration.lab.lab import ONPREM, Lab
from integration.lab.plugins import by, launcher
from vcnd.journal.lines import encode_line
from vcnd.journal.reading import FORMAT_VERSION, read

FIRST = Path(__file__).parents[2] / "tests/serve/golden/first-plugin/vcnd-cni.c"
"""The source of the first plugin, as it was."""
PROTOCOL, REFUSED = 1, 6
TOMORROW = encode_line(["Tomorrow", 1.0, {"address": "10.1.0.5", "what": [1]}])
"""A record of a kind that this version does not know."""


async def test_first_plugin_and_present_one_take_turns(
    lab: Lab, tmp_path: Path, machine: Machine
) -> None:
    node, outside = lab.nodes[0], lab.addresses[ONPREM]
    oldest = plugin(Cache(Console()), source=FIRST, machine=machine)
    first = by(node.network(), launcher(tmp_path / "first", machine, oldest))
    present = by(node.network(), launcher(tmp_path / "present", machine))
    for adds, deletes in ((first, present), (present, first)):
        pod = await trio.to_thread.run_sync(pods.prepare, node, "pod1")
        pod.result = await adds.add(pod.attachment)
        assert await traffic.ask("pod1", outside) == pod.address
        assert await deletes.add(pod.attachment) == pod.result
        await deletes.check(pod.attachment, pod.result)
        await deletes.status()
        await deletes.delete(pod.attachment, pod.result)
        await pods.stop(pod)  # once more, by the present one
        assert (await node.status()).leases == ()


async def test_plugins_of_other_protocols_change_nothing(
    lab: Lab, tmp_path: Path, machine: Machine
) -> None:
    node = lab.nodes[0]
    pod = await pods.start(node, "pod1", lab.servers)
    before = (await node.status()).leases
    new = await trio.to_thread.run_sync(pods.prepare, node, "pod2")
    for protocol in (PROTOCOL - 1, PROTOCOL + 1, PROTOCOL + 2):
        flags = "-UVCND_PROTOCOL", f'-DVCND_PROTOCOL="{protocol}"'
        theirs = plugin(Cache(Console()), *flags, machine=machine)
        folder = tmp_path / f"protocol{protocol}"
        other = by(node.network(), launcher(folder, machine, theirs))
        for call in (
            other.add(new.attachment),
            other.add(pod.attachment),
            other.check(pod.attachment, pod.result),
            other.delete(pod.attachment, pod.result),
            other.status(),
        ):
            with pytest.raises(CniError, match="install them together") as caught:
                await call
            assert caught.value.code == REFUSED
            said = f"speaks protocol {protocol}, this vcnd {PROTOCOL}"
            assert said in str(caught.value)
    assert (await node.status()).leases == before
    assert await traffic.ask("pod1", lab.addresses[ONPREM]) == pod.address
    # The plugin that belongs to this daemon serves both.
    new.result = await node.network().add(new.attachment)
    for each in (new, pod):
        await pods.stop(each)


def header(journal: Path, **more: int) -> bytes:
    """Return the header of a journal as a newer version would write it."""
    found = read(journal.read_bytes(), "journal").header
    assert found is not None
    versions = {"vcnd_journal": FORMAT_VERSION + 1, **more}
    known = {"boot_id": found.boot_id, "netns_cookie": found.netns_cookie}
    return encode_line({**versions, **known})


async def test_downgrade_keeps_what_a_newer_version_wrote(lab: Lab) -> None:
    """An older reader may read its journal, and passes over what it does not know."""
    node, outside = lab.nodes[0], lab.addresses[ONPREM]
    journal = node.state_directory / "journal"
    runs = await pods.start(node, "runs", lab.servers)
    with witness("runs", runs.address, ONPREM, outside) as packets:
        before = (await node.status()).leases
        await node.stop()
        newer = header(journal, least_reader=FORMAT_VERSION, further=1)
        content = newer + TOMORROW + journal.read_bytes() + TOMORROW + newer
        journal.write_bytes(content)
        for _ in range(2):  # the second start reads what the first has compacted
            await node.start()
            assert (await node.status()).leases == before
            pod = await pods.start(node, "pod1", lab.servers)
            assert await traffic.ask("pod1", outside) == pod.address
            await pods.stop(pod)
            await node.kill()
        # An upgrade finds its own records again.
        assert TOMORROW in journal.read_bytes()
        await node.start()
    assert packets.lost == []
    await pods.stop(runs)


async def test_downgrade_that_is_refused_says_what_to_do(lab: Lab) -> None:
    node, outside = lab.nodes[0], lab.addresses[ONPREM]
    journal = node.state_directory / "journal"
    runs = await pods.start(node, "runs", lab.servers)
    with witness("runs", runs.address, ONPREM, outside) as packets:
        before = (await node.status()).leases
        await node.stop()
        written = journal.read_bytes()
        newer = header(journal, least_reader=FORMAT_VERSION + 1) + written
        journal.write_bytes(newer)
        with pytest.raises(RuntimeError, match="is not ready"):
            await node.start()
        (said,) = node.log_path.read_text().splitlines()[-1:]
        assert said.startswith("vcnd: the journal")
        assert f"of format {FORMAT_VERSION + 1}, newer than this vcnd's" in said
        # Two ways are named.  The first: the newer version goes on with its journal.
        assert "start the newer vcnd again" in said
        assert journal.read_bytes() == newer
        # The second: the file is moved away; the kernel knows the pods.
        assert "move the file away" in said
        journal.rename(journal.with_name("journal.newer"))
        await node.start()
        assert (await node.status()).leases == before
        await node.until_warm(1)
        pod = await pods.start(node, "pod1", lab.servers)
        assert await traffic.ask("pod1", outside) == pod.address
    assert packets.lost == []
    for each in (pod, runs):
        await pods.stop(each)
