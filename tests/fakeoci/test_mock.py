"""``mock_oci()``: for httpx and httpx2, synchronous, asyncio and trio callers."""

import asyncio

import httpx
import httpx2
import pytest

from fakeoci.mock import mock_oci

URL = "http://169.254.169.254/opc/v2/instance/shapeConfig/maxVnicAttachments"
BEARER = {"authorization": "Bearer Oracle"}
CORE = "https://iaas.us-ashburn-1.oraclecloud.com/20160918/vcns?compartmentId=x"


def test_synchronous_callers() -> None:
    with mock_oci() as fake:
        assert httpx.get(URL, headers=BEARER).json() == 4
        assert httpx2.get(URL, headers=BEARER).json() == 4
        assert httpx2.get(CORE).status_code == 401
        fake.world.settings.behaviour.verify_signatures = False
        mine = CORE.replace("=x", f"={fake.world.compartment_id}")
        assert [v["displayName"] for v in httpx.get(mine).json()] == ["main", "peer"]
    assert [r.operation for r in fake.records] == [
        "IMDS",
        "IMDS",
        "ListVcns",
        "ListVcns",
    ]


async def test_trio_callers() -> None:
    with mock_oci():
        async with httpx2.AsyncClient() as client:
            assert (await client.get(URL, headers=BEARER)).json() == 4
        async with httpx.AsyncClient() as old:
            assert (await old.get(URL, headers=BEARER)).json() == 4


def test_asyncio_callers() -> None:
    async def main() -> list[int]:
        async with httpx2.AsyncClient() as client, httpx.AsyncClient() as old:
            return [
                (await client.get(URL, headers=BEARER)).json(),
                (await old.get(URL, headers=BEARER)).json(),
            ]

    with mock_oci():
        assert asyncio.run(main()) == [4, 4]


@mock_oci()
def test_as_a_decorator() -> None:
    assert httpx2.get(URL, headers=BEARER).json() == 4


def test_other_hosts_are_refused() -> None:
    with mock_oci(), pytest.raises(Exception, match="not mocked"):
        httpx.get("https://example.com/")
