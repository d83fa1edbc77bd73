"""A real etcd and kube-apiserver, as processes of a test; no kubelet, no scheduler."""

import json
import os
import secrets
import signal
import socket
import ssl
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx2
import msgspec
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from rich.console import Console

from integration.build.cache import Cache
from integration.build.command import BuildError
from integration.build.components import API_SERVER, ETCD, build
from vcnd.install.identity import kubeconfig

DEPLOY = Path(__file__).parents[2] / "deploy"
OBJECTS = [
    *("base/crd.yaml", "base/rbac.yaml", "base/admission.yaml"),
    *("components/policy/rbac.yaml", "components/policy/admission.yaml"),
]
ETCD_PORT, PEER_PORT, SECURE_PORT = 12379, 12380, 16443
START_SECONDS, ANSWER_SECONDS = 120.0, 60.0
BUSY = 429
LOOPBACK = "127.0.0.1"
SERVER = f"https://{LOOPBACK}:{SECURE_PORT}"
EVERYWHERE = "0.0.0.0"  # noqa: S104 - in a network namespace of its own
ADVERTISED = "192.0.2.1"
"""Where other namespaces reach it, if it listens everywhere.  It is in its
certificate."""


@dataclass(frozen=True, slots=True)
class Programs:
    """Where the two are."""

    etcd: Path
    apiserver: Path


def programs(cache: Cache) -> Programs:
    """Return the programs, building them if need be (``components.BuildError``)."""
    return Programs(build(cache, ETCD), build(cache, API_SERVER))


def build_programs() -> str:
    """Build the programs unless they are there; return what was done, in words."""
    try:
        programs(Cache(Console(stderr=True)))
    except BuildError as error:
        return f"etcd and kube-apiserver: their tests are skipped ({error})"
    return "etcd and kube-apiserver are there"


