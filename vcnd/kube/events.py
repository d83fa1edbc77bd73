"""Events of Kubernetes, as bodies of requests."""

from datetime import UTC, datetime
from typing import Any

import msgspec

from vcnd.kube.wire import DEFAULT_NAMESPACE

MOST_NAME = 253
"""Characters of an object's name: a pod's may have as many itself."""
MOST_MESSAGE = 1024
"""Characters; the API's bound."""


class About(msgspec.Struct, frozen=True, kw_only=True):
    """The object that an Event is about."""

    api_version: str
    kind: str
    namespace: str
    """Empty for an object of the cluster: its Events are in the default one."""
    name: str
    uid: str


def timestamp(seconds: float) -> str:
    """Return a time as Kubernetes writes it."""
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def event(
    about: About,
    *,
    component: str,
    node: str,
    unique: str,
    reason: str,
    message: str,
    now: float,
    warning: bool = True,
) -> tuple[str, dict[str, Any]]:
    """Return where an Event is posted, and the Event.

    Args:
        about: the object that it is about.
        component: who posts it.
        node: the node of that component.
        unique: tells its name from that of any other Event about the object.
        reason: one word.
        message: a text of any length; the API takes some of it.
        now: seconds since 1970.
        warning: whether something is wrong.
    """
    namespace = about.namespace or DEFAULT_NAMESPACE
    start = about.name[: MOST_NAME - 1 - len(unique)].rstrip("-.")
    body = {
        "apiVersion": "v1",
        "kind": "Event",
        "metadata": {"namespace": namespace, "name": f"{start}.{unique}"},
        "involvedObject": {
            "apiVersion": about.api_version,
            "kind": about.kind,
            "name": about.name,
            "uid": about.uid,
            **({"namespace": namespace} if about.namespace else {}),
        },
        "type": "Warning" if warning else "Normal",
        "reason": reason,
        "message": message[:MOST_MESSAGE],
        "count": 1,
        "firstTimestamp": timestamp(now),
        "lastTimestamp": timestamp(now),
        "source": {"component": component, "host": node},
        "reportingComponent": component,
        "reportingInstance": node,
    }
    return f"/api/v1/namespaces/{namespace}/events", body
