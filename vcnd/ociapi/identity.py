"""Principals with a token that is refreshed before its end; the instance is one.

The sequence is docs/oci.md#instance-principal.  Keys live in memory only and are in
no repr.
"""

import base64
import time
from collections.abc import Callable

import msgspec
import trio
from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import NameOID

from vcnd.foreign import printable
from vcnd.log import log
from vcnd.ociapi import wire
from vcnd.ociapi.decode import decode
from vcnd.ociapi.errors import BadAnswerError
from vcnd.ociapi.http import exchange
from vcnd.ociapi.imds import Metadata
from vcnd.ociapi.meter import ApiMeter
from vcnd.ociapi.network import Client
from vcnd.ociapi.signing import KeySigner, sign

REFRESH_AT_LIFE = 0.8
"""A token is renewed after this part of its life, so that no call outlives it."""
UNREADABLE = (
    *(ValueError, TypeError, UnsupportedAlgorithm, x509.InvalidVersion),
    *(x509.UnsupportedGeneralNameType, x509.DuplicateExtension),
)
"""Errors of certificates and keys: some of the library's are no ``ValueError``."""
LONGEST_LIFE_SECONDS = 24 * 3600.0
"""A token is renewed at least once a day, whatever its ``exp``."""


def bare_pem(pem: bytes) -> str:
    """Return a PEM's base64 without armour and newlines."""
    lines = pem.decode("ascii").strip().splitlines()
    return "".join(line for line in lines if not line.startswith("-----"))


def tenancy_of(certificate: x509.Certificate) -> str:
    """Return the tenancy OCID that an instance certificate's subject names."""
    values = [
        str(attribute.value)
        for oid in (NameOID.ORGANIZATIONAL_UNIT_NAME, NameOID.ORGANIZATION_NAME)
        for attribute in certificate.subject.get_attributes_for_oid(oid)
    ]
    for prefix in ("opc-tenant:", "opc-identity:"):
        for value in values:
            if value.startswith(prefix):
                return value.removeprefix(prefix)
    raise ValueError("the instance certificate names no tenancy (opc-tenant:)")


def fingerprint_of(certificate: x509.Certificate) -> str:
    """Return the SHA-1 fingerprint in federation's form: AA:BB:…."""
    return certificate.fingerprint(hashes.SHA1()).hex(":").upper()  # noqa: S303


def life_of(token: str, now: float) -> float:
    """Return a JWT's remaining life in seconds; its signature is not checked.

    Raises:
        BadAnswerError: it is no JWT, or has ended already.
    """
    try:
        payload = token.split(".")[1]
        decoded = base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4))
    except (IndexError, ValueError) as error:
        raise BadAnswerError("security token", "it is no JWT") from error
    grants = decode(
        decoded, wire.TokenClaims, operation="security token", request_id="none"
    )
    life = grants.exp - now
    if not life > 0:
        why = (
            f"it ended {-life:.0f} s ago by this node's clock: is that right (chrony)?"
        )
        raise BadAnswerError("security token", why)
    return min(life, LONGEST_LIFE_SECONDS)


class Leaf(msgspec.Struct, frozen=True):
    """The instance's certificate and its key, from the metadata service."""

    certificate: str
    intermediate: str
    """Both as PEM without armour."""
    key_id: str
    key: rsa.RSAPrivateKey

    def __repr__(self) -> str:
        """Return no secret."""
        return "Leaf()"


def read_leaf(certificate_pem: bytes, key_pem: bytes, intermediate_pem: bytes) -> Leaf:
    """Return the content of three PEMs.

    Raises:
        BadAnswerError: one of them is invalid, or belongs to no instance.
    """
    try:
        certificate = x509.load_pem_x509_certificate(certificate_pem)
        x509.load_pem_x509_certificate(intermediate_pem)
        key = serialization.load_pem_private_key(key_pem, password=None)
        if not isinstance(key, rsa.RSAPrivateKey):
            raise ValueError("the instance's key is no RSA key")  # noqa: TRY004
        tenancy, fingerprint = tenancy_of(certificate), fingerprint_of(certificate)
        return Leaf(
            certificate=bare_pem(certificate_pem),
            intermediate=bare_pem(intermediate_pem),
            key_id=f"{tenancy}/fed-x509/{fingerprint}",
            key=key,
        )
    except UNREADABLE as error:
        raise BadAnswerError("IMDS /identity/", printable(str(error), 128)) from error


