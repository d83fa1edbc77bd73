"""Oracle's SDKs by TLS: they trust the fake's authority by the folder's settings."""

from pathlib import Path

import oci
import pytest
from oci.core import VirtualNetworkClient

from fakeoci import oci_folder
from integration.contract.cloud import Cloud
from integration.contract.conftest import FINGERPRINT, KEY, USER, Oracle
from integration.contract.judges import Language, running
from integration.contract.test_languages import language, settings

__all__ = ["language"]  # a fixture


@pytest.fixture
def trust(cloud: Cloud, tmp_path: Path) -> dict[str, str]:
    """Return the folder's settings by which programs trust the authority."""
    oci_folder.write(tmp_path, cloud.service, cloud.url, cloud.tls_url)
    return dict.fromkeys(oci_folder.TRUST, str(tmp_path / "ca.pem"))


@pytest.mark.parametrize("principal", ["api_key", "instance"])
def test_other_languages(
    cloud: Cloud, language: Language, trust: dict[str, str], principal: str
) -> None:
    world = cloud.service.world
    key_id = f"{world.tenancy_id}/{USER}/{FINGERPRINT}"
    cloud.service.identities.add_api_key(key_id, KEY.public_key())
    told, environment = settings(cloud, principal)
    told["endpoint"] = environment["OCI_SDK_AUTH_CLIENT_REGION_URL"] = cloud.tls_url
    with running(language, told, environment | trust) as judge:
        answer = judge.call("ListVcns", compartmentId=world.compartment_id)
    assert answer.status == 200
    assert {one["displayName"] for one in answer.data} == {"main", "peer"}


def test_pythons_instance_principal(
    oracle: Oracle, trust: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    cloud = oracle.cloud
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", trust["REQUESTS_CA_BUNDLE"])
    monkeypatch.setenv("OCI_METADATA_BASE_URL", f"{cloud.instance_url}/opc/v2")
    signer = oci.auth.signers.InstancePrincipalsSecurityTokenSigner(
        federation_endpoint=f"{cloud.tls_url}/v1/x509"
    )
    network = VirtualNetworkClient({}, service_endpoint=cloud.tls_url, signer=signer)
    listed = network.list_vcns(oracle.compartment).data
    assert {one.display_name for one in listed} == {"main", "peer"}
    assert ".instance." in cloud.service.records[-1].principal


def test_without_the_authority_python_refuses(
    oracle: Oracle, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("REQUESTS_CA_BUNDLE", raising=False)
    network = VirtualNetworkClient(
        oracle.config,
        service_endpoint=oracle.cloud.tls_url,
        retry_strategy=oci.retry.NoneRetryStrategy(),
    )
    with pytest.raises(oci.exceptions.RequestException, match="CERTIFICATE_VERIFY"):
        network.list_vcns(oracle.compartment)
