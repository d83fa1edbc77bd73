"""The journal on a real disk."""

import errno
import os
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from functools import partial
from pathlib import Path

import pytest
import trio

from tests.core.test_replay import address, lease, slot
from vcnd.journal.journal import FileJournal
from vcnd.journal.lines import encode_line
from vcnd.journal.reading import Header, JournalUnusableError
from vcnd.model.errors import JournalError
from vcnd.model.records import (
    AddressAdded,
    Leased,
    Record,
    RecoveredState,
    Released,
    VnicNumbered,
)

HEADER = Header(boot_id="boot", netns_cookie=1).line()
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


@asynccontextmanager
async def running(
    j: FileJournal, told: list[str] | None = None
) -> AsyncIterator[RecoveredState]:
    state = j.open()
    report = told.append if told is not None else (lambda _: None)
    async with trio.open_nursery() as nursery:
        await nursery.start(j.run, report)
        yield state
        nursery.cancel_scope.cancel()
    j.close()


async def write(path: Path, records: list[Record]) -> None:
    j = journal(path)
    async with running(j):
        await j.append(*records)


def recovered(path: Path) -> RecoveredState:
    j = journal(path)
    state = j.open()
    j.close()
    return state


@pytest.fixture
def tried_again_soon(monkeypatch: pytest.MonkeyPatch) -> None:
    """Shorten the pause after a refusal of the disk: its thread runs in real time."""
    monkeypatch.setattr("vcnd.journal.journal.RETRY_SECONDS", 0.01)


@contextmanager
def refusing(directory: Path) -> Iterator[None]:
    """Make writes into the directory fail, as on a full or missing disk.

    integration/tests/test_disk.py tests a disk that is really full.
    """
    away = directory.with_name("away")
    directory.rename(away)
    directory.write_text("a file, and no directory")
    try:
        yield
    finally:
        # In one step: the journal's thread may be at work, and would make a directory
        # that is missing.
        back = directory.with_name("back")
        back.symlink_to(away)
        back.replace(directory)


async def test_written_records_are_replayed(tmp_path: Path) -> None:
    path = tmp_path / "state" / "journal"
    await write(path, SAMPLE)
    state = recovered(path)
    assert state.leases == (lease(1, 1),)
    assert state.private_ips == (address(1), address(2))
    assert state.slots == (slot(2),)
    assert state.cooling == (("10.0.0.2", 0.0),)
    assert not state.damaged


@pytest.mark.parametrize(
    ("boot_id", "cookie", "ago"), [("other", 1, 100.0), ("boot", 2, 0.0)]
)
async def test_another_boot_or_namespace_ends_the_leases(
    tmp_path: Path, boot_id: str, cookie: int, ago: float
) -> None:
    """Their addresses cool down from the boot, or from now if its time is unknown."""
    await write(tmp_path / "journal", SAMPLE)
    j = journal(tmp_path / "journal", boot_id=boot_id, cookie=cookie)
    state = j.open()
    j.close()
    assert state.leases == ()
    assert len(state.private_ips) == 2
    assert set(state.cooling) == {("10.0.0.1", ago), ("10.0.0.2", ago)}


async def test_second_header_names_the_boot_if_the_first_is_damaged(
    tmp_path: Path,
) -> None:
    path = tmp_path / "journal"
    await write(path, SAMPLE)
    path.write_bytes(b"?" + path.read_bytes()[1:])
    j = journal(path, boot_id="other")
    state = j.open()
    j.close()
    assert state.damaged
    assert state.leases == ()


async def test_leases_stay_where_no_header_is_left(tmp_path: Path) -> None:
    """No witness shows that their sandboxes are gone."""
    path = tmp_path / "journal"
    await write(path, SAMPLE)
    path.write_bytes(path.read_bytes().replace(HEADER, b"?\n"))
    assert recovered(path).leases == (lease(1, 1),)


