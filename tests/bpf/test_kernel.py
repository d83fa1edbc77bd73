"""bpf(2) on the machine's own kernel; what is made there ends with the process."""

import errno
import struct
from collections.abc import Iterator

import pytest

from vcnd.bpf import programs, tcx
from vcnd.bpf.call import BpfError, attributes, bpf
from vcnd.bpf.maps import Map, MapKind, MapShape

NOWHERE = 0x7FFFFFF0
RETURN_0 = struct.pack("=BBhi", 0xB7, 0, 0, 0) + struct.pack("=BBhi", 0x95, 0, 0, 0)
READ_R5 = struct.pack("=BBhi", 0xBF, 0x50, 0, 0) + struct.pack("=BBhi", 0x95, 0, 0, 0)
"""Register 5 is copied before it has a value."""


def shape(kind: MapKind, entries: int, *, mapped: bool = False) -> MapShape:
    return MapShape(
        kind=kind, key_bytes=4, value_bytes=8, entries=entries, mapped=mapped
    )


def made(name: str, wanted: MapShape) -> Map:
    try:
        return Map(name, wanted)
    except BpfError as error:
        if error.errno != errno.EPERM:
            raise
        pytest.skip("this user may not use bpf(2)")


def key(number: int) -> bytes:
    return struct.pack("=I", number)


@pytest.fixture
def numbers() -> Iterator[Map]:
    table = made("numbers", shape(MapKind.HASH, 10_000))
    yield table
    table.close()


def test_an_error_names_the_step() -> None:
    with pytest.raises(BpfError, match="try it: ") as caught:
        bpf("try it", NOWHERE, attributes(b""))
    assert caught.value.step == "try it"


@pytest.mark.parametrize("count", [0, 1, 4096, 5000])
def test_all_values_of_a_map_are_listed(numbers: Map, count: int) -> None:
    for number in range(count):
        numbers[key(number)] = struct.pack("=Q", number)
    found = [v for part in numbers.values() for (v,) in struct.iter_unpack("=Q", part)]
    assert sorted(found) == list(range(count))


def test_an_entry_is_set_read_and_deleted(numbers: Map) -> None:
    numbers[key(1)] = struct.pack("=Q", 5)
    numbers[key(1)] = struct.pack("=Q", 6)
    assert numbers.read(key(1), 8) == struct.pack("=Q", 6)
    for _ in range(2):
        del numbers[key(1)]
    with pytest.raises(BpfError, match="read map numbers"):
        numbers.read(key(1), 8)


def test_a_full_map_refuses_another_entry() -> None:
    table = made("small", shape(MapKind.HASH, 1))
    table[key(1)] = bytes(8)
    with pytest.raises(BpfError, match="set map small"):
        table[key(2)] = bytes(8)
    table.close()


def test_mapped_values_are_the_maps() -> None:
    table = made("mapped", shape(MapKind.ARRAY, 1, mapped=True))
    with table.mapped() as memory:
        memory[:8] = struct.pack("=Q", 77)
        assert table.read(key(0), 8) == struct.pack("=Q", 77)
    table.close()


def test_a_program_is_found_by_its_number(numbers: Map) -> None:

    descriptor = programs.load("vcnd_test", RETURN_0)
    name, number = programs.name_and_id(descriptor)
    assert name == "vcnd_test"
    assert programs.name_of(number) == "vcnd_test"
    assert programs.name_of(NOWHERE) == ""


def test_a_refused_program_comes_with_the_verifiers_reason(numbers: Map) -> None:
    del numbers
    with pytest.raises(BpfError, match="R5 !read_ok"):
        programs.load("vcnd_test", READ_R5)


def test_programs_of_a_missing_link_are_an_error(numbers: Map) -> None:
    del numbers
    if not tcx.is_there():
        pytest.skip("this kernel has no tcx hooks")
    with pytest.raises(BpfError, match=f"list programs of link {NOWHERE}"):
        tcx.attached(NOWHERE, tcx.Hook.EGRESS)
