"""Sockets that vcndctl asks."""

import socket
from collections.abc import Iterator
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization

from sim.cloud import signing_key


@pytest.fixture
def hanging(tmp_path: Path) -> Iterator[Path]:
    """The socket of a daemon that takes questions and never answers."""
    path = tmp_path / "hanging"
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as listener:
        listener.bind(str(path))
        listener.listen(8)
        yield path


@pytest.fixture
def api_key(tmp_path: Path) -> Path:
    """The configuration of OCI's tools, with a user's API key."""
    pem = signing_key().private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    (tmp_path / "key.pem").write_bytes(pem)
    path = tmp_path / "config"
    path.write_text(
        "[DEFAULT]\nuser=ocid1.user.a\nfingerprint=00:11\ntenancy=ocid1.tenancy.a\n"
        f"region=us-ashburn-1\nkey_file={tmp_path / 'key.pem'}\n"
    )
    return path
