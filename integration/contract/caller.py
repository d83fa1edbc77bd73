"""Calls that must succeed, by the SDK of any judge."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from integration.contract.cloud import Cloud
from integration.contract.judges import Answer, Judge

PATIENCE_SECONDS = 20.0


@dataclass(frozen=True, slots=True)
class Caller:
    """Makes a judge's calls, which must succeed, and knows the world's OCIDs."""

    judge: Judge
    cloud: Cloud

    @property
    def compartment(self) -> str:
        """Return the OCID of the world's compartment."""
        return self.cloud.service.world.compartment_id

    def named(self, kind: type[Any], name: str) -> str:
        """Return the OCID of an object of the world file."""
        return str(self.cloud.service.world.named(kind, name).id)

    def call(self, operation: str, body: Any = None, **where: Any) -> Answer:
        """Call an operation.

        Raises:
            AssertionError: it did not succeed.
        """
        answer = self.judge.call(operation, body, **where)
        if operation not in self.judge.lacking:
            assert 200 <= answer.status < 300, (operation, answer)
        return answer

    def get(self, operation: str, body: Any = None, **where: Any) -> Any:
        """Call an operation and return the data of its answer."""
        return self.call(operation, body, **where).data

    def make(self, operation: str, body: Any, **where: Any) -> str:
        """Create an object and return its OCID."""
        return str(self.get(operation, body, **where)["id"])

    def until(self, look: Callable[[], Any], *wanted: object) -> None:
        """Read again until the value is one of the wanted ones.

        Raises:
            AssertionError: it takes too long.
        """
        end = time.monotonic() + PATIENCE_SECONDS
        while (got := look()) not in wanted:
            assert time.monotonic() < end, f"{got} is none of {wanted}"
            time.sleep(0.02)

    def done(self, answer: Answer) -> Any:
        """Wait for an action's work request; return it."""
        where = {"workRequestId": answer.headers["opc-work-request-id"]}
        ends = ("SUCCEEDED", "FAILED", "CANCELED")
        self.until(lambda: self.get("GetWorkRequest", **where)["status"], *ends)
        return self.get("GetWorkRequest", **where)

    def rounds(self, name: str, key: str, ocid: str, *, plural: str = "") -> None:
        """Get, update with an etag, list and move an object, as every kind allows."""
        got = self.call(f"Get{name}", **{key: ocid})
        change = {"displayName": "changed"}
        where = {key: ocid, "if_match": got.headers["etag"]}
        changed = self.get(f"Update{name}", change, **where)
        assert changed["displayName"] == "changed"
        refused = self.judge.call(f"Update{name}", change, **where)
        assert (refused.status, refused.code) == (412, "NoEtagMatch")
        listed = self.get(f"List{plural or name + 's'}", compartmentId=self.compartment)
        assert ocid in [one["id"] for one in listed]
        self.move(name, key, ocid)

    def move(self, name: str, key: str, ocid: str) -> None:
        """Move an object into the tenancy itself, the only other compartment."""
        to = {"compartmentId": self.cloud.service.world.tenancy_id}
        operation = f"Change{name}Compartment"
        moved = self.call(operation, to, **{key: ocid})
        if operation in self.judge.lacking:
            return
        if "opc-work-request-id" in moved.headers:
            self.done(moved)
        got = self.get(f"Get{name}", **{key: ocid})
        assert got["compartmentId"] == to["compartmentId"]


def made_vcn(caller: Caller, **more: Any) -> str:
    """Make a VCN of both families; return its OCID."""
    body = {
        "compartmentId": caller.compartment,
        "cidrBlocks": ["10.50.0.0/20"],
        "displayName": "mine",
        "isIpv6Enabled": True,
        **more,
    }
    return caller.make("CreateVcn", body)


def made_subnet(caller: Caller, vcn: str, cidr: str = "10.50.0.0/24") -> str:
    """Make a subnet; return its OCID."""
    body = {
        "compartmentId": caller.compartment,
        "vcnId": vcn,
        "ipv4CidrBlocks": [cidr],
        "displayName": "mine too",
    }
    return caller.make("CreateSubnet", body)
