"""A pod's session key in each form that Oracle's SDKs send.

The Go SDK's federation_client_oke_workload_identity.go reads the answer.
"""

import base64
import json

import httpx2
import pytest
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from fakeoci.mock import mock_oci
from sim.account import account_token
from tests.fakeoci.calls import unsigned
from tests.fakeoci.test_signatures import KEY

URL = "https://auth.us-ashburn-1.oraclecloud.com/resourcePrincipalSessionTokens"
PEM = KEY.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
BARE = "".join(PEM.decode().splitlines()[1:-1])


@pytest.mark.parametrize(
    ("pod_key", "status"),
    [
        (BARE, 200),  # Python, TypeScript
        (PEM.decode(), 200),  # Go
        (BARE[:-8], 401),
        (PEM.decode()[:-40], 401),
        ("-----BEGIN PUBLIC KEY-----", 401),
    ],
    ids=["bare", "PEM", "bare cut", "PEM cut", "head of a PEM"],
)
def test_a_session_key(pod_key: str, status: int) -> None:
    with mock_oci() as service:
        unsigned(service).identities.add_cluster("cluster1", KEY.public_key())
        token = account_token(KEY, service.clock() + 3600)
        answer = httpx2.post(
            URL,
            json={"podKey": pod_key},
            headers={"authorization": f"Bearer {token}"},
        )
    assert answer.status_code == status
    if status == 200:
        token = json.loads(base64.b64decode(answer.json()))["token"]
        claims = json.loads(base64.urlsafe_b64decode(token.split(".")[1] + "=="))
        assert token.startswith("ST$")
        assert claims["res_tenant"] == service.world.tenancy_id
    else:
        assert answer.json()["code"] == "NotAuthenticated"