@dataclass(kw_only=True)
class ApiServer:
    """The pair, running."""

    programs: Programs
    directory: Path
    everywhere: bool = False
    """Whether it listens at all addresses of its namespace."""
    address: str = LOOPBACK
    """Where it listens otherwise: a second pair takes another of the loopback."""
    admin_token: str = field(default_factory=lambda: secrets.token_hex(16))
    _etcd: subprocess.Popen[bytes] | None = None
    _process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        """Return where it is reached from its own namespace."""
        return f"https://{self.address}:{SECURE_PORT}"

    def start_etcd(self) -> None:
        """Start etcd."""
        here = f"http://{self.address}"
        command = [
            *(str(self.programs.etcd), "--data-dir", str(self.directory / "etcd")),
            *("--listen-client-urls", f"{here}:{ETCD_PORT}"),
            *("--advertise-client-urls", f"{here}:{ETCD_PORT}"),
            *("--listen-peer-urls", f"{here}:{PEER_PORT}", "--log-level", "error"),
            *("--unsafe-no-fsync",),
        ]
        self._etcd = self._spawn(command, "etcd.log")

    def start(self) -> None:
        """Start the API server and wait until it is ready."""
        self._write_keys()
        key = str(self.directory / "sa.key")
        command = [
            *(str(self.programs.apiserver), "--etcd-servers"),
            *(f"http://{self.address}:{ETCD_PORT}", "--secure-port", str(SECURE_PORT)),
            *("--bind-address", EVERYWHERE if self.everywhere else self.address),
            *("--advertise-address", ADVERTISED),
            *("--cert-dir", str(self.directory)),
            *("--service-account-issuer", "https://kubernetes.default.svc"),
            *("--service-account-key-file", key),
            *("--service-account-signing-key-file", key),
            *("--token-auth-file", str(self.directory / "tokens.csv")),
            *("--authorization-mode", "RBAC", "--service-cluster-ip-range"),
            *("10.96.0.0/24", "--disable-admission-plugins", "ServiceAccount"),
            "--allow-privileged",
        ]
        self._process = self._spawn(command, "apiserver.log")
        give_up_at = time.monotonic() + START_SECONDS
        while time.monotonic() < give_up_at and self._process.poll() is None:
            try:
                if self.admin("GET", "/readyz").is_success:
                    return
            except (httpx2.HTTPError, OSError):
                pass
            time.sleep(0.2)
        log = (self.directory / "apiserver.log").read_text()[-2000:]
        raise RuntimeError(f"kube-apiserver is not ready:\n{log}")

    def _spawn(self, command: list[str], log: str) -> subprocess.Popen[bytes]:
        with (self.directory / log).open("ab") as output:
            return subprocess.Popen(command, stdout=output, stderr=output)

    def _write_keys(self) -> None:
        path = self.directory / "sa.key"
        if path.exists():
            return
        key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        path.write_bytes(
            key.private_bytes(
                serialization.Encoding.PEM,
                serialization.PrivateFormat.TraditionalOpenSSL,
                serialization.NoEncryption(),
            )
        )
        admin = f"{self.admin_token},admin,admin,system:masters\n"
        (self.directory / "tokens.csv").write_text(admin)

    def stop(self) -> None:
        """Stop the API server; etcd stays."""
        _end(self._process)

    def stop_all(self) -> None:
        """Stop both."""
        self.go_on()
        _end(self._process)
        _end(self._etcd)

    def hold(self) -> None:
        """Stop its process: connections stay open and get no answer."""
        if self._process is not None:
            os.kill(self._process.pid, signal.SIGSTOP)

    def go_on(self) -> None:
        """End ``hold``."""
        if self._process is not None and self._process.poll() is None:
            os.kill(self._process.pid, signal.SIGCONT)

    def admin(self, method: str, path: str, body: Any = None) -> httpx2.Response:
        """Send a request as an administrator.

        A server that has started a moment ago is ready before all its caches are, and
        says so with 429: then the request is sent again.
        """
        give_up_at = time.monotonic() + START_SECONDS
        while True:
            answer = self.as_token(self.admin_token, method, path, body)
            if answer.status_code != BUSY or time.monotonic() > give_up_at:
                return answer
            time.sleep(0.2)

    def as_token(
        self,
        token: str,
        method: str,
        path: str,
        body: Any = None,
        *,
        patch: str = "application/merge-patch+json",
    ) -> httpx2.Response:
        """Send a request with a token."""
        content = None if body is None else json.dumps(body).encode()
        kind = patch if method == "PATCH" else "application/json"
        headers = {"authorization": f"Bearer {token}", "content-type": kind}
        with httpx2.Client(
            verify=False, trust_env=False, timeout=ANSWER_SECONDS
        ) as client:
            return client.request(
                method, self.url + path, content=content, headers=headers
            )

    def unfinished_request(self, token: str, path: str) -> ssl.SSLSocket:
        """Send a request without its body; the server waits for it."""
        context = ssl.create_default_context()
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        plain = socket.create_connection((self.address, SECURE_PORT))
        sock = context.wrap_socket(plain)
        head = [
            f"POST {path} HTTP/1.1",
            "Host: 127.0.0.1",
            f"Authorization: Bearer {token}",
            "Content-Type: application/json",
            "Content-Length: 1000",
        ]
        sock.sendall("\r\n".join([*head, "", "{"]).encode())
        return sock

    def make(self, path: str, body: Any) -> dict[str, Any]:
        """Create an object as an administrator; return it."""
        answer = self.admin("POST", path, body)
        if not answer.is_success:
            raise RuntimeError(f"POST {path}: {answer.text}")
        made: dict[str, Any] = answer.json()
        return made

    def compact(self) -> None:
        """Let etcd delete all versions but the newest."""
        with httpx2.Client(trust_env=False, timeout=ANSWER_SECONDS) as client:
            base = f"http://{self.address}:{ETCD_PORT}/v3/kv"
            newest = client.post(f"{base}/range", json={"key": "AA=="}).json()
            revision = newest["header"]["revision"]
            client.post(
                f"{base}/compaction", json={"revision": revision, "physical": True}
            )

    def deploy(self) -> None:
        """Bring the API objects of ``deploy``: definition, rights, admission."""
        paths = {
            "CustomResourceDefinition": (
                "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
            ),
            "ServiceAccount": "/api/v1/namespaces/kube-system/serviceaccounts",
            "Role": "/apis/rbac.authorization.k8s.io/v1/namespaces/kube-system/roles",
            "RoleBinding": (
                "/apis/rbac.authorization.k8s.io/v1/namespaces/kube-system/rolebindings"
            ),
        }
        groups = {
            "ClusterRole": "rbac.authorization.k8s.io/v1/clusterroles",
            "ClusterRoleBinding": "rbac.authorization.k8s.io/v1/clusterrolebindings",
            "ValidatingAdmissionPolicy": (
                "admissionregistration.k8s.io/v1/validatingadmissionpolicies"
            ),
            "ValidatingAdmissionPolicyBinding": (
                "admissionregistration.k8s.io/v1/validatingadmissionpolicybindings"
            ),
        }
        for name in OBJECTS:
            for text in (DEPLOY / name).read_text().split("\n---\n"):
                parsed: dict[str, Any] = msgspec.yaml.decode(text)
                kind = parsed["kind"]
                self.make(paths.get(kind) or f"/apis/{groups[kind]}", parsed)

    def node_token(self, node: dict[str, Any], account: str = "vcnd") -> str:
        """Return an account's token, bound to a Node as the installer asks."""
        meta = node["metadata"]
        bound = {"apiVersion": "v1", "kind": "Node", "name": meta["name"]}
        parsed = self.make(
            f"/api/v1/namespaces/kube-system/serviceaccounts/{account}/token",
            {"spec": {"boundObjectRef": {**bound, "uid": meta["uid"]}}},
        )
        token: str = parsed["status"]["token"]
        return token

    def write_kubeconfig(
        self, token: str, url: str = "", *, program: str = "vcnd"
    ) -> Path:
        """Write a program's kubeconfig as the installer does; return its path.

        Args:
            token: of the account.
            url: the server's, if the program reaches it by another than ``url``.
            program: whose file it is.
        """
        folder = self.directory / program
        folder.mkdir(exist_ok=True)
        (folder / "token").write_text(token)
        ca = (self.directory / "apiserver.crt").read_bytes()
        (folder / "ca.crt").write_bytes(ca)
        path = folder / "kubeconfig"
        path.write_text(kubeconfig(url or self.url, ca="ca.crt", token="token"))  # noqa: S106
        return path


def _end(process: subprocess.Popen[bytes] | None) -> None:
    if process is not None and process.poll() is None:
        process.kill()
        process.wait()


@contextmanager
def running(
    found: Programs,
    directory: Path,
    *,
    everywhere: bool = False,
    address: str = LOOPBACK,
) -> Iterator[ApiServer]:
    """Run the pair for a while.

    Args:
        found: the programs.
        directory: takes logs and state; etcd goes on with the data that is there.
        everywhere: whether it listens at all addresses of its namespace.
        address: where it listens otherwise.
    """
    server = ApiServer(
        programs=found, directory=directory, everywhere=everywhere, address=address
    )
    server.start_etcd()
    try:
        server.start()
        yield server
    finally:
        server.stop_all()
