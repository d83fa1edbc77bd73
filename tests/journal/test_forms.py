"""Format 2 on disk: files of earlier versions are read, and written the same."""

from pathlib import Path
from typing import Any

import pytest

from vcnd.journal.forms import KINDS, record_of
from vcnd.journal.lines import WholeLine, encode_line, lines_of
from vcnd.journal.reading import Header, read, record_line, snapshot
from vcnd.model.ids import PrivateIpId, VnicId
from vcnd.model.records import AddressAdded, Leased, Record, ReturnIntended
from vcnd.model.sandbox import UNKNOWN_COOKIE, HostLink, Lease, PodRef, SandboxKey
from vcnd.model.vnic import PrivateIp

GOLDEN = Path(__file__).parent / "golden"
"""Files of an older vcnd, whose leases had two address fields and no wiring: records
of every kind as they were appended, and the same compacted."""
APPENDED = (GOLDEN / "appended").read_bytes()
COMPACTED = (GOLDEN / "compacted").read_bytes()
LATER = {"DrainSet", "JournalLost"}
"""Records that it did not have."""
HEADER = Header(boot_id="boot", netns_cookie=1)
WEB = PodRef(namespace="shop", name="web-0", uid="uid-1")


def key(number: int) -> SandboxKey:
    return SandboxKey("vcnd", f"container{number}", "eth0")


def contents(data: bytes) -> list[tuple[str, Any]]:
    """Return the kinds and forms of a file's records, without their times."""
    payloads = [x.payload for x in lines_of(data) if isinstance(x, WholeLine)]
    return [(p[0], p[2]) for p in payloads if isinstance(p, list)]


def link(digit: str, cookie: int) -> HostLink:
    return HostLink(ifname=f"oci0123456789{digit}", netns_cookie=cookie)


LEASES = {
    Lease(key=key(1), addresses=("10.0.0.10",), wiring=link("a", 4026531840), pod=WEB),
    Lease(key=key(2), addresses=("10.0.0.33", "fd00::81"), wiring=link("b", 7)),
    Lease(
        key=key(3),
        addresses=("fd00::82", "10.0.0.34"),
        wiring=link("c", UNKNOWN_COOKIE),
        pod=WEB,
    ),
    Lease(
        key=SandboxKey.of_link("oci0123456789d"),
        addresses=("10.0.0.11",),
        wiring=link("d", UNKNOWN_COOKIE),
    ),
    Lease(key=key(5), addresses=("10.0.0.12",), wiring=link("f", 11)),
}


@pytest.mark.parametrize("data", [APPENDED, COMPACTED])
def test_leases_of_an_earlier_version_are_read(data: bytes) -> None:
    reading = read(data, "journal")
    assert set(reading.replay.recovered(100.0).leases) == LEASES
    assert not reading.is_damaged
    assert reading.unknown == []


def test_records_of_an_earlier_version_are_written_alike() -> None:
    payloads = [x.payload for x in lines_of(APPENDED) if isinstance(x, WholeLine)]
    records = [p for p in payloads if isinstance(p, list)]
    assert {kind for kind, _, _ in records} == KINDS.keys() - LATER
    lines = [record_line((record_of(kind, form), at)) for kind, at, form in records]
    assert lines == [encode_line(payload) for payload in records]


def test_compacted_files_of_an_earlier_version_are_compacted_alike() -> None:
    replay = read(COMPACTED, "journal").replay
    assert b"".join(snapshot(replay, HEADER, [], cooled_before=0.0)) == COMPACTED


def test_appended_records_of_an_earlier_version_are_compacted_alike() -> None:
    """But it forgot when objects came, and which ones went lately."""
    replay = read(APPENDED, "journal").replay
    lines = snapshot(replay, HEADER, [], cooled_before=0.0)
    found, kept = contents(b"".join(lines)), contents(COMPACTED)
    assert [c for c in found if c in kept] == kept
    further = [(kind, str(form)) for kind, form in found if (kind, form) not in kept]
    assert [kind for kind, _ in further] == ["AddressAdded", "AddressForgotten"]
    assert all("10.0.0.17" in form for _, form in further)


@pytest.mark.parametrize("addresses", [("10.0.0.10",), ("10.0.0.33", "fd00::81")])
def test_a_lease_without_wiring_is_read_again(addresses: tuple[str, ...]) -> None:
    lease = Lease(key=key(1), addresses=addresses, wiring=None, pod=WEB)
    line = record_line((Leased(lease), 5.0))
    assert b'"netns_cookie":null,"host_ifname":null' in line
    reading = read(HEADER.line() + line, "journal")
    assert reading.replay.recovered(5.0).leases == (lease,)
    compacted = snapshot(reading.replay, HEADER, [], cooled_before=0.0)
    assert line in compacted


@pytest.mark.parametrize("express", [True, False])
def test_a_lease_keeps_its_lane(express: bool) -> None:
    lease = Lease(
        key=key(1), addresses=("10.0.0.10",), wiring=link("a", 7), express=express
    )
    line = record_line((Leased(lease), 5.0))
    assert (b'"express":false' in line) is not express
    reading = read(HEADER.line() + line, "journal")
    assert reading.replay.recovered(5.0).leases == (lease,)


@pytest.mark.parametrize("work", [None, "", "ocid1.coreservicesworkrequest.oc1..w"])
def test_a_release_keeps_its_work_request(work: str | None) -> None:
    """An older version reads the addresses, and passes the rest over."""
    added = AddressAdded(
        PrivateIp(id=PrivateIpId("p1"), address="10.0.0.10", vnic_id=VnicId("v1"))
    )
    records: list[Record] = [added, ReturnIntended(("10.0.0.10",), work)]
    lines = b"".join(record_line((r, 5.0)) for r in records)
    assert (b'"work"' in lines) is (work != "")
    reading = read(HEADER.line() + lines, "journal")
    assert reading.replay.recovered(5.0).returning == {"10.0.0.10": work}
    compacted = b"".join(snapshot(reading.replay, HEADER, [], cooled_before=0.0))
    assert read(compacted, "journal").replay.recovered(5.0).returning == {
        "10.0.0.10": work
    }
