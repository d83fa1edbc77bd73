"""Kubeconfigs: an identity that hides its secrets, or ``KubeconfigError``."""

import contextlib
import os
from collections.abc import Iterable
from pathlib import Path

from tests.fuzz.choices import Choices, document, seed
from vcnd.kubeapi.credentials import Credentials, KubeconfigError, server_of

SECRET = "eyJfuzzsecret"  # noqa: S105 - it is looked for
SAMPLES = [
    {
        "current-context": "two",
        "clusters": [
            {
                "name": "two",
                "cluster": {
                    "server": "https://two:6443/",
                    "certificate-authority-data": "QQ==",
                    "insecure-skip-tls-verify": False,
                },
            }
        ],
        "users": [
            {"name": "me", "user": {"token": SECRET, "client-key-data": "QQ=="}},
        ],
        "contexts": [{"name": "two", "context": {"cluster": "two", "user": "me"}}],
    },
    {
        "current-context": "a",
        "clusters": [{"name": "a", "cluster": {"server": "https://a"}}],
        "users": [{"name": "a", "user": {"tokenFile": "/nowhere"}}],
        "contexts": [{"name": "a", "context": {"cluster": "a", "user": "a"}}],
    },
]


def run(data: bytes) -> None:
    """Read a kubeconfig."""
    path = Path(f"/dev/shm/vcnd-fuzz-{os.getpid()}.kube")
    path.write_bytes(document(Choices(data), SAMPLES))
    try:
        identity = Credentials(path).current()
        if SECRET in repr(identity):
            raise AssertionError("an identity shows its token")
    except KubeconfigError as error:
        str(error).encode("utf-8", "replace")
    with contextlib.suppress(KubeconfigError):
        server_of(path)


def seeds() -> Iterable[bytes]:
    """Return samples."""
    for number in range(len(SAMPLES)):
        yield seed(number)
