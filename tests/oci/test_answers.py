"""Malformed answers of OCI: our error has operation and request ID."""

import base64
import gzip
import json
import tracemalloc
from datetime import UTC, datetime
from typing import Any

import pytest
import trio
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
)
from cryptography.x509.oid import NameOID

from sim.cloud import EPOCH, KEY_ID, signing_key
from tests.doubles.server import Reply, Server, oci
from vcnd.model.family import Family
from vcnd.model.ids import VnicId
from vcnd.oci.addresses import as_private_ip
from vcnd.ociapi.caller import Caller, Endpoints
from vcnd.ociapi.client import CoreClient
from vcnd.ociapi.decode import decode
from vcnd.ociapi.errors import BadAnswerError, NoAnswerError, OciError
from vcnd.ociapi.http import ANSWER_SECONDS, exchange
from vcnd.ociapi.identity import life_of, read_leaf
from vcnd.ociapi.kinds import KINDS, PRIVATE_IP
from vcnd.ociapi.meter import ApiMeter
from vcnd.ociapi.network import MOST_BODY_BYTES
from vcnd.ociapi.principals import ApiKey
from vcnd.ociapi.wire import Address, ImdsRegionInfo, ImdsVnic, VnicAttachment

Clock = trio.testing.MockClock
VNIC = "ocid1.vnic.oc1.iad.a"
REQUEST_ID = (b"opc-request-id", b"abc/def")


def core(reply: Reply) -> CoreClient:
    """Return a client of a service that always sends this reply."""

    async def region() -> ImdsRegionInfo:
        return ImdsRegionInfo(
            region_identifier="iad", realm_domain_component="example.com"
        )

    key = ApiKey(key_id=KEY_ID, key=signing_key(), wall_clock=lambda: EPOCH)
    return CoreClient(
        Caller(
            client=oci(Server(lambda _: reply)),
            region=region,
            endpoints=Endpoints(),
            principal=lambda _url: key,
            meter=ApiMeter(),
        )
    )


async def ask(reply: Reply) -> bytes:
    async with oci(Server(lambda _: reply)) as client:
        answer = await exchange(
            client,
            operation="GetVnic",
            method="GET",
            url="http://oci/",
            meter=ApiMeter(),
        )
        return answer.body


BODIES = {
    "nothing": b"",
    "a page": b"<html><body>Welcome to the hotel's network</body></html>",
    "null": b"null",
    "braces": b"{}",
    "a list": b"[]",
    "cut": b'{"id": "ocid1.vnic.oc1.iad.a", "subnet',
    "bytes": b'{"id": "\x80\xff", "subnetId": "x"}',
    "half a character": b'{"id": "\\ud800", "subnetId": "x"}',
    "deep": b'{"id": ' + b"[" * 100_000,
    "deep in what is not read": b'{"x": ' + b"[" * 100_000,
    "a number": b'{"id": 7, "subnetId": "x"}',
    "empty id": b'{"id": "", "subnetId": "x"}',
    "a path": b'{"id": "../instances", "subnetId": "x"}',
    "another": b'{"id": "ocid1.vnic.oc1.iad.b", "subnetId": "x"}',
    "two": b'{"id": "a", "subnetId": "x"}{}',
    "a mark": b"\xef\xbb\xbf{}",
}


@pytest.mark.parametrize("name", BODIES)
async def test_an_answer_that_makes_no_sense(autojump_clock: Clock, name: str) -> None:
    client = core(Reply(body=BODIES[name], headers=[REQUEST_ID]))
    with pytest.raises(BadAnswerError) as caught:
        await client.get_vnic(VNIC)
    assert str(caught.value).startswith("GetVnic: the answer makes no sense")
    assert "opc-request-id abc/def" in str(caught.value)
    assert len(str(caught.value)) < 400
    assert str(caught.value).isprintable()


@pytest.mark.parametrize("body", [b"<html>", b"OK", b"\xff"])
async def test_a_proxy_that_answers_a_deletion_deleted_nothing(
    autojump_clock: Clock, body: bytes
) -> None:
    client = core(Reply(body=body))
    with pytest.raises(BadAnswerError):
        await client.delete_address(PRIVATE_IP, "ocid1.privateip.oc1.iad.a")
    await core(Reply(status=204)).delete_address(
        PRIVATE_IP, "ocid1.privateip.oc1.iad.a"
    )


