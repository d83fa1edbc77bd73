"""A cloud for each test, and Oracle's clients that talk to it."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa

from fakeoci.api.certificates import pem
from fakeoci.api.operations.table import OPERATIONS
from fakeoci.world.resources import Instance, Subnet, Vcn
from integration.contract import sdk
from integration.contract.cloud import Cloud, running

sdk.use()

import oci  # noqa: E402 - there is none before sdk.use
from oci.core import ComputeClient, VirtualNetworkClient  # noqa: E402
from oci.identity import IdentityClient  # noqa: E402
from oci.work_requests import WorkRequestClient  # noqa: E402

KEY = rsa.generate_private_key(public_exponent=65537, key_size=2048)
FINGERPRINT = "00:11:22:33:44:55:66:77:88:99:aa:bb:cc:dd:ee:ff"
USER = "ocid1.user.oc1..aaaaaaaatester"
CALLED: set[str] = set()
"""The operations that the SDK has called, over all tests."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Oracle:
    """Oracle's clients, and the default world's OCIDs."""

    cloud: Cloud
    config: dict[str, str]
    network: Any
    compute: Any
    identity: Any
    work: Any

    @property
    def compartment(self) -> str:
        """Return the OCID of the world's compartment."""
        return self.cloud.service.world.compartment_id

    def instance(self, name: str = "node1") -> str:
        """Return an instance's OCID."""
        return self.cloud.service.world.named(Instance, name).id

    def subnet(self, name: str = "pods") -> str:
        """Return a subnet's OCID."""
        return self.cloud.service.world.named(Subnet, name).id

    def vcn(self, name: str = "main") -> str:
        """Return a VCN's OCID."""
        return self.cloud.service.world.named(Vcn, name).id

    def attached(self, name: str = "node1", **vnic: Any) -> str:
        """Attach a VNIC, wait for it, and return its OCID."""
        details = oci.core.models.AttachVnicDetails(
            instance_id=self.instance(name),
            create_vnic_details=oci.core.models.CreateVnicDetails(
                **{"subnet_id": self.subnet(), "assign_public_ip": False, **vnic}
            ),
        )
        attachment = self.compute.attach_vnic(details).data
        if attachment.vnic_id is not None:
            pytest.fail("an attachment knows its VNIC before it is complete")
        got = self.compute.get_vnic_attachment(attachment.id)
        return str(
            oci.wait_until(
                self.compute, got, "lifecycle_state", "ATTACHED"
            ).data.vnic_id
        )

    def done(self, response: Any) -> Any:
        """Wait for the work request of an asynchronous action, and return it."""
        got = self.work.get_work_request(response.headers["opc-work-request-id"])
        ends = ("SUCCEEDED", "FAILED")
        return oci.wait_until(self.work, got, "status", ends).data


@pytest.fixture
def cloud(monkeypatch: pytest.MonkeyPatch) -> Iterator[Cloud]:
    """A running fake; the SDK's waiters wait in the fake's time, not in real time."""
    with running() as made:
        monkeypatch.setattr(oci.waiter, "time", made.clock)
        monkeypatch.setattr(oci.retry.retry, "time", made.clock)
        yield made


@pytest.fixture
def oracle(cloud: Cloud) -> Iterator[Oracle]:
    """Oracle's clients with an API key."""
    tenancy = cloud.service.world.tenancy_id
    cloud.service.identities.add_api_key(
        f"{tenancy}/{USER}/{FINGERPRINT}", KEY.public_key()
    )
    config = {
        "user": USER,
        "fingerprint": FINGERPRINT,
        "tenancy": tenancy,
        "region": cloud.service.world.region,
        "key_content": pem(KEY).decode(),
    }
    at = {"service_endpoint": cloud.url}
    yield Oracle(
        cloud=cloud,
        config=config,
        network=VirtualNetworkClient(config, **at),
        compute=ComputeClient(config, **at),
        identity=IdentityClient(config, **at),
        work=WorkRequestClient(config, **at),
    )
    CALLED.update(r.operation for r in cloud.service.records)


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Fail a whole run if the SDK has not called every operation."""
    files = {item.path.name for item in session.items}
    every = {path.name for path in Path(__file__).parent.glob("test_*.py")}
    whole = every <= files and not session.config.option.keyword
    never = sorted({o.name for o in OPERATIONS} - CALLED)
    if whole and never and session.testsfailed == 0:
        print(f"\noperations that the SDK never called: {', '.join(never)}")  # noqa: T201
        session.exitstatus = pytest.ExitCode.TESTS_FAILED
