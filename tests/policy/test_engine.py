"""When rules come into force, and what happens when they cannot."""

import pytest
import trio
from msgspec.structs import replace
from trio.testing import MockClock

from tests.doubles.policy_host import FakeHost
from vcnd.core.policy.rule_set import HOLD, OPEN
from vcnd.log import log
from vcnd.model.admission import Admission
from vcnd.model.policy import (
    Attached,
    Cluster,
    Direction,
    Known,
    Pods,
    Policy,
    PolicyPod,
    PolicyRef,
    Tier,
)
from vcnd.policy.engine import AGAIN_SECONDS, GATHER_SECONDS, Engine
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
        self.changes = Latch()

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


async def test_nothing_changes_before_the_cluster_is_known(
    autojump_clock: MockClock, nursery: trio.Nursery
) -> None:
    source, host = await running(nursery, known=None)
    assert host.put_at == []
    source.change(CLUSTER)
    await trio.sleep(1)
    assert host.rules.egress == {"oci1": OPEN}


async def test_a_policy_comes_into_force_soon_and_once(
    autojump_clock: MockClock, nursery: trio.Nursery
) -> None:
    source, host = await running(nursery)
    host.put_at.clear()
    for _ in range(3):
        source.change(replace(CLUSTER, policies=(ISOLATING,)))
    began = trio.current_time()
    await trio.sleep(1)
    (at,) = host.put_at
    assert at - began < 0.1
    assert host.rules.ingress["10.0.0.9"] not in (OPEN, HOLD)


async def test_a_change_that_concerns_no_pod_here_is_not_put(
    autojump_clock: MockClock, nursery: trio.Nursery
) -> None:
    source, host = await running(nursery)
    host.put_at.clear()
    elsewhere = replace(POD, name="b", addresses=("10.0.0.10",))
    source.change(replace(CLUSTER, pods=(POD, elsewhere)))
    host.links_changed.set()
    await trio.sleep(1)
    assert host.put_at == []


async def test_a_new_link_is_held_until_its_pod_is_known(
    autojump_clock: MockClock, nursery: trio.Nursery
) -> None:
    source, host = await running(nursery, replace(CLUSTER, pods=()))
    assert host.rules.egress == {"oci1": HOLD}
    assert source.asked[-1] == {("default", "a"): ("10.0.0.9",)}
    source.change(CLUSTER)
    await trio.sleep(1)
    assert host.rules.egress == {"oci1": OPEN}


async def test_lost_rules_are_put_again(
    autojump_clock: MockClock, nursery: trio.Nursery
) -> None:
    _, host = await running(nursery)
    host.put_at.clear()
    with log.collected() as events:
        host.lost.set()
        await trio.sleep(1)
    assert len(host.put_at) == 1
    assert [e["event"] for e in events] == ["policies_restored"]


async def test_what_the_kernel_refuses_is_tried_again(
    autojump_clock: MockClock, nursery: trio.Nursery
) -> None:
    source, host = await running(nursery)
    host.put_at.clear()
    host.refuses = True
    with log.collected() as events:
        source.change(replace(CLUSTER, policies=(ISOLATING,)))
        await trio.sleep(1)
    assert [e["event"] for e in events] == ["policies_refused"]
    host.refuses = False
    await trio.sleep(AGAIN_SECONDS)
    assert len(host.put_at) == 1
    assert host.rules.ingress["10.0.0.9"] not in (OPEN, HOLD)


async def test_numbers_of_an_earlier_life_are_not_given_again(
    autojump_clock: MockClock, nursery: trio.Nursery
) -> None:
    """A connection that an earlier life's rules accepted is judged once more."""
    known = replace(CLUSTER, policies=(ISOLATING,))
    source, host = FakeSource(known), FakeHost(HERE)
    host.of_earlier_life = {Direction.INGRESS: frozenset({1, 2})}
    nursery.start_soon(Engine(source, host).run)
    await trio.sleep(1)
    given = set(host.numbers.values())
    assert given
    assert given.isdisjoint({1, 2})


async def test_a_question_is_answered_without_gathering(
    autojump_clock: MockClock, nursery: trio.Nursery
) -> None:
    engine, _, host = await asked(nursery, with_pods(2))
    plug(host, 2)
    began = trio.current_time()
    await engine.admit(question(2))
    assert trio.current_time() == began
    assert host.rules.egress["oci2"] == OPEN


