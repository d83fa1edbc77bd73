"""Programs of an object file, read and linked."""

import struct
import sys
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import vcnd
from vcnd.bpf.elf import ObjectError, Program, programs

MADE = Path(vcnd.__file__).parent / "_bpf" / "express.o"
SOURCES = [*(Path(__file__).parents[2] / "bpf").iterdir()]
OBJECT = MADE.read_bytes() if MADE.exists() else b""
LOAD = bytes((0x18, 0x01)) + bytes(14)
"""A 64-bit load into register 1."""
REGISTER = 1 if sys.byteorder == "little" else 0x10

needs_object = pytest.mark.skipif(not OBJECT, reason="built without clang")


@needs_object
@pytest.mark.skipif(
    bool(OBJECT) and MADE.stat().st_mtime < max(x.stat().st_mtime for x in SOURCES),
    reason="built of older sources",
)
def test_the_object_holds_both_programs_and_the_maps_they_use() -> None:
    found = programs(OBJECT)
    used = {name: {symbol for _, symbol in p.uses} for name, p in found.items()}
    assert used == {
        "vcnd_express": {"control", "counts", "gate", "ways4", "ways6"},
        "vcnd_admit": {"control", "pods", "ways4", "ways6"},
    }
    assert all(p.code[at] == LOAD[0] for p in found.values() for at, _ in p.uses)


@pytest.mark.skipif(sys.byteorder != "little", reason="the bytes are of such machines")
def test_a_program_is_linked_to_its_maps() -> None:
    program = Program(LOAD + LOAD, ((0, "pods"), (16, "control")))
    linked = program.linked({"pods": 7}, {"control": 9})
    assert linked[:8] == struct.pack("=BBHi", 0x18, 0x11, 0, 7)
    assert linked[16:24] == struct.pack("=BBHi", 0x18, 0x21, 0, 9)
    assert program.code == LOAD + LOAD


def test_a_program_that_uses_an_unknown_map_is_refused() -> None:
    with pytest.raises(ObjectError, match="uses pods, which is no map"):
        Program(LOAD, ((0, "pods"),)).linked({}, {})


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b"", "no ELF file"),
        (b"#!/bin/sh\n", "no ELF file"),
        (b"\x7fELF", "damaged"),
        (b"\x7fELF\x01\x01" + bytes(60), "another byte order"),
        (b"\x7fELF\x02\x03" + bytes(60), "another byte order"),
    ],
)
def test_other_files_are_refused(data: bytes, says: str) -> None:
    with pytest.raises(ObjectError, match=says):
        programs(data)


@needs_object
def test_an_object_of_another_machine_is_refused() -> None:
    other = OBJECT[:18] + struct.pack("=H", 62) + OBJECT[20:]
    with pytest.raises(ObjectError, match="not for BPF"):
        programs(other)


@needs_object
@given(end=st.integers(0, max(len(OBJECT) - 1, 0)))
def test_a_cut_off_object_is_refused(end: int) -> None:
    with pytest.raises(ObjectError):
        programs(OBJECT[:end])


@needs_object
@given(at=st.integers(0, max(len(OBJECT) - 1, 0)), byte=st.integers(0, 255))
def test_a_damaged_object_is_read_or_refused(at: int, byte: int) -> None:
    damaged = OBJECT[:at] + bytes((byte,)) + OBJECT[at + 1 :]
    with suppress(ObjectError):
        programs(damaged)
