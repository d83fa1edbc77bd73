"""A cloud that notes the calls of its methods, and their urgency."""

from collections.abc import Callable
from typing import Any, cast

from vcnd.model.urgency import Urgency
from vcnd.ports import Cloud

Heard = set[tuple[str, Urgency | None]]
"""Methods, and the urgency of their calls; None if the caller gave none."""


class NotedCloud:
    """Notes each call and passes it on to a cloud."""

    def __init__(
        self, cloud: Cloud, heard: Heard, urgency: Urgency | None = None
    ) -> None:
        self._cloud = cloud
        self._heard = heard
        self._urgency = urgency

    def at(self, urgency: Urgency) -> Cloud:
        return cast(Cloud, NotedCloud(self._cloud.at(urgency), self._heard, urgency))

    def __getattr__(self, method: str) -> Any:
        self._heard.add((method, self._urgency))
        return getattr(self._cloud, method)


def noting(heard: Heard) -> Callable[[Cloud], Cloud]:
    """Return a function that wraps a cloud in such a cloud."""
    return lambda cloud: cast(Cloud, NotedCloud(cloud, heard))
