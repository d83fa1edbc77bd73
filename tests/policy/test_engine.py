"""When rules come into force, and what happens when they cannot."""

import trio
from msgspec.structs import replace
from trio.testing import MockClock

from sim.policy.host import FakeHost
from tests.policy.engines import (
    CLUSTER,
    HERE,
    ISOLATING,
    POD,
    FakeSource,
    plug,
    question,
    running,
)
from vcnd.core.policy.rule_set import AJAR, HOLD, OPEN, RuleSet
from vcnd.log import log
from vcnd.model.policy import (
    Direction,
)
from vcnd.policy.engine import AGAIN_SECONDS, Engine


async def test_nothing_changes_before_the_cluster_is_known(
    autojump_clock: MockClock, nursery: trio.Nursery
) -> None:
    source, host = await running(nursery, known=None)
    assert host.put_at == []
    source.change(CLUSTER)
    await trio.sleep(1)
    assert host.rules.egress == {"oci1": OPEN}


async def test_a_pod_whose_link_tells_its_uid_alone_is_known(
    autojump_clock: MockClock, nursery: trio.Nursery
) -> None:
    source, host = await running(nursery)
    source.names["long"] = POD.namespace, POD.name
    host.links = [replace(HERE, namespace="", name="", uid="long")]
    host.links_changed.set()
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


async def test_a_link_of_others_that_comes_later_is_left_open(
    autojump_clock: MockClock, nursery: trio.Nursery
) -> None:
    """No rule names it, but the table does."""
    _, host = await running(nursery)
    host.put_at.clear()
    host.outdated = True
    host.links_changed.set()
    await trio.sleep(1)
    assert len(host.put_at) == 1


async def test_a_new_link_is_held_until_its_pod_is_known(
    autojump_clock: MockClock, nursery: trio.Nursery
) -> None:
    source, host = await running(nursery, replace(CLUSTER, pods=()))
    assert host.rules.egress == {"oci1": HOLD}
    assert source.asked[-1] == {("default", "a"): ("10.0.0.9",)}
    source.change(CLUSTER)
    await trio.sleep(1)
    assert host.rules.egress == {"oci1": OPEN}


async def test_the_source_is_told_the_addresses_of_all_links_of_a_name(
    autojump_clock: MockClock, nursery: trio.Nursery
) -> None:
    source, host = await running(nursery)
    host.links.append(replace(HERE, link="oci0", addresses=()))
    host.links.append(replace(HERE, link="oci2", addresses=("10.0.0.8",)))
    host.links_changed.set()
    await trio.sleep(1)
    assert source.asked[-1] == {("default", "a"): ("10.0.0.9", "10.0.0.8")}


async def test_unknown_pods_are_open_where_policies_are_not_strict(
    autojump_clock: MockClock, nursery: trio.Nursery
) -> None:
    known = replace(CLUSTER, pods=())
    source, host = FakeSource(known), FakeHost(HERE)
    engine = Engine(source, host, strict=False)
    nursery.start_soon(engine.run)
    await trio.sleep(1)
    assert (host.rules.egress, host.rules.unknown) == ({"oci1": AJAR}, AJAR)
    asking = replace(question(1), addresses=HERE.addresses)
    with trio.move_on_after(1) as scope:
        await engine.admit(asking)
    assert scope.cancelled_caught  # ADD waits for its policies all the same
    source.change(CLUSTER)
    await engine.admit(asking)
    assert host.rules.egress == {"oci1": OPEN}


async def first_start(nursery: trio.Nursery, host: FakeHost, *, strict: bool) -> None:
    """Start without an API server."""
    host.has_table = False
    nursery.start_soon(Engine(FakeSource(None), host, strict=strict).run)
    await trio.sleep(1)


async def test_the_first_start_closes_pods_that_come(
    autojump_clock: MockClock, nursery: trio.Nursery
) -> None:
    host = FakeHost(HERE)
    await first_start(nursery, host, strict=True)
    assert host.rules == RuleSet(egress={"oci1": OPEN}, ingress={"10.0.0.9": OPEN})
    plug(host, 2)
    host.links_changed.set()
    await trio.sleep(1)
    assert host.rules.egress == {"oci1": OPEN}


async def test_the_first_start_closes_nothing_where_unknown_pods_are_open(
    autojump_clock: MockClock, nursery: trio.Nursery
) -> None:
    host = FakeHost(HERE)
    await first_start(nursery, host, strict=False)
    assert host.put_at == []


async def test_the_first_rules_are_tried_again_after_a_refusal(
    autojump_clock: MockClock, nursery: trio.Nursery
) -> None:
    host = FakeHost(HERE)
    host.refuses = True
    await first_start(nursery, host, strict=True)
    host.refuses = False
    await trio.sleep(AGAIN_SECONDS)
    assert host.rules.egress == {"oci1": OPEN}


async def test_rules_of_an_earlier_life_stay_until_the_cluster_is_known(
    autojump_clock: MockClock, nursery: trio.Nursery
) -> None:
    _, host = await running(nursery, known=None)
    plug(host, 2)
    host.links_changed.set()
    await trio.sleep(1)
    assert host.put_at == []


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


async def test_rules_that_a_failure_left_in_force_are_replaced(
    autojump_clock: MockClock, nursery: trio.Nursery
) -> None:
    """What was wanted before them is wanted again, and nothing else has changed."""
    source, host = await running(nursery, replace(CLUSTER, policies=(ISOLATING,)))
    isolated = host.rules
    host.fails_late = True
    source.change(CLUSTER)
    await trio.sleep(1)
    assert host.rules.ingress == {"10.0.0.9": OPEN}
    host.fails_late = False
    source.change(replace(CLUSTER, policies=(ISOLATING,)))
    await trio.sleep(1)
    assert host.rules == isolated


async def test_numbers_that_a_failure_left_in_force_are_not_given_again(
    autojump_clock: MockClock, nursery: trio.Nursery
) -> None:
    """Connections carry them that other rules have accepted."""
    source, host = await running(nursery, CLUSTER)
    host.fails_late = True
    source.change(replace(CLUSTER, policies=(ISOLATING,)))
    await trio.sleep(1)
    left = frozenset(host.numbers.values())
    assert left
    host.of_earlier_life = {Direction.INGRESS: left}
    host.fails_late = False
    other = replace(ISOLATING, ref=replace(ISOLATING.ref, name="other"))
    source.change(replace(CLUSTER, policies=(other,)))
    await trio.sleep(1)
    assert left.isdisjoint(host.numbers.values())


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