async def test_a_question_ends_the_gathering_of_others(
    autojump_clock: MockClock, nursery: trio.Nursery
) -> None:
    engine, source, host = await asked(nursery)
    plug(host, 2)
    source.change(with_pods(2))
    await trio.sleep(GATHER_SECONDS / 2)
    began = trio.current_time()
    await engine.admit(question(2))
    assert trio.current_time() == began


async def test_many_questions_share_a_change(
    autojump_clock: MockClock, nursery: trio.Nursery
) -> None:
    numbers = range(2, 102)
    engine, _, host = await asked(nursery, with_pods(*numbers))
    plug(host, *numbers)
    host.put_at.clear()
    host.put_seconds = 0.05
    began = trio.current_time()
    async with trio.open_nursery() as asking:
        for number in numbers:
            asking.start_soon(engine.admit, question(number))
    assert trio.current_time() - began == pytest.approx(0.05)
    assert len(host.put_at) == 1


async def test_questions_during_a_change_share_the_next(
    autojump_clock: MockClock, nursery: trio.Nursery
) -> None:
    engine, _, host = await asked(nursery, with_pods(2, 3, 4))
    host.put_at.clear()
    host.put_seconds = 0.05
    async with trio.open_nursery() as asking:
        for number in (2, 3, 4):
            plug(host, number)
            asking.start_soon(engine.admit, question(number))
            await trio.sleep(0.01)
    assert len(host.put_at) == 2


async def test_a_question_about_an_unknown_pod_waits_for_its_object(
    autojump_clock: MockClock, nursery: trio.Nursery
) -> None:
    engine, source, host = await asked(nursery)
    plug(host, 2)
    answered: list[float] = []

    async def ask() -> None:
        await engine.admit(question(2))
        answered.append(trio.current_time())

    nursery.start_soon(ask)
    await trio.sleep(10)
    assert answered == []
    assert host.rules.egress["oci2"] == HOLD
    source.change(with_pods(2))
    began = trio.current_time()
    await trio.sleep(1)
    (at,) = answered
    assert at - began < 0.1


async def test_a_pod_deleted_while_it_waits_disturbs_nobody(
    autojump_clock: MockClock, nursery: trio.Nursery
) -> None:
    engine, _, host = await asked(nursery, with_pods(3))
    plug(host, 2)
    with trio.move_on_after(0.3):
        await engine.admit(question(2))
    del host.links[-1]
    plug(host, 3)
    await engine.admit(question(3))
    assert host.rules.egress.keys() == {"oci1", "oci3"}


async def test_a_waiting_question_costs_no_further_change(
    autojump_clock: MockClock, nursery: trio.Nursery
) -> None:
    engine, source, _ = await asked(nursery)
    nursery.start_soon(engine.admit, question(2))
    await trio.sleep(1)
    source.asked.clear()
    source.change(replace(CLUSTER, policies=(ISOLATING,)))
    await trio.sleep(1)
    assert len(source.asked) == 1


async def test_a_question_is_answered_once_the_kernel_takes_the_rules(
    autojump_clock: MockClock, nursery: trio.Nursery
) -> None:
    engine, _, host = await asked(nursery, with_pods(2))
    plug(host, 2)
    host.refuses = True
    with trio.move_on_after(1) as scope:
        await engine.admit(question(2))
    assert scope.cancelled_caught
    host.refuses = False
    await engine.admit(question(2))


async def test_a_question_waits_until_the_cluster_is_known(
    autojump_clock: MockClock, nursery: trio.Nursery
) -> None:
    engine, source, host = await asked(nursery, known=None)
    plug(host, 2)
    with trio.move_on_after(1) as scope:
        await engine.admit(question(2))
    assert scope.cancelled_caught
    source.change(with_pods(2))
    await engine.admit(question(2))


async def test_the_report_tells_what_is_in_force(
    autojump_clock: MockClock, nursery: trio.Nursery
) -> None:
    source, host = FakeSource(None), FakeHost(HERE, replace(HERE, link="oci2", name=""))
    engine = Engine(source, host)
    nursery.start_soon(engine.run)
    await trio.sleep(1)
    before = engine.report()
    assert (before.in_force_seconds, before.links, before.changes) == (None, 2, 0)
    source.change(replace(CLUSTER, policies=(ISOLATING,)))
    await trio.sleep(1)
    assert engine.is_in_force
    after = engine.report()
    assert (after.links, after.held, after.chains, after.changes) == (2, 1, 1, 1)
    assert after.in_force_seconds is not None
    assert 0 < after.in_force_seconds <= 1
    host.refuses = True
    source.change(CLUSTER)
    await trio.sleep(1)
    refused = engine.report()
    assert "not permitted" in refused.refused
    assert refused.chains == 1
