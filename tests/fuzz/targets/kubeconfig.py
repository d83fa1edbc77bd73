"""Kubeconfigs: an identity that hides its secrets, or ``KubeconfigError``."""

import contextlib
from collections.abc import Iterable

from tests.fuzz.choices import Choices, seed, yaml_document
from tests.fuzz.memory_file import in_memory
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
    with in_memory(yaml_document(Choices(data), SAMPLES)) as path:
        try:
            shown = repr(Credentials(path).current())
        except KubeconfigError as error:
            shown = str(error)
            if not shown:
                raise AssertionError("an error that says nothing") from error
        if SECRET in shown:
            raise AssertionError("a token is shown")
        with contextlib.suppress(KubeconfigError):
            server_of(path)


def seeds() -> Iterable[bytes]:
    """Return samples."""
    for number in range(len(SAMPLES)):
        yield seed(number)
