"""Policies of a real API server, in force for real packets on this node."""

import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack, contextmanager
from random import Random

import pytest
import trio

from fakeoci.fabric import netns
from integration.lab import streams
from integration.lab.apiserver import ApiServer
from integration.tests.kube import make_pod
from integration.tests.policy_stage import (
    DENY_ALL,
    LAYOUT,
    PORT,
    SECONDS,
    Stage,
    policy_stage,
    until,
)
from vcnd.kube.early import ANNOTATION
from vcnd.kube.policy.source import PolicySource
from vcnd.kubeapi.client import KubeClient
from vcnd.kubeapi.credentials import Credentials
from vcnd.linux import nft
from vcnd.linux.policy.host import PolicyHost
from vcnd.linux.policy.table import TABLE
from vcnd.log import log
from vcnd.policy.engine import Engine


@pytest.fixture
def stage(server: ApiServer) -> Iterator[Stage]:
    with policy_stage(server) as made:
        yield made


@pytest.fixture
async def engine(stage: Stage) -> AsyncIterator[None]:
    path = stage.server.write_kubeconfig(stage.server.admin_token)
    source = PolicySource(KubeClient(Credentials(path)), random=Random(1))
    host = PolicyHost(LAYOUT)
    async with trio.open_nursery() as running:
        await running.start(source.run)
        engine = Engine(source, host)
        running.start_soon(engine.run)
        with trio.fail_after(SECONDS):
            await engine.until_in_force()
        yield
        running.cancel_scope.cancel()
    host.close()


WEB = {"matchLabels": {"app": "web"}}


async def test_a_policy_closes_and_another_opens(stage: Stage, engine: None) -> None:
    stage.pod("web", app="web")
    stage.pod("a", role="friend")
    stage.pod("b")
    await until(lambda: stage.reaches("a", "web") and stage.reaches("b", "web"))
    stage.policy("deny-all", **DENY_ALL)
    await until(lambda: not stage.reaches("a", "web"))
    friends = {"podSelector": {"matchLabels": {"role": "friend"}}}
    stage.policy("friends", podSelector=WEB, ingress=[{"from": [friends]}])
    await until(lambda: stage.reaches("a", "web"))
    assert not stage.reaches("b", "web")
    assert not stage.reaches("web", "a")
    # Labels count as soon as they change.
    path = "/api/v1/namespaces/default/pods/b"
    stage.patch(path, {"metadata": {"labels": {"role": "friend"}}})
    await until(lambda: stage.reaches("b", "web"))


async def test_a_new_pod_is_closed_at_once_and_opens_without_its_status(
    stage: Stage, engine: None
) -> None:
    stage.pod("web", app="web")
    stage.policy("deny-all", **DENY_ALL)
    await until(
        lambda: "in_" in netns.nft_output("node", "list table inet vcnd-policy")
    )
    make_pod(stage.server, "late")
    stage.plug("late", told=False)
    assert not stage.reaches("web", "late")
    # It may send: no policy isolates it in this direction.  Answers come back.
    stage.policy("open-web", podSelector=WEB, ingress=[{}])
    await until(lambda: stage.reaches("late", "web"))
    assert not stage.reaches("web", "late")


async def test_a_pod_that_the_cluster_does_not_know_is_closed(
    stage: Stage, engine: None
) -> None:
    stage.pod("web", app="web")
    stage.plug("stray", told=False)
    link = stage.pods["stray"].host_ifname
    held = f'"{link}" : jump hold'
    await until(lambda: held in netns.nft_output("node", "list table inet vcnd-policy"))
    assert not stage.reaches("stray", "web")
    assert not stage.reaches("web", "stray")


async def test_a_link_of_others_is_open_while_it_is_there(
    stage: Stage, engine: None
) -> None:
    """Its name looks like a pod's; it comes later than the rules."""

    def is_open() -> bool:
        return 'iifname "ocibr0" accept' in nft.source(TABLE)

    netns.ip_here(["link add ocibr0 type bridge"])
    try:
        await until(is_open)
    finally:
        netns.ip_here(["link del ocibr0"])
    await until(lambda: not is_open())


