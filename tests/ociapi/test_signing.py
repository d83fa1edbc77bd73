"""Request signatures, against the published test vectors.

The key is the test key of draft-cavage-http-signatures (appendix C). Oracle's
"Request Signatures" page uses it too; the expected signatures are from there.
"""

import base64
import hashlib

import pytest
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from sim.cloud import signing_key
from vcnd.ociapi.signing import sign, signing_string

PUBLISHED_KEY = """\
-----BEGIN RSA PRIVATE KEY-----
MIICXgIBAAKBgQDCFENGw33yGihy92pDjZQhl0C36rPJj+CvfSC8+q28hxA161QF
NUd13wuCTUcq0Qd2qsBe/2hFyc2DCJJg0h1L78+6Z4UMR7EOcpfdUE9Hf3m/hs+F
UR45uBJeDK1HSFHD8bHKD6kv8FPGfJTotc+2xjJwoYi+1hqp1fIekaxsyQIDAQAB
AoGBAJR8ZkCUvx5kzv+utdl7T5MnordT1TvoXXJGXK7ZZ+UuvMNUCdN2QPc4sBiA
QWvLw1cSKt5DsKZ8UETpYPy8pPYnnDEz2dDYiaew9+xEpubyeW2oH4Zx71wqBtOK
kqwrXa/pzdpiucRRjk6vE6YY7EBBs/g7uanVpGibOVAEsqH1AkEA7DkjVH28WDUg
f1nqvfn2Kj6CT7nIcE3jGJsZZ7zlZmBmHFDONMLUrXR/Zm3pR5m0tCmBqa5RK95u
412jt1dPIwJBANJT3v8pnkth48bQo/fKel6uEYyboRtA5/uHuHkZ6FQF7OUkGogc
mSJluOdc5t6hI1VsLn0QZEjQZMEOWr+wKSMCQQCC4kXJEsHAve77oP6HtG/IiEn7
kpyUXRNvFsDE0czpJJBvL/aRFUJxuRK91jhjC68sA7NsKMGg5OXb5I5Jj36xAkEA
gIT7aFOYBFwGgQAQkWNKLvySgKbAZRTeLBacpHMuQdl1DfdntvAyqpAZ0lY0RKmW
G6aFKaqQfOXKCyWoUiVknQJAXrlgySFci/2ueKlIE1QqIiLSZ8V8OlpFLRnb1pzI
7U1yQXnTAEFYM560yJlzUpOb1V4cScGd365tiSMvxLOvTA==
-----END RSA PRIVATE KEY-----
"""
IETF_BASIC = (
    "qdx+H7PHHDZgy4y/Ahn9Tny9V3GP6YgBPyUXMmoxWtLbHpUnXS2mg2+SbrQDMCJypxBLSPQR2aAjn7nd"
    "mw2iicw3HMbe8VfEdKFYRqzic+efkb3nndiv/x1xSHDJWeSWkx3ButlYSuBskLu6kd9Fswtemr3lgdDE"
    "mn04swr2Os0="
)
ORACLE_GET = (
    "GBas7grhyrhSKHP6AVIj/h5/Vp8bd/peM79H9Wv8kjoaCivujVXlpbKLjMPeDUhxkFIWtTtLBj3sUzaF"
    "j34XE6YZAHc9r2DmE4pMwOAy/kiITcZxa1oHPOeRheC0jP2dqbTll8fmTZVwKZOKHYPtrLJIJQHJjNvx"
    "FWeHQjMaR7M="
)
ORACLE_TARGET = (
    "get /20160918/instances?availabilityDomain=Pjwf%3A%20PHX-AD-1"
    "&compartmentId=ocid1.compartment.oc1..aaaaaaaam3we6vgnherjq5q2idnccdflvjsnog7mlr6rt"
    "db25gilchfeyjxa&displayName=TeamXInstances"
    "&volumeId=ocid1.volume.oc1.phx.abyhqljrgvttnlx73nmrwfaux7kcvzfs3s66izvxf2h4lgvyndsd"
    "snoiwr5q"
)


@pytest.mark.parametrize(
    ("signed", "signature"),
    [
        (
            [
                ("(request-target)", "post /foo?param=value&pet=dog"),
                ("host", "example.com"),
                ("date", "Sun, 05 Jan 2014 21:31:40 GMT"),
            ],
            IETF_BASIC,
        ),
        (
            [
                ("date", "Thu, 05 Jan 2014 21:31:40 GMT"),
                ("(request-target)", ORACLE_TARGET),
                ("host", "iaas.us-phoenix-1.oraclecloud.com"),
            ],
            ORACLE_GET,
        ),
    ],
    ids=["draft-cavage", "oracle-get"],
)
def test_published_vectors(signed: list[tuple[str, str]], signature: str) -> None:
    key = serialization.load_pem_private_key(PUBLISHED_KEY.encode(), password=None)
    assert isinstance(key, rsa.RSAPrivateKey)
    ours = key.sign(signing_string(signed), padding.PKCS1v15(), hashes.SHA256())
    assert base64.b64encode(ours).decode() == signature


KEY = signing_key()
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
