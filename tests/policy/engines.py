"""An engine over doubles, and a small cluster, for tests of what it does when."""

from collections.abc import Sequence

import trio
from msgspec.structs import replace

from sim.policy.host import FakeHost
from vcnd.model.admission import Admission
from vcnd.model.policy import (
    Attached,
    Cluster,
    Known,
    Pods,
    Policy,
    PolicyPod,
    PolicyRef,
    Tier,
)
from vcnd.policy.engine import Engine
from vcnd.signals import Latch

POD = PolicyPod(namespace="default", name="a", labels={}, addresses=("10.0.0.9",))
CLUSTER = Cluster(namespaces={"default": {}}, pods=(POD,))
ISOLATING = Policy(
    ref=PolicyRef(Tier.NAMESPACE, "default", "deny-all"),
    subject=Pods(namespace="default"),
    ingress=(),
)
HERE = Attached(link="oci1", addresses=("10.0.0.9",), namespace="default", name="a")


class FakeSource:
    """A cluster that tests change."""

    def __init__(self, known: Cluster | None) -> None:
        self.known, self.asked = known, list[Known]()
        self.names: dict[str, tuple[str, str]] = {}
        """Namespace and name of pods, by uid."""
        self.changes = Latch()

    def named(self, here: Sequence[Attached]) -> list[Attached]:
        return [
            replace(a, namespace=self.names[a.uid][0], name=self.names[a.uid][1])
            if a.uid in self.names
            else a
            for a in here
        ]

    def cluster(self, here: Known) -> Cluster | None:
        self.asked.append(here)
        return self.known

    async def until_changed(self) -> None:
        await self.changes.wait()

    def change(self, known: Cluster) -> None:
        self.known = known
        self.changes.set()


async def running(
    nursery: trio.Nursery, known: Cluster | None = CLUSTER
) -> tuple[FakeSource, FakeHost]:
    _, source, host = await asked(nursery, known)
    return source, host


async def asked(
    nursery: trio.Nursery, known: Cluster | None = CLUSTER
) -> tuple[Engine, FakeSource, FakeHost]:
    source, host = FakeSource(known), FakeHost(HERE)
    engine = Engine(source, host)
    nursery.start_soon(engine.run)
    await trio.sleep(1)
    return engine, source, host


def question(number: int) -> Admission:
    return Admission(
        link=f"oci{number}",
        addresses=(f"10.0.1.{number}",),
        namespace="default",
        name=f"pod{number}",
    )


def plug(host: FakeHost, *numbers: int) -> None:
    """Plug pods; nobody hears of their links."""
    for number in numbers:
        asking = question(number)
        host.links.append(
            Attached(
                link=asking.link,
                addresses=asking.addresses,
                namespace=asking.namespace,
                name=asking.name,
            )
        )


def with_pods(*numbers: int) -> Cluster:
    pods = [replace(POD, name=f"pod{n}", addresses=(f"10.0.1.{n}",)) for n in numbers]
    return replace(CLUSTER, pods=(POD, *pods))