async def test_a_list_without_end(autojump_clock: Clock) -> None:
    client = core(Reply(body=b"[]", headers=[(b"opc-next-page", b"again")]))
    with pytest.raises(BadAnswerError, match="without end"):
        await client.list_vnic_attachments("compartment", "instance")


async def test_a_bulk_action_without_a_work_request(autojump_clock: Clock) -> None:
    with pytest.raises(BadAnswerError, match="opc-work-request-id"):
        await core(Reply()).bulk_delete(PRIVATE_IP, VNIC, ["a"], retry_token="t")  # noqa: S106


async def test_an_answer_that_drips_ends(autojump_clock: Clock) -> None:
    began = trio.current_time()
    with pytest.raises(NoAnswerError, match="GetVnic: no whole answer within 90 s"):
        await ask(Reply(body=(b" " for _ in range(1000)), pause_seconds=50.0))
    assert trio.current_time() - began == pytest.approx(ANSWER_SECONDS)


async def test_a_packed_answer_is_not_unpacked(autojump_clock: Clock) -> None:
    bomb = gzip.compress(b" " * 10_000_000)
    packed = [(b"content-encoding", b"gzip"), REQUEST_ID]
    with pytest.raises(BadAnswerError, match="packed"):
        await ask(Reply(body=bomb, headers=packed))
    with pytest.raises(OciError, match="429"):
        await ask(Reply(status=429, body=bomb, headers=packed))


@pytest.mark.parametrize("status", [200, 500])
async def test_a_body_without_end_takes_no_memory(
    autojump_clock: Clock, status: int
) -> None:
    piece = b" " * 65536
    endless = Reply(status=status, body=(piece for _ in range(10_000)))
    tracemalloc.start()
    try:
        with pytest.raises((BadAnswerError, OciError)):
            await ask(endless)
        assert tracemalloc.get_traced_memory()[1] < 3 * MOST_BODY_BYTES
    finally:
        tracemalloc.stop()


async def test_headers_that_make_no_sense(autojump_clock: Clock) -> None:
    headers = [
        (b"opc-request-id", b"\xff\xfe\x80"),
        (b"date", b"9" * 20),
        (b"set-cookie", b"a=b"),
        (b"location", b"http://[banana"),
    ]
    with pytest.raises(OciError, match="GetVnic: 401"):
        await ask(Reply(status=401, headers=headers, body=b"\xff" * 100_000))
    with pytest.raises(OciError, match="GetVnic: 302"):
        await ask(Reply(status=302, headers=[(b"location", b"http://elsewhere/")]))


@pytest.mark.parametrize("date", ["9" * 20, "Thu, 01 Jan " + "9" * 20, "banana", ""])
async def test_malformed_date_leaves_the_refusal_as_it_is(
    autojump_clock: Clock, date: str
) -> None:
    with pytest.raises(OciError, match="401"):
        await core(
            Reply(status=401, body=b"{}", headers=[(b"date", date.encode())])
        ).get_vnic(VNIC)


def address(**fields: Any) -> bytes:
    return json.dumps({"id": "a", "ipAddress": "10.1.0.16", **fields}).encode()


@pytest.mark.parametrize(
    "fields",
    [
        {"ipAddress": "banana"},
        {"ipAddress": ""},
        {"ipAddress": "0.0.0.0"},  # noqa: S104
        {"ipAddress": "224.0.0.1"},
        {"ipAddress": "127.0.0.1"},
        {"ipAddress": "fe80::1%eth0"},
        {"cidrPrefixLength": 1},
        {"cidrPrefixLength": 0},
        {"cidrPrefixLength": -1},
        {"cidrPrefixLength": 15, "ipAddress": "10.0.0.0"},
        {"cidrPrefixLength": 33},
        {"cidrPrefixLength": 10**30},
        {"cidrPrefixLength": 20},  # no block begins there
        {"cidrPrefixLength": 64, "ipAddress": "fd00::"},
        {"lifetime": "ETERNAL"},
        {"freeformTags": None},
    ],
)
def test_malformed_addresses_are_refused(fields: dict[str, Any]) -> None:
    with pytest.raises(BadAnswerError):
        decode(address(**fields), Address, operation="x", request_id="y")


