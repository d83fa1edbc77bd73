"""Credentials for the API server: a kubeconfig; changed files are read again.

The installer writes one whose token and CA stand in files that it renews; in
development any kubeconfig serves (token, client certificate).
"""

import base64
import ssl
import tempfile
from pathlib import Path
from typing import Any

import msgspec

from vcnd.foreign import UNDECODABLE
from vcnd.foreign_yaml import yaml_as
from vcnd.regular import read_regular


class KubeconfigError(Exception):
    """A kubeconfig cannot be used; names file and reason."""


class _Named(msgspec.Struct):
    name: str = ""


class _ClusterInfo(msgspec.Struct, rename="kebab"):
    server: str
    certificate_authority: str = ""
    certificate_authority_data: str = ""
    insecure_skip_tls_verify: bool = False


class _UserInfo(msgspec.Struct, rename={"token_file": "tokenFile"}):
    token: str = ""
    token_file: str = ""
    client_certificate: str = msgspec.field(default="", name="client-certificate")
    client_certificate_data: str = msgspec.field(
        default="", name="client-certificate-data"
    )
    client_key: str = msgspec.field(default="", name="client-key")
    client_key_data: str = msgspec.field(default="", name="client-key-data")


class _ContextInfo(msgspec.Struct):
    cluster: str
    user: str


class _Cluster(_Named):
    cluster: _ClusterInfo = msgspec.field(default_factory=lambda: _ClusterInfo(""))


class _User(_Named):
    user: _UserInfo = msgspec.field(default_factory=_UserInfo)


class _Context(_Named):
    context: _ContextInfo = msgspec.field(default_factory=lambda: _ContextInfo("", ""))


class _Kubeconfig(msgspec.Struct, rename="kebab"):
    current_context: str = ""
    clusters: list[_Cluster] = []
    users: list[_User] = []
    contexts: list[_Context] = []


class Identity(msgspec.Struct, frozen=True):
    """The server, CA and secrets of a connection.  Never printed."""

    server: str
    token: str
    trust: bytes
    client_certificate: bytes
    client_key: bytes
    verify: bool

    def __repr__(self) -> str:
        """Return the server alone."""
        return f"Identity(server={self.server!r})"

    def same_tls(self, other: "Identity") -> bool:
        """Return True if connections made with the other serve for this one too."""
        mine = (self.server, self.trust, self.client_certificate, self.client_key)
        theirs = (other.server, other.trust, other.client_certificate, other.client_key)
        return mine == theirs and self.verify == other.verify

    def ssl_context(self) -> ssl.SSLContext:
        """Return the TLS settings of connections to the server."""
        context = ssl.create_default_context(
            # Comments between certificates may be in any encoding.
            cadata=self.trust.decode("ascii", "ignore") if self.trust else None
        )
        if not self.verify:
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
        if self.client_certificate:
            # OpenSSL takes a client's certificate from a file only.
            with tempfile.NamedTemporaryFile(suffix=".pem") as file:
                file.write(self.client_certificate + b"\n" + self.client_key)
                file.flush()
                context.load_cert_chain(file.name)
        return context


class Credentials:
    """A kubeconfig file; ``current`` reads files that have changed."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._held: Identity | None = None
        self._seen: tuple[tuple[str, int], ...] = ()
        self._files: tuple[Path, ...] = (path,)

    def current(self) -> Identity:
        """Return the current identity.

        Raises:
            KubeconfigError: the file, or one that it names, cannot be used.
        """
        seen = self._stamps()
        if self._held is None or seen != self._seen:
            self._held, self._files = _read(self._path)
            self._seen = self._stamps()
        return self._held

    def forget(self) -> None:
        """Read all files again at the next use: the server refused the token."""
        self._held = None

    def _stamps(self) -> tuple[tuple[str, int], ...]:
        stamps = []
        for path in self._files:
            try:
                stamps.append((str(path), path.stat().st_mtime_ns))
            except OSError:
                stamps.append((str(path), 0))
        return tuple(stamps)


def server_of(path: Path) -> str:
    """Return the server that a kubeconfig names; its user is not read.

    Raises:
        KubeconfigError: there is none, or it names none.
    """
    try:
        parsed = yaml_as(read_regular(path), _Kubeconfig)
    except (OSError, ValueError) as error:
        raise KubeconfigError(f"{path}: {_in_a_line(error)}") from error
    servers = [c.cluster.server for c in parsed.clusters if c.cluster.server]
    if not servers:
        raise KubeconfigError(f"{path}: names no server")
    return servers[0].rstrip("/")


def _read(path: Path) -> tuple[Identity, tuple[Path, ...]]:
    try:
        text = read_regular(path)
        # JSON is YAML; the installer's is JSON, and that reads fifty times faster.
        is_json = text.startswith(b"{")
        parsed = (
            msgspec.json.decode(text, type=_Kubeconfig)
            if is_json
            else yaml_as(text, _Kubeconfig)
        )
        context = _find(parsed.contexts, parsed.current_context, "context").context
        cluster = _find(parsed.clusters, context.cluster, "cluster").cluster
        user = _find(parsed.users, context.user, "user").user
        files = [path]

        def content(name: str, data: str) -> bytes:
            if data:
                return base64.b64decode(data)
            if not name:
                return b""
            file = path.parent / name  # relative to the kubeconfig's own folder
            files.append(file)
            return read_regular(file)

        token = user.token or content(user.token_file, "").decode().strip()
        if not (token.isascii() and token.isprintable()):
            raise ValueError("the token is not one line of ASCII")
        identity = Identity(
            server=cluster.server.rstrip("/"),
            token=token,
            trust=content(
                cluster.certificate_authority, cluster.certificate_authority_data
            ),
            client_certificate=content(
                user.client_certificate, user.client_certificate_data
            ),
            client_key=content(user.client_key, user.client_key_data),
            verify=not cluster.insecure_skip_tls_verify,
        )
    except OSError as error:
        raise KubeconfigError(f"{error.filename or path}: {error.strerror}") from error
    except UNDECODABLE as error:
        raise KubeconfigError(f"{path}: {_in_a_line(error)}") from error
    return identity, tuple(files)


def _in_a_line(error: Exception) -> str:
    """Return an error's text; that of bad YAML has several lines."""
    return " ".join(str(error).split())


def _find(entries: list[Any], name: str, kind: str) -> Any:
    for entry in entries:
        if entry.name == name:
            return entry
    raise ValueError(f"no {kind} named {name!r}")
