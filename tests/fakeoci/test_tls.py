"""``fakeoci serve --tls``: the command, its certificate and its refusals."""

import signal
import socket
import ssl
import subprocess
import sys
from pathlib import Path

import httpx2
import pytest

pytestmark = pytest.mark.slow  # the tests start Python

SERVE = [sys.executable, "-m", "fakeoci", "serve", "--port", "0"]
TLS = ["--tls", "--tls-port", "0"]


def refused(*words: str) -> str:
    """Return the error with which the command ends at once."""
    done = subprocess.run(
        [*SERVE, *words], capture_output=True, text=True, check=False, timeout=60
    )
    assert (done.returncode, done.stdout) == (1, "")
    return done.stderr


def test_strict_clients_trust_the_written_ca(
    tmp_path: Path,
) -> None:
    command = [*SERVE, *TLS, "--host", "127.0.0.2", "--instance", "node2"]
    with subprocess.Popen(
        [*command, "--oci-config", str(tmp_path)], stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        lines = [process.stdout.readline() for _ in range(2)]
        plain, encrypted = (line.split()[1] for line in lines)
        trust = ssl.create_default_context(cafile=tmp_path / "ca.pem")
        trust.verify_flags |= ssl.VERIFY_X509_STRICT
        try:
            with httpx2.Client(verify=trust) as client:
                world = encrypted.replace("/20160918", "/fake/v1/world")
                assert client.get(world).status_code == 200
                token = {"authorization": "Bearer Oracle"}
                metadata = plain.replace("/20160918", "/opc/v2/instance/id")
                assert ".instance." in client.get(metadata, headers=token).text
        finally:
            process.send_signal(signal.SIGTERM)
    assert encrypted.startswith("https://127.0.0.2:")
    assert process.returncode == 0


def test_without_a_folder_there_would_be_nothing_to_trust() -> None:
    assert "--tls needs --oci-config DIR" in refused(*TLS)


def test_a_folder_of_other_files_is_refused_and_stays(tmp_path: Path) -> None:
    (tmp_path / "ca.pem").write_text("theirs")
    told = refused(*TLS, "--oci-config", str(tmp_path))
    assert "did not write the ca.pem" in told
    assert [(p.name, p.read_text()) for p in tmp_path.iterdir()] == [
        ("ca.pem", "theirs")
    ]


@pytest.mark.parametrize("option", ["--port", "--tls-port"])
def test_a_port_in_use_is_named_and_no_folder_written(
    tmp_path: Path, option: str
) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        folder = tmp_path / "folder"
        told = refused(*TLS, "--oci-config", str(folder), option, str(port))
    assert told.startswith(f"fakeoci: cannot listen at 127.0.0.1:{port}: ")
    assert "in use" in told
    assert f"; {option} 0 takes a free port" in told
    assert not folder.exists()


def test_invalid_port_is_named(tmp_path: Path) -> None:
    told = refused("--tls", "--tls-port", "70000", "--oci-config", str(tmp_path))
    assert told.startswith("fakeoci: cannot listen at 127.0.0.1:70000: ")
    assert list(tmp_path.iterdir()) == []
