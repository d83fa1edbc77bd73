"""How long the disk takes for the journal, and how often it refuses."""

from collections.abc import Iterator

from vcnd.core.histogram import Histogram
from vcnd.model.metrics import Metric, MetricFamily, counter, gauge, histogram

ENDS = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5)
"""Upper ends of buckets, in seconds."""

WRITES = histogram(
    "vcnd_journal_write_seconds",
    "Time from writing a group of records until the disk has them for good.",
    ENDS,
)
RECORDS = counter("vcnd_journal_records", "Records that the disk has for good.")
REFUSALS = counter("vcnd_journal_refusals", "Groups of records that the disk refused.")
WRITABLE = gauge("vcnd_journal_writable", "0 while the disk refuses records, else 1.")
METRICS: tuple[Metric, ...] = (WRITES, RECORDS, REFUSALS, WRITABLE)


class JournalMeter:
    """Counts what is written."""

    def __init__(self) -> None:
        self._seconds = Histogram(ENDS)
        self._records = self._refusals = 0

    def tried(self, records: int, seconds: float, *, refused: bool) -> None:
        """Count a group of records.

        Args:
            records: how many they are.
            seconds: what the disk took.
            refused: whether it refused them.
        """
        if refused:
            self._refusals += 1
            return
        self._records += records
        self._seconds.observe(seconds)

    def families(self, *, writable: bool) -> Iterator[MetricFamily]:
        """Yield what was counted, and whether the disk takes records now."""
        yield WRITES.family([self._seconds.sample()])
        yield RECORDS.single(self._records)
        yield REFUSALS.single(self._refusals)
        yield WRITABLE.single(writable)
