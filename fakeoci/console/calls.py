"""The API calls as the page shows them.  Pure."""

from collections import OrderedDict

import msgspec

from fakeoci.api.service import Recorded
from fakeoci.world.resources import Instance
from fakeoci.world.world import World

TOKENS_KEPT = 4096
THROTTLED, OK, REFUSED = 429, 300, 500


class CallLine(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """One call."""

    number: int
    at: float
    operation: str
    caller: str
    """The instance's name, or the principal."""
    status: int
    """0: there was no answer."""
    verdict: str
    """ok, throttled, refused, failed or lost."""
    code: str
    seconds: float
    fault: str
    attempt: int
    """1, or more if the call repeats an earlier one's retry token."""
    request_id: str


def verdict(status: int) -> str:
    """Return what became of a call, by its answer's status."""
    if status == 0:
        return "lost"
    if status < OK:
        return "ok"
    if status == THROTTLED:
        return "throttled"
    return "refused" if status < REFUSED else "failed"


class Calls:
    """Turns records of the request log into lines; counts attempts."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._attempts: OrderedDict[tuple[str, str], int] = OrderedDict()

    def line(self, record: Recorded) -> CallLine:
        """Return a record's line; each record counts once."""
        return CallLine(
            number=record.number,
            at=record.at,
            operation=record.operation,
            caller=self._caller(record),
            status=record.status,
            verdict=verdict(record.status),
            code=record.code,
            seconds=round(record.seconds, 4),
            fault=record.fault,
            attempt=self._attempt(record),
            request_id=record.opc_request_id,
        )

    def _attempt(self, record: Recorded) -> int:
        if not record.retry_token:
            return 1
        key = (record.client, record.retry_token)
        attempt = self._attempts.pop(key, 0) + 1
        self._attempts[key] = attempt
        if len(self._attempts) > TOKENS_KEPT:
            self._attempts.popitem(last=False)
        return attempt

    def _caller(self, record: Recorded) -> str:
        instance = self._world.objects.get(record.principal)
        if isinstance(instance, Instance):
            return instance.display_name
        for held in self._world.at(record.client):
            vnic = self._world.objects.get(held.vnic_id or "")
            owner = self._world.objects.get(getattr(vnic, "instance_id", ""))
            if isinstance(owner, Instance):
                return owner.display_name
        # An API key's user, a workload or a resource; a federation's keyId is long.
        return record.principal.rpartition("/")[2][:80] or record.client
