"""Each fault, and the outcome of a call that meets it."""

import re
from dataclasses import dataclass
from types import ModuleType
from typing import Any

import httpx
import httpx2
import pytest

from fakeoci.api.garble import MUTATIONS
from fakeoci.api.service import Fault, Service
from fakeoci.mock import mock_oci
from fakeoci.world.resources import Vcn

CORE = "https://iaas.us-ashburn-1.oraclecloud.com/20160918"
IMDS = "http://169.254.169.254/opc/v2/vnics/"
BEARER = {"authorization": "Bearer Oracle"}
BLOCK = "10.99.0.0/16"
PATIENCE = 60.0
"""Seconds, for cases in which no timeout should end the call."""


@dataclass(frozen=True)
class Case:
    """A fault, and the outcome."""

    fault: dict[str, Any]
    outcome: int | str
    """The answer's status, or the name of the library's exception."""
    done: bool | None
    """True if the call is carried out; None if it may be before the timeout."""
    patience: float = PATIENCE


def _garbled(how: str) -> Case:
    outcomes: dict[str, int | str] = {
        "gzip-that-is-none": "DecodingError",
        "redirect": 302,
        "no-content": 204,
        "refusal-with-such-a-date": 401,
        "refusal-of-bytes": 500,
    }
    fault = {"kind": "garbled", "how": how}
    if how == "drip":
        return Case(fault, "ReadTimeout", done=None, patience=0.1)
    return Case(fault, outcomes.get(how, 200), done=True)


CASES = [
    Case({"kind": "before", "status": 429}, 429, done=False),
    Case({"kind": "after"}, "RemoteProtocolError", done=True),
    Case({"kind": "cut"}, "RemoteProtocolError", done=False),
    Case({"kind": "reset"}, "ReadError", done=False),
    Case({"kind": "slow", "seconds": 0.05}, 200, done=True),
    Case({"kind": "slow", "seconds": 60.0}, "ReadTimeout", done=False, patience=0.1),
    Case({"kind": "hang"}, "ReadTimeout", done=False, patience=0.1),
    Case({"kind": "unreachable"}, "ConnectError", done=False),
    *[_garbled(how) for how in MUTATIONS],
]


def kinds() -> set[str]:
    """Return the kinds of faults that ``Fault``'s docstring names."""
    return set(re.findall(r"``([a-z]+)``:", str(Fault.__doc__)))


def prepared(service: Service, case: Case | None = None) -> dict[str, Any]:
    """Set a fault for CreateVcn; return the arguments of that call."""
    service.world.settings.behaviour.verify_signatures = False
    if case is not None:
        service.faults.append(Fault(operation="CreateVcn", **case.fault))
    details = {"compartmentId": service.world.compartment_id, "cidrBlocks": [BLOCK]}
    return {"method": "POST", "url": f"{CORE}/vcns", "json": details}


def judge(service: Service, case: Case, outcome: Any) -> None:
    """Compare a call's outcome with the expected one."""
    told = getattr(outcome, "status_code", type(outcome).__name__)
    assert told == case.outcome
    made = any(BLOCK in v.cidr_blocks for v in service.world.all(Vcn))
    assert case.done in (made, None)


async def meet(library: Any, case: Case) -> None:
    """Let an asynchronous call meet a fault, and judge its outcome."""
    with mock_oci() as service:
        async with library.AsyncClient(timeout=case.patience) as client:
            try:
                outcome = await client.request(**prepared(service, case))
            except library.HTTPError as error:
                outcome = error
        judge(service, case, outcome)


def _name(value: ModuleType | Case) -> str:
    if isinstance(value, Case):
        return "-".join(str(v) for v in value.fault.values())
    return value.__name__


every_library = pytest.mark.parametrize("library", [httpx, httpx2], ids=_name)
every_kind = pytest.mark.parametrize(
    "case",
    [c for c in CASES if c.fault.get("how", "drip") in ("drip", "truncated")],
    ids=_name,
)
every_fault = pytest.mark.parametrize("case", CASES, ids=_name)
