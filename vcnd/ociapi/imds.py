"""The instance metadata service, version 2 (docs/oci.md#instance-metadata)."""

from vcnd.ociapi import wire
from vcnd.ociapi.http import Answer, exchange
from vcnd.ociapi.meter import ApiMeter
from vcnd.ociapi.network import Client

HEADERS = {"authorization": "Bearer Oracle"}


class Metadata:
    """IMDS as seen from this instance; costs no API call."""

    def __init__(self, *, client: Client, base_url: str, meter: ApiMeter) -> None:
        self._client = client
        self._meter = meter
        self._base_url = base_url.rstrip("/")

    async def _get(self, path: str) -> Answer:
        return await exchange(
            self._client,
            operation=f"IMDS {path}",
            method="GET",
            url=f"{self._base_url}{path}",
            meter=self._meter,
            headers=HEADERS,
        )

    async def instance(self) -> wire.ImdsInstance:
        """Return the instance's identity, region and shape."""
        return (await self._get("/instance/")).decoded(wire.ImdsInstance)

    async def vnics(self) -> list[wire.ImdsVnic]:
        """Return the attached VNICs; their order means nothing."""
        return (await self._get("/vnics/")).decoded(list[wire.ImdsVnic])

    async def pem(self, name: str) -> bytes:
        """Return ``cert.pem``, ``key.pem`` or ``intermediate.pem`` of the identity."""
        return (await self._get(f"/identity/{name}")).body
