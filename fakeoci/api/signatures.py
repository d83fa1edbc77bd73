"""Verification of OCI's request signatures over the bytes as received.

Source: docs/oci.md#request-signatures.

OCI's page on request signatures and its base, draft-cavage-http-signatures-08, say: the
signing string has lower-case names whatever the case in the ``headers`` parameter; the
signer chooses the order; ``x-date`` replaces ``date``, and counts if both are signed;
``version`` may be omitted.
"""

import base64
import hashlib
import re
from email.utils import parsedate_to_datetime

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from starlette.datastructures import Headers

from fakeoci.api.identity import not_authenticated

SKEW_SECONDS = 300.0
DATES = ("x-date", "date")
"""The headers that may have the date; the first one that is signed counts."""
TARGET = "(request-target)"
NEEDED = {TARGET, "host"}
"""The headers that must be signed beside a date."""
NEEDED_WITH_BODY = {"content-length", "content-type", "x-content-sha256"}
FEDERATION_NEEDED = {TARGET}


class Signed:
    """A request's parsed Authorization header."""

    def __init__(self, headers: Headers) -> None:
        fields = _parameters(headers.get("authorization", ""))
        if fields.get("version", "1") != "1":
            raise not_authenticated('the signature has another version than "1"')
        if fields.get("algorithm") != "rsa-sha256":
            raise not_authenticated('the signature\'s algorithm is not "rsa-sha256"')
        try:
            self.key_id = fields["keyid"]
            self.names = fields["headers"].lower().split()
            self.signature = base64.b64decode(fields["signature"], validate=True)
        except KeyError as error:
            raise not_authenticated("keyId, headers or signature is missing") from error
        except ValueError as error:
            raise not_authenticated("the signature is not base64") from error
        self._headers = headers

    def verify(
        self,
        *,
        method: str,
        target: str,
        body: bytes,
        key: rsa.RSAPublicKey,
        now: float,
        needed: set[str],
    ) -> None:
        """Raise 401 unless the signature is valid and covers the needed headers."""
        if method in ("POST", "PUT", "PATCH"):
            needed = needed | NEEDED_WITH_BODY
            digest = base64.b64encode(hashlib.sha256(body).digest()).decode()
            if self._headers.get("x-content-sha256") != digest:
                raise not_authenticated("x-content-sha256 does not fit the body")
        if needed - set(self.names):
            lacking = ", ".join(sorted(needed - set(self.names)))
            raise not_authenticated(f"not signed: {lacking}")
        self._check_date(now)
        signing_string = self._signing_string(f"{method.lower()} {target}")
        try:
            key.verify(
                self.signature, signing_string, padding.PKCS1v15(), hashes.SHA256()
            )
        except InvalidSignature as error:
            raise not_authenticated("the signature does not fit") from error

    def _signing_string(self, target: str) -> bytes:
        lines = [
            f"{name}: {target if name == TARGET else self._value(name)}"
            for name in self.names
        ]
        return "\n".join(lines).encode("latin-1")  # as headers are decoded

    def _value(self, name: str) -> str:
        """Return a header's value; repeated values are joined by commas."""
        values = self._headers.getlist(name)
        if not values:
            raise not_authenticated(f"signed header {name} is missing")
        return ", ".join(value.strip() for value in values)

    def _check_date(self, now: float) -> None:
        dated = next((name for name in DATES if name in self.names), None)
        if dated is None:
            raise not_authenticated("not signed: date or x-date")
        try:
            sent = parsedate_to_datetime(self._value(dated)).timestamp()
        except (ValueError, OverflowError) as error:
            raise not_authenticated(f"malformed {dated}") from error
        if abs(sent - now) > SKEW_SECONDS:
            raise not_authenticated(f"the date is off by {sent - now:.0f} s")


def _parameters(authorization: str) -> dict[str, str]:
    """Return the parameters of a Signature, with names in lower case.

    Raises:
        ServiceError: 401, the scheme is another, or a parameter is repeated.
    """
    scheme, _, rest = authorization.partition(" ")
    if scheme.lower() != "signature":
        raise not_authenticated("no signature")
    pairs = re.findall(r'(\w+)="([^"]*)"', rest)
    parameters: dict[str, str] = {name.lower(): value for name, value in pairs}
    if len(parameters) < len(pairs):
        names = ", ".join(name for name, _ in pairs)
        raise not_authenticated(f"a parameter of the signature came twice: {names}")
    return parameters
