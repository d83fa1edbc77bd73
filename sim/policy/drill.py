"""Random days of a cluster with network policies, by seed."""

from collections.abc import Iterator
from random import Random

import msgspec
import trio
from trio.testing import MockClock

from sim.fleet.seeded import seeded
from sim.kubernetes.control_plane import path_of
from sim.kubernetes.faults import Faults
from sim.kubernetes.resources import Body
from sim.kubernetes.server import ApiServer
from sim.kubernetes.watching import Cut
from sim.policy.drawn import APPS, NAMESPACES, cluster_policy, network_policy
from sim.policy.oracle import News, Oracle
from sim.policy.stage import PolicyNode, Running, Stage
from vcnd.model.policy import Packet, Protocol

FIRST_PODS, MOST_PODS = 8, 12
KINDS = ("NetworkPolicy", "NetworkPolicy", "ClusterNetworkPolicy")
PACKETS = 12
"""So many new connections are tried after each event."""
MOST_PAUSE_SECONDS = 20.0
SETTLES = 80.0
"""Now and then there is a pause in which all becomes known."""
LAST_SECONDS = 400.0
"""After the last event: a silent watch is opened again after 150 s."""


class Outcome(msgspec.Struct, frozen=True, kw_only=True):
    """What a drill has seen."""

    events: int
    judged: int
    settled: int


