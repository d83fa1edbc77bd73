"""Damaged journals: undamaged lines are read."""

import json
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.core.test_replay import address, lease, slot
from vcnd.journal.lines import WholeLine, decode_line, encode_line, lines_of
from vcnd.journal.reading import Header, JournalUnusableError, read, record_line
from vcnd.model.records import AddressAdded, Leased, Record, VnicNumbered
from vcnd.model.sandbox import Lease

HEADER = Header(boot_id="boot", netns_cookie=1)
RECORDS: list[Record] = [
    VnicNumbered(slot(2)),
    *(AddressAdded(address(n)) for n in range(8)),
    *(Leased(lease(n, n)) for n in range(8)),
]
LINES = [
    HEADER.line(),
    *(record_line((r, 5.0)) for r in RECORDS),
    HEADER.line(),
    *(record_line((Leased(lease(n, n)), 6.0)) for n in range(8, 12)),
]
FILE = b"".join(LINES)
ALL = {lease(n, n) for n in range(12)}


def leases_in(data: bytes) -> set[Lease]:
    return set(read(data, "journal").replay.recovered(10.0).leases)


def leases_untouched(start: int, end: int) -> set[Lease]:
    """Return the leases whose lines have no byte of a range."""
    found, at = set[Lease](), 0
    for line in LINES:
        body = decode_line(line)
        if not start < at + len(line) or not at < end:
            found |= leases_in(HEADER.line() + line) if "Leased" in body else set()
        at += len(line)
    return found


@given(st.integers(0, len(FILE) - 1), st.integers(0, 7))
def test_a_flipped_bit_loses_its_line_at_most(at: int, bit: int) -> None:
    damaged = bytearray(FILE)
    damaged[at] ^= 1 << bit
    found = leases_in(bytes(damaged))
    assert leases_untouched(at, at + 1) <= found <= ALL
    assert len(ALL - found) <= 1
    assert read(bytes(damaged), "journal").header == HEADER


@given(st.integers(0, len(FILE) - 1), st.integers(1, 3000))
def test_overwritten_bytes_lose_their_lines_at_most(start: int, count: int) -> None:
    """Line ends may be among them: the next line is found by its checksum."""
    count = min(count, len(FILE) - start)
    damaged = FILE[:start] + b"\0" * count + FILE[start + count :]
    assert leases_untouched(start, start + count) <= leases_in(damaged) <= ALL


@given(st.integers(0, len(LINES) - 1))
def test_a_dropped_line_loses_itself_alone(number: int) -> None:
    rest = LINES[:number] + LINES[number + 1 :]
    assert len(ALL - leases_in(b"".join(rest))) <= 1
    assert not read(b"".join(rest), "journal").damaged


@given(st.integers(0, len(FILE)))
def test_a_cut_file_is_read_to_the_cut(at: int) -> None:
    reading = read(FILE[:at], "journal")
    assert set(reading.replay.recovered(10.0).leases) >= leases_untouched(at, len(FILE))
    assert not reading.damaged


@given(st.binary(max_size=400))
def test_any_bytes_are_read(data: bytes) -> None:
    assert leases_in(data) == set()
    assert leases_in(FILE + data + b"\n") == ALL


def test_all_line_ends_damaged() -> None:
    joined = FILE.replace(b"\n", b"\x0b")
    assert leases_in(joined[:-1] + b"\n") == ALL


def test_header_damaged_twice_is_no_witness() -> None:
    reading = read(FILE.replace(HEADER.line(), b"?\n"), "journal")
    assert reading.header is None
    assert reading.is_damaged
    assert set(reading.replay.recovered(10.0).leases) == ALL


@pytest.mark.parametrize(
    "payload",
    [
        ["Renumbered", 1.0, {"vnic_id": "v1"}],
        ["Leased", 1.0, {"lease": {"key": {"network": "vcnd"}}}],
        ["Leased", 1.0, {"agreement": {}}],
        ["Leased", "later", {}],
        ["Leased"],
        {"vcnd_journal": 2},
        {"vcnd_journal": "two", "boot_id": "b", "netns_cookie": 1},
        "Leased",
        7,
    ],
)
def test_lines_of_another_version_are_kept(payload: object) -> None:
    line = encode_line(payload)
    reading = read(LINES[0] + line + b"".join(LINES[1:]), "journal")
    assert reading.unknown == [line]
    assert not reading.is_damaged
    assert set(reading.replay.recovered(10.0).leases) == ALL


def test_fields_of_a_newer_version_are_read_over() -> None:
    body = decode_line(record_line((Leased(lease(1, 1)), 5.0)))
    body[2]["lease"]["colour"] = "green"
    assert leases_in(HEADER.line() + encode_line(body)) == {lease(1, 1)}


def test_newer_format_is_read_if_its_least_reader_allows() -> None:
    header = {"boot_id": "boot", "netns_cookie": 1}
    newer = encode_line({"vcnd_journal": 9, "least_reader": 2, **header})
    assert leases_in(newer + LINES[-1]) == {lease(11, 11)}
    with pytest.raises(JournalUnusableError, match="format 9, newer"):
        read(encode_line({"vcnd_journal": 9, "least_reader": 3, **header}), "journal")


