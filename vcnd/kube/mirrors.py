"""Static pods, by what their mirrors tell.  No I/O.

The kubelet runs a static pod under a uid that it makes itself, and tells the API server
of the pod by a mirror: an object with two annotations, whose owner is the Node.  Who
may make pods may make such an object, too.  So its word counts for its own name;
``owners`` says when it does where a uid alone names a pod.
"""

import re
from collections import defaultdict
from collections.abc import Collection, Container, Iterable, Mapping

from vcnd.kube.trim import MIRROR, STATIC_UID
from vcnd.kubeapi.wire import Meta

OF_SERVER = re.compile("[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
"""A uid in the form of the API server's; the kubelet's own are hashes."""


def static_uid(meta: Meta, node_name: str) -> str:
    """Return the uid by which the runtime knows a mirror's pod; empty: it is no mirror.

    Args:
        meta: of the pod.
        node_name: the node that it is bound to.
    """
    claimed = meta.annotations.get(STATIC_UID, "")
    # The kubelet writes the same into both.
    is_mirror = bool(node_name) and meta.annotations.get(MIRROR) == claimed
    is_owned = not meta.owner_references or meta.node == node_name
    return claimed if is_mirror and is_owned else ""


def uid_of(meta: Meta, node_name: str) -> str:
    """Return a pod's uid as the runtime knows it; the arguments as above."""
    return static_uid(meta, node_name) or meta.uid


def bound_uid(meta: Meta, node_name: str, known: Container[str]) -> str:
    """Return ``uid_of``, unless it is that of a pod with an object of its own.

    Args:
        meta: of the pod.
        node_name: the node that it is bound to.
        known: the uids of the objects that the API server has told of.
    """
    uid = uid_of(meta, node_name)
    return meta.uid if uid in known else uid


def owners(
    uids: Collection[str], pods: Iterable[tuple[Meta, str]], node: str = ""
) -> Mapping[str, Meta]:
    """Return the pods that some uids name, as far as nobody else may be meant.

    A pod's own uid is the API server's word.  A mirror's word counts for no uid that
    the API server may have given to another pod, perhaps one that it has deleted; nor
    for one that a second mirror claims.

    Args:
        uids: as the runtime knows the pods.
        pods: all pods, and the nodes that they are bound to.
        node: where the uids are known; mirrors of other nodes tell nothing of them.
    """
    own: dict[str, Meta] = {}
    claims: dict[str, list[Meta]] = defaultdict(list)
    for meta, node_name in pods:
        if meta.uid in uids:
            own[meta.uid] = meta
        if not meta.annotations or node not in ("", node_name):
            continue
        claimed = static_uid(meta, node_name)
        if claimed in uids and not OF_SERVER.fullmatch(claimed):
            claims[claimed].append(meta)
    return {uid: some[0] for uid, some in claims.items() if len(some) == 1} | own
