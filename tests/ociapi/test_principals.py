"""The four principals against the fake: the signer, and the error if it cannot."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import trio
from cryptography.hazmat.primitives import serialization

from fakeoci.api.app import build
from fakeoci.transport import FakeTransport
from fakeoci.world.resources import Instance
from sim.account import account_token
from sim.cloud import EPOCH, signing_key
from sim.world import World, world
from tests.doubles.server import oci
from vcnd.model.errors import CloudRefusedError
from vcnd.oci.where import ImdsWhere
from vcnd.ociapi.caller import Caller, Endpoints
from vcnd.ociapi.client import CoreClient
from vcnd.ociapi.errors import NoAnswerError, OciError, Verdict
from vcnd.ociapi.http import Principal
from vcnd.ociapi.imds import Metadata
from vcnd.ociapi.meter import ApiMeter
from vcnd.ociapi.network import Client
from vcnd.ociapi.principals import (
    ApiKey,
    ResourcePrincipal,
    WorkloadIdentity,
)

KEY = signing_key()
PEM = KEY.private_bytes(
    serialization.Encoding.PEM,
    serialization.PrivateFormat.TraditionalOpenSSL,
    serialization.NoEncryption(),
)
WORKLOAD_URL = "https://127.0.0.1:12250/resourcePrincipalSessionTokens"
Clock = trio.testing.MockClock


@pytest.fixture
def w() -> World:
    return world()


@pytest.fixture
async def client(w: World) -> AsyncIterator[Client]:
    transport = FakeTransport(build(w.service), client_address=w.address)
    async with oci(transport) as made:
        yield made


def core(client: Client, principal: Principal) -> CoreClient:
    metadata = Metadata(
        client=client, base_url="http://169.254.169.254/opc/v2", meter=ApiMeter()
    )
    return CoreClient(
        Caller(
            client=client,
            region=ImdsWhere(metadata).region,
            endpoints=Endpoints(),
            principal=lambda _url: principal,
            meter=ApiMeter(),
        )
    )


async def who(w: World, client: Client, principal: Principal) -> str:
    instance = w.service.world.named(Instance, w.instance)
    await core(client, principal).list_vnic_attachments(
        instance.compartment_id, instance.id
    )
    return w.service.records[-1].principal


def oci_config(directory: Path, **changes: str) -> Path:
    (directory / "key.pem").write_bytes(PEM)
    environment = {
        "tenancy": "ocid1.tenancy.oc1..t",
        "user": "ocid1.user.oc1..u",
        "fingerprint": "aa:bb",
        "key_file": str(directory / "key.pem"),
        "region": "us-ashburn-1",
        **changes,
    }
    path = directory / "config"
    lines = [f"{name} = {value}" for name, value in environment.items() if value]
    path.write_text("[DEFAULT]\n" + "\n".join(lines))
    return path


async def test_api_key(
    autojump_clock: Clock, w: World, client: Client, tmp_path: Path
) -> None:
    key_id = "ocid1.tenancy.oc1..t/ocid1.user.oc1..u/aa:bb"
    w.service.identities.add_api_key(key_id, KEY.public_key())
    path = oci_config(tmp_path)
    principal = ApiKey.from_file(path, "DEFAULT", w.service.clock)
    assert await who(w, client, principal) == "ocid1.user.oc1..u"


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"user": ""}, "user"),
        ({"key_file": "/nowhere/key.pem"}, "/nowhere/key.pem"),
        ({"key_file": "/etc/hostname"}, "not a usable private key"),
        ({"key_file": "~nobody-is-called-so/key.pem"}, "home directory"),
        ({"key_file": "/a\0b"}, "null byte"),
        ({"user": "a\nuser = b"}, "'user' in section 'DEFAULT' already exists"),
    ],
)
def test_unusable_oci_config_names_the_fault(
    tmp_path: Path, changes: dict[str, str], reason: str
) -> None:
    path = oci_config(tmp_path, **changes)
    with pytest.raises(CloudRefusedError, match=reason) as caught:
        ApiKey.from_file(path, "DEFAULT")
    assert str(path) in str(caught.value)
    with pytest.raises(CloudRefusedError, match="NOBODY"):
        ApiKey.from_file(path, "NOBODY")


@pytest.mark.slow
async def test_workload_identity(
    autojump_clock: Clock, w: World, client: Client, tmp_path: Path
) -> None:
    w.service.identities.add_cluster("cluster1", KEY.public_key())
    file = tmp_path / "token"
    file.write_text(account_token(KEY, EPOCH + 10_000))
    principal = WorkloadIdentity(
        client=client,
        url=WORKLOAD_URL,
        meter=ApiMeter(),
        token_file=file,
        wall_clock=w.service.clock,
    )
    assert await who(w, client, principal) == "workload/cluster1/kube-system/vcnd"
    # The session is renewed before its end, with the file's current token.
    await trio.sleep(1000)
    file.write_text(account_token(KEY, EPOCH + 20_000))
    await who(w, client, principal)
    assert w.calls("WorkloadIdentity") == 2
    assert not [r for r in w.service.records if r.status == 401]
    file.unlink()
    await trio.sleep(1000)
    with pytest.raises(NoAnswerError, match=str(file)):
        await who(w, client, principal)


@pytest.mark.slow
async def test_unknown_service_account_is_refused(
    autojump_clock: Clock, w: World, client: Client, tmp_path: Path
) -> None:
    file = tmp_path / "token"
    file.write_text(account_token(KEY, EPOCH + 10_000))
    principal = WorkloadIdentity(
        client=client,
        url=WORKLOAD_URL,
        meter=ApiMeter(),
        token_file=file,
        wall_clock=w.service.clock,
    )
    with pytest.raises(OciError, match="no cluster known here"):
        await who(w, client, principal)


def test_workload_identity_is_for_pods() -> None:
    with pytest.raises(CloudRefusedError, match="KUBERNETES_SERVICE_HOST"):
        WorkloadIdentity.url_here({})
    here = WorkloadIdentity.url_here({"KUBERNETES_SERVICE_HOST": "fd00::1"})
    assert here == "https://[fd00::1]:12250/resourcePrincipalSessionTokens"


@pytest.mark.slow
async def test_resource_principal_reads_its_files_again(
    autojump_clock: Clock, w: World, client: Client, tmp_path: Path
) -> None:
    def write(now: float) -> None:
        token = w.service.identities.resource("ocid1.fn", KEY.public_key(), now)
        (tmp_path / "rpst").write_text(token)

    (tmp_path / "key.pem").write_bytes(PEM)
    principal = ResourcePrincipal(
        environment={
            "OCI_RESOURCE_PRINCIPAL_VERSION": "2.2",
            "OCI_RESOURCE_PRINCIPAL_RPST": str(tmp_path / "rpst"),
            "OCI_RESOURCE_PRINCIPAL_PRIVATE_PEM": str(tmp_path / "key.pem"),
        },
        wall_clock=w.service.clock,
    )
    write(w.service.clock())
    assert await who(w, client, principal) == "ocid1.fn"
    w.service.identities.expire_tokens()
    with pytest.raises(OciError) as caught:
        await who(w, client, principal)
    assert caught.value.verdict is Verdict.IDENTIFY
    write(w.service.clock())
    assert await who(w, client, principal) == "ocid1.fn"


def test_other_versions_of_the_resource_principal() -> None:
    with pytest.raises(CloudRefusedError, match="only 2"):
        ResourcePrincipal(environment={"OCI_RESOURCE_PRINCIPAL_VERSION": "1.1"})


async def test_clock_skew_is_named(
    autojump_clock: Clock, w: World, client: Client
) -> None:
    w.service.identities.add_api_key("t/u/f", KEY.public_key())
    principal = ApiKey(
        key_id="t/u/f", key=KEY, wall_clock=lambda: w.service.clock() + 400
    )
    with pytest.raises(OciError, match="this node's clock is 400 s ahead of OCI's"):
        await who(w, client, principal)


def test_no_principal_shows_its_key() -> None:
    principal = ApiKey(key_id="t/u/f", key=KEY)
    assert "PRIVATE" not in repr(principal) + str(vars(principal))
