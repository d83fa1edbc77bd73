"""A plugin of pytest: what a test prints and logs has no secret (invariant I12).

pytest shows the output of tests that fail alone; this searches that of all tests.
"""

import sys
from collections.abc import Generator, Mapping
from functools import cache

import pytest
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
)

from integration import leaks


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Fail a test at its end if a secret was printed in any part of it."""
    del item
    report = yield
    if call.when == "teardown" and report.passed:
        output = f"{report.capstdout}{report.capstderr}".encode(errors="replace")
        found = leaks.found(output, _of_this_process())
        if found:
            report.outcome = "failed"
            report.longrepr = f"I12: {'; '.join(found)}"
    return report


def _of_this_process() -> Mapping[bytes, str]:
    """Return the pieces of the key with which simulated nodes sign, if one was made."""
    cloud = sys.modules.get("sim.cloud")
    if cloud is None or not cloud.signing_key.cache_info().currsize:
        return {}
    return _signing_key()


@cache
def _signing_key() -> dict[bytes, str]:
    from sim.cloud import signing_key  # noqa: PLC0415 - most tests need no cloud

    form = PrivateFormat.TraditionalOpenSSL
    pem = signing_key().private_bytes(Encoding.PEM, form, NoEncryption())
    return leaks.known({"the user's key": pem.decode()})
