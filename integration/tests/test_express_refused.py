"""Where the kernel takes no BPF programs pods have the ordinary path, and one line."""

import errno
import os
import subprocess
import sys
from pathlib import Path

import pytest

from integration.lab import enclosure, express
from integration.lab.bare import bare_stage
from integration.tests.express import two
from vcnd.model.cause import Cause

WITHOUT_BPF = """
import ctypes, os, struct, sys
NUMBERS = {"x86_64": 321, "aarch64": 280}
number, refused = NUMBERS[os.uname().machine], int(sys.argv[1])
program = b"".join(
    struct.pack("=HBBI", *step)
    for step in (
        (0x20, 0, 0, 0),  # load the number of the system call
        (0x15, 0, 1, number),
        (0x06, 0, 0, 0x50000 | refused),
        (0x06, 0, 0, 0x7FFF0000),
    )
)
held = ctypes.create_string_buffer(program)
class Filter(ctypes.Structure):
    _fields_ = [("length", ctypes.c_ushort), ("steps", ctypes.c_void_p)]
libc = ctypes.CDLL(None, use_errno=True)
libc.prctl(38, 1, 0, 0, 0)
mine = Filter(len(program) // 8, ctypes.addressof(held))
assert libc.prctl(22, 2, ctypes.byref(mine), 0, 0) == 0, ctypes.get_errno()
os.execv(sys.argv[2], sys.argv[2:])
"""
"""Lets bpf(2) fail, as a unit's SystemCallFilter= does, and starts a program."""
INSIDE = """
import sys
from pathlib import Path
from integration.lab import enclosure
from integration.tests.test_express_refused import has_the_ordinary_path
enclosure.prepare()
has_the_ordinary_path(Path(sys.argv[1]), ())
"""
CAUSES = {
    errno.EPERM: Cause.NOT_PERMITTED,
    errno.EACCES: Cause.KERNEL_REFUSED,
    errno.ENOSYS: Cause.KERNEL_REFUSED,
}


def has_the_ordinary_path(directory: Path, command: tuple[str, ...]) -> str:
    """Check pods on two nodes without the lane; return why they have none."""
    with bare_stage(directory, command=command) as stage:
        for node in stage.nodes:
            express.until_settled(node)
        a, b = stage.pod(1), stage.pod(2)
        for kind in (express.tcp, express.udp):
            for six in (False, True):
                with kind(a, b, six=six) as flow:
                    flow.exchange(express.EXCHANGES)
        found = express.state(a.node)
        lines = [x for x in a.node.log_events() if "express" in x["event"]]
        assert [x["event"] for x in lines] == ["express_off"]
        assert not found["on"]
        assert lines[0]["reason"] == found["why"]["reason"]
        return str(found["why"]["cause"])


@pytest.mark.parametrize("refused", CAUSES, ids=errno.errorcode.get)
def test_a_refusal_of_bpf_is_one_line(tmp_path: Path, refused: int) -> None:
    command = (sys.executable, "-c", WITHOUT_BPF, str(refused))
    assert has_the_ordinary_path(tmp_path, command) == CAUSES[refused]


def test_a_user_namespace_has_the_ordinary_path(tmp_path: Path) -> None:
    """Root in a user namespace of its own loads no programs."""
    first, *options = enclosure.UNSHARE
    done = subprocess.run(
        [
            *(first, *enclosure.AS_ROOT_INSIDE, *options),
            *(sys.executable, "-c", INSIDE, str(tmp_path)),
        ],
        capture_output=True,
        text=True,
        check=False,
        cwd=Path(__file__).parents[2],
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])},
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_lane_is_there_where_nothing_forbids_it(tmp_path: Path) -> None:
    """Else every other test of it would be skipped without a word."""
    if Path("/proc/self/uid_map").read_text().split() != ["0", "0", str(2**32 - 1)]:
        pytest.skip("in a user namespace")
    with bare_stage(tmp_path) as stage:
        for node in stage.nodes:
            assert express.until_settled(node)["on"]
        two(stage)
