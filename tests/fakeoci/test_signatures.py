"""Signatures in every form that OCI's page on request signatures allows.

Oracle's clients differ: the TypeScript SDK signs ``x-date`` and keeps the case of
headers' names; others sign ``date`` and lower-case names, in another order.
"""

import base64
import hashlib
import json
from collections.abc import Mapping, Sequence
from email.utils import formatdate

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding
from hypothesis import given
from hypothesis import strategies as st
from starlette.datastructures import Headers

from fakeoci.api import signatures
from fakeoci.api.signatures import Signed
from fakeoci.world.errors import ServiceError
from sim.cloud import signing_key

KEY = signing_key()
NOW = 1_700_000_000.0
TARGET = "/20160918/vcns?compartmentId=ocid1&displayName=a%20b+c%2Fd"
FORMS = (
    'Signature version="1",keyId="me",algorithm="rsa-sha256",'
    'headers="{}",signature="{}"'
)

Pairs = Sequence[tuple[str, str]]


def signature_of(lines: Sequence[str]) -> str:
    """Return the signature of a signing string's lines."""
    text = "\n".join(lines).encode("latin-1")
    return base64.b64encode(
        KEY.sign(text, padding.PKCS1v15(), hashes.SHA256())
    ).decode()


def authorization(
    names: Sequence[str], values: Mapping[str, str], *, form: str = FORMS
) -> str:
    """Return an Authorization header over headers; their names keep their case."""
    lines = [f"{name.lower()}: {values[name.lower()]}" for name in names]
    return form.format(" ".join(names), signature_of(lines))


def verify(headers: Pairs, *, method: str = "GET", body: bytes = b"") -> None:
    """Let the fake verify a request; raise if it refuses."""
    raw = [(k.lower().encode(), v.encode("latin-1")) for k, v in headers]
    Signed(Headers(raw=raw)).verify(
        method=method,
        target=TARGET,
        body=body,
        key=KEY.public_key(),
        now=NOW,
        needed=signatures.NEEDED,
    )


def refusal(headers: Pairs, *, method: str = "GET", body: bytes = b"") -> str:
    """Return why the fake refuses a request."""
    with pytest.raises(ServiceError) as caught:
        verify(headers, method=method, body=body)
    assert (caught.value.status, caught.value.code) == (401, "NotAuthenticated")
    return caught.value.message


def values(method: str = "GET", body: bytes = b"", **more: str) -> dict[str, str]:
    """Return the values of a request's headers, by lower-case name."""
    headers = {
        "(request-target)": f"{method.lower()} {TARGET}",
        "host": "iaas.us-ashburn-1.oraclecloud.com",
        "date": formatdate(NOW, usegmt=True),
        "x-date": formatdate(NOW, usegmt=True),
    }
    if method in ("POST", "PUT", "PATCH"):
        headers |= {
            "content-length": str(len(body)),
            "content-type": "application/json",
            "x-content-sha256": base64.b64encode(
                hashlib.sha256(body).digest()
            ).decode(),
        }
    return headers | {name.replace("_", "-"): value for name, value in more.items()}


def request(
    headers: Mapping[str, str], names: Sequence[str], *, form: str = FORMS
) -> list[tuple[str, str]]:
    """Return the headers of a signed request that has no unsigned ones."""
    signed = [(n, headers[n.lower()]) for n in names if n.lower() != "(request-target)"]
    return [*signed, ("authorization", authorization(names, headers, form=form))]


@given(
    date=st.sampled_from(["date", "x-date", "X-Date", "Date"]),
    others=st.permutations(
        ["(request-target)", "Host", "Content-Length", "content-type"]
    ),
    place=st.integers(0, 4),
    method=st.sampled_from(["POST", "PUT", "PATCH"]),
    body=st.sampled_from([b"", json.dumps({"displayName": "é"}).encode()]),
)
def test_order_and_case_of_signed_headers_do_not_matter(
    date: str, others: list[str], place: int, method: str, body: bytes
) -> None:
    names = [*others[:place], date, *others[place:], "X-Content-SHA256"]
    verify(request(values(method, body), names), method=method, body=body)


