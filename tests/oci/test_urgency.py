"""The ``Cloud`` port's urgency reaches the limiter; calls without one go last."""

import json
from random import Random

import httpx2
import trio

from sim.cloud import EPOCH, KEY_ID, signing_key
from tests.doubles.server import Reply, Server, oci
from vcnd.config import Config
from vcnd.daemon import oci_cloud
from vcnd.model.ids import VnicId
from vcnd.model.urgency import Urgency
from vcnd.ociapi.limiter import BURST
from vcnd.ociapi.principals import ApiKey
from vcnd.ports import Cloud

Clock = trio.testing.MockClock
INSTANCE = {
    "id": "i",
    "compartmentId": "c",
    "regionInfo": {"regionIdentifier": "iad", "realmDomainComponent": "example.com"},
    "shapeConfig": {"maxVnicAttachments": 4},
}


async def test_the_most_urgent_call_goes_first(autojump_clock: Clock) -> None:
    asked: list[str] = []

    def answer(request: httpx2.Request) -> Reply:
        if request.url.path.startswith("/opc/"):
            return Reply(body=json.dumps(INSTANCE).encode())
        name = request.url.path.rpartition("/")[2]
        asked.append(name)
        return Reply(body=json.dumps({"id": name, "subnetId": "s"}).encode())

    key = ApiKey(key_id=KEY_ID, key=signing_key(), wall_clock=lambda: EPOCH)
    async with oci(Server(answer)) as client:
        cloud: Cloud = oci_cloud(
            Config(), client, Random(1), lambda: EPOCH, lambda _url: key
        )
        for _ in range(int(BURST)):
            await cloud.has_vnic(VnicId("burst"))
        asked.clear()
        async with trio.open_nursery() as nursery:
            nursery.start_soon(cloud.has_vnic, VnicId("first"))
            await trio.testing.wait_all_tasks_blocked()
            for name, urgent in (
                ("plain", cloud),
                ("release", cloud.at(Urgency.RELEASE)),
                ("waiting", cloud.at(Urgency.RELEASE).at(Urgency.WAITING)),
                ("warm-up", cloud.at(Urgency.WARM_UP)),
            ):
                nursery.start_soon(urgent.has_vnic, VnicId(name))
                await trio.testing.wait_all_tasks_blocked()
    assert asked == ["waiting", "warm-up", "release", "first", "plain"]
