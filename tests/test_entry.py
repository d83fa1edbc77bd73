"""The entry of both processes: how they end."""

import signal
import subprocess
import sys
from pathlib import Path

PROGRAM = """
import trio
from vcnd import entry

async def lasts():
    with trio.CancelScope(shield=True):
        await trio.sleep_forever()

async def work(config, *, systemd, stop):
    trio.lowlevel.spawn_system_task(lasts)
    {end}

entry.END_SECONDS = 0.1
entry.main("vcnd", None, work)
"""


def status_of(end: str, folder: Path) -> int:
    """Return the exit status of a process of which a task never ends."""
    config = folder / "vcnd.toml"
    config.write_text('[oci]\nsubnet_id = "ocid1.subnet.oc1..s"\ncluster = "c"\n')
    program = [sys.executable, "-c", PROGRAM.format(end=end), "--config", str(config)]
    return subprocess.run(program, check=False, timeout=60).returncode


def test_a_task_that_stays_behind_does_not_keep_the_process(tmp_path: Path) -> None:
    assert status_of("return 0", tmp_path) == -signal.SIGALRM
    assert status_of("raise MemoryError", tmp_path) == -signal.SIGALRM
