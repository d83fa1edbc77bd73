"""``vcndctl bundle`` of a daemon that runs, and ``replay`` of what it wrote."""

from collections.abc import Sequence
from functools import partial
from pathlib import Path

import pytest
import trio
from click.testing import CliRunner, Result
from msgspec.structs import replace

from integration import leaks
from tests.calling import STATUS, Verbs, serving
from tests.ctl.bundle.test_scrub import FORMS, PEM
from vcnd import ctl
from vcnd.ctl.bundle import archive, sources
from vcnd.ctl.bundle.archive import Bundle
from vcnd.journal.lines import encode_line
from vcnd.journal.reading import FORMAT_VERSION, Header, record_line
from vcnd.model.ids import PrivateIpId, SubnetId, VnicId
from vcnd.model.records import AddressAdded, Leased, Record, VnicNumbered
from vcnd.model.sandbox import HostLink, Lease, PodRef, SandboxKey
from vcnd.model.status import NodeStatus
from vcnd.model.vnic import PrivateIp, Vnic, VnicSlot

VNIC = STATUS.vnics[0]
RECORDS: list[Record] = [
    VnicNumbered(
        VnicSlot(
            index=VNIC.index,
            vnic=Vnic(
                id=VnicId(VNIC.id),
                mac=VNIC.mac,
                address=VNIC.address,
                subnet_id=SubnetId(VNIC.subnet_id),
                subnet_cidr=VNIC.subnet_cidr,
                virtual_router="10.1.0.1",
            ),
        )
    ),
    *(
        AddressAdded(
            PrivateIp(
                id=PrivateIpId(f"ip{n}"),
                address=f"10.1.0.{n}",
                vnic_id=VnicId(VNIC.id),
            )
        )
        for n in range(5, 11)
    ),
    Leased(
        Lease(
            key=SandboxKey("vcnd", "c1", "eth0"),
            addresses=("10.1.0.5",),
            wiring=HostLink(ifname="oci1", netns_cookie=7),
            pod=PodRef(namespace="default", name="web"),
        )
    ),
]
CONFIGURATION = """\
[oci]
subnet_id = "ocid1.subnet.a"
# pass_phrase = "Tr0ub4dor"
[node]
state_directory = "{}"
"""


def journal_of(records: Sequence[Record]) -> bytes:
    header = Header(boot_id="b", netns_cookie=1).line()
    return header + b"".join(record_line((r, 1.0)) for r in records)