class Drill:
    """One cluster's day."""

    def __init__(self, stage: Stage, seed: int) -> None:
        self._stage, self._random = stage, Random(seed)
        self._news = News()
        self._oracle = Oracle(stage, self._news)
        self._policies: dict[str, Body] = {}
        self._events = 0

    async def run(self, events: int) -> Outcome:
        """Let so many things happen, then let all settle.

        Raises:
            WrongVerdictError: a kernel was wrong.
        """
        stage, random = self._stage, self._random
        for name in NAMESPACES:
            stage.plane.add_namespace(name, labels={"team": name})
        for name in ("one", "two", "three"):
            await stage.add_node(name)
        self._news.change(of_policies=True)
        for _ in range(FIRST_PODS):
            self._start()
        for _ in range(events):
            self._happen()
            self._events += 1
            last = random.choice((random.uniform(0.0, MOST_PAUSE_SECONDS), SETTLES))
            for pause in (0.0, 0.05, last):
                await trio.sleep(pause)
                self._oracle.look(self._packets())
        self._heal()
        await trio.sleep(LAST_SECONDS)
        self._oracle.look(self._packets())
        oracle = self._oracle
        return Outcome(
            events=self._events, judged=oracle.judged, settled=oracle.settled
        )

    def _happen(self) -> None:
        choices = (
            *[self._start] * 6,
            *[self._stop, self._finish] * 2,
            *[self._replace] * 2,
            *[self._put_policy] * 5,
            *[self._edit_policy] * 5,
            *[self._delete_policy] * 2,
            *[self._label] * 3,
            self._label_namespace,
            *[self._restart, self._reboot, self._refuse],
            *[self._cut, self._hinder],
            *[self._heal] * 5,
        )
        self._random.choice(choices)()

    def _pod(self) -> Running | None:
        pods = list(self._stage.pods.values())
        return self._random.choice(pods) if pods else None

    def _start(self) -> None:
        random, stage = self._random, self._stage
        nodes = [name for name, node in stage.nodes.items() if node.ready.is_set()]
        if len(stage.pods) < MOST_PODS and nodes:
            labels = {"app": random.choice(APPS)}
            node = random.choice(nodes)
            stage.start_pod(random.choice(NAMESPACES), labels, node=node)
            self._news.change(of_policies=False)

    def _replace(self) -> None:
        """Let a pod be made again under its name, as a StatefulSet does."""
        pod, stage = self._pod(), self._stage
        if pod is not None and stage.plane.now(pod.body) is not None:
            stage.replace_pod(pod, {"app": self._random.choice(APPS)})
            self._news.change(of_policies=True)

    def _stop(self) -> None:
        if (pod := self._pod()) is not None:
            self._stage.stop_pod(pod)
            self._news.change(of_policies=False)

    def _finish(self) -> None:
        """Let a pod end for good: its link stays for a while."""
        if (pod := self._pod()) is not None:
            self._stage.plane.finished(pod.body)
            self._news.change(of_policies=True)

    def _put_policy(self) -> None:
        body = self._drawn()
        self._policies[path_of(body)] = body
        self._stage.plane.put_policy(body)
        self._news.change(of_policies=True)

    def _drawn(self, like: Body | None = None) -> Body:
        kind = like["kind"] if like else self._random.choice(KINDS)
        draw = network_policy if kind == "NetworkPolicy" else cluster_policy
        return draw(self._random)

    def _edit_policy(self) -> None:
        """Let a policy allow something else to the same pods."""
        if self._policies:
            key = self._random.choice(list(self._policies))
            old = self._policies[key]
            kept = ("podSelector", "subject", "tier", "priority")
            same = {k: v for k, v in old["spec"].items() if k in kept}
            spec = {**self._drawn(like=old)["spec"], **same}
            self._policies[key] = {**old, "spec": spec}
            self._stage.plane.put_policy(self._policies[key])
            self._news.change(of_policies=True)

    def _delete_policy(self) -> None:
        if self._policies:
            key = self._random.choice(list(self._policies))
            self._stage.plane.delete_policy(self._policies.pop(key))
            self._news.change(of_policies=True)

    def _label(self) -> None:
        if (pod := self._pod()) is not None:
            self._stage.plane.label_pod(pod.body, {"app": self._random.choice(APPS)})
            self._news.change(of_policies=True)

    def _label_namespace(self) -> None:
        name, team = self._random.choice(NAMESPACES), self._random.choice(NAMESPACES)
        self._stage.plane.label_namespace(name, {"team": team})
        self._news.change(of_policies=True)

    def _node(self) -> PolicyNode:
        return self._random.choice(list(self._stage.nodes.values()))

    def _restart(self) -> None:
        self._node().restart_process()
        self._news.fault()

    def _reboot(self) -> None:
        self._stage.reboot(self._node())
        self._news.fault()

    def _refuse(self) -> None:
        """Let a kernel refuse rules for a while, or fail when they are in force."""
        kernel = self._node().kernel
        kernel.refuses = self._random.random() < 0.5
        kernel.fails_late = not kernel.refuses
        self._news.fault(lasts=True)

    def _cut(self) -> None:
        how = self._random.choice(list(Cut))
        self._stage.server.cut(how, share=self._random.choice((0.3, 1.0)))
        self._news.fault()

    def _hinder(self) -> None:
        server, random = self._stage.server, self._random
        match random.randrange(5):
            case 0:
                server.stop()
            case 1:
                server.hold()
            case 2:
                server.faults.refused = random.choice((0.2, 0.7))
            case 3:
                server.faults.lost = 0.3
            case _:
                server.set_lag(random.choice((0.5, 5.0)))
        self._news.fault(lasts=True)

    def _heal(self) -> None:
        server = self._stage.server
        faults, kernels = server.faults, [n.kernel for n in self._stage.nodes.values()]
        if faults == Faults() and not any(k.refuses or k.fails_late for k in kernels):
            return
        for kernel in kernels:
            kernel.refuses = kernel.fails_late = False
        if faults.is_away:
            if self._random.random() < 0.5:
                server.compact()
            server.start()
        server.go_on()
        server.set_lag(0.0)
        faults.refused = faults.lost = 0.0
        self._news.recover()

    def _packets(self) -> Iterator[Packet]:
        addresses = [pod.address for pod in self._stage.pods.values()]
        for _ in range(PACKETS if addresses else 0):
            yield Packet(
                source=self._random.choice(addresses),
                destination=self._random.choice(addresses),
                protocol=Protocol.TCP,
                port=self._random.choice((80, 443)),
            )


async def _drill(seed: int, events: int) -> Outcome:
    server = ApiServer(random=Random(seed))
    async with trio.open_nursery() as tasks:
        outcome = await Drill(Stage(server, tasks), seed).run(events)
        tasks.cancel_scope.cancel()
    return outcome


def drill(seed: int, events: int = 40) -> Outcome:
    """Run a cluster's day in virtual time.

    Raises:
        WrongVerdictError: a kernel was wrong.
    """
    with seeded(seed):
        try:
            return trio.run(_drill, seed, events, clock=MockClock(autojump_threshold=0))
        except BaseExceptionGroup as group:
            raise _only(group) from None


def _only(group: BaseExceptionGroup[BaseException]) -> BaseException:
    """Return what is in a group, if that is one."""
    found: BaseException = group
    while isinstance(found, BaseExceptionGroup) and len(found.exceptions) == 1:
        found = found.exceptions[0]
    return found
