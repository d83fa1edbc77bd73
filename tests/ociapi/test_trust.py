"""Which certificates of the system are trusted, and when they are read."""

import ssl
from pathlib import Path

import pytest

from vcnd.ociapi.network import system_trust


def test_certificates_with_hashed_names_are_read_when_needed(tmp_path: Path) -> None:
    (tmp_path / "0a775a30.0").write_text("read only if a chain ends there")
    trust = system_trust(tmp_path)
    assert isinstance(trust, ssl.SSLContext)
    assert trust.verify_mode is ssl.CERT_REQUIRED
    assert trust.check_hostname
    assert trust.get_ca_certs() == []


@pytest.mark.parametrize("name", ["", "ca-certificates.crt"])
def test_folder_without_hashed_names_is_left_to_the_client(
    tmp_path: Path, name: str
) -> None:
    if name:
        (tmp_path / name).touch()
    assert system_trust(tmp_path) is True
    assert system_trust(tmp_path / "missing") is True
