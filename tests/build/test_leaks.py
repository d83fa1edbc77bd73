"""Key material is found in what programs print and log."""

import base64
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
)

from integration import leaks
from sim.cloud import signing_key

TOKEN = b"eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJzeXN0ZW0ifQ.c2lnbmF0dXJl"
SIGNATURE = b"A" * 64


def key_in(form: PrivateFormat, encoding: Encoding = Encoding.PEM) -> bytes:
    found: bytes = signing_key().private_bytes(encoding, form, NoEncryption())
    return found


def planted() -> dict[str, bytes]:
    """Return secrets as programs may print them, by kind."""
    bare = base64.b64encode(key_in(PrivateFormat.PKCS8, Encoding.DER))
    return {
        "a private key": key_in(PrivateFormat.TraditionalOpenSSL),
        "a private key without armour": b"key=" + bare,
        "a token": b"token: " + TOKEN,
        "a federation's token": b"ST$" + TOKEN,
        "a bearer's header": b"authorization: Bearer " + SIGNATURE,
        "a signature": b'Signature version="1",keyId="a",signature="' + SIGNATURE,
    }


@pytest.mark.parametrize("kind", leaks.KINDS)
def test_planted_secret_is_found(tmp_path: Path, kind: str) -> None:
    secret = planted()[kind]
    (leak, *_) = [x for x in leaks.found(b"a line\n" + secret) if x.startswith(kind)]
    assert secret[-40:] not in leak.encode()
    (tmp_path / "node1.log").write_bytes(b'{"event":"x"}\n' + secret)
    assert leaks.found_in_files(tmp_path.glob("*.log"))


def test_a_key_of_each_form_is_found() -> None:
    for form in (PrivateFormat.PKCS8, PrivateFormat.TraditionalOpenSSL):
        assert leaks.found(key_in(form))
        assert leaks.found(base64.b64encode(key_in(form, Encoding.DER)))


def test_what_is_no_secret_is_passed_over() -> None:
    text = b"""-----BEGIN CERTIFICATE-----
MIIDXTCCAkWgAwIBAgIJAKL0UG+mRKSzMA0GCSqGSIb3DQEBCwUAMEUxCzAJBgNV
-----BEGIN PUBLIC KEY-----
authorization: Bearer Oracle
opc-request-id=vcnd/pool/0123456789abcdef address=10.0.0.1 keyId="ST$"
"""
    assert leaks.found(text) == []


def test_output_of_a_program_is_searched(tmp_path: Path) -> None:
    assert leaks.run(["/bin/echo", "nothing"], tmp_path) == (0, [])
    code, found = leaks.run(["/bin/echo", TOKEN.decode()], tmp_path)
    assert (code, len(found)) == (0, 1)
