"""Machines by name, and by the header of a program."""

import sys
from pathlib import Path

import pytest

from integration.build.command import BuildError
from integration.build.machines import (
    MACHINES,
    Machine,
    elf_machine,
    here,
)

NOWHERE = Machine("nowhere_1", "nowhere", 1)


def test_this_machine_is_one_of_them_and_runs_its_programs() -> None:
    assert here() in MACHINES
    assert here().runs() == []


def test_header_of_a_program_names_its_machine() -> None:
    assert elf_machine(Path(sys.executable).read_bytes()) == here().elf


@pytest.mark.parametrize("data", [b"", b"#!/bin/sh\n", b"\x7fEL"])
def test_other_files_have_no_machine(data: bytes) -> None:
    assert elf_machine(data) is None


def test_missing_compiler_is_named_with_its_package() -> None:
    with pytest.raises(BuildError, match="apt-get install gcc-nowhere-1-linux-gnu"):
        NOWHERE.compiler()


def test_missing_emulator_is_named_with_its_package() -> None:
    with pytest.raises(BuildError, match="apt-get install qemu-user-static"):
        NOWHERE.runs()
    assert "for nowhere_1 is missing" in NOWHERE.lacks()