def test_an_address_of_another_family_or_vnic() -> None:
    for fields in ({"ipAddress": "fd00::1"}, {"vnicId": "b"}):
        found = decode(address(**fields), Address, operation="x", request_id="y")
        with pytest.raises(BadAnswerError):
            as_private_ip(found, VnicId("a"), KINDS[Family.IPV4])


@pytest.mark.parametrize(
    "fields",
    [
        {"lifecycleState": "BANANA", "vnicId": "b"},
        {"lifecycleState": "ATTACHED"},
        {"lifecycleState": "ATTACHED", "vnicId": ""},
    ],
)
def test_malformed_attachments_are_refused(fields: dict[str, Any]) -> None:
    with pytest.raises(BadAnswerError):
        decode(
            json.dumps({"id": "a", **fields}).encode(),
            VnicAttachment,
            operation="x",
            request_id="y",
        )


SOUND = {
    "vnicId": VNIC,
    "macAddr": "02:00:17:00:00:01",
    "privateIp": "10.1.0.2",
    "virtualRouterIp": "10.1.0.1",
    "subnetCidrBlock": "10.1.0.0/16",
}


@pytest.mark.parametrize(
    "fields",
    [
        {"macAddr": "banana"},
        {"privateIp": "banana"},
        {"virtualRouterIp": ""},
        {"subnetCidrBlock": "0.0.0.0/0"},
        {"subnetCidrBlock": "10.1.0.1/16"},
        {"subnetCidrBlock": "fd00::/64"},
        {"ipv6Addresses": ["banana"]},
        {"ipv6SubnetCidrBlock": "10.0.0.0/8"},
    ],
)
def test_malformed_imds_vnics_are_refused(fields: dict[str, Any]) -> None:
    body = json.dumps({**SOUND, **fields}).encode()
    vnic = decode(body, ImdsVnic, operation="x", request_id="y")
    with pytest.raises(ValueError, match=r"."):
        vnic.check()


@pytest.mark.parametrize(
    ("token", "reason"),
    [
        ("banana", "no JWT"),
        ("a.\x00.c", "JSON|JWT|body"),
        ("a.e30.c", "exp"),
        ("a.eyJleHAiOiAiNyJ9.c", "exp"),
        ("a.eyJleHAiOiA3fQ.c", "ended"),
    ],
)
def test_malformed_tokens_are_refused(token: str, reason: str) -> None:
    with pytest.raises(BadAnswerError, match=reason):
        life_of(token, EPOCH)


def test_a_token_for_ever_is_renewed_all_the_same() -> None:
    assert life_of("a.eyJleHAiOiAxZTMwMH0.c", EPOCH) == 24 * 3600


@pytest.mark.parametrize(
    "pem",
    [
        b"",
        b"<html>",
        b"\xff\xfe",
        b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
    ],
)
def test_malformed_pem_is_refused(pem: bytes) -> None:
    with pytest.raises(BadAnswerError, match="IMDS /identity/"):
        read_leaf(pem, pem, pem)


def test_certificate_of_an_unknown_version_is_refused() -> None:
    """Of X.509 there are versions 1 to 3; the library has an error of its own."""
    key = signing_key()
    name = x509.Name([x509.NameAttribute(NameOID.ORGANIZATION_NAME, "opc-tenant:t")])
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(5)
        .not_valid_before(datetime(2025, 1, 1, tzinfo=UTC))
        .not_valid_after(datetime(2026, 1, 1, tzinfo=UTC))
        .sign(key, hashes.SHA256())
    )
    der = made.public_bytes(Encoding.DER)
    odd = der.replace(b"\xa0\x03\x02\x01\x02", b"\xa0\x03\x02\x01\x05", 1)
    secret = key.private_bytes(
        Encoding.PEM, PrivateFormat.TraditionalOpenSSL, NoEncryption()
    )
    assert read_leaf(_pem(der), secret, _pem(der)).key_id.startswith("t/fed-x509/")
    for leaf, other in ((odd, der), (der, odd)):
        with pytest.raises(BadAnswerError, match="IMDS /identity/"):
            read_leaf(_pem(leaf), secret, _pem(other))


def _pem(der: bytes) -> bytes:
    rows = base64.encodebytes(der)
    return b"-----BEGIN CERTIFICATE-----\n" + rows + b"-----END CERTIFICATE-----\n"
