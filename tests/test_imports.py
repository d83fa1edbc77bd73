"""No process imports what it can do without: memory, and time at each start."""

import subprocess
import sys

import pytest

KEPT_OUT = {
    "asyncio": "trio serves",
    "click": "the command line's",
    "cryptography": "the first request to OCI imports it: 60 ms",
    "multiprocessing": "no process of Python's",
    "prometheus_client": "only where metrics are configured: 1 MiB",
    "pydoc": "help texts",
    "pygments": "colours",
    "pyroute2": "our own netlink: 9 MiB",
    "rich": "the command line's",
    "sqlite3": "the journal is a file",
    "structlog": "our own log: 7 MiB with rich and asyncio",
    "unittest": "tests",
    "yaml": "a kubeconfig only",
}


@pytest.mark.slow
@pytest.mark.parametrize("entry", ["vcnd.__main__", "vcnd.policy_main"])
def test_process_imports_nothing_that_it_can_do_without(entry: str) -> None:
    code = f"import sys, {entry}; print(*sys.modules)"
    command = [sys.executable, "-I", "-c", code]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert KEPT_OUT.keys() & set(done.stdout.split()) == set()
