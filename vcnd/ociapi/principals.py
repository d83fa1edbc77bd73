"""Principals beside the instance: a user, a workload, a resource.

Sources: the SDK configuration file of OCI's tools; docs/oci.md#oke-workload-identity
and docs/oci.md#resource-principal.
"""

import base64
import os
import time
from collections.abc import Callable, Mapping
from pathlib import Path

import msgspec
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from vcnd.foreign import printable
from vcnd.model.cause import Cause
from vcnd.model.errors import CloudRefusedError
from vcnd.ociapi import wire
from vcnd.ociapi.decode import decode
from vcnd.ociapi.errors import NoAnswerError
from vcnd.ociapi.http import exchange
from vcnd.ociapi.identity import UNREADABLE, TokenPrincipal, public_pem
from vcnd.ociapi.meter import ApiMeter
from vcnd.ociapi.network import Client
from vcnd.ociapi.signing import KeySigner
from vcnd.regular import read_regular

ACCOUNT = Path("/var/run/secrets/kubernetes.io/serviceaccount")
WORKLOAD_PORT = 12250


def private_key(pem: bytes, passphrase: str, where: str) -> rsa.RSAPrivateKey:
    """Return an RSA key.

    Raises:
        CloudRefusedError: it is no RSA key, or the passphrase is wrong; names the
            place.
    """
    try:
        key = serialization.load_pem_private_key(
            pem, password=passphrase.encode() if passphrase else None
        )
    except UNREADABLE as error:
        raise CloudRefusedError(
            f"{where}: not a usable private key: {error}", cause=Cause.BAD_CONFIGURATION
        ) from None
    if not isinstance(key, rsa.RSAPrivateKey):
        raise CloudRefusedError(
            f"{where}: not an RSA key", cause=Cause.BAD_CONFIGURATION
        )
    return key


class ApiKey(KeySigner):
    """A user's API key, as ``~/.oci/config`` names it."""

    @classmethod
    def from_file(
        cls, path: Path, profile: str, wall_clock: Callable[[], float] = time.time
    ) -> "ApiKey":
        """Return the key of a profile.

        Raises:
            CloudRefusedError: file, profile or an entry is missing or unusable.
        """
        import configparser  # noqa: PLC0415 - no other principal needs it

        where = f"{path} [{profile}]"
        parser = configparser.ConfigParser(interpolation=None)
        try:
            parser.read_string(read_regular(path).decode())
            section = parser[profile]
            key_id = "/".join(section[n] for n in ("tenancy", "user", "fingerprint"))
            file = Path(section["key_file"]).expanduser()
            pem = read_regular(file)
        except KeyError as error:
            raise CloudRefusedError(
                f"{where}: {error} is missing", cause=Cause.BAD_CONFIGURATION
            ) from error
        except (OSError, ValueError, RuntimeError, configparser.Error) as error:
            # RuntimeError: the ``~`` of nobody; ValueError: a path with a null byte.
            raise CloudRefusedError(
                f"{where}: {printable(str(error))}", cause=Cause.BAD_CONFIGURATION
            ) from error
        key = private_key(pem, section.get("pass_phrase", ""), f"{where}: {file}")
        return cls(key_id=key_id, key=key, wall_clock=wall_clock)

    def invalidate(self) -> None:
        """Do nothing: there is no other key."""


class WorkloadIdentity(TokenPrincipal):
    """A pod of an enhanced OKE cluster, by its service account."""

    def __init__(
        self,
        *,
        client: Client,
        url: str,
        meter: ApiMeter,
        token_file: Path = ACCOUNT / "token",
        wall_clock: Callable[[], float] = time.time,
    ) -> None:
        super().__init__(wall_clock=wall_clock)
        self._meter = meter
        self._client = client
        self._url = url
        self._token_file = token_file

    @staticmethod
    def url_here(environment: Mapping[str, str] = os.environ) -> str:
        """Return the URL of the token service, as seen from a pod."""
        host = environment.get("KUBERNETES_SERVICE_HOST", "")
        if not host:
            raise CloudRefusedError(
                "workload identity needs KUBERNETES_SERVICE_HOST: this is no pod",
                cause=Cause.BAD_CONFIGURATION,
            )
        host = f"[{host}]" if ":" in host else host
        return f"https://{host}:{WORKLOAD_PORT}/resourcePrincipalSessionTokens"

    async def _renew(self, key: rsa.RSAPrivateKey) -> tuple[str, rsa.RSAPrivateKey]:
        try:
            account = read_regular(self._token_file).decode().strip()
        except (OSError, UnicodeError) as error:
            raise NoAnswerError(f"the service account's token: {error}") from error
        answer = await exchange(
            self._client,
            operation="WorkloadIdentity",
            method="POST",
            meter=self._meter,
            url=self._url,
            body=msgspec.json.encode({"podKey": public_pem(key)}),
            headers={
                "authorization": f"Bearer {account}",
                "content-type": "application/json",
            },
        )
        try:
            decoded = base64.b64decode(answer.body.strip(b'"'), validate=True)
        except ValueError as error:
            raise answer.bad("it is no base64") from error
        token = decode(
            decoded,
            wire.FederationAnswer,
            operation=answer.operation,
            request_id=answer.request_id,
        ).token
        return token.removeprefix("ST$"), key


class ResourcePrincipal(TokenPrincipal):
    """Version 2.2: a token and a key in the environment, or in files that it names.

    Files are read again at each refresh, since their owner renews them.
    """

    def __init__(
        self,
        *,
        environment: Mapping[str, str] = os.environ,
        wall_clock: Callable[[], float] = time.time,
    ) -> None:
        super().__init__(wall_clock=wall_clock)
        version = environment.get("OCI_RESOURCE_PRINCIPAL_VERSION", "")
        if version != "2.2":
            raise CloudRefusedError(
                f"OCI_RESOURCE_PRINCIPAL_VERSION is {version!r}; only 2.2 is spoken",
                cause=Cause.BAD_CONFIGURATION,
            )
        self._environment = environment

    def _value(self, name: str) -> str:
        full = f"OCI_RESOURCE_PRINCIPAL_{name}"
        value = self._environment.get(full, "")
        if not value.startswith("/"):
            return value
        try:
            return read_regular(value).decode().strip()
        except (OSError, UnicodeError) as error:
            raise NoAnswerError(f"{full}: {error}") from error

    async def _renew(self, key: rsa.RSAPrivateKey) -> tuple[str, rsa.RSAPrivateKey]:
        del key  # this token comes with one
        token, pem = self._value("RPST"), self._value("PRIVATE_PEM")
        if not token or not pem:
            raise CloudRefusedError(
                "OCI_RESOURCE_PRINCIPAL_RPST and _PRIVATE_PEM are required",
                cause=Cause.BAD_CONFIGURATION,
            )
        own = private_key(
            pem.encode(),
            self._value("PRIVATE_PEM_PASSPHRASE"),
            "OCI_RESOURCE_PRINCIPAL_PRIVATE_PEM",
        )
        return token.removeprefix("ST$"), own