class Node:
    """A folder with what is on a node, and its daemon."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.journal = folder / "journal"
        self.journal.write_bytes(journal_of(RECORDS))
        self.configuration = folder / "vcnd.toml"
        self.configuration.write_text(CONFIGURATION.format(folder))
        self.file = folder / "b.tar.gz"
        self.verbs = Verbs()

    def _call(self, *arguments: str) -> Result:
        socket = str(self.folder / "s")
        return CliRunner().invoke(ctl.main, ["--socket", socket, *arguments])

    def bundle_without_daemon(self) -> Result:
        config = f"--config={self.configuration}"
        return self._call("bundle", config, str(self.file))

    async def bundle(self) -> Result:
        async with serving(self.verbs, self.folder / "s"):
            return await trio.to_thread.run_sync(self.bundle_without_daemon)

    async def replay(self, *options: str) -> Result:
        call = partial(self._call, "replay", str(self.file), *options)
        return await trio.to_thread.run_sync(call)

    @property
    def content(self) -> Bundle:
        return archive.read(self.file)


@pytest.fixture
def node(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Node:
    # Programs that are everywhere, and one that is nowhere.
    programs = {"log": ("cat", str(tmp_path / "log")), "units": ("no-such-program",)}
    monkeypatch.setattr(sources, "PROGRAMS", programs)
    (tmp_path / "log").write_text("started")
    return Node(tmp_path)


async def test_bundle_has_what_explains_the_node(node: Node) -> None:
    done = await node.bundle()
    assert done.exit_code == 0, done.output
    assert "missing   units: " in done.output
    found = node.content
    assert found.manifest.steady
    assert found.members["journal"] == node.journal.read_bytes()
    assert found.members["log"] == b"started"
    assert set(found.members) == {
        *("status.json", "journal", "audit.json", "calls.json", "metrics.json"),
        *("vcnd.toml", "log"),
    }


async def test_no_secret_is_in_a_bundle(node: Node) -> None:
    secrets = b"\n".join(FORMS.values()) + b"\n"
    (node.folder / "log").write_bytes(secrets)
    # A damaged journal can have another file's bytes.
    node.journal.write_bytes(node.journal.read_bytes() + secrets)
    node.verbs.report = reporting(  # type: ignore[method-assign]
        replace(STATUS, problems=(replace(STATUS.problems[0], reason=PEM.decode()),))
    )
    done = await node.bundle()
    known = leaks.known({"key": PEM.decode()})
    for name, data in node.content.members.items():
        assert leaks.found(data, known) == [], name
        assert b"Tr0ub4dor" not in data
    assert "texts that look like secrets" in done.output


def reporting(state: NodeStatus):  # type: ignore[no-untyped-def]
    async def report() -> NodeStatus:
        return state

    return report


async def test_replay_of_a_sound_node_agrees(node: Node) -> None:
    await node.bundle()
    done = await node.replay()
    assert done.exit_code == 0, done.output
    assert done.output.splitlines()[1:] == [
        "journal   leads to 1 leases and 1 VNICs",
        "IPv4      1 leased, 5 free, 0 cooling",
        "what could be compared agrees",
    ]


@pytest.mark.parametrize(
    ("records", "row"),
    [
        (RECORDS[:-1], "lease vcnd/c1/eth0: journal: nothing; told: 10.1.0.5 oci1"),
        (RECORDS[1:], f"vnic {VNIC.id}: journal: nothing; told: number 2"),
        (
            RECORDS[:6] + RECORDS[7:],
            "addresses IPv4: journal: 1 leased, 4 others; told: 1 leased, 5 others",
        ),
    ],
)
async def test_replay_says_where_the_node_diverges(
    node: Node, records: list[Record], row: str
) -> None:
    node.journal.write_bytes(journal_of(records))
    await node.bundle()
    done = await node.replay()
    assert done.exit_code == 3
    assert f"differs   {row}" in done.output
    assert (await node.replay("--json")).exit_code == 3


async def test_damaged_journal_is_told(node: Node) -> None:
    data = node.journal.read_bytes()
    node.journal.write_bytes(data[:-90] + b"#" + data[-89:])
    await node.bundle()
    done = await node.replay()
    assert done.exit_code == 3
    assert "damaged   1 lines of the journal" in done.output


async def test_bundle_of_a_daemon_that_is_down_is_made(node: Node) -> None:
    done = node.bundle_without_daemon()
    assert done.exit_code == 4
    assert "missing   status.json: " in done.output
    assert "missing   metrics.json: not asked" in done.output
    again = await node.replay()
    assert again.exit_code == 4
    assert "unread    status.json: " in again.output
    assert "leads to 1 leases" in again.output


async def test_bundle_without_a_journal_is_not_replayed(node: Node) -> None:
    node.journal.unlink()
    assert (await node.bundle()).exit_code == 4
    done = await node.replay()
    assert done.exit_code == 1
    assert "nothing can be replayed" in done.output


async def test_journal_of_a_newer_version_is_not_replayed(node: Node) -> None:
    newer = FORMAT_VERSION + 1
    header = {"vcnd_journal": newer, "least_reader": newer}
    node.journal.write_bytes(encode_line(header))
    await node.bundle()
    done = await node.replay()
    assert done.exit_code == 1
    assert f"is of format {newer}" in done.output


async def test_replay_of_no_bundle_is_one_sentence(node: Node) -> None:
    node.file.write_bytes(b"x" * 100)
    done = await node.replay()
    assert done.exit_code == 1
    assert len(done.output.splitlines()) == 1
    assert "is no bundle of vcndctl" in done.output
