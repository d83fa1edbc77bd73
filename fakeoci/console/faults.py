"""The fault switches: each is an operation, a kind, and a share of the calls."""

from typing import Annotated, Any

import msgspec

from fakeoci.api.admin import FAULTS, FaultDetails
from fakeoci.api.garble import MUTATIONS
from fakeoci.api.operations.table import OPERATIONS
from fakeoci.api.service import CORE_NAME, Fault, Service
from fakeoci.world.resources import Subnet

CODES = {
    401: "NotAuthenticated",
    404: "NotAuthorizedOrNotFound",
    409: "IncorrectState",
    429: "TooManyRequests",
    500: "InternalServerError",
    503: "ServiceUnavailable",
}
"""OCI's code of each status with which a switch can refuse."""
MOST_SECONDS = 120.0


class Switch(msgspec.Struct, forbid_unknown_fields=True, frozen=True, kw_only=True):
    """A fault that stays until it is switched off."""

    operation: str
    kind: str
    status: int = 500
    seconds: Annotated[float, msgspec.Meta(ge=0, le=MOST_SECONDS)] = 0.0
    how: str = ""
    rate: Annotated[float, msgspec.Meta(ge=0, le=1)] = 1.0

    def fault(self) -> Fault:
        """Return the fault.

        Raises:
            ValueError: there is no such operation, kind, status or way to garble.
        """
        if self.operation not in operations():
            raise ValueError(f"there is no operation {self.operation!r}")
        if self.status not in CODES:
            raise ValueError(f"status is one of {', '.join(map(str, CODES))}")
        return FaultDetails(
            operation=self.operation,
            kind=self.kind,
            status=self.status,
            code=CODES[self.status],
            message="a fault was switched on",
            seconds=self.seconds,
            how=self.how,
            times=None,
            rate=self.rate,
        ).fault()


class Happening(msgspec.Struct, forbid_unknown_fields=True, frozen=True, kw_only=True):
    """An event that the operator makes happen in the world."""

    what: str
    """``fill``, ``relieve``, ``freeze``, ``thaw`` or ``expire-tokens``."""
    subnet: str = ""
    """The OCID of the subnet to fill or relieve."""


def operations() -> list[str]:
    """Return the names that a switch can have: all, whole services, operations."""
    services = ["*", CORE_NAME, "IMDS", "Federate"]
    return services + sorted(operation.name for operation in OPERATIONS)


def choices() -> dict[str, Any]:
    """Return the choices of the page's form."""
    return {
        "operations": operations(),
        "kinds": list(FAULTS),
        "statuses": [[status, code] for status, code in CODES.items()],
        "how": list(MUTATIONS),
        "mostSeconds": MOST_SECONDS,
    }


def active(service: Service) -> list[dict[str, Any]]:
    """Return the faults that are on, also those of tests and of the admin API."""
    fields = ("operation", "kind", "status", "seconds", "how", "rate", "times")
    return [{name: getattr(fault, name) for name in fields} for fault in service.faults]


def _is_same(fault: Fault, other: Fault) -> bool:
    """Return True if two faults differ in nothing but the share of the calls."""
    names = ("operation", "kind", "status", "seconds", "how", "times")
    return all(getattr(fault, name) == getattr(other, name) for name in names)


def switch_on(service: Service, switch: Switch) -> None:
    """Add a fault, in place of the same one with another rate.

    Raises:
        ValueError: there is no such fault.
    """
    fault = switch.fault()
    switch_off(service, switch)
    service.faults.append(fault)


def switch_off(service: Service, switch: Switch) -> None:
    """Remove a fault; nothing happens if it is off.

    Raises:
        ValueError: there is no such fault.
    """
    fault = switch.fault()
    service.faults[:] = [f for f in service.faults if not _is_same(f, fault)]


def happen(service: Service, happening: Happening) -> None:
    """Make an event happen.

    Raises:
        ValueError: there is no such event or subnet.
    """
    world = service.world
    match happening.what:
        case "fill" | "relieve":
            subnet = world.objects.get(happening.subnet)
            if not isinstance(subnet, Subnet):
                raise ValueError(  # noqa: TRY004 - bad input
                    f"there is no subnet {happening.subnet!r}"
                )
            space = world.space(subnet.id)
            if happening.what == "fill":
                space.exhaust()
            else:
                space.relieve()
        case "freeze" | "thaw":
            world.freeze(frozen=happening.what == "freeze")
        case "expire-tokens":
            service.identities.expire_tokens()
        case _:
            raise ValueError(f"there is no event {happening.what!r}")
