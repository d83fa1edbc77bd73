"""API calls as the page shows them."""

import msgspec
import pytest

from fakeoci.api.service import Recorded, Service
from fakeoci.console.calls import Calls, verdict
from fakeoci.world.resources import Instance


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        *((0, "lost"), (200, "ok"), (204, "ok"), (429, "throttled")),
        *((404, "refused"), (412, "refused"), (500, "failed"), (503, "failed")),
    ],
)
def test_verdict_follows_the_status(status: int, expected: str) -> None:
    assert verdict(status) == expected


def _record(number: int = 1, **changed: object) -> Recorded:
    fields: dict[str, object] = {
        "number": number,
        "at": 5.0,
        "operation": "AttachVnic",
        "principal": "",
        "client": "",
        "status": 200,
        "code": "",
        "opc_request_id": "a/b",
    }
    return Recorded(**{**fields, **changed})  # type: ignore[arg-type]


def test_caller_is_named(service: Service) -> None:
    node = service.world.named(Instance, "node1")
    calls = Calls(service.world)
    assert calls.line(_record(principal=node.id)).caller == "node1"
    assert calls.line(_record(client="10.0.0.2")).caller == "node1"
    user = "ocid1.user.oc1..operator"
    assert calls.line(_record(principal=user, client="127.0.0.1")).caller == user
    keyed = _record(principal="ocid1.tenancy.oc1..a/fed-x509/AA:BB")
    assert calls.line(keyed).caller == "AA:BB"


def test_repeated_retry_token_is_a_further_attempt(service: Service) -> None:
    calls = Calls(service.world)
    sent = [("10.0.0.2", "t"), ("10.0.0.2", "t"), ("10.0.0.3", "t"), ("10.0.0.2", "")]
    lines = [calls.line(_record(client=c, retry_token=t)) for c, t in sent]
    assert [line.attempt for line in lines] == [1, 2, 1, 1]


def test_retry_tokens_are_not_shown(service: Service) -> None:
    line = Calls(service.world).line(_record(retry_token="once-only"))  # noqa: S106
    assert b"once-only" not in msgspec.json.encode(line)
