"""One answer of OCI: a value, or an error of the client that names the operation."""

import json
from collections.abc import Awaitable, Callable, Iterable
from contextlib import suppress
from typing import Any

import trio
from trio.testing import MockClock

from tests.doubles.server import Reply
from tests.fuzz.choices import Choices, document, seed
from tests.oci.test_answers import core
from vcnd.log import log
from vcnd.model.errors import CloudError, VcndError
from vcnd.model.ids import VnicId
from vcnd.oci.addresses import as_private_ip
from vcnd.ociapi.client import CoreClient
from vcnd.ociapi.errors import NoAnswerError, OciError
from vcnd.ociapi.kinds import IPV6, PRIVATE_IP, Kind

VNIC = "ocid1.vnic.oc1.iad.a"
TAGS = {"vcnd-cluster": "test", "vcnd-node": "ocid1.instance.oc1.iad.a"}
ADDRESS = {
    "id": "ocid1.privateip.oc1.iad.a",
    "ipAddress": "10.0.0.16",
    "vnicId": VNIC,
    "cidrPrefixLength": 28,
    "isPrimary": False,
    "lifetime": "EPHEMERAL",
    "freeformTags": TAGS,
}
ADDRESS6 = ADDRESS | {
    "id": "ocid1.ipv6.oc1.iad.a",
    "ipAddress": "fd00::10",
    "cidrPrefixLength": 124,
    "lifecycleState": "AVAILABLE",
}
ATTACHMENT = {
    "id": "ocid1.vnicattachment.oc1.iad.a",
    "lifecycleState": "ATTACHED",
    "vnicId": VNIC,
}
BODY = {"id": VNIC, "subnetId": "ocid1.subnet.oc1.iad.a", "freeformTags": TAGS}
WORK = {
    "id": "ocid1.workrequest.oc1.iad.a",
    "status": "SUCCEEDED",
    "resources": [{"actionType": "CREATED", "identifier": ADDRESS["id"]}],
}
REFUSAL = {"code": "LimitExceeded", "message": "no more"}
SAMPLES: tuple[Any, ...] = (
    ADDRESS,
    [ADDRESS, ADDRESS6],
    ATTACHMENT,
    [ATTACHMENT],
    BODY | {"isPrimary": True, "nsgIds": [], "lifecycleState": "AVAILABLE"},
    WORK,
    [REFUSAL],
    REFUSAL,
    ADDRESS6,
    [],
)
STATUSES = (200, 200, 200, 200, 200, 202, 204, 302, 400, 401, 404, 409, 412, 429, 500)
NAMES = (b"opc-request-id", b"etag", b"opc-work-request-id", b"opc-next-page", b"date")
VALUES = (
    b"abc/def",
    b"\xff",
    b"",
    b"9" * 40,
    b"Mon, 01 Jan 2024 00:00:00 GMT",
    b"x\ty",
)
Ask = Callable[[CoreClient], Awaitable[Any]]


async def _addresses(client: CoreClient, kind: Kind) -> None:
    for found in await client.list_addresses(kind, vnic_id=VNIC):
        with suppress(VcndError):
            as_private_ip(found, VnicId(VNIC), kind)


OPERATIONS: tuple[Ask, ...] = (
    lambda c: c.get_vnic(VNIC),
    lambda c: c.get_vnic_attachment(ATTACHMENT["id"]),
    lambda c: _addresses(c, PRIVATE_IP),
    lambda c: _addresses(c, IPV6),
    lambda c: c.get_address(PRIVATE_IP, ADDRESS["id"]),  # type: ignore[arg-type]
    lambda c: c.list_reserved(subnet_id="ocid1.subnet.oc1.iad.a"),
    lambda c: c.get_work_request(WORK["id"]),  # type: ignore[arg-type]
    lambda c: c.list_work_request_errors(WORK["id"]),  # type: ignore[arg-type]
    lambda c: c.detach_vnic(ATTACHMENT["id"]),
    lambda c: c.detach_private_ip(ADDRESS["id"], if_match="e"),  # type: ignore[arg-type]
    lambda c: c.list_vnic_attachments("c", "i"),
)


def run(data: bytes) -> None:
    """Ask once."""
    choices = Choices(data)
    operation = choices.pick(OPERATIONS)
    status = choices.pick(STATUSES)
    headers = [
        (choices.pick(NAMES), choices.pick(VALUES)) for _ in range(choices.below(4))
    ]
    reply = Reply(status=status, body=document(choices, SAMPLES), headers=headers)
    with log.collected():
        trio.run(_ask, operation, reply, clock=MockClock(autojump_threshold=0))


async def _ask(operation: Ask, reply: Reply) -> None:
    try:
        await operation(core(reply))
    except (OciError, NoAnswerError) as error:
        text = str(error)
        if not text.isprintable() or len(text) > 2000:
            raise AssertionError(f"{error!r} moves a cursor, or is long") from error
        if isinstance(error, OciError):
            wrapped = error.as_cloud_error()
            if wrapped.code != CloudError.code:
                raise AssertionError("it is no error of the port") from error


def seeds() -> Iterable[bytes]:
    """Return each operation with each sample."""
    for operation in range(len(OPERATIONS)):
        for sample in range(len(SAMPLES)):
            yield bytes([operation, 0, 1, 0, 0]) + seed(sample)
        yield bytes([operation, 11, 0]) + seed(7)
    yield bytes([0, 0, 0, 0]) + json.dumps(BODY).encode()
