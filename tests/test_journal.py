"""The journal on a real disk."""

from pathlib import Path

import pytest
import trio

from tests.core.test_memory import address, lease, slot
from vcnd.journal import FileJournal, JournalUnusableError, decode_line, encode_line
from vcnd.model.errors import TryAgainError
from vcnd.model.records import AddressAdded, Leased, Record, Released, VnicNumbered

SAMPLE: list[Record] = [
    VnicNumbered(slot(2)),
    AddressAdded(address(1)),
    AddressAdded(address(2)),
    Leased(lease(1, 1)),
    Leased(lease(2, 2)),
    Released(lease(2, 2).key),
]


def journal(path: Path, *, boot_id: str = "boot", cookie: int = 1) -> FileJournal:
    return FileJournal(path, boot_id=boot_id, netns_cookie=cookie, clock=lambda: 100.0)


async def write(path: Path, records: list[Record]) -> None:
    j = journal(path)
    j.open()
    async with trio.open_nursery() as nursery:
        await nursery.start(j.run)
        await j.append(*records)
        nursery.cancel_scope.cancel()
    j.close()


async def test_what_was_written_is_remembered(tmp_path: Path) -> None:
    path = tmp_path / "state" / "journal"
    await write(path, SAMPLE)
    j = journal(path)
    said = j.open()
    j.close()
    assert said.leases == (lease(1, 1),)
    assert said.private_ips == (address(1), address(2))
    assert said.slots == (slot(2),)
    assert said.cooling == (("10.0.0.2", 0.0),)


@pytest.mark.parametrize(("boot_id", "cookie"), [("other", 1), ("boot", 2)])
async def test_another_boot_or_namespace_voids_the_leases(
    tmp_path: Path, boot_id: str, cookie: int
) -> None:
    await write(tmp_path / "journal", SAMPLE)
    j = journal(tmp_path / "journal", boot_id=boot_id, cookie=cookie)
    said = j.open()
    j.close()
    assert said.leases == ()
    assert len(said.private_ips) == 2


@pytest.mark.parametrize("cut", range(1, 60, 7))
async def test_torn_tail_is_cut_off(tmp_path: Path, cut: int) -> None:
    """Whatever the last line lost, all before it stands; the rest is kept aside."""
    path = tmp_path / "journal"
    await write(path, SAMPLE)
    path.write_bytes(path.read_bytes()[:-cut])
    j = journal(path)
    said = j.open()
    j.close()
    assert {x.key for x in said.leases} == {lease(1, 1).key, lease(2, 2).key}
    assert (tmp_path / "journal.cut").exists()


async def test_garbage_at_the_end_is_cut_off(tmp_path: Path) -> None:
    path = tmp_path / "journal"
    await write(path, SAMPLE)
    with path.open("ab") as file:
        file.write(b"\0\0\0garbage\nmore\n" + encode_line(["NoSuchKind", 1, {}]))
    j = journal(path)
    assert j.open().leases == (lease(1, 1),)
    j.close()


async def test_journal_of_a_newer_version_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "journal"
    text = encode_line({"vcnd_journal": 99, "boot_id": "boot", "netns_cookie": 1})
    path.write_bytes(text)
    with pytest.raises(JournalUnusableError, match="format 99, newer"):
        journal(path).open()
    assert path.read_bytes() == text


async def test_many_appends_share_a_sync_and_compaction_keeps_all(
    tmp_path: Path,
) -> None:
    path = tmp_path / "journal"
    j = journal(path)
    j.open()
    async with trio.open_nursery() as nursery:
        await nursery.start(j.run)
        async with trio.open_nursery() as writers:
            for number in range(3000):
                writers.start_soon(j.append, Leased(lease(number, number)))
                writers.start_soon(j.append, Released(lease(number, number).key))
        await j.append(Leased(lease(7, 7)))
        nursery.cancel_scope.cancel()
    j.close()
    j = journal(path)
    assert lease(7, 7) in j.open().leases
    j.close()


async def test_full_disk_is_told_and_nothing_is_remembered(tmp_path: Path) -> None:
    j = journal(tmp_path / "journal")
    j.open()
    with Path("/dev/full").open("wb") as full:
        j._fd, real = full.fileno(), j._fd
        async with trio.open_nursery() as nursery:
            await nursery.start(j.run)
            with pytest.raises(TryAgainError, match="cannot be written"):
                await j.append(Leased(lease(1, 1)))
            j._fd = real
            await j.append(Leased(lease(2, 2)))
            nursery.cancel_scope.cancel()
    j.close()
    j = journal(tmp_path / "journal")
    assert j.open().leases == (lease(2, 2),)
    j.close()


def test_a_line_with_a_wrong_checksum_is_refused() -> None:
    line = encode_line(["Released", 1.0, {}])
    assert decode_line(line) == ["Released", 1.0, {}]
    with pytest.raises(ValueError, match="torn or corrupt"):
        decode_line(line.replace(b"Released", b"Leleased"))
