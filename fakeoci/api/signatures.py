"""Verify OCI request signatures, over the bytes as they came (facts/oci.md §5.1)."""

import base64
import binascii
import hashlib
import re
from collections.abc import Mapping
from email.utils import parsedate_to_datetime

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from fakeoci.api.identity import not_authenticated

SKEW_SECONDS = 300.0
NEEDED = {"date", "(request-target)", "host"}
NEEDED_WITH_BODY = {"content-length", "content-type", "x-content-sha256"}
FEDERATION_NEEDED = {"date", "(request-target)"}


class Signed:
    """A request's Authorization header, taken apart."""

    def __init__(self, headers: Mapping[str, str]) -> None:
        header = headers.get("authorization", "")
        if not header.startswith("Signature "):
            raise not_authenticated("no signature")
        fields: dict[str, str] = dict(re.findall(r'(\w+)="([^"]*)"', header))
        if fields.get("algorithm") != "rsa-sha256" or fields.get("version") != "1":
            raise not_authenticated("not version 1, rsa-sha256")
        try:
            self.key_id = fields["keyId"]
            self.names = fields["headers"].split()
            self.signature = base64.b64decode(fields["signature"], validate=True)
        except (KeyError, binascii.Error) as error:
            raise not_authenticated("malformed signature header") from error
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
        """Raise 401 unless the signature holds over what must be signed."""
        if method in ("POST", "PUT", "PATCH"):
            needed = needed | NEEDED_WITH_BODY
            digest = base64.b64encode(hashlib.sha256(body).digest()).decode()
            if self._headers.get("x-content-sha256") != digest:
                raise not_authenticated("x-content-sha256 does not fit the body")
        if needed - set(self.names):
            lacking = ", ".join(sorted(needed - set(self.names)))
            raise not_authenticated(f"not signed: {lacking}")
        self._check_date(now)
        lines = []
        for name in self.names:
            value = (
                f"{method.lower()} {target}"
                if name == "(request-target)"
                else self._headers.get(name)
            )
            if value is None:
                raise not_authenticated(f"signed header {name} is missing")
            lines.append(f"{name}: {value}")
        try:
            key.verify(
                self.signature,
                "\n".join(lines).encode(),
                padding.PKCS1v15(),
                hashes.SHA256(),
            )
        except InvalidSignature as error:
            raise not_authenticated("the signature does not fit") from error

    def _check_date(self, now: float) -> None:
        try:
            sent = parsedate_to_datetime(self._headers.get("date", "")).timestamp()
        except (TypeError, ValueError) as error:
            raise not_authenticated("malformed date") from error
        if abs(sent - now) > SKEW_SECONDS:
            raise not_authenticated(f"the date is off by {sent - now:.0f} s")
