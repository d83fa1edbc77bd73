"""The entry of both processes: how they end."""

import signal
import subprocess
import sys
from pathlib import Path

import pytest

PROGRAM = """
import trio, trio.testing
from vcnd import ending, entry

async def lasts():
    with trio.CancelScope(shield=True):
        await trio.sleep_forever()

async def work(config, *, systemd, stop):
    {how}
    {end}

async def keep(rooms):
    rooms.start_soon(lasts)
    await trio.testing.wait_all_tasks_blocked()

ending.END_SECONDS = ending.ROOMS_SECONDS = 0.1
entry.main("vcnd", None, work)
"""


BEHIND = "trio.lowlevel.spawn_system_task(lasts)"
"""A task that stays behind when the work has ended."""
IN_A_ROOM = "async with ending.rooms() as rooms: await keep(rooms);"
"""A task that keeps the work from ending."""


def status_of(how: str, end: str, folder: Path) -> int:
    """Return the exit status of a process of which a task never ends."""
    config = folder / "vcnd.toml"
    config.write_text('[oci]\nsubnet_id = "ocid1.subnet.oc1..s"\ncluster = "c"\n')
    text = PROGRAM.format(how=how, end=end)
    program = [sys.executable, "-c", text, "--config", str(config)]
    return subprocess.run(program, check=False, timeout=60).returncode


@pytest.mark.parametrize(
    ("how", "end"),
    [
        (BEHIND, "return 0"),
        (BEHIND, "raise MemoryError"),
        (f"{IN_A_ROOM} rooms.cancel_scope.cancel()", "return 0"),
        (f"{IN_A_ROOM} raise MemoryError", ""),
    ],
)
def test_a_task_that_never_ends_does_not_keep_the_process(
    tmp_path: Path, how: str, end: str
) -> None:
    assert status_of(how, end, tmp_path) == -signal.SIGALRM


def test_process_whose_tasks_end_ends_by_itself(tmp_path: Path) -> None:
    how = "async with ending.rooms() as rooms: rooms.cancel_scope.cancel()"
    assert status_of(how, "return 3", tmp_path) == 3