@pytest.mark.parametrize("name", ["oci*", 'oci"x'])
async def test_a_link_of_others_with_an_odd_name_opens_nothing(
    stage: Stage, engine: None, name: str
) -> None:
    """The policies change while it is there, and the changes come into force."""
    stage.pod("web", app="web")
    stage.pod("a")
    stage.policy("deny-all", **DENY_ALL)
    await until(lambda: not stage.reaches("a", "web"))
    netns.ip_here([f"link add '{name}' type bridge"])
    try:
        stage.policy("open-web", podSelector=WEB, ingress=[{}])
        await until(lambda: stage.reaches("a", "web"))
        assert not stage.reaches("web", "a")
    finally:
        netns.ip_here([f"link del '{name}'"])


async def test_a_table_flushed_by_another_comes_back(
    stage: Stage, engine: None
) -> None:
    stage.pod("web", app="web")
    stage.pod("a")
    stage.policy("deny-all", **DENY_ALL)
    await until(lambda: not stage.reaches("a", "web"))
    with log.collected() as events:
        netns.nft("node", "delete table inet vcnd-policy\n")
        await until(lambda: bool(events))
    # A change that was on its way finds no table, and puts it whole.
    restored = {"policies_restored", "rule_set_differs"}
    assert {e["event"] for e in events} <= restored
    await until(lambda: not stage.reaches("a", "web"))


FAR = "10.9.9.9"


@contextmanager
def pod_elsewhere() -> Iterator[None]:
    """Make a namespace that stands for another node with a pod."""
    netns.add("far")
    try:
        netns.ip_here(
            [
                "link add wan type veth peer name wan0 netns far",
                "address add 10.9.0.1/32 dev wan",
                "link set wan up",
                f"route add {FAR}/32 dev wan",
            ]
        )
        netns.ip(
            "far",
            [
                f"address add {FAR}/32 dev wan0",
                "link set wan0 up",
                "route add 10.9.0.1/32 dev wan0",
                "route add default via 10.9.0.1",
            ],
        )
        yield
    finally:
        netns.remove("far")


def first_syn_passes(stage: Stage, target: str) -> bool:
    """Return True if the pod elsewhere connects by its first SYN.

    The kernel would send it again after a second.
    """
    (theirs,) = stage.pods[target].addresses
    with (
        streams.listen(target, (theirs, PORT)),
        streams.bound("far", socket.SOCK_STREAM, (FAR, 0)) as client,
    ):
        client.settimeout(0.2)
        try:
            client.connect((theirs, PORT))
        except OSError:
            return False
        return True


async def test_first_syn_of_a_pod_elsewhere_passes_before_its_status_tells_it(
    stage: Stage, engine: None
) -> None:
    stage.pod("web", app="web")
    friends = {"podSelector": {"matchLabels": {"role": "friend"}}}
    stage.policy("friends", podSelector=WEB, ingress=[{"from": [friends]}])
    make_pod(stage.server, "far", "two")
    path = "/api/v1/namespaces/default/pods/far"
    stage.patch(path, {"metadata": {"labels": {"role": "friend"}}})
    uid = stage.server.admin("GET", path).json()["metadata"]["uid"]

    def tell(node: str, value: str | None) -> None:
        body = {"metadata": {"annotations": {ANNOTATION: value}}}
        stage.patch(f"/api/v1/nodes/{node}", body)

    def rules() -> str:
        return netns.nft_output("node", "list table inet vcnd-policy")

    with pod_elsewhere(), ExitStack() as undo:
        await until(lambda: "in_" in rules())
        assert not first_syn_passes(stage, "web")
        # Another node's word does not count.
        undo.callback(tell, "one", None)
        tell("one", f'{{"{uid}": ["{FAR}"]}}')
        await trio.sleep(0.5)
        assert FAR not in rules()
        undo.callback(tell, "two", None)
        tell("two", f'{{"{uid}": ["{FAR}"]}}')
        await until(lambda: FAR in rules())
        assert first_syn_passes(stage, "web")
        tell("two", None)
        await until(lambda: FAR not in rules())
        assert not first_syn_passes(stage, "web")
