"""Checks of network policies: what one denies stops, what it allows goes on."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import trio

from integration.checking import CheckError, require
from integration.demo.stage import Stage, connect, sees
from integration.lab import traffic
from integration.lab.pods import Pod
from integration.lab.policies import Policies, enforced

SECONDS = 5.0
ASK_SECONDS = 0.3
WEB, FRIEND = {"app": "web"}, {"role": "friend"}
ONLY_FRIENDS = {
    "apiVersion": "networking.k8s.io/v1",
    "kind": "NetworkPolicy",
    "metadata": {"name": "only-friends"},
    "spec": {
        "podSelector": {"matchLabels": WEB},
        "ingress": [{"from": [{"podSelector": {"matchLabels": FRIEND}}]}],
    },
}


async def policy_blocks(stage: Stage) -> str:
    """A NetworkPolicy cuts a pod off from others, also in mid-conversation."""
    async with _three(stage) as (policies, web, friend, other):
        conversation = await connect(other, web.address)
        require(await conversation.ask() == other.address, "nothing answers before")
        policies.write("policy", [ONLY_FRIENDS])
        began = trio.current_time()
        await _until(other, web, reached=False)
        took = trio.current_time() - began
        answer = await conversation.ask(ASK_SECONDS)
        require(answer is None, "a connection from before is still answered")
        conversation.close()
        await sees(friend.netns, web.address)
    return (
        f"{other.name} reaches {web.name} no more {took * 1000:.0f} ms after the policy"
        f" is written, not in a connection from before either; {friend.name} does"
    )


async def policy_allows(stage: Stage) -> str:
    """What a NetworkPolicy allows works: a flow from before, and a pod's new label."""
    async with _three(stage) as (policies, web, friend, other):
        conversation = await connect(friend, web.address)
        policies.write("policy", [ONLY_FRIENDS])
        await _until(other, web, reached=False)
        answered = await conversation.ask()
        require(answered == friend.address, "the policy cuts a flow that it allows")
        labels = {web.name: WEB, friend.name: FRIEND, other.name: FRIEND}
        policies.write_pods(stage.all_pods(), labels)
        began = trio.current_time()
        await _until(other, web, reached=True)
        took = trio.current_time() - began
        answered = await conversation.ask()
        require(answered == friend.address, "the label of one pod cuts another's flow")
        conversation.close()
    return (
        f"{friend.name} goes on, and {other.name} reaches {web.name} {took * 1000:.0f}"
        " ms after it has the label"
    )


@asynccontextmanager
async def _three(stage: Stage) -> AsyncIterator[tuple[Policies, Pod, Pod, Pod]]:
    """Enforce policies on all nodes; yield them, a server, a friend and another pod."""
    web, friend, other = stage.pod(1), stage.pod(0, 0), stage.pod(0, -1)
    directory = stage.lab.directory / "policies"
    policies = Policies(directory)
    labels: dict[str, Any] = {web.name: WEB, friend.name: FRIEND}
    policies.write_pods(stage.all_pods(), labels)
    async with enforced(directory, stage.nodes):
        await sees(other.netns, web.address)
        yield policies, web, friend, other
        policies.clear()


async def _until(client: Pod, server: Pod, *, reached: bool) -> None:
    """Return when a pod reaches another, or does no more.

    Raises:
        CheckError: that takes too long.
    """
    with trio.move_on_after(SECONDS):
        while True:
            seen = await traffic.ask(client.netns, server.address, seconds=ASK_SECONDS)
            if (seen is not None) is reached:
                return
    what = "does not reach" if reached else "still reaches"
    raise CheckError(f"{client.name} {what} {server.name} after {SECONDS} s")
