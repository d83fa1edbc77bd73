"""Answers of the metadata service, and what an identity is made of.

The instance, its VNICs, certificates and tokens: values that make sense, or an error
that has no secret in it.
"""

import base64
import json
from collections.abc import Iterable
from typing import Any

import trio
from trio.testing import MockClock

from sim.cloud import signing_key
from tests.doubles.server import Reply, Server, oci
from tests.fuzz.choices import Choices, damaged, document, seed, torn
from vcnd.model.errors import CloudError
from vcnd.model.family import Family
from vcnd.model.ids import OWN_CLASS
from vcnd.oci.where import ImdsWhere, as_vnic
from vcnd.ociapi.errors import BadAnswerError, NoAnswerError, OciError
from vcnd.ociapi.identity import life_of, read_leaf
from vcnd.ociapi.imds import Metadata
from vcnd.ociapi.meter import ApiMeter
from vcnd.ociapi.values import check_address

URL = "http://169.254.169.254/opc/v2"
INSTANCE = {
    "id": "ocid1.instance.oc1.iad.a",
    "compartmentId": "ocid1.compartment.oc1..a",
    "regionInfo": {"regionIdentifier": "iad", "realmDomainComponent": "example.com"},
    "shapeConfig": {"maxVnicAttachments": 4},
}
LOCAL = {
    "vnicId": "ocid1.vnic.oc1.iad.a",
    "macAddr": "02:00:17:00:00:0A",
    "privateIp": "10.1.0.2",
    "virtualRouterIp": "10.1.0.1",
    "subnetCidrBlock": "10.1.0.0/16",
    "vlanTag": 0,
    "ipv6Addresses": ["fd00::5"],
    "ipv6SubnetCidrBlock": "fd00::/64",
    "ipv6VirtualRouterIp": "fe80::1",
}
SIX_ONLY = {"vnicId": "c", "macAddr": LOCAL["macAddr"], "subnetCidrBlock": None}
SAMPLES: tuple[Any, ...] = (
    INSTANCE,
    [LOCAL],
    [LOCAL, LOCAL | {"vnicId": "b"}],
    [LOCAL, SIX_ONLY],
)
CLAIMS: list[Any] = [{"exp": 2_000_000_000, "sub": "x"}]
BOTH = (Family.IPV4, Family.IPV6)
NOW = 1_900_000_000.0


def run(data: bytes) -> None:
    """Ask for instance, VNICs, token and certificate."""
    choices = Choices(data)
    kind = choices.below(4)
    match kind:
        case 0 | 1:
            reply = Reply(body=document(choices, SAMPLES))
            trio.run(_ask, reply, kind, clock=MockClock(autojump_threshold=0))
        case 2:
            _token(choices)
        case _:
            _leaf(choices)


async def _ask(reply: Reply, kind: int) -> None:
    async with oci(Server(lambda _: reply)) as client:
        where = ImdsWhere(Metadata(client=client, base_url=URL, meter=ApiMeter()))
        try:
            if kind == 0:
                await where.region()
                if (await where.known()).vnic_limit < 1:
                    raise AssertionError("a shape without VNICs")
                return
            vnics = await where.vnics()
        except (OciError, NoAnswerError) as error:
            str(error).encode()
            return
    for local in vnics.values():
        try:
            made = as_vnic(local, subnet_id="s", pod_class=OWN_CLASS, families=BOTH)
        except CloudError as error:
            str(error).encode()
            continue
        check_address(made.address)


def _token(choices: Choices) -> None:
    text = json.dumps(damaged(CLAIMS[0], choices)).encode()
    body = base64.urlsafe_b64encode(torn(text, choices)).rstrip(b"=").decode()
    token = choices.rest().decode("latin1") if choices.below(2) else f"e30.{body}.AA"
    try:
        life = life_of(token, NOW)
    except BadAnswerError as error:
        str(error).encode()
        return
    if not life > 0:
        raise AssertionError(f"a life of {life}")


def _leaf(choices: Choices) -> None:
    pem = torn(_pem(), choices)
    try:
        read_leaf(choices.rest() or pem, pem, pem)
    except BadAnswerError as error:
        if "PRIVATE" in str(error) or not str(error).isprintable():
            raise AssertionError("an error with a key in it") from error


def _pem() -> bytes:
    from cryptography.hazmat.primitives import serialization  # noqa: PLC0415 - heavy

    return signing_key().private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )


def seeds() -> Iterable[bytes]:
    """Return answers, tokens and certificates."""
    for kind in range(2):
        for sample in range(len(SAMPLES)):
            yield bytes([kind]) + seed(sample)
    yield bytes([2])
    yield bytes([2, 0, 0, 0, 0, 0, 1]) + b"a.b.c"
    yield bytes([3])
    yield bytes([3, 0, 0, 0, 0, 0, 0]) + b"-----BEGIN CERTIFICATE-----\nAAAA\n"
