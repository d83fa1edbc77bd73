"""Kubeconfigs: ours, and those of developers."""

import base64
import os
from pathlib import Path

import pytest

from fakeoci.api.certificates import Authority
from tests.odd_yaml import NO_VALUES
from vcnd.install.identity import kubeconfig
from vcnd.kubeapi.credentials import Credentials, KubeconfigError, server_of

YAML = """
apiVersion: v1
kind: Config
current-context: two
clusters:
- name: one
  cluster: {server: "https://one:6443"}
- name: two
  cluster:
    server: https://two:6443/
    certificate-authority-data: %s
users:
- name: me
  user:
    client-certificate-data: %s
    client-key-data: %s
contexts:
- name: two
  context: {cluster: two, user: me}
"""


def b64(text: bytes) -> str:
    return base64.b64encode(text).decode()


def write_own(folder: Path, token: str) -> Path:
    (folder / "token").write_text(f"{token}\n")
    (folder / "ca.crt").write_bytes(b"CA")
    path = folder / "kubeconfig"
    path.write_text(kubeconfig("https://api:6443", ca="ca.crt", token="token"))  # noqa: S106
    return path


def test_the_installers_own(tmp_path: Path) -> None:
    identity = Credentials(write_own(tmp_path, "first")).current()
    assert (identity.server, identity.token, identity.trust) == (
        "https://api:6443",
        "first",
        b"CA",
    )
    assert identity.verify


def test_a_rotated_token_is_read_again(tmp_path: Path) -> None:
    credentials = Credentials(write_own(tmp_path, "first"))
    first = credentials.current()
    (tmp_path / "token").write_text("second")
    os.utime(tmp_path / "token", (1, 1))
    second = credentials.current()
    assert second.token == "second"  # noqa: S105
    assert second.same_tls(first)
    (tmp_path / "ca.crt").write_bytes(b"CA2")
    os.utime(tmp_path / "ca.crt", (1, 1))
    assert not credentials.current().same_tls(first)


def test_comments_between_certificates_are_no_matter(tmp_path: Path) -> None:
    pem = Authority().root_pem()
    path = write_own(tmp_path, "token")
    (tmp_path / "ca.crt").write_bytes("# Zürich\n".encode("latin-1") + pem)
    assert len(Credentials(path).current().ssl_context().get_ca_certs()) == 1


def test_a_persons_with_a_client_certificate(tmp_path: Path) -> None:
    path = tmp_path / "config"
    path.write_text(YAML % (b64(b"CA"), b64(b"CERT"), b64(b"KEY")))
    identity = Credentials(path).current()
    assert (identity.server, identity.client_certificate) == (
        "https://two:6443",
        b"CERT",
    )
    assert server_of(path) == "https://one:6443"


def test_no_secret_is_printed(tmp_path: Path) -> None:
    """I12."""
    path = tmp_path / "config"
    path.write_text(YAML % (b64(b"CA"), b64(b"CERT"), b64(b"KEY")))
    assert "KEY" not in repr(Credentials(path).current())
    assert "first" not in repr(Credentials(write_own(tmp_path, "first")).current())


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("a: [", "config"),
        ("{}", "no context named ''"),
        ("current-context: x\ncontexts: []", "no context named 'x'"),
        ("[]", "Expected `object`"),
        *[(f"current-context: {odd}", "config") for odd in NO_VALUES],
    ],
)
def test_refusals_name_the_file(tmp_path: Path, text: str, reason: str) -> None:
    path = tmp_path / "config"
    path.write_text(text)
    with pytest.raises(KubeconfigError, match=reason) as caught:
        Credentials(path).current()
    assert str(path) in str(caught.value)


@pytest.mark.parametrize("odd", NO_VALUES)
def test_value_that_is_none_is_an_error_of_its_file(tmp_path: Path, odd: str) -> None:
    path = tmp_path / "config"
    path.write_text(f"clusters: {odd}")
    with pytest.raises(KubeconfigError, match=str(path)):
        server_of(path)


def test_missing_token_file_is_named(tmp_path: Path) -> None:
    path = write_own(tmp_path, "first")
    (tmp_path / "token").unlink()
    with pytest.raises(KubeconfigError, match="token"):
        Credentials(path).current()
