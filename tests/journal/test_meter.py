"""What the journal measures of its disk."""

import errno
from pathlib import Path

import pytest

from tests.core.test_replay import lease
from tests.journal.test_journal import journal, running
from vcnd.journal.journal import FileJournal
from vcnd.journal.meter import METRICS, RECORDS, REFUSALS, WRITABLE, WRITES
from vcnd.journal.refusal import REMEDIES, refusal_of
from vcnd.model.errors import JournalError
from vcnd.model.records import Leased


def values(made: FileJournal) -> dict[str, float]:
    families = list(made.families())
    assert [f.metric for f in families] == [*METRICS]
    found = {f.metric.name: f.samples[0].value for f in families}
    found["writes"] = sum(
        next(f for f in families if f.metric == WRITES).samples[0].counts
    )
    return found


async def test_records_and_their_writes_are_counted(tmp_path: Path) -> None:
    made = journal(tmp_path / "journal")
    async with running(made):
        await made.append(Leased(lease(1, 1)), Leased(lease(2, 2)))
        await made.append(Leased(lease(3, 3)))
        found = values(made)
    assert (found[RECORDS.name], found["writes"]) == (3, 2)
    assert (found[REFUSALS.name], found[WRITABLE.name]) == (0, 1)


async def test_refused_records_are_counted_apart(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = journal(tmp_path / "journal")
    async with running(made):

        def refuse(_lines: bytes) -> None:
            raise OSError(errno.ENOSPC, "No space left on device")

        monkeypatch.setattr(made._file, "write", refuse)
        with pytest.raises(JournalError):
            await made.append(Leased(lease(1, 1)))
        found = values(made)
        assert (found[RECORDS.name], found["writes"]) == (0, 0)
        assert (found[REFUSALS.name], found[WRITABLE.name]) == (1, 0)


@pytest.mark.parametrize("number", [*REMEDIES, errno.EBADF])
def test_refusal_names_file_failure_and_remedy(number: int) -> None:
    error = refusal_of(Path("/var/lib/vcnd/journal"), OSError(number, "no"))
    assert "/var/lib/vcnd/journal" in str(error)
    remedy = REMEDIES.get(number)
    assert error.details == (f"no: {remedy}" if remedy else "no")
