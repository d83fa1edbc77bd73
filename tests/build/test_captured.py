"""A test that prints a secret fails, also if all that it asserts holds."""

import pytest

TOKEN = "eyJhbGciOiJSUzI1NiJ9" + ".eyJzdWIiOiJzeXN0ZW0ifQ" + ".c2lnbmF0dXJl"
PLANTED = """
import sys
import pytest
from cryptography.hazmat.primitives.serialization import (
    Encoding, NoEncryption, PrivateFormat)
from sim.cloud import signing_key

def line_of_the_key():
    form = PrivateFormat.TraditionalOpenSSL
    pem = signing_key().private_bytes(Encoding.PEM, form, NoEncryption())
    return pem.decode().splitlines()[-3]

@pytest.fixture
def leaves():
    yield
    print("token=TOKEN")

def test_nothing():
    print("nothing")

def test_prints():
    print("token=TOKEN")

def test_logs():
    print("key=" + line_of_the_key(), file=sys.stderr)

def test_leaves(leaves):
    pass
"""


@pytest.mark.slow
def test_test_that_prints_a_secret_fails(
    pytester: pytest.Pytester, capsys: pytest.CaptureFixture[str]
) -> None:
    pytester.makepyfile(PLANTED.replace("TOKEN", TOKEN))
    result = pytester.runpytest_inprocess("-p", "integration.captured")
    result.assert_outcomes(passed=4, errors=3)
    result.stdout.fnmatch_lines_random(
        ["I12: a token after *", "I12: a part of the user's key"]
    )
    result.stdout.no_fnmatch_line(f"*I12*{TOKEN}*")
    capsys.readouterr()  # else it were this test's own output
