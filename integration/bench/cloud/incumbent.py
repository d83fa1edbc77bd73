"""A replay of OKE's NativePodNetwork controller, call by call.

It follows the published algorithm (docs/oci.md#okes-controller), without errors,
restarts and its own rate limiter: this favours the controller.  It has a principal of
its own.  A node is usable once its object's status is SUCCESS.
"""

import json
from collections.abc import Awaitable, Callable
from typing import Any

import httpx2
import trio

from fakeoci.world.resources import Instance
from integration.bench.cloud.stage import Stage
from sim.cloud import EPOCH

HOST = "https://iaas.us-ashburn-1.oraclecloud.com/20160918"
ATTACH_POLL_SECONDS = 5.0
POD_IPS_PER_VNIC = 31
MOST_IPS_PER_VNIC = 32


class Controller:
    """Reconciles one node's object."""

    def __init__(self, stage: Stage, client: httpx2.AsyncClient, node: str) -> None:
        self._stage = stage
        self._client = client
        self._instance = stage.service.world.named(Instance, node)
        self._subnets: set[str] = set()

    async def _call(self, method: str, path: str, body: Any = None) -> Any:
        content = None if body is None else json.dumps(body)
        answer = await self._client.request(method, HOST + path, content=content)
        answer.raise_for_status()
        return answer.json()

    async def _vnics(self) -> list[dict[str, Any]]:
        """List attachments, get each VNIC and new subnet; return secondary VNICs."""
        where = f"compartmentId={self._instance.compartment_id}"
        path = f"/vnicAttachments?{where}&instanceId={self._instance.id}"
        vnics = []
        for attachment in await self._call("GET", path):
            vnic = await self._call("GET", f"/vnics/{attachment['vnicId']}")
            if not vnic["isPrimary"] and vnic["subnetId"] not in self._subnets:
                self._subnets.add(vnic["subnetId"])
                await self._call("GET", f"/subnets/{vnic['subnetId']}")
            vnics.append(vnic)
        return [v for v in vnics if not v["isPrimary"]]

    async def _attach(self) -> None:
        details = {
            "instanceId": self._instance.id,
            "createVnicDetails": {
                "subnetId": self._stage.subnet(),
                "nsgIds": [self._stage.nsg()],
                "assignPublicIp": False,
                "skipSourceDestCheck": True,
            },
        }
        attachment = await self._call("POST", "/vnicAttachments", details)
        while True:  # the first read comes at once
            path = f"/vnicAttachments/{attachment['id']}"
            got = await self._call("GET", path)
            if got["lifecycleState"] == "ATTACHED":
                vnic = await self._call("GET", f"/vnics/{got['vnicId']}")
                if vnic["lifecycleState"] == "AVAILABLE":
                    return
            await trio.sleep(ATTACH_POLL_SECONDS)

    async def reconcile(
        self,
        *,
        vnics: int,
        revalidate: bool,
        create: Callable[["Controller", str, int], Awaitable[None]],
    ) -> None:
        """Bring a node to SUCCESS.

        Args:
            vnics: the number of VNICs that it needs.
            revalidate: True to get each VNIC twice more after the attaches.
            create: creates a VNIC's addresses, given its place among the VNICs.
        """
        await self._call("GET", f"/instances/{self._instance.id}")
        for _ in range(vnics - len(await self._vnics())):
            await self._attach()
        held = await self._vnics()
        if revalidate:
            for vnic in held:
                await self._call("GET", f"/vnics/{vnic['id']}")
                await self._call("GET", f"/vnics/{vnic['id']}")
        for vnic in held:
            await self._call("GET", f"/privateIps?vnicId={vnic['id']}")
        async with trio.open_nursery() as workers:
            for place, vnic in enumerate(held):
                workers.start_soon(create, self, vnic["id"], place)
        for vnic in await self._vnics():
            await self._call("GET", f"/privateIps?vnicId={vnic['id']}")

    async def create_ip(self, vnic_id: str, prefix: int | None = None) -> None:
        """Create one address, or a block."""
        body: dict[str, Any] = {"vnicId": vnic_id}
        if prefix is not None:
            body["cidrPrefixLength"] = prefix
        await self._call("POST", "/privateIps", body)


async def classic(stage: Stage, addresses: int) -> float:
    """Replay the classic mode; return the seconds until SUCCESS."""
    needed = -(-addresses // POD_IPS_PER_VNIC)
    # One secondary of each VNIC is a host address; its primary address is not.
    total = addresses + needed

    async def create(controller: Controller, vnic_id: str, place: int) -> None:
        # A VNIC is filled before the next one gets addresses.
        left = total - place * MOST_IPS_PER_VNIC
        for _ in range(min(MOST_IPS_PER_VNIC, left)):
            await controller.create_ip(vnic_id)

    return await _replay(stage, vnics=needed, revalidate=True, create=create)


async def block_mode(stage: Stage, ip_count: int) -> float:
    """Replay the mode of secondary VNIC profiles (GVA): one VNIC, one block."""

    async def create(controller: Controller, vnic_id: str, place: int) -> None:
        del place
        await controller.create_ip(vnic_id, 33 - ip_count.bit_length())

    return await _replay(stage, vnics=1, revalidate=False, create=create)


async def _replay(
    stage: Stage,
    *,
    vnics: int,
    revalidate: bool,
    create: Callable[[Controller, str, int], Awaitable[None]],
) -> float:
    # A principal of the controller's own: its name matters to throttles only.
    stage.service.world.settings.behaviour.verify_signatures = False
    async with stage.client("node1") as client:
        controller = Controller(stage, client, "node1")
        await controller.reconcile(vnics=vnics, revalidate=revalidate, create=create)
    return stage.service.clock() - EPOCH
