"""The statements of docs/oci-policy.md: all are needed, and they are enough."""

import re
from pathlib import Path

import pytest
import trio

from fakeoci.world.policies import PolicyError, conditions, statement
from sim.invariants import check_invariants
from sim.world import World, add, key, settings, until_warm, world
from vcnd.config import AllowSection
from vcnd.core.requests import FIXED_ADDRESS, IP_FAMILIES
from vcnd.flow.reasons import why_empty
from vcnd.model.errors import PoolEmptyError
from vcnd.model.family import Family
from vcnd.model.sandbox import PodRef
from vcnd.ociapi.permissions import INSTANCES, IPV6S, NSGS, PRIVATE_IPS, SUBNETS, VNICS

Clock = trio.testing.MockClock
PAGE = (Path(__file__).parents[2] / "docs" / "oci-policy.md").read_text()
STATEMENTS = re.findall(r"(?m)^Allow dynamic-group .*$", PAGE)


def with_policy(statements: list[str], bundled: str = "default") -> World:
    changes = {"ocpus = 4.0": "ocpus = 4.0\nprivate_ips_per_vnic = 1"}
    w = world(changes, bundled=bundled, federated=True)
    policies = w.service.world.policies
    policies.statements = [statement(text) for text in statements]
    compartment = w.service.world.compartment_id
    rule = f"ALL {{instance.compartment.id = '{compartment}'}}"
    policies.groups["vcnd-nodes"] = conditions(rule)
    return w


@pytest.mark.slow
@pytest.mark.parametrize("blocks", [True, False])
async def test_the_pages_statements_are_enough(
    autojump_clock: Clock, blocks: bool
) -> None:
    w = with_policy(STATEMENTS)
    w.blocks = blocks
    allow = [AllowSection(namespace="shop", fixed_addresses=True)]
    config = settings(allow=allow, cooling_seconds=1.0, shrink_after_seconds=30.0)
    async with w.node(config) as node:
        await until_warm(node, free=1)
        if blocks:
            for number in range(8):
                await add(node, number)
            for number in range(8):
                await node.attacher.delete(key(number))
            await trio.sleep(300)
        ref = PodRef(namespace="shop", name="web")
        await node.attacher.add(key(20), ref, 120, {FIXED_ADDRESS: "true"})
        await node.attacher.delete(key(20))
        await trio.sleep(30)
        check_invariants(w, node)
        await node.release.run()
    assert not [r for r in w.service.records if r.code == "NotAuthorizedOrNotFound"]
    assert w.pod_vnics() == []


@pytest.mark.slow
@pytest.mark.parametrize(
    ("named", "beside"),
    [
        (INSTANCES, set()),
        (VNICS, set()),
        (PRIVATE_IPS, set()),
        (SUBNETS, {NSGS}),
        (NSGS, {SUBNETS}),
    ],
)
async def test_a_missing_statement_is_named(
    autojump_clock: Clock, named: str, beside: set[str]
) -> None:
    """The reason names no other statement except those that may be missing too."""
    left = [text for text in STATEMENTS if named not in text]
    assert len(left) == len(STATEMENTS) - 1
    w = with_policy(left)
    async with w.node(settings()) as node:
        await trio.sleep(200)
        reason = why_empty(node.pool)
        assert "404 NotAuthorizedOrNotFound" in reason
        assert f"'{named}'" in reason
        every = {INSTANCES, VNICS, PRIVATE_IPS, SUBNETS, NSGS}
        assert {n for n in every if f"'{n}'" in reason} == {named} | beside
        w.service.world.policies.statements.append(
            statement(next(t for t in STATEMENTS if named in t))
        )
        await until_warm(node, free=4)  # mended, with no restart
        check_invariants(w, node)


BOTH = (Family.IPV4, Family.IPV6)


@pytest.mark.slow
async def test_the_statements_are_enough_for_both_families(
    autojump_clock: Clock,
) -> None:
    w = with_policy(STATEMENTS, "dual-stack")
    async with w.node(settings(cooling_seconds=1.0), families=BOTH) as node:
        assert len((await add(node, 1)).addresses) == 2
        await trio.sleep(1000)
        await node.attacher.delete(key(1))
        await node.release.run()
    assert not [r for r in w.service.records if r.code == "NotAuthorizedOrNotFound"]


@pytest.mark.slow
async def test_without_the_statement_for_ipv6_there_is_ipv4(
    autojump_clock: Clock,
) -> None:
    left = [text for text in STATEMENTS if IPV6S not in text]
    assert len(left) == len(STATEMENTS) - 1
    w = with_policy(left, "dual-stack")
    async with w.node(settings(), families=BOTH) as node:
        with pytest.raises(PoolEmptyError) as refusal:
            await add(node, 1)
        assert f"the policy lacks '{IPV6S}'" in str(refusal.value)
        annotations = {IP_FAMILIES: "IPv4"}
        await node.attacher.add(
            key(2), PodRef(namespace="a", name="b"), 102, annotations
        )
        await trio.sleep(2000)
        said_of = {str(p.place): p.reason for p in node.pool.problems}
        assert f"'{IPV6S}'" in said_of["IPv6 audit"]
        w.service.world.policies.statements += map(statement, STATEMENTS)
        await trio.sleep(1000)
        assert len((await add(node, 3)).addresses) == 2  # mended, with no restart
        assert not node.pool.problems


@pytest.mark.slow
async def test_another_groups_policy_is_not_ours(autojump_clock: Clock) -> None:
    w = with_policy([s.replace("vcnd-nodes", "others") for s in STATEMENTS])
    async with w.node(settings()) as node:
        await trio.sleep(100)
        assert INSTANCES in why_empty(node.pool)


@pytest.mark.parametrize(
    "text",
    [
        "Allow group Admins to manage all-resources in tenancy",
        "Allow dynamic-group g to own vnics in compartment network",
        "Allow dynamic-group g to use vnicks in compartment network",
        "Allow dynamic-group g to {VNIC_EAT} in tenancy",
        "Allow dynamic-group g to use vnics in compartment network where a is b",
    ],
)
def test_statements_that_make_no_sense_are_refused(text: str) -> None:
    with pytest.raises(PolicyError):
        statement(text)


def test_conditions() -> None:
    both = conditions("all {a = '1', b != '2'}")
    assert both.hold({"a": "1", "b": "3"})
    assert not both.hold({"a": "1", "b": "2"})
    assert not both.hold({})
    assert conditions("ANY {a = '1', b = '2'}").hold({"b": "2"})
    assert conditions("a = '1'").hold({"a": "1"})
