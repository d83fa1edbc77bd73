"""OCI request signatures (draft-cavage HTTP signatures, version 1, rsa-sha256).

Source: "Request Signatures" in OCI's API documentation; docs/oci.md#request-signatures.
"""

import base64
import hashlib
import time
from collections.abc import Callable, Sequence
from email.utils import formatdate

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa

BODY_HEADERS = ("content-length", "content-type", "x-content-sha256")


def signing_string(headers: Sequence[tuple[str, str]]) -> bytes:
    """Return the text that is signed: each header as ``name: value``."""
    return "\n".join(f"{name}: {value}" for name, value in headers).encode()


def sign(
    *,
    method: str,
    target: str,
    host: str,
    body: bytes | None,
    key: rsa.RSAPrivateKey,
    key_id: str,
    now: float,
    sign_host: bool = True,
) -> dict[str, str]:
    """Return the headers that authenticate a request.

    Args:
        method: HTTP method.
        target: path with query, exactly as it is sent.
        host: the Host header as it is sent.
        body: the body, or None for a method that has none.
        key: the private key.
        key_id: names the principal; see docs/oci.md#instance-principal.
        now: Unix time for the Date header.
        sign_host: False for the federation request, which leaves the host out.
    """
    headers = {"date": formatdate(now, usegmt=True)}
    signed = [
        ("date", headers["date"]),
        ("(request-target)", f"{method.lower()} {target}"),
    ]
    if sign_host:
        signed.append(("host", host))
    if body is not None:
        digest = base64.b64encode(hashlib.sha256(body).digest()).decode()
        headers["content-length"] = str(len(body))
        headers["content-type"] = "application/json"
        headers["x-content-sha256"] = digest
        signed += [(name, headers[name]) for name in BODY_HEADERS]
    signature = key.sign(signing_string(signed), padding.PKCS1v15(), hashes.SHA256())
    names = " ".join(name for name, _ in signed)
    headers["authorization"] = (
        f'Signature version="1",keyId="{key_id}",algorithm="rsa-sha256",'
        f'headers="{names}",signature="{base64.b64encode(signature).decode()}"'
    )
    return headers


class KeySigner:
    """Signs with a key that does not change; a ``Signer``."""

    def __init__(
        self,
        *,
        key_id: str,
        key: rsa.RSAPrivateKey,
        wall_clock: Callable[[], float] = time.time,
        sign_host: bool = True,
    ) -> None:
        self._key_id = key_id
        self._key = key
        self._wall_clock = wall_clock
        self._sign_host = sign_host

    async def sign(
        self, *, method: str, target: str, host: str, body: bytes | None
    ) -> dict[str, str]:
        """Return the headers to add."""
        return sign(
            method=method,
            target=target,
            host=host,
            body=body,
            key=self._key,
            key_id=self._key_id,
            now=self._wall_clock(),
            sign_host=self._sign_host,
        )
