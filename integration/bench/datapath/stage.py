"""All nodes of a run, side by side on one underlay."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from fakeoci.fabric import netns
from integration.bench.datapath import flannel, kube_proxy, ours, underlay
from integration.bench.datapath.underlay import Place
from integration.build.cache import Cache
from integration.build.command import BuildError
from integration.lab.children import Coprocess

OURS, OFF, FLANNEL = "vcnd", "vcnd, lane off", "Flannel VXLAN"
HOST = "host to host"
"""Our nodes' own primary addresses: the path that pods are compared with."""
BARE = "host to host, no plugin"
"""The same between nodes that have kube-proxy and nothing of ours."""
CROSS, SAME = "two nodes", "one node"


def with_pods(pods: int) -> str:
    """Return the side of our nodes with a number of pods."""
    return f"{OURS}, {pods} pods"


@dataclass(frozen=True, slots=True)
class Ends:
    """Where a side's two ends are."""

    client: Path
    server: Path
    address: str


def _ends(client: str, server: str, address: str) -> Ends:
    return Ends(netns.DIRECTORY / client, netns.DIRECTORY / server, address)


@dataclass(kw_only=True)
class Stage:
    """What is there to measure; its nodes end with ``stack``."""

    stack: ExitStack
    directory: Path
    cache: Cache
    paths: dict[str, dict[str, Ends]] = field(
        default_factory=lambda: {CROSS: {}, SAME: {}}
    )
    """Between two nodes and on one → side → its ends."""
    with_lane: list[Coprocess] = field(default_factory=list)
    """Our nodes with the lane on."""
    missing: dict[str, str] = field(default_factory=dict)
    """What is not there → why."""
    places: list[Place] = field(default_factory=list)

    def _pair(self) -> tuple[Place, Place]:
        first = len(self.places) + 1
        pair = Place(first), Place(first + 1)
        self.places += pair
        return pair

    def _between_pods(self, side: str, here: Place, there: Place, address: str) -> None:
        self.paths[CROSS][side] = _ends(here.pod_netns(0), there.pod_netns(0), address)

    def between_nodes(self, side: str, here: Place, there: Place) -> None:
        """Add the path between the primary addresses of two nodes."""
        self.paths[CROSS][side] = _ends(here.netns, there.netns, str(there.primary.ip))

    def _on_one_node(self, side: str, place: Place, address: str) -> None:
        self.paths[SAME][side] = _ends(place.pod_netns(0), place.pod_netns(1), address)

    def add_ours(self, side: str, pods: int, *, express: bool) -> tuple[Place, Place]:
        """Add two of our nodes with a number of pods each; return where they are."""
        here, there = self._pair()
        for place in (here, there):
            node = self.stack.enter_context(
                ours.running(place, pods=pods, express=express)
            )
            if express:
                self.with_lane.append(node)
        self._between_pods(side, here, there, there.pod(0))
        if pods > 1:
            self._on_one_node(side, here, here.pod(1))
        return here, there

    def add_flannel(self) -> None:
        """Add two nodes with Flannel."""
        try:
            programs = flannel.programs(self.cache)
        except BuildError as error:
            self.missing[FLANNEL] = str(error)
            return
        here, there = self._pair()
        pods = self.stack.enter_context(
            flannel.running(programs, self.directory, {here: 2, there: 1})
        )
        self._between_pods(FLANNEL, here, there, pods[there][0])
        self._on_one_node(FLANNEL, here, pods[here][1])

    def add_bare(self) -> None:
        """Add two nodes that have no plugin."""
        here, there = self._pair()
        for place in (here, there):
            underlay.add_node(place)
        self.between_nodes(BARE, here, there)

    def load_kube_proxy(self) -> None:
        """Load kube-proxy's rules on all nodes."""
        try:
            rules = kube_proxy.rules(self.cache)
            kube_proxy.load((place.netns for place in self.places), rules)
        except (BuildError, kube_proxy.RulesError) as error:
            self.missing["kube-proxy's rules"] = str(error)


@contextmanager
def running(
    directory: Path, cache: Cache, pods: Sequence[int], progress: Callable[[str], None]
) -> Iterator[Stage]:
    """Run all nodes.

    Args:
        directory: takes logs and state.
        cache: has the programs.
        pods: numbers of pods a node, each a side of its own beside 1.
        progress: is told what is made.
    """
    with ExitStack() as stack:
        stage = Stage(stack=stack, directory=directory, cache=cache)
        underlay.add_router()
        progress(f"nodes: {OURS}")
        ours_with_one_pod = stage.add_ours(OURS, 1, express=True)
        for count in pods:
            progress(f"nodes: {with_pods(count)}")
            stage.add_ours(with_pods(count), count, express=True)
        progress(f"nodes: {OFF}; {FLANNEL}; {BARE}")
        stage.add_ours(OFF, 2, express=False)
        stage.add_flannel()
        stage.between_nodes(HOST, *ours_with_one_pod)
        stage.add_bare()
        progress("kube-proxy's rules")
        stage.load_kube_proxy()
        yield stage
