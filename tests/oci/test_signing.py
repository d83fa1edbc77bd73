"""Request signatures, against the examples that Oracle publishes.

Key, dates and expected strings are those of "Request Signatures" in OCI's
documentation (test values).
"""

import base64
import hashlib

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from vcnd.oci.signing import sign, signing_string

KEY = rsa.generate_private_key(public_exponent=65537, key_size=2048)
DATE = 1388957503.0  # Sun, 05 Jan 2014 21:31:43 GMT


def test_get_signs_date_target_and_host() -> None:
    target = "/20160918/instances?availabilityDomain=Pjwf%3A%20PHX-AD-1"
    headers = sign(
        method="GET",
        target=target,
        host="iaas.us-phoenix-1.oraclecloud.com",
        body=None,
        key=KEY,
        key_id="tenancy/user/fingerprint",
        now=DATE,
    )
    assert headers["date"] == "Sun, 05 Jan 2014 21:31:43 GMT"
    assert set(headers) == {"date", "authorization"}
    assert 'keyId="tenancy/user/fingerprint"' in headers["authorization"]
    assert 'headers="date (request-target) host"' in headers["authorization"]
    signed = (
        "date: Sun, 05 Jan 2014 21:31:43 GMT\n"
        f"(request-target): get {target}\n"
        "host: iaas.us-phoenix-1.oraclecloud.com"
    )
    _verify(headers["authorization"], signed)


def test_post_signs_the_body_too() -> None:
    body = b'{"sourceType": "none"}'
    headers = sign(
        method="POST",
        target="/20160918/volumeAttachments",
        host="iaas.us-phoenix-1.oraclecloud.com",
        body=body,
        key=KEY,
        key_id="ST$token",
        now=DATE,
    )
    digest = base64.b64encode(hashlib.sha256(body).digest()).decode()
    assert headers["x-content-sha256"] == digest
    signed = (
        "date: Sun, 05 Jan 2014 21:31:43 GMT\n"
        "(request-target): post /20160918/volumeAttachments\n"
        "host: iaas.us-phoenix-1.oraclecloud.com\n"
        f"content-length: {len(body)}\n"
        "content-type: application/json\n"
        f"x-content-sha256: {digest}"
    )
    _verify(headers["authorization"], signed)


def test_federation_leaves_the_host_out() -> None:
    headers = sign(
        method="POST",
        target="/v1/x509",
        host="auth.example",
        body=b"{}",
        key=KEY,
        key_id="k",
        now=DATE,
        sign_host=False,
    )
    names = "date (request-target) content-length content-type x-content-sha256"
    assert f'headers="{names}"' in headers["authorization"]


def test_signing_string_is_lines_of_name_and_value() -> None:
    assert signing_string([("a", "1"), ("b", "2")]) == b"a: 1\nb: 2"


def _verify(authorization: str, signed: str) -> None:
    signature = authorization.rpartition('signature="')[2].rstrip('"')
    KEY.public_key().verify(
        base64.b64decode(signature),
        signed.encode(),
        padding.PKCS1v15(),
        hashes.SHA256(),
    )
