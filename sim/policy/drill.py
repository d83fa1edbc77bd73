"""Random days of a cluster with network policies, by seed."""

from collections.abc import Iterator
from random import Random

import msgspec
import trio
from trio.testing import MockClock

from sim.fleet.seeded import seeded
from sim.kubernetes.faults import Faults
from sim.kubernetes.resources import Body
from sim.kubernetes.server import ApiServer
from sim.kubernetes.watching import Cut
from sim.policy.oracle import News, Oracle
from sim.policy.stage import Running, Stage
from vcnd.model.policy import Packet, Protocol

NAMESPACES, APPS = ("red", "blue"), ("a", "b", "c")
FIRST_PODS, MOST_PODS = 8, 12
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


def peers(random: Random) -> list[Body]:
    """Return peers of a rule."""
    selector = {"matchLabels": {"app": random.choice(APPS)}}
    if random.random() < 0.5:
        return [{"podSelector": selector}]
    namespaces = {"matchLabels": {"team": random.choice(NAMESPACES)}}
    return [{"podSelector": selector, "namespaceSelector": namespaces}]


def network_policy(random: Random) -> Body:
    """Return a policy; there are few names, so that one often replaces another."""
    rules: Body = {}
    for direction, end in (("ingress", "from"), ("egress", "to")):
        if random.random() < 0.6:
            ports = random.choice(([], [{"port": 80}], [{"port": "web"}]))
            more = {"ports": ports} if ports else {}
            many = random.choice((0, 1, 1, 2))
            rules[direction] = [{end: peers(random), **more} for _ in range(many)]
    subject = random.choice(({}, {"matchLabels": {"app": random.choice(APPS)}}))
    return {
        "kind": "NetworkPolicy",
        "apiVersion": "networking.k8s.io/v1",
        "metadata": {
            "name": f"policy{random.randrange(3)}",
            "namespace": random.choice(NAMESPACES),
        },
        "spec": {
            "podSelector": subject,
            "policyTypes": [d.capitalize() for d in rules] or ["Ingress"],
            **rules,
        },
    }


class Drill:
    """One cluster's day."""

    def __init__(self, stage: Stage, seed: int) -> None:
        self._stage, self._random = stage, Random(seed)
        self._news = News()
        self._oracle = Oracle(stage, self._news)
        self._policies: dict[tuple[str, str], Body] = {}
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
            *[self._start] * 4,
            *[self._stop] * 2,
            *[self._put_policy] * 3,
            *[self._edit_policy] * 5,
            *[self._delete_policy] * 2,
            *[self._label] * 3,
            self._label_namespace,
            self._restart,
            self._cut,
            self._hinder,
            *[self._heal] * 4,
        )
        self._random.choice(choices)()

    def _pod(self) -> Running | None:
        pods = list(self._stage.pods.values())
        return self._random.choice(pods) if pods else None

    def _start(self) -> None:
        random, stage = self._random, self._stage
        if len(stage.pods) < MOST_PODS:
            labels = {"app": random.choice(APPS)}
            node = random.choice(list(stage.nodes))
            stage.start_pod(random.choice(NAMESPACES), labels, node=node)
            self._news.change(of_policies=False)

    def _stop(self) -> None:
        if (pod := self._pod()) is not None:
            self._stage.stop_pod(pod)
            self._news.change(of_policies=False)

    def _put_policy(self) -> None:
        body = network_policy(self._random)
        meta = body["metadata"]
        self._policies[meta["namespace"], meta["name"]] = body
        self._stage.plane.put_policy(body)
        self._news.change(of_policies=True)

    def _edit_policy(self) -> None:
        """Let a policy allow something else to the same pods."""
        if self._policies:
            key = self._random.choice(list(self._policies))
            old, new = self._policies[key], network_policy(self._random)
            spec = {**new["spec"], "podSelector": old["spec"]["podSelector"]}
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

    def _restart(self) -> None:
        node = self._random.choice(list(self._stage.nodes.values()))
        node.restart_process()
        self._news.fault()

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
        faults = server.faults
        if faults == Faults():
            return
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
