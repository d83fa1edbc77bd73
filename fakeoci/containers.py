"""Docker containers as instances: each has a primary VNIC where its network was.

A container that starts is an instance that boots: its link to Docker's network is
replaced by a link to the VCN with the same name, address and MAC.  A container that
starts again keeps its VNICs, even if its address has changed.  A container that is
removed is a terminated instance.  Hosts of Docker's own network, outside the VCN,
reach the instances through the fake's container (proxy ARP).
"""

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Never

import click
import httpx2
import trio

from fakeoci.fabric import netns
from fakeoci.fabric.uplink import Uplink
from fakeoci.world import instances
from fakeoci.world.resources import Instance, Subnet
from fakeoci.world.shapes import max_vnics
from fakeoci.world.vnics import NewVnic
from fakeoci.world.world import World

API = "http://docker/v1.41"
STARTED, REMOVED = "start", "destroy"
RETRY_SECONDS = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Container:
    """A container, with the properties that the fake reads."""

    name: str
    pid: int
    address: str
    mac: str
    gateway: str
    """Docker's own address on the network, that of its host."""


def container_of(inspected: dict[str, Any]) -> Container:
    """Return a container from Docker's description of it."""
    networks = inspected["NetworkSettings"]["Networks"].values()
    network = next(n for n in networks if n["IPAddress"])
    return Container(
        name=inspected["Name"].lstrip("/"),
        pid=inspected["State"]["Pid"],
        address=network["IPAddress"],
        mac=network["MacAddress"],
        gateway=network["Gateway"],
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """The containers to follow, and the properties of their instances."""

    docker_socket: str
    label: str
    subnet: str
    shape: str
    ocpus: float


class Containers:
    """Keeps the world's instances equal to Docker's containers."""

    def __init__(
        self,
        world: World,
        clock: Callable[[], float],
        uplink: Uplink,
        options: Options,
    ) -> None:
        self._world = world
        self._clock = clock
        self._uplink = uplink
        self._options = options
        self._boots = 0
        self._pids: dict[str, int] = {}

    async def run(
        self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED
    ) -> Never:
        """Take over existing containers, then follow Docker's events."""
        transport = httpx2.AsyncHTTPTransport(uds=self._options.docker_socket)
        async with httpx2.AsyncClient(transport=transport, timeout=10) as docker:
            task_status.started()
            while True:
                try:
                    await self._follow(docker)
                except httpx2.HTTPError as error:
                    click.echo(f"fakeoci: Docker is away: {error!r}", err=True)
                    await trio.sleep(RETRY_SECONDS)

    async def _follow(self, docker: httpx2.AsyncClient) -> None:
        chosen = {"type": ["container"], "label": [self._options.label]}
        filters = json.dumps({**chosen, "event": [STARTED, REMOVED]})
        request = docker.build_request("GET", f"{API}/events?filters={filters}")
        request.extensions["timeout"] = {"connect": 10, "read": None}
        events = await docker.send(request, stream=True)
        try:
            # The list comes after the subscription: no container is missed in between.
            await self._take_in_all(docker)
            async for line in events.aiter_lines():
                event = json.loads(line)
                if event["Action"] == STARTED:
                    await self._take_in(docker, event["Actor"]["ID"])
                else:
                    self._terminate(event["Actor"]["Attributes"]["name"])
        finally:
            with trio.CancelScope(shield=True):
                await events.aclose()

    async def _take_in_all(self, docker: httpx2.AsyncClient) -> None:
        filters = json.dumps({"label": [self._options.label]})
        listed = await docker.get(f"{API}/containers/json?filters={filters}")
        for container in listed.json():
            await self._take_in(docker, container["Id"])

    async def _take_in(self, docker: httpx2.AsyncClient, container_id: str) -> None:
        answer = await docker.get(f"{API}/containers/{container_id}/json")
        if not answer.is_success or not answer.json()["State"]["Running"]:
            return  # it has ended meanwhile; another event says so
        container = container_of(answer.json())
        if self._pids.get(container.name) == container.pid:
            return
        self._pids[container.name] = container.pid
        self._boots += 1
        name = f"{container.name}.{self._boots}"
        await trio.to_thread.run_sync(self._take_over_link, container, name)
        self._boot(container, name)
        click.echo(f"fakeoci: {container.name} booted at {container.address}", err=True)

    def _take_over_link(self, container: Container, name: str) -> None:
        """Give the container's namespace a name, and take Docker's link out of it."""
        netns.attach(name, container.pid)
        netns.ip(name, ["link del eth0"])
        self._uplink.lead_to(container.address, outside=container.gateway)

    def _boot(self, container: Container, name: str) -> None:
        world = self._world
        held = self._alive(container.name)
        if held is not None:
            instances.reboot(
                world,
                held.id,
                netns=name,
                address=container.address,
                mac=container.mac,
            )
            return
        options = self._options
        subnet = world.named(Subnet, options.subnet)
        instances.launch(
            world,
            Instance(
                id=world.names.ocid("instance"),
                compartment_id=world.compartment_id,
                display_name=container.name,
                shape=options.shape,
                ocpus=options.ocpus,
                max_vnic_attachments=max_vnics(options.shape, options.ocpus),
                netns=name,
            ),
            NewVnic(
                subnet_id=subnet.id,
                private_ip=container.address,
                mac_address=container.mac,
                display_name=container.name,
            ),
            now=self._clock(),
        )

    def _alive(self, name: str) -> Instance | None:
        for instance in self._world.all(Instance):
            if (instance.display_name, instance.lifecycle_state) == (name, "RUNNING"):
                return instance
        return None

    def _terminate(self, name: str) -> None:
        self._pids.pop(name, None)
        instance = self._alive(name)
        if instance is not None:
            instances.terminate(self._world, instance.id)
            click.echo(f"fakeoci: {name} was terminated", err=True)