@pytest.mark.parametrize("cut", range(1, 60, 7))
async def test_torn_tail_is_cut_off(tmp_path: Path, cut: int) -> None:
    """All lines before the torn one are read; the torn tail moves to another file."""
    path = tmp_path / "journal"
    await write(path, SAMPLE)
    path.write_bytes(path.read_bytes()[:-cut])
    state = recovered(path)
    assert {x.key for x in state.leases} == {lease(1, 1).key, lease(2, 2).key}
    assert (tmp_path / "journal.cut").exists()
    assert not state.damaged


@pytest.mark.parametrize("data", [b"", b"\0" * 5000, b"\n", b"garbage\nmore\n"])
async def test_a_file_of_nothing_starts_anew(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "journal"
    path.write_bytes(data)
    assert recovered(path) == RecoveredState(damaged=True, lost_ago=0.0)
    assert (tmp_path / "journal.damaged").read_bytes() == data
    assert not recovered(path).damaged


async def test_damaged_line_is_skipped_and_the_file_kept_aside(tmp_path: Path) -> None:
    path = tmp_path / "journal"
    await write(path, SAMPLE)
    damaged = path.read_bytes().replace(b"10.0.0.2", b"10.0.0.3", 1)
    path.write_bytes(damaged)
    state = recovered(path)
    assert state.damaged
    assert state.leases == (lease(1, 1),)
    assert (tmp_path / "journal.damaged").read_bytes() == damaged
    # A life that ended before it could note anything leaves the next one this.
    assert recovered(path).lost_ago == 0.0


async def test_lines_of_another_version_survive_compaction(tmp_path: Path) -> None:
    path = tmp_path / "journal"
    await write(path, SAMPLE)
    unknown = encode_line(["Renumbered", 1.0, {"vnic_id": "v1"}])
    path.write_bytes(unknown + path.read_bytes())
    for _ in range(2):
        assert recovered(path).leases == (lease(1, 1),)
        assert path.read_bytes().count(unknown) == 1


async def test_journal_of_a_newer_version_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "journal"
    text = encode_line({"vcnd_journal": 99, "boot_id": "boot", "netns_cookie": 1})
    path.write_bytes(text)
    with pytest.raises(JournalUnusableError, match="format 99, newer"):
        journal(path).open()
    assert path.read_bytes() == text


@pytest.mark.slow
async def test_many_appends_share_a_sync_and_compaction_keeps_all(
    tmp_path: Path,
) -> None:
    path = tmp_path / "journal"
    j = journal(path)
    async with running(j):
        async with trio.open_nursery() as writers:
            for number in range(3000):
                writers.start_soon(j.append, Leased(lease(number, number)))
                writers.start_soon(j.append, Released(lease(number, number).key))
        await j.append(Leased(lease(7, 7)))
    assert lease(7, 7) in recovered(path).leases


# A disk that refuses


async def test_refused_record_is_not_replayed(tmp_path: Path) -> None:
    path, told = tmp_path / "state" / "journal", list[str]()
    j = journal(path)
    async with running(j, told):
        await j.append(Leased(lease(1, 1)))
        before = path.read_bytes()
        with (
            refusing(path.parent),
            pytest.raises(JournalError, match="cannot be written"),
        ):
            await j.append(Leased(lease(2, 2)))
        assert path.read_bytes() == before
        await j.append(Leased(lease(3, 3)))
        await trio.testing.wait_all_tasks_blocked()
    assert set(recovered(path).leases) == {lease(1, 1), lease(3, 3)}
    assert [bool(t) for t in told] == [True, False]


async def test_owed_records_are_written_once_the_disk_accepts_them(
    tmp_path: Path, tried_again_soon: None
) -> None:
    """They are written before later records, and without another call."""
    path, done, all_done = tmp_path / "state" / "journal", list[int](), trio.Event()
    j = journal(path)
    async with running(j):
        await j.append(Leased(lease(1, 1)), Leased(lease(2, 2)))
        with refusing(path.parent):
            for n in (1, 2):
                key = lease(n, n).key
                await j.write_in_any_case(Released(key), partial(done.append, n))
            with trio.move_on_after(0):
                await j.write_in_any_case(Leased(lease(1, 3)), all_done.set)
            assert done == []
        with trio.fail_after(10):
            await all_done.wait()
        assert done == [1, 2]
    assert recovered(path).leases == (lease(1, 3),)


async def test_start_with_a_full_disk_needs_no_compaction(tmp_path: Path) -> None:
    """Appending to the file needs only little space."""
    path = tmp_path / "journal"
    await write(path, SAMPLE)
    with path.open("ab") as file:
        file.write(b"1234 torn")
    j, told = journal(path), list[str]()
    (tmp_path / "journal.new").mkdir()  # no new file can be created
    async with running(j, told) as state:
        assert state.leases == (lease(1, 1),)
        await j.append(Leased(lease(4, 4)))
    assert told == []
    (tmp_path / "journal.new").rmdir()
    state = recovered(path)
    assert set(state.leases) == {lease(1, 1), lease(4, 4)}
    assert not state.damaged


async def test_what_was_read_is_durable_once_it_is_kept(tmp_path: Path) -> None:
    """Seed 1002236: an earlier life was killed before the disk refused its lease."""
    path = tmp_path / "journal"
    await write(path, [Leased(lease(1, 1))])
    j = journal(path)
    (tmp_path / "journal.new").mkdir()  # no new file can be created

    def refuse(_descriptor: int) -> None:
        raise OSError(errno.EIO, "I/O error")

    with pytest.MonkeyPatch.context() as disk:
        disk.setattr(os, "fdatasync", refuse)
        async with running(j) as state:
            assert state.leases == (lease(1, 1),)
            with pytest.raises(JournalError):
                await j.sync()
            (tmp_path / "journal.new").rmdir()
            await j.sync()


async def test_start_with_a_damaged_file_and_a_disk_that_refuses(
    tmp_path: Path, tried_again_soon: None
) -> None:
    """Nothing is appended to a damaged file; its compaction is tried again."""
    path, told, works = tmp_path / "journal", list[str](), trio.Event()
    await write(path, SAMPLE)
    path.write_bytes(b"?" + path.read_bytes())
    (tmp_path / "journal.new").mkdir()
    j = journal(path)
    assert j.open().leases == (lease(1, 1),)

    def report(refusal: str) -> None:
        told.append(refusal)
        if refusal:
            (tmp_path / "journal.new").rmdir()
        else:
            works.set()

    async with trio.open_nursery() as nursery:
        await nursery.start(j.run, report)
        with trio.fail_after(10):
            await works.wait()
        nursery.cancel_scope.cancel()
    j.close()
    assert [bool(t) for t in told] == [True, False]
    assert not recovered(path).damaged


@pytest.mark.parametrize("harm", ["removed", "cut", "replaced"])
async def test_damaged_file_is_rewritten(tmp_path: Path, harm: str) -> None:
    path = tmp_path / "journal"
    j = journal(path)
    async with running(j):
        await j.append(Leased(lease(1, 1)))
        if harm == "cut":
            os.truncate(path, 0)
        else:
            path.unlink()
        if harm == "replaced":
            path.write_bytes(b"?")
        await j.append(Leased(lease(2, 2)))
    assert set(recovered(path).leases) == {lease(1, 1), lease(2, 2)}


async def test_cancelled_append_is_whole_or_absent(tmp_path: Path) -> None:
    path = tmp_path / "journal"
    j = journal(path)
    async with running(j):
        with trio.move_on_after(0):
            await j.append(Leased(lease(1, 1)))
        await j.append(Released(lease(1, 1).key))
    assert recovered(path).leases == ()


async def test_removed_journal_stays_away(tmp_path: Path) -> None:
    path = tmp_path / "journal"
    path.write_bytes(b"?\n1234 torn")
    j = journal(path)
    async with running(j):
        j.remove()
        await j.append(Leased(lease(1, 1)))
    assert os.listdir(tmp_path) == []
