"""A run in its own namespaces ends as a whole."""

import os
import signal
import subprocess
import sys

import pytest

from integration.lab import enclosure

ENTER = (
    "import sys; from integration.lab import enclosure;"
    " enclosure.enter('timeit', ['-n', '1', '-r', '1', sys.argv[1]])"
)
WAITS = (
    "import subprocess; subprocess.Popen(['sleep', '600']);"
    " print('there', flush=True); import signal; signal.pause()"
)


def entered(statement: str) -> "subprocess.Popen[str]":
    """Return a process that runs a statement of Python enclosed."""
    outside = {k: v for k, v in os.environ.items() if k != enclosure.MARK}
    return subprocess.Popen(
        [sys.executable, "-c", ENTER, statement],
        env=outside,
        stdout=subprocess.PIPE,
        text=True,
    )


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP, signal.SIGKILL])
def test_a_signal_ends_all_processes_inside(number: signal.Signals) -> None:
    with entered(WAITS) as run:
        assert run.stdout is not None
        assert run.stdout.readline() == "there\n"
        run.send_signal(number)
        # To its end: no process has it open any more.
        assert run.stdout.read() == ""
    told = 128 + number
    assert run.returncode == (-number if number is signal.SIGKILL else told)


@pytest.mark.parametrize(
    ("statement", "code"),
    [("import os; os._exit(7)", 7), ("pass", 0)],
)
def test_the_exit_status_is_that_of_the_run(statement: str, code: int) -> None:
    with entered(statement) as run:
        run.communicate()
    assert run.returncode == code
