"""The chance of one schedule: when, where, how long."""

from random import Random

FEW = 5
"""A larger fleet has no more faults of what all its nodes share, cloud and API server,
than one of so many nodes: it would be in trouble all the time."""
NEAR_SECONDS = 2.0
"""How near to a pod's start or end most faults are."""


class Chance:
    """The chance of one schedule."""

    def __init__(self, seed: int, nodes: int, seconds: float) -> None:
        self.random = Random(f"schedule/{seed}")
        self.nodes = nodes
        self.seconds = seconds
        self.busy: list[tuple[float, int]] = []
        """When sandboxes are made and ended, and on which node."""
        self._here = -1
        """The node of the moment that was drawn last."""
        self.quiet = 0.0
        """At the start nothing but pods happens for so long."""

    def moment(self) -> float:
        """Return a time of a fault: mostly while a sandbox is made or ended."""
        at, self._here = self.random.uniform(0, self.seconds), -1
        if self.busy and self.random.random() < 0.6:
            near = self.random.choice((0.1, NEAR_SECONDS))
            at, self._here = self.random.choice(self.busy)
            at += self.random.uniform(-near, near)
        return round(min(max(at, self.quiet), self.seconds), 3)

    def node(self) -> int:
        return self.any_node() if self._here < 0 else self._here

    def any_node(self) -> int:
        return self.random.randrange(self.nodes)

    def pick(self) -> int:
        return self.random.randrange(1000)

    def span(self, least: float, most: float) -> float:
        return round(self.random.uniform(least, most), 3)

    @property
    def sharing(self) -> int:
        """Return how many nodes' faults of what all share there are."""
        return min(self.nodes, FEW)

    def whose(self) -> int:
        """Return a node, or -1: all of them."""
        whose = self.random.choice((-1, self.node()))
        is_large = self.nodes > self.sharing
        if whose < 0 and is_large and self.random.random() > self.sharing / self.nodes:
            return self.any_node()
        return whose
