"""The instance metadata service, version 2 (docs/oci.md#instance-metadata)."""

from typing import Any

import msgspec

from vcnd.foreign import printable
from vcnd.ociapi import wire
from vcnd.ociapi.http import Answer, exchange
from vcnd.ociapi.meter import ApiMeter
from vcnd.ociapi.network import Client
from vcnd.ociapi.values import Ocid

HEADERS = {"authorization": "Bearer Oracle"}


class _Which(msgspec.Struct, rename="camel"):
    """What says which VNIC it is."""

    vnic_id: Ocid
    mac_addr: str


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
        """Return the attached VNICs; their order means nothing.

        Others' VNICs are among them: an odd one must not hide ours.
        """
        answer = await self._get("/vnics/")
        return [_vnic(answer, x) for x in answer.decoded(list[dict[str, Any]])]

    async def pem(self, name: str) -> bytes:
        """Return ``cert.pem``, ``key.pem`` or ``intermediate.pem`` of the identity."""
        return (await self._get(f"/identity/{name}")).body


def _vnic(answer: Answer, found: dict[str, Any]) -> wire.ImdsVnic:
    # A null means that the field is absent.
    given = {name: value for name, value in found.items() if value is not None}
    try:
        return msgspec.convert(given, wire.ImdsVnic)
    except msgspec.ValidationError as error:
        reason = printable(str(error), 128)
    try:
        which = msgspec.convert(given, _Which)
    except msgspec.ValidationError:
        raise answer.bad(f"a VNIC that cannot be read: {reason}") from None
    return wire.OddImdsVnic(
        vnic_id=which.vnic_id, mac_addr=which.mac_addr, reason=reason
    )
