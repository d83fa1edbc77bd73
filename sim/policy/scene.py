"""What the oracle sees of a cluster: pods that are plugged, and nodes' kernels."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Protocol

from sim.kubernetes.server import ApiServer
from sim.policy.kernel import PolicyKernel
from vcnd.model.policy import Attached, Packet


class Seat(Protocol):
    """A node, as packets see it."""

    @property
    def name(self) -> str:
        """Return its name."""

    @property
    def kernel(self) -> PolicyKernel:
        """Return its kernel."""


class Plugged(Protocol):
    """A pod that is plugged."""

    @property
    def link(self) -> Attached:
        """Return its link."""

    @property
    def node(self) -> Seat:
        """Return its node."""

    @property
    def plugged_at(self) -> float:
        """Return since when it is."""


class Scene(Protocol):
    """A cluster."""

    @property
    def server(self) -> ApiServer:
        """Return its API server."""

    def links(self) -> Mapping[str, Sequence[Attached]]:
        """Return the pods' links by node."""

    def by_address(self) -> Mapping[str, Plugged]:
        """Return the pods that can send and take packets, by their addresses."""

    def live(self) -> Iterable[Packet]:
        """Return first packets of live connections."""
