"""The cluster's fake cloud, as its operator uses it."""

import json
import subprocess
import time
from typing import Any

import msgspec
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from integration.kind.docker import Docker, DockerError
from integration.kind.settings import CLOUD, CLOUD_ADDRESS, CLOUD_PORT
from vcnd.ociapi.signing import sign

ADMIN = "/fake/v1"
CORE = "/20160918"
KEY_ID = "ocid1.tenancy.oc1..kind/ocid1.user.oc1..operator/aa:bb:cc"
ANSWER_SECONDS = 60


class Cloud:
    """Calls the fake's admin API, and OCI's API signed as the operator."""

    def __init__(self, docker: Docker) -> None:
        self._docker = docker
        self._key: rsa.RSAPrivateKey | None = None

    def _http(
        self, method: str, path: str, body: bytes | None, headers: dict[str, str]
    ) -> Any:
        """Send a request from the network namespace of Docker's network."""
        command = ["/usr/bin/curl", "-sS", "-f", "--noproxy", "*", "-X", method]
        command += [x for k, v in headers.items() for x in ("-H", f"{k}: {v}")]
        if body is not None:
            command += ["--data-binary", "@-"]
        command.append(f"http://{CLOUD_ADDRESS}:{CLOUD_PORT}{path}")
        done = subprocess.run(
            self._docker.wrap(command),
            input=body or b"",
            capture_output=True,
            timeout=ANSWER_SECONDS,
            check=False,
        )
        if done.returncode:
            raise DockerError(f"{method} {path}: {done.stderr.decode().strip()}")
        return msgspec.json.decode(done.stdout) if done.stdout else None

    def admin(self, method: str, path: str, body: Any = None) -> Any:
        """Call the fake's admin API."""
        content = None if body is None else json.dumps(body).encode()
        headers = {"content-type": "application/json"}
        return self._http(method, ADMIN + path, content, headers)

    def world(self) -> dict[str, list[dict[str, Any]]]:
        """Return every object, by kind."""
        answer: dict[str, list[dict[str, Any]]] = self.admin("GET", "/world")
        return answer

    def requests(self, after: int = 0) -> list[dict[str, Any]]:
        """Return the request log after a number, without IMDS."""
        answer = self.admin("GET", f"/requests?after={after}")
        return [r for r in answer if r["operation"] != "IMDS"]

    def last_request(self) -> int:
        """Return the number of the newest request."""
        return max((r["number"] for r in self.admin("GET", "/requests")), default=0)

    def spoofed_packets(self) -> int:
        """Return how many packets the source check has dropped."""
        answer: dict[str, int] = self.admin("GET", "/fabric")
        return answer["spoofed_packets"]

    def fault(self, **details: Any) -> None:
        """Inject a fault into the next calls of an operation."""
        self.admin("POST", "/faults", details)

    def call(self, method: str, path: str, body: Any = None) -> Any:
        """Call the Core API as the operator, signed with an API key."""
        if self._key is None:
            self._key = self._introduce()
        content = None if body is None else json.dumps(body).encode()
        headers = sign(
            method=method,
            target=CORE + path,
            host=f"{CLOUD_ADDRESS}:{CLOUD_PORT}",
            body=content,
            key=self._key,
            key_id=KEY_ID,
            now=time.time(),
        )
        return self._http(method, CORE + path, content, headers)

    def _introduce(self) -> rsa.RSAPrivateKey:
        key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        public = key.public_key().public_bytes(
            serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
        )
        self.admin(
            "POST", "/apiKeys", {"key_id": KEY_ID, "public_key": public.decode()}
        )
        return key

    def inside(self, name: str, *command: str) -> str:
        """Run a program in a namespace of the fabric; return what it prints."""
        return self._docker.run("exec", CLOUD, "ip", "netns", "exec", name, *command)
