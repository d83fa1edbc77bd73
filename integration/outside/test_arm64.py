"""The daemon as a program for another machine, run by an emulator.

The emulator knows no bpf(2), and not all of netlink: docs/limits.md has what that
leaves out.
"""

import json
from pathlib import Path

import pytest

from integration.build import emulated
from integration.build.emulated import HERE, Python
from integration.build.machines import MACHINES, Machine
from integration.outside.arm64 import CACHE, skip_unless_roots_can_be_made

IMPORTED = """
import importlib, pkgutil, sys, vcnd
found = [m.name for m in pkgutil.walk_packages(vcnd.__path__, "vcnd.")]
names = [name for name in found if not name.endswith("__main__")]
for name in names:
    importlib.import_module(name)
print(len(names))
"""
LAYOUTS = """
import importlib, json, pkgutil, struct, vcnd
found = {}
for m in pkgutil.walk_packages(vcnd.__path__, "vcnd."):
    if not m.name.endswith("__main__"):
        module = importlib.import_module(m.name)
        for name, value in vars(module).items():
            if isinstance(value, struct.Struct):
                found[f"{m.name}.{name}"] = [value.size, value.pack(*FILL(value)).hex()]
print(json.dumps(found))
""".replace("FILL(value)", "value.unpack(bytes(range(1, value.size + 1)))")
BPF_CALL = """
from vcnd.bpf import call
try:
    call.bpf("a step", call.MAP_CREATE, call.attributes(b""))
except call.BpfError as error:
    print(error)
"""
NOT_EMULATED = (
    *("--deselect", "tests/netlink/test_messages.py::test_refused_dump_is_an_error"),
    *("--deselect", "tests/netlink/test_netns.py::test_other_descriptors_are_refused"),
    *("--ignore", "tests/bpf/test_kernel.py"),
)
"""Tests that ask the kernel what the emulator does not pass on."""


@pytest.fixture(
    scope="module",
    params=[machine for machine in MACHINES if not machine.is_here],
    ids=lambda machine: machine.name,
)
def machine(request: pytest.FixtureRequest) -> Machine:
    made: Machine = request.param
    return made


@pytest.fixture(scope="module")
def python(machine: Machine) -> Python:
    skip_unless_roots_can_be_made()
    return emulated.python(CACHE, machine)


def test_all_modules_are_imported(python: Python) -> None:
    done = python.run(["-W", "error", "-c", IMPORTED])
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) > 300


def test_configuration_is_read_and_printed(python: Python, tmp_path: Path) -> None:
    config = tmp_path / "vcnd.toml"
    config.write_text('[oci]\nsubnet_id = "ocid1.subnet.oc1..a"\n')
    printing = ["-m", "vcnd", "--config", str(config), "--print-config"]
    done = python.run(printing)
    assert done.returncode == 0, done.stderr
    here = HERE.run(printing)
    assert done.stdout == here.stdout
    config.write_text("[pool]\nbatch = 'six'\n")
    assert python.run(printing).returncode != 0


def test_bytes_for_the_kernel_have_the_same_layout(python: Python) -> None:
    """Both machines are little-endian, with 64 bits: structs of the kernel agree."""
    there = python.run(["-c", LAYOUTS])
    here = HERE.run(["-c", LAYOUTS])
    assert there.returncode == 0, there.stderr
    assert len(json.loads(there.stdout)) > 15
    assert json.loads(there.stdout) == json.loads(here.stdout)


def test_number_of_bpf_is_the_machines_own(python: Python) -> None:
    """The emulator has a table of system calls of its own."""
    emulator, *rest = python.command
    tracing = python._replace(command=(emulator, "-strace", *rest))
    done = tracing.run(["-c", BPF_CALL])
    assert "a step: " in done.stdout, done.stderr
    assert [line for line in done.stderr.splitlines() if " bpf(" in line]


def test_tests_of_messages_and_files_pass(python: Python) -> None:
    where = [f"tests/{name}" for name in ("netlink", "bpf", "journal", "linux")]
    options = ["-q", "-p", "no:cacheprovider", "-m", "not slow", *NOT_EMULATED]
    done = python.run(["-m", "pytest", *options, *where])
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr
