"""A node with pods, a real API server, and policies: what tests of policies share."""

import os
import socket
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from typing import Any

import trio

from fakeoci.fabric import netns
from integration.lab import streams
from integration.lab.apiserver import ApiServer
from integration.tests.kube import make_pod
from vcnd.linux.layout import Layout
from vcnd.linux.pod_links import reap_group
from vcnd.linux.pod_names import host_ifname
from vcnd.linux.pods import PodWiring
from vcnd.model.family import Family
from vcnd.model.ids import SubnetId, VnicId
from vcnd.model.interface import Destination
from vcnd.model.sandbox import HostLink, Lease, PodRef, SandboxKey
from vcnd.model.vnic import Vnic, VnicSlot

LAYOUT = Layout()
TABLE = """
table inet vcnd {
  chain via1 { }
  map pods4 { type ifname . ipv4_addr : verdict; }
  map pods6 { type ifname . ipv6_addr : verdict; }
}
"""
SLOT = VnicSlot(
    index=1,
    vnic=Vnic(
        id=VnicId("ocid1.vnic.1"),
        address="10.0.0.2",
        mac="02:00:17:00:00:01",
        subnet_id=SubnetId("subnet"),
        subnet_cidr="10.0.0.0/24",
        virtual_router="10.0.0.1",
    ),
)
POLICIES = "/apis/networking.k8s.io/v1/namespaces/default/networkpolicies"
DENY_ALL = {"podSelector": {}, "policyTypes": ["Ingress"]}
FRIENDS = {
    "podSelector": {"matchLabels": {"app": "web"}},
    "ingress": [{"from": [{"podSelector": {"matchLabels": {"role": "friend"}}}]}],
}
"""The specs of two policies."""
PORT = 8080
SECONDS = 60.0


@dataclass(kw_only=True)
class Stage:
    """This namespace as a node: it has the API server too."""

    server: ApiServer
    wiring: PodWiring
    pods: dict[str, Lease] = field(default_factory=dict)

    def pod(self, name: str, *, told: bool = True, **labels: str) -> str:
        """Start a pod; return its address.

        Args:
            name: the pod's, and its namespace's.
            told: whether its status tells the address.
            labels: the pod's.
        """
        make_pod(self.server, name)
        path = f"/api/v1/namespaces/default/pods/{name}"
        self.patch(path, {"metadata": {"labels": labels}})
        return self.plug(name, told=told)

    def plug(self, name: str, *, told: bool = True) -> str:
        address = f"10.1.0.{len(self.pods) + 10}"
        known = self.server.admin("GET", f"/api/v1/namespaces/default/pods/{name}")
        uid = known.json()["metadata"]["uid"] if known.is_success else name
        netns.add(name)
        descriptor = os.open(netns.DIRECTORY / name, os.O_RDONLY)
        key = SandboxKey("vcnd", name, "eth0")
        lease = Lease(
            key=key,
            addresses=(address,),
            wiring=HostLink(ifname=host_ifname(LAYOUT, key), netns_cookie=1),
            pod=PodRef(namespace="default", name=name, uid=uid),
        )
        try:
            self.wiring.plug(
                lease,
                netns=descriptor,
                slots={address: SLOT},
                mtu=1500,
                destinations=(Destination(Family.IPV4.everywhere),),
                sources={},
                classes={},
                express=False,
            )
        finally:
            os.close(descriptor)
        self.pods[name] = lease
        if told:
            self.tell(name)
        return address

    def tell(self, name: str) -> None:
        """Let a pod's status tell its address."""
        (address,) = self.pods[name].addresses
        status = {"phase": "Running", "podIP": address, "podIPs": [{"ip": address}]}
        path = f"/api/v1/namespaces/default/pods/{name}/status"
        self.patch(path, {"status": status})

    def patch(self, path: str, body: Any) -> None:
        answer = self.server.admin("PATCH", path, body)
        assert answer.is_success, answer.text

    def policy(self, name: str, **spec: Any) -> None:
        """Write a NetworkPolicy."""
        body = {"metadata": {"name": name}, "spec": spec}
        self.server.make(POLICIES, body)

    def reaches(self, source: str, target: str) -> bool:
        """Return True if a new connection from a pod to another is made at once."""
        (mine,), (theirs,) = (self.pods[x].addresses for x in (source, target))
        with streams.listen(target, (theirs, PORT)) as listener:
            client = netns.inside(source, socket.socket)
            with client:
                client.settimeout(0.2)
                try:
                    client.connect((theirs, PORT))
                    # The handshake's last packet may be dropped, by a new policy.
                    listener.accept()[0].close()
                except OSError:
                    return False
                return bool(client.getsockname()[0] == mine)


@contextmanager
def policy_stage(server: ApiServer) -> Iterator[Stage]:
    """Make this namespace a node without pods; undo it."""
    netns.ip_here(["rule add priority 1000 lookup 100", "link set lo up"])
    netns.sysctl_here({"ipv4/ip_forward": 1})
    netns.attach("node", os.getpid())
    netns.nft("node", TABLE)
    with ExitStack() as undo:
        undo.callback(netns.remove, "node")
        wiring = PodWiring(LAYOUT, lambda: reap_group(LAYOUT))
        undo.callback(wiring.close)
        made = Stage(server=server, wiring=wiring)
        yield made
        for name, lease in made.pods.items():
            wiring.unplug(lease, by_class=False)
            netns.remove(name)
        reap_group(LAYOUT)
        for policy in server.admin("GET", POLICIES).json()["items"]:
            server.admin("DELETE", f"{POLICIES}/{policy['metadata']['name']}")
        netns.nft("node", "flush ruleset\n")
        netns.ip_here(["rule del priority 1000 lookup 100"])


async def until(holds: Callable[[], bool]) -> None:
    with trio.fail_after(SECONDS):
        while not await trio.to_thread.run_sync(holds):
            await trio.sleep(0.01)
