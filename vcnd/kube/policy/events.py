"""Events on policies that cannot be read, in parts or at all.

Each node sees each policy.  So that not all of them post, a few are chosen by a hash,
the same on each node; and an Event's name is made of the object and of what is wrong
with it, so the API server takes the first and refuses the others.
"""

import re
from collections.abc import Callable, Collection, Iterator
from contextlib import suppress
from hashlib import blake2b
from typing import Any, Never

import msgspec
import trio

from vcnd.kube import events
from vcnd.kube.policy import wire as policy_wire
from vcnd.kube.policy.parts import in_words
from vcnd.kube.policy.policies import ReadPolicy
from vcnd.kube.posting import post
from vcnd.kubeapi.cache import Skipped
from vcnd.kubeapi.client import KubeClient
from vcnd.kubeapi.errors import ConflictError, KubeError
from vcnd.log import log

COMPONENT = "vcnd-policy"
REASON = "PolicyFlawed"
CHOSEN = 3
"""So many nodes post: one may be down, or run no policies."""
LOOK_SECONDS = 10.0
POST_AGAIN_SECONDS = 3700.0
"""Kubernetes keeps an Event for an hour by default."""
MOST_POSTS = 20
"""In one look: a thousand flawed policies may not flood the API server."""
MOST_NAMED = 5
"""So many flaws of one policy are named."""
NAME = re.compile(r"[a-z0-9]([a-z0-9.-]*[a-z0-9])?")


class FlawedPolicy(msgspec.Struct, frozen=True, kw_only=True):
    """A policy's object that is wrong."""

    kind: str
    api_version: str
    namespace: str
    """Empty for one of the cluster."""
    name: str
    uid: str
    what: str
    """What is wrong, and what that means."""


class Kind(msgspec.Struct, frozen=True):
    """A kind of policies."""

    api_version: str
    name: str
    unreadable: str
    """What it means that one cannot be read."""


NETWORK_POLICY = Kind(
    *policy_wire.NETWORK_POLICY,
    "it isolates all pods of its namespace and allows nothing, unless an earlier"
    " version could be read, which stays in force",
)
CLUSTER_POLICY = Kind(
    *policy_wire.CLUSTER_POLICY,
    "it does nothing, unless an earlier version could be read, which stays in force",
)


def misread(kind: Kind, uid: str, read: ReadPolicy) -> FlawedPolicy:
    """Return a policy of which parts are wrong."""
    ref = read.policy.ref
    what = "; ".join(in_words(read.flaws, MOST_NAMED))
    return FlawedPolicy(
        kind=kind.name,
        api_version=kind.api_version,
        namespace=ref.namespace,
        name=ref.name,
        uid=uid,
        what=f"what cannot be read allows nothing, the rest is in force: {what}",
    )


def unreadable(kind: Kind, uid: str, skipped: Skipped) -> FlawedPolicy | None:
    """Return a policy that cannot be read; None if not even its name can be."""
    namespace, _, name = skipped.name.rpartition("/")
    if not (uid and NAME.fullmatch(name) and NAME.fullmatch(namespace or "none")):
        return None
    return FlawedPolicy(
        kind=kind.name,
        api_version=kind.api_version,
        namespace=namespace,
        name=name,
        uid=uid,
        what=f"the object cannot be read ({skipped.reason}): {kind.unreadable}",
    )


def posts(flawed: FlawedPolicy, node: str, nodes: Collection[str]) -> bool:
    """Return True if a node is one of those that post about a policy.

    Args:
        flawed: the policy.
        node: the node.
        nodes: all nodes, as far as they are known.
    """
    own = _rank(flawed, node)
    return sum(_rank(flawed, x) < own for x in {*nodes} - {node}) < CHOSEN


def _rank(flawed: FlawedPolicy, node: str) -> bytes:
    return blake2b(f"{flawed.uid} {node}".encode(), digest_size=8).digest()


def event(flawed: FlawedPolicy, *, node: str, now: float) -> tuple[str, dict[str, Any]]:
    """Return where an Event is posted, and the Event.

    Args:
        flawed: the policy.
        node: who posts it.
        now: seconds since 1970.
    """
    unique = blake2b(f"{flawed.uid} {flawed.what}".encode(), digest_size=8).hexdigest()
    about = events.About(
        api_version=flawed.api_version,
        kind=flawed.kind,
        namespace=flawed.namespace,
        name=flawed.name,
        uid=flawed.uid,
    )
    return events.event(
        about,
        component=COMPONENT,
        node=node,
        unique=unique,
        reason=REASON,
        message=flawed.what,
        now=now,
    )


class PolicyEvents:
    """Posts an Event for each flaw, and again when Kubernetes has dropped it."""

    def __init__(
        self,
        client: KubeClient,
        *,
        node: str,
        wall_clock: Callable[[], float],
        flawed: Callable[[], Iterator[FlawedPolicy]],
        nodes: Callable[[], Collection[str]],
    ) -> None:
        """Make it.

        Args:
            client: the way to the API server.
            node: this node's name.
            wall_clock: returns seconds since 1970.
            flawed: yields the policies that are wrong now.
            nodes: returns the names of all nodes that are known.
        """
        self._client, self._node, self._wall_clock = client, node, wall_clock
        self._flawed, self._nodes = flawed, nodes
        self._posted: dict[FlawedPolicy, float] = {}
        """When each was posted, here or by another node."""

    async def run(self) -> Never:
        """Post for ever."""
        while True:
            await trio.sleep(LOOK_SECONDS)
            try:
                await self._look()
            except KubeError as error:
                log.warning("cluster_write_failed", what="event", reason=str(error))

    async def _look(self) -> None:
        flawed = dict.fromkeys(self._flawed())
        self._posted = {x: at for x, at in self._posted.items() if x in flawed}
        nodes, now = self._nodes() if flawed else (), trio.current_time()
        due = (
            x
            for x in flawed
            if now - self._posted.get(x, float("-inf")) >= POST_AGAIN_SECONDS
            and posts(x, self._node, nodes)
        )
        for each, _ in zip(due, range(MOST_POSTS), strict=False):
            await self._post(each)
            self._posted[each] = now

    async def _post(self, flawed: FlawedPolicy) -> None:
        """Post an Event; one that is refused for good is logged.

        Raises:
            KubeError: it may be posted later.
        """
        path, body = event(flawed, node=self._node, now=self._wall_clock())
        with suppress(ConflictError):  # another node has posted it
            await post(self._client, path, body)
