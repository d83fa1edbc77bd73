"""Key material is found in what programs print and log."""

import base64
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
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


KNOWN = {
    "the key": key_in(PrivateFormat.TraditionalOpenSSL).decode(),
    "the token": TOKEN.decode() + "-of-this-test",
}


@pytest.mark.parametrize("name", ["journal", "state/journal.1", "bundle.json"])
def test_planted_secret_is_found_in_each_file(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(b"before")
    leaks.refuse(tmp_path, leaks.known(KNOWN))
    for kind, secret in planted().items():
        path.write_bytes(b"before " + secret + b" after")
        with pytest.raises(leaks.LeakError, match=f"{name}: .*{kind}"):
            leaks.refuse(tmp_path)


def test_part_of_a_known_secret_is_found(tmp_path: Path) -> None:
    known = leaks.known(KNOWN)
    line = KNOWN["the key"].splitlines()[-3].encode()
    signature = KNOWN["the token"].rpartition(".")[2].encode()
    for name, part in {"the key": line, "the token": signature}.items():
        assert leaks.found(b"x" + part) == []
        assert leaks.found(b"x" + part, known) == [f"a part of {name}"]
        (tmp_path / "journal").write_bytes(part)
        with pytest.raises(leaks.LeakError, match=f"journal: a part of {name}"):
            leaks.refuse(tmp_path, known)


def test_public_half_of_a_known_key_is_no_secret() -> None:
    public = signing_key().public_key().public_bytes(Encoding.PEM, PublicFormat.PKCS1)
    modulus = KNOWN["the key"].splitlines()[2].encode()
    assert leaks.found(public + modulus, leaks.known(KNOWN)) == []


def test_secret_that_is_too_short_to_be_found_is_refused() -> None:
    with pytest.raises(ValueError, match="too short to be found: the word"):
        leaks.known({"the word": "secret"})


def test_files_that_are_there_to_hold_a_secret_are_left_out(tmp_path: Path) -> None:
    (tmp_path / "etcd/member").mkdir(parents=True)
    (tmp_path / "etc").mkdir()
    for name in ("sa.key", "tokens.csv", "etc/token", "etcd/member/wal"):
        (tmp_path / name).write_bytes(TOKEN)
    leaks.refuse(tmp_path)
    (tmp_path / "etc/token.log").write_bytes(TOKEN)
    with pytest.raises(leaks.LeakError, match=r"token\.log"):
        leaks.refuse(tmp_path)


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


def test_output_of_a_program_is_searched(
    tmp_path: Path, capfdbinary: pytest.CaptureFixture[bytes]
) -> None:
    assert leaks.run(["/bin/echo", "nothing"], tmp_path) == (0, [])
    code, found = leaks.run(["/bin/echo", TOKEN.decode()], tmp_path)
    assert (code, len(found)) == (0, 1)
    assert TOKEN in capfdbinary.readouterr().out  # it is passed on