class TokenPrincipal:
    """Signs with a token's session key, and renews the token; a ``Principal``."""

    def __init__(self, *, wall_clock: Callable[[], float] = time.time) -> None:
        self._wall_clock = wall_clock
        self._refreshing = trio.Lock()
        self._token = ""
        self._renew_at = 0.0
        self._session_key: rsa.RSAPrivateKey | None = None
        self._next_key: rsa.RSAPrivateKey | None = None

    async def sign(
        self, *, method: str, target: str, host: str, body: bytes | None
    ) -> dict[str, str]:
        """Return the headers to add; renew the token first if it ends soon."""
        async with self._refreshing:
            if self._wall_clock() >= self._renew_at:
                await self._refresh()
        assert self._session_key is not None  # noqa: S101 - _refresh sets it or raises
        return sign(
            method=method,
            target=target,
            host=host,
            body=body,
            key=self._session_key,
            key_id=f"ST${self._token}",
            now=self._wall_clock(),
        )

    def invalidate(self) -> None:
        """Drop the token: a service answered 401.  The next request gets another."""
        self._renew_at = 0.0

    async def _refresh(self) -> None:
        # Kept until its token arrives: making a key takes 30 ms and more.
        self._next_key = self._next_key or session_key()
        token, key = await self._renew(self._next_key)
        now = self._wall_clock()
        life = life_of(token, now)
        self._session_key, self._next_key = key, None
        self._token = token
        self._renew_at = now + REFRESH_AT_LIFE * life
        log.info("identity_refreshed", lives_seconds=round(life))

    async def _renew(self, key: rsa.RSAPrivateKey) -> tuple[str, rsa.RSAPrivateKey]:
        """Return a fresh token for this key, or one that brings its own key."""
        raise NotImplementedError


def session_key() -> rsa.RSAPrivateKey:
    """Return a new key; making it takes 30 ms, once per token."""
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


def public_pem(key: rsa.RSAPrivateKey) -> str:
    """Return a public key in federation's form: base64 without armour."""
    return bare_pem(
        key.public_key().public_bytes(
            serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
        )
    )


class InstancePrincipal(TokenPrincipal):
    """The instance itself, by its certificate."""

    def __init__(
        self,
        *,
        client: Client,
        metadata: Metadata,
        federation_url: str,
        meter: ApiMeter,
        wall_clock: Callable[[], float] = time.time,
    ) -> None:
        super().__init__(wall_clock=wall_clock)
        self._meter = meter
        self._client = client
        self._metadata = metadata
        self._federation_url = federation_url
        self._pems: tuple[bytes, bytes, bytes] | None = None
        self._leaf: Leaf | None = None

    async def _renew(self, key: rsa.RSAPrivateKey) -> tuple[str, rsa.RSAPrivateKey]:
        leaf = await self._current_leaf()
        body = msgspec.json.encode(
            wire.FederationRequest(
                certificate=leaf.certificate,
                public_key=public_pem(key),
                intermediate_certificates=[leaf.intermediate],
            )
        )
        # The certificate's own key signs this one request, without host.
        signer = KeySigner(
            key_id=leaf.key_id,
            key=leaf.key,
            wall_clock=self._wall_clock,
            sign_host=False,
        )
        answer = await exchange(
            self._client,
            operation="Federate",
            method="POST",
            meter=self._meter,
            url=f"{self._federation_url}/v1/x509",
            body=body,
            signer=signer,
        )
        return answer.decoded(wire.FederationAnswer).token, key

    async def _current_leaf(self) -> Leaf:
        pems = (
            await self._metadata.pem("cert.pem"),
            await self._metadata.pem("key.pem"),
            await self._metadata.pem("intermediate.pem"),
        )
        # Checking a key takes a tenth of a second: do it once for each key.
        if self._leaf is None or pems != self._pems:
            self._leaf, self._pems = read_leaf(*pems), pems
        return self._leaf