def test_version_1_is_read() -> None:
    """Version 1 has only one header."""
    header = b'04f2b880 {"vcnd_journal":1,"boot_id":"boot","netns_cookie":1}\n'
    record = (
        b'5d9cb9f2 ["Leased",5.0,{"lease":{"key":{"network":"vcnd","container_id":"c1",'
        b'"ifname":"eth0"},"address":"10.0.0.1","second":"","netns_cookie":1,'
        b'"host_ifname":"oci","pod":{"namespace":"","name":"","uid":""}}}]\n'
    )
    reading = read(header + record, "journal")
    assert reading.header == HEADER
    assert set(reading.replay.recovered(9.0).leases) == {lease(1, 1)}


def test_a_line_with_a_wrong_checksum_is_refused() -> None:
    line = encode_line(["Released", 1.0, {}])
    assert decode_line(line) == ["Released", 1.0, {}]
    with pytest.raises(ValueError, match="torn or corrupt"):
        decode_line(line.replace(b"Released", b"Leleased"))


def test_lines_are_found_whole() -> None:
    assert b"".join(x.text for x in lines_of(FILE)) == FILE
    assert all(isinstance(x, WholeLine) for x in lines_of(FILE))


GONE = '["AddressForgotten",1.0,{"address":"10.9.0.0"}]'


def valid(text: str) -> bytes:
    return b"%08x %s\n" % (zlib.crc32(text.encode()), text.encode())


def added(address: str, prefix_length: object, at: object = 1.0) -> bytes:
    private_ip = {
        "id": "p",
        "address": address,
        "vnic_id": "v",
        "prefix_length": prefix_length,
    }
    return valid(json.dumps(["AddressAdded", at, {"private_ip": private_ip}]))


@pytest.mark.parametrize(
    ("address", "prefix_length"),
    [
        ("10.0.0.5", 0),
        ("10.0.0.5", 32),
        ("10.0.0.0", 28),
        ("10.0.0.0", 24),
        ("fd00::5", 0),
        ("fd00::5", 128),
        ("fd00::", 124),
        ("fd00::", 120),
    ],
)
def test_objects_as_vcnd_makes_them_are_read(address: str, prefix_length: int) -> None:
    reading = read(HEADER.line() + added(address, prefix_length), "journal")
    (found,) = reading.replay.recovered(2.0).private_ips
    assert (found.address, found.prefix_length) == (address, prefix_length)
    assert not reading.unknown


@pytest.mark.parametrize(
    ("address", "prefix_length"),
    [
        ("10.0.0.0", 8),
        ("10.0.0.0", -1),
        ("10.0.0.0", -21075),
        ("10.0.0.0", 33),
        ("10.0.0.5", 28),
        ("255.255.255.250", 24),
        ("fd00::", 64),
        ("fd00::", 129),
        ("fd00::0:5", 0),
        ("x", 0),
        ("", 28),
    ],
)
def test_objects_that_no_vnic_has_are_kept_unread(
    address: str, prefix_length: int
) -> None:
    line = added(address, prefix_length)
    reading = read(FILE + line, "journal")
    assert reading.unknown == [line]
    assert set(reading.replay.recovered(10.0).leases) == ALL


@pytest.mark.parametrize("at", [10**400, "1", "nan", True, None, [1]], ids=range(6))
def test_a_time_that_is_none_is_kept_unread(at: object) -> None:
    line = added("10.9.0.1", 0, at)
    assert read(FILE + line, "journal").unknown == [line]


@pytest.mark.parametrize(
    "text",
    [
        '["Leased",1.0,{"lease":{"key":{"network":"n","container_id":"c","ifname":"e"},'
        '"address":"x","netns_cookie":1,"host_ifname":"oci1"}}]',
        '["Leased",1.0,{"lease":{"key":{"network":"n","container_id":"c","ifname":"e"},'
        '"address":"10.0.0.1","netns_cookie":-1,"host_ifname":"oci1"}}]',
        '["VnicNumbered",1.0,{"slot":{"index":0,"vnic":{"id":"v","mac":"","address":'
        '"10.0.0.2","subnet_id":"s","subnet_cidr":"10.0.0.0/16","virtual_router":""}}}]',
        '["VnicNumbered",1.0,{"slot":{"index":2,"vnic":{"id":"v","mac":"","address":'
        '"10.0.0.2","subnet_id":"s","subnet_cidr":"x","virtual_router":""}}}]',
    ],
    ids=range(4),
)
def test_records_that_no_vcnd_writes_are_kept_unread(text: str) -> None:
    assert read(FILE + valid(text), "journal").unknown == [valid(text)]


def test_a_line_that_is_too_deep_is_damaged() -> None:
    line = valid("[" * 3000 + "]" * 3000)
    reading = read(FILE + line, "journal")
    assert reading.damaged == [line.rstrip(b"\n")]
    assert set(reading.replay.recovered(10.0).leases) == ALL


@pytest.mark.slow
def test_a_file_adds_so_many_addresses_and_no_more() -> None:
    one, gone = added("10.9.0.0", 16), valid(GONE)
    reading = read(FILE + (one + gone) * 20, "journal")
    assert reading.unknown == [one] * 13
    assert set(reading.replay.recovered(10.0).leases) == ALL


def test_many_lines_without_ends_are_found_one_by_one() -> None:
    lines = FILE[:-1].replace(b"\n", b"\0") + b"\n"
    assert leases_in(lines) == ALL
    many = valid('["DrainSet",1.0,{"on":true}]').rstrip(b"\n")
    found = list(lines_of((many + b"\0") * 5000 + many + b"\n"))
    assert len(found) == 5001
    assert all(isinstance(x, WholeLine) for x in found)