@given(order=st.permutations(range(5)), gap=st.sampled_from([",", ", ", " , "]))
def test_order_of_parameters_does_not_matter(order: list[int], gap: str) -> None:
    parameters = [
        'version="1"',
        'keyId="me"',
        'algorithm="rsa-sha256"',
        'headers="{}"',
        'signature="{}"',
    ]
    order = sorted(order, key=lambda n: (n == 4, n in (3, 4)))  # format fills in order
    form = "Signature " + gap.join(parameters[n] for n in order)
    verify(request(values(), ["date", "(request-target)", "host"], form=form))


@pytest.mark.parametrize(
    "form",
    [
        FORMS.replace('version="1",', ""),
        FORMS.replace("Signature ", "signature "),
        FORMS.replace("keyId", "keyid"),
    ],
    ids=["no version", "scheme in lower case", "parameter in lower case"],
)
def test_other_forms_of_the_authorization_header(form: str) -> None:
    verify(request(values(), ["date", "(request-target)", "host"], form=form))


@pytest.mark.parametrize(
    ("form", "why"),
    [
        (FORMS.replace("Signature ", "Basic "), "no signature"),
        (FORMS.replace('version="1"', 'version="2"'), "version"),
        (FORMS.replace('"rsa-sha256"', '"hmac-sha256"'), "algorithm"),
        (FORMS.replace('"rsa-sha256"', "rsa-sha256"), "algorithm"),
        (FORMS.replace('keyId="me",', ""), "keyId"),
        (FORMS + ',keyId="you"', "keyId"),
        (FORMS.replace('signature="{}"', 'signature="*{}"'), "base64"),
        (FORMS.replace('signature="{}"', 'signature="\xff{}"'), "base64"),
    ],
)
def test_a_malformed_authorization_header_is_refused(form: str, why: str) -> None:
    headers = request(values(), ["date", "(request-target)", "host"], form=form)
    assert why in refusal(headers)


def test_of_two_dates_x_date_counts() -> None:
    old = formatdate(NOW - 3600, usegmt=True)
    names = ["date", "x-date", "(request-target)", "host"]
    verify(request(values(date=old), names))
    assert "off by" in refusal(request(values(x_date=old), names))


@pytest.mark.parametrize(
    "date",
    [
        "",
        "yesterday",
        f"Mon, 01 Jan {'9' * 20} 00:00:00 GMT",
        f"Mon, 01 Jan 2020 00:00:00 +{'9' * 20}",
    ],
)
def test_malformed_date_is_refused(date: str) -> None:
    names = ["date", "(request-target)", "host"]
    assert "malformed date" in refusal(request(values(date=date), names))


def test_unsigned_date_is_ignored() -> None:
    old = formatdate(NOW - 3600, usegmt=True)
    names = ["date", "(request-target)", "host"]
    verify([*request(values(), names), ("x-date", old)])
    unsigned = request(values(), ["(request-target)", "host"])
    assert "date or x-date" in refusal([*unsigned, ("x-date", values()["x-date"])])


@pytest.mark.parametrize("lacking", ["(request-target)", "host"])
def test_required_headers_must_be_signed(lacking: str) -> None:
    names = [n for n in ("x-date", "(request-target)", "host") if n != lacking]
    assert lacking in refusal(request(values(), names))


@pytest.mark.parametrize(
    "lacking", ["content-length", "content-type", "x-content-sha256"]
)
@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH"])
def test_a_body_is_signed_even_when_it_is_empty(method: str, lacking: str) -> None:
    headers = values(method)
    names = [n for n in headers if n not in (lacking, "date")]
    signed = [*request(headers, names), (lacking, headers[lacking])]
    assert lacking in refusal(signed, method=method)


def test_a_delete_may_sign_a_body_that_it_has_not() -> None:
    headers = values("DELETE") | {"content-length": "0", "content-type": "text/plain"}
    verify(request(headers, [n for n in headers if n != "date"]), method="DELETE")


def test_repeated_header_is_signed_as_a_list() -> None:
    headers = values(opc_meta="one, two")
    names = ["date", "(request-target)", "host", "opc-meta"]
    signed = [
        (name, value) for name, value in request(headers, names) if name != "opc-meta"
    ]
    verify([*signed, ("opc-meta", "one"), ("Opc-Meta", " two ")])
    assert "does not fit" in refusal([*signed, ("opc-meta", "two")])
    assert "is missing" in refusal(signed)


def test_non_ascii_header_is_signed_byte_for_byte() -> None:
    headers = values(opc_meta="Grüße")
    verify(request(headers, ["date", "(request-target)", "host", "opc-meta"]))
