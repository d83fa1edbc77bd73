"""The content of a journal's file: a replay, and the lines that cannot be read."""

from collections.abc import Sequence
from typing import Any

import msgspec
from msgspec.structs import asdict

from vcnd.core.replay import Replay
from vcnd.journal.forms import form_of, record_of
from vcnd.journal.lines import DamagedLine, TornTail, WholeLine, encode_line, lines_of
from vcnd.model.errors import VcndError
from vcnd.model.records import AddressAdded, Record

FORMAT_VERSION = 2
MOST_ADDRESSES = 1 << 19
"""Added by one file, which is compacted after some thousand records: what adds more is
none of ours, and the replay takes each address by itself."""


class JournalUnusableError(VcndError):
    """The journal cannot be used as it is; the message says what to do."""


class Header(msgspec.Struct, frozen=True, kw_only=True):
    """The boot and namespace that a file belongs to."""

    boot_id: str
    netns_cookie: int

    def line(self) -> bytes:
        """Return the header as a line of a file."""
        versions = {"vcnd_journal": FORMAT_VERSION, "least_reader": FORMAT_VERSION}
        return encode_line({**versions, **asdict(self)})


class Reading(msgspec.Struct, kw_only=True):
    """What was found in a file."""

    replay: Replay = msgspec.field(default_factory=Replay)
    header: Header | None = None
    version: int = 0
    unknown: list[bytes] = msgspec.field(default_factory=list)
    """Valid lines of kinds and forms that another version of vcnd writes."""
    damaged: list[bytes] = msgspec.field(default_factory=list)
    """Bytes that are no valid line."""
    addresses: int = 0
    """How many the file's records have added, those that went included."""
    torn: bytes = b""
    """The unfinished last line; its write was never confirmed."""

    @property
    def is_damaged(self) -> bool:
        """Return True if something that was durable may be missing."""
        return bool(self.damaged) or self.header is None

    def is_whole(self, header: Header) -> bool:
        """Return True if a life with this header can append to the file as it is."""
        ours = (self.header, self.version) == (header, FORMAT_VERSION)
        return ours and not self.is_damaged


def read(data: bytes, name: str) -> Reading:
    """Read a file's content; ``name`` is the file's, for errors.

    Raises:
        JournalUnusableError: a newer vcnd wrote it, in a form that this one cannot
            read.
    """
    reading = Reading()
    for line in lines_of(data):
        match line:
            case WholeLine(text, payload):
                _take_in(reading, text, payload, name)
            case DamagedLine(text):
                reading.damaged.append(text)
            case TornTail(text):
                reading.torn = text
    return reading


def _take_in(reading: Reading, text: bytes, payload: Any, name: str) -> None:
    try:
        if isinstance(payload, dict):
            _refuse_newer(payload, name)
            reading.header = msgspec.convert(payload, Header)
            reading.version = payload["vcnd_journal"]
        else:
            kind, at, body = payload
            record, seconds = record_of(kind, body), _seconds(at)
            added = _addresses(record)
            if added and reading.addresses + added > MOST_ADDRESSES:
                raise ValueError(f"more than {MOST_ADDRESSES} addresses in all")
            reading.replay.apply(record, seconds)
            reading.addresses += added
    except (ValueError, KeyError, TypeError, OverflowError):
        reading.unknown.append(text)


def _seconds(at: Any) -> float:
    """Return a record's time.

    Raises:
        ValueError, OverflowError: it is no number, or too large.
    """
    if isinstance(at, bool) or not isinstance(at, int | float):
        raise ValueError(f"{at!r:.40} is no time")  # noqa: TRY004
    return float(at)


def _addresses(record: Record) -> int:
    return record.private_ip.size if isinstance(record, AddressAdded) else 0


def _refuse_newer(header: dict[str, Any], name: str) -> None:
    version = header["vcnd_journal"]
    if header.get("least_reader", version) > FORMAT_VERSION:
        raise JournalUnusableError(
            f"the journal {name} is of format {version}, newer than this"
            f" vcnd's {FORMAT_VERSION}",
            details="start the newer vcnd again, or drain the node and move the"
            " file away",
        )


def snapshot(
    replay: Replay, header: Header, unknown: Sequence[bytes], *, cooled_before: float
) -> list[bytes]:
    """Return the lines of the shortest file of the same content.

    Lines of unknown kinds come first: this version's records are newer.
    """
    records = replay.records(cooled_before=cooled_before)
    return [header.line(), *unknown, *map(record_line, records), header.line()]


def record_line(entry: tuple[Record, float]) -> bytes:
    """Return a record and its time as a line of a file."""
    record, at = entry
    return encode_line([type(record).__name__, at, form_of(record)])
