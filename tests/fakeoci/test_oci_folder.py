"""The folder that ``fakeoci serve --oci-config`` writes."""

import os
import subprocess
from configparser import ConfigParser
from pathlib import Path

import pytest

from fakeoci.api.service import Service
from fakeoci.credentials import api_key
from fakeoci.oci_folder import NAMES, TRUST, FolderError, write
from fakeoci.world import worldfile

URL = "http://127.0.0.1:8080"
TLS_URL = "https://127.0.0.1:8443"


@pytest.fixture
def service() -> Service:
    return Service(worldfile.parse(worldfile.default_text()), lambda: 0.0)


def profile(directory: Path) -> dict[str, str]:
    parser = ConfigParser()
    parser.read(directory / "config")
    return dict(parser["DEFAULT"])


@pytest.mark.slow
def test_the_folder_names_a_key_that_the_cloud_knows(
    service: Service, tmp_path: Path
) -> None:
    directory = tmp_path / "a folder"
    write(directory, service, URL)
    found = profile(directory)
    key_id = f"{found['tenancy']}/{found['user']}/{found['fingerprint']}"
    principal, key = service.identities.key_of(key_id, 0.0)
    assert principal
    assert key == api_key().key.public_key()
    assert Path(found["key_file"]).read_text().startswith(api_key().pem)
    assert {p.stat().st_mode & 0o777 for p in directory.iterdir()} == {0o600}
    assert directory.stat().st_mode & 0o777 == 0o700


def test_the_environment_names_folder_and_address(
    service: Service, tmp_path: Path
) -> None:
    directory = tmp_path / "it's here"
    write(directory, service, URL)
    script = '. "$1"; env'
    environment = subprocess.run(
        ["/bin/sh", "-c", script, "sh", str(directory / "env")],
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    assert f"OCI_CLI_CONFIG_FILE={directory / 'config'}\n" in environment
    assert f"OCI_CLI_ENDPOINT={URL}\n" in environment


def test_an_earlier_folder_is_written_anew(service: Service, tmp_path: Path) -> None:
    for url, tls_url in (("http://127.0.0.1:1", TLS_URL), (URL, "")):
        write(tmp_path, service, url, tls_url)
    assert URL in (tmp_path / "env").read_text()
    assert "https:" not in (tmp_path / "env").read_text()
    assert {p.name for p in tmp_path.iterdir()} == set(NAMES) - {"ca.pem"}


def test_by_tls_metadata_alone_stays_plain(service: Service, tmp_path: Path) -> None:
    write(tmp_path, service, URL, TLS_URL)
    exports = (tmp_path / "env").read_text().splitlines()
    assert f"export OCI_CLI_ENDPOINT={TLS_URL}" in exports
    assert f"export OCI_CLI_FEDERATION_ENDPOINT={TLS_URL}/v1/x509" in exports
    assert f"export OCI_METADATA_BASE_URL={URL}/opc/v2" in exports
    for name in TRUST:
        assert f"export {name}={tmp_path / 'ca.pem'}" in exports
    root = service.identities.authority.root_pem()
    assert (tmp_path / "ca.pem").read_bytes() == root


@pytest.mark.parametrize("name", ["config", "key.pem", "ca.pem"])
def test_foreign_files_are_kept(service: Service, tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_text("theirs")
    with pytest.raises(FolderError, match=f"did not write the {name}"):
        write(tmp_path, service, URL)
    assert [(p.name, p.read_text()) for p in tmp_path.iterdir()] == [(name, "theirs")]


def test_a_folder_that_cannot_be_made_is_named(
    service: Service, tmp_path: Path
) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(FolderError, match=f"{os.sep}file{os.sep}folder: "):
        write(tmp_path / "file" / "folder", service, URL)
