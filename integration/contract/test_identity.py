"""Oracle's own signers: instance principal, workload identity, resource principal."""

import time
from pathlib import Path
from typing import Any

import oci
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from oci.auth.signers import (
    EphemeralResourcePrincipalSigner,
    InstancePrincipalsSecurityTokenSigner,
)
from oci.auth.signers.oke_workload_identity_resource_principal_signer import (
    OkeWorkloadIdentityResourcePrincipalSigner,
)
from oci.core import VirtualNetworkClient
from oci.exceptions import ServiceError

from fakeoci.api.certificates import pem
from integration.contract.cloud import Cloud
from integration.contract.conftest import Oracle
from sim.account import account_token


def client(cloud: Cloud, signer: Any) -> Any:
    return VirtualNetworkClient({}, signer=signer, service_endpoint=cloud.url)


def vcns(cloud: Cloud, network: Any) -> list[str]:
    listed = network.list_vcns(cloud.service.world.compartment_id).data
    return [v.display_name for v in listed]


def last_principal(cloud: Cloud) -> str:
    return cloud.service.records[-1].principal


@pytest.fixture
def instance_signer(cloud: Cloud, monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.setenv("OCI_METADATA_BASE_URL", f"{cloud.instance_url}/opc/v2")
    return InstancePrincipalsSecurityTokenSigner(
        federation_endpoint=f"{cloud.url}/v1/x509"
    )


def test_instance_principal(cloud: Cloud, instance_signer: Any) -> None:
    network = client(cloud, instance_signer)
    assert vcns(cloud, network) == ["main", "peer"]
    assert last_principal(cloud).startswith("ocid1.instance.")
    assert instance_signer.tenancy_id == cloud.service.world.tenancy_id
    assert instance_signer.region == "us-ashburn-1"


def test_an_expired_token_is_renewed_once(cloud: Cloud, instance_signer: Any) -> None:
    network = client(cloud, instance_signer)
    vcns(cloud, network)
    cloud.service.identities.expire_tokens()
    assert vcns(cloud, network) == ["main", "peer"]
    statuses = [r.status for r in cloud.service.records if r.operation == "ListVcns"]
    assert statuses == [200, 401, 200]


def test_resource_principal(cloud: Cloud) -> None:
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    token = cloud.service.identities.resource(
        "ocid1.fnfunc.oc1.iad.me", key.public_key(), time.time()
    )
    signer = EphemeralResourcePrincipalSigner(
        session_token=token,
        private_key=pem(key).decode(),
        region="us-ashburn-1",
    )
    assert vcns(cloud, client(cloud, signer)) == ["main", "peer"]
    assert last_principal(cloud) == "ocid1.fnfunc.oc1.iad.me"
    assert signer.tenancy_id == cloud.service.world.tenancy_id


class Account:
    """A service account of a Kubernetes cluster, and its token."""

    def __init__(self, cloud: Cloud, *, life: float = 3600.0) -> None:
        self.key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        cloud.service.identities.add_cluster("cluster1", self.key.public_key())
        self.expires = time.time() + life

    def get_sa_token(self) -> str:
        return account_token(self.key, self.expires)


def workload_signer(cloud: Cloud, account: Account, directory: Path) -> Any:
    root = directory / "ca.crt"
    root.write_bytes(cloud.service.identities.authority.root_pem())
    return OkeWorkloadIdentityResourcePrincipalSigner(
        account,
        str(root),
        "127.0.0.1",
        cloud.workload_port,
        region="us-ashburn-1",
        retry_strategy=oci.retry.NoneRetryStrategy(),
    )


def test_workload_identity(cloud: Cloud, tmp_path: Path) -> None:
    signer = workload_signer(cloud, Account(cloud), tmp_path)
    assert vcns(cloud, client(cloud, signer)) == ["main", "peer"]
    assert last_principal(cloud) == "workload/cluster1/kube-system/vcnd"


def test_a_foreign_service_account_is_refused(cloud: Cloud, tmp_path: Path) -> None:
    account = Account(cloud)
    account.key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    with pytest.raises(ServiceError) as caught:
        workload_signer(cloud, account, tmp_path)
    assert caught.value.status == 401
    with pytest.raises(ServiceError):
        workload_signer(cloud, Account(cloud, life=-10.0), tmp_path)


def test_a_wrong_key_is_refused(oracle: Oracle) -> None:
    other = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    config = {**oracle.config, "key_content": pem(other).decode()}
    network = VirtualNetworkClient(config, service_endpoint=oracle.cloud.url)
    with pytest.raises(ServiceError) as caught:
        vcns(oracle.cloud, network)
    assert (caught.value.status, caught.value.code) == (401, "NotAuthenticated")


def test_clock_skew_is_refused(oracle: Oracle) -> None:
    oracle.cloud.clock.sleep(400.0)
    with pytest.raises(ServiceError) as caught:
        vcns(oracle.cloud, oracle.network)
    assert caught.value.status == 401
    assert "the date is off" in caught.value.message
