"""What other programs do to the tables of policies is undone at once."""

import os
from collections.abc import AsyncIterator, Callable, Iterator

import pytest
import trio

from fakeoci.fabric import netns
from vcnd.core.policy.rule_set import OPEN, Chain, Line, Match, RuleSet
from vcnd.linux.layout import POLICY_TABLES
from vcnd.linux.nft_table import Table
from vcnd.linux.policy import guard as policy_guard
from vcnd.linux.policy import table as policy_table
from vcnd.linux.policy.kernel_tables import PolicyTables
from vcnd.linux.policy.marks import Marks
from vcnd.log import log
from vcnd.model.policy import Action, Direction

SPACE = "restored"

MARKS = Marks()
TABLE, GUARD = TABLES = POLICY_TABLES
GUARDING = policy_guard.render(marks=MARKS, link_prefix="oci")
SECONDS = 30.0
"""Restored within this, on any machine; it takes some 30 ms."""


def table(links: int = 3) -> Table:
    made = Chain(
        direction=Direction.INGRESS,
        lines=(Line(Match(), Action.ACCEPT),),
        otherwise=Action.DENY,
    )
    rules = RuleSet(
        egress={f"oci{n}": OPEN for n in range(links)},
        ingress={f"10.0.{n >> 8}.{n & 0xFF}": "in_1" for n in range(links)},
        chains={"in_1": made},
    )
    writer = policy_table.Writer(marks=MARKS, link_prefix="oci")
    return writer.table(rules, {"in_1": 1})


@pytest.fixture
def space() -> Iterator[None]:
    netns.attach(SPACE, os.getpid())
    yield
    netns.nft(SPACE, "flush ruleset\n")
    netns.remove(SPACE)


@pytest.fixture
async def tables(space: None) -> AsyncIterator[PolicyTables]:
    made = PolicyTables()
    async with trio.open_nursery() as keeping:
        assert not await made.adopt()
        await made.put(table(), GUARDING)
        keeping.start_soon(made.keep)
        yield made
        keeping.cancel_scope.cancel()
    made.close()


def rules() -> str:
    """Return both tables as nft lists them, their objects in an order."""
    bodies = (x.partition("{\n")[2].rpartition("}")[0] for x in map(listed, TABLES))
    return str([sorted(map(str.strip, x.split("\n\n"))) for x in bodies])


def listed(table: str) -> str:
    try:
        return netns.nft_output(SPACE, f"--stateless list table inet {table}")
    except netns.FabricError:
        return ""  # it is not there


async def until(holds: Callable[[], bool]) -> None:
    with trio.fail_after(SECONDS):
        while not await trio.to_thread.run_sync(holds):
            await trio.sleep(0.002)


@pytest.mark.parametrize(
    "foreign",
    [
        f"flush table inet {TABLE}",
        f"delete table inet {TABLE}",
        f"delete table inet {GUARD}",
        "flush ruleset",
        f"delete chain inet {TABLE} ingress_side",
        f"flush chain inet {TABLE} hold_in",
        f"delete element inet {TABLE} egress {{ oci1 }}",
        f"add element inet {TABLE} egress {{ oci9 : accept }}",
        f"insert rule inet {TABLE} hold_in accept",
        f"add table inet {TABLE} {{ flags dormant; }}",
        f"add table inet {GUARD} {{ flags dormant; }}",
    ],
)
async def test_what_another_program_changes_is_restored(
    tables: PolicyTables, foreign: str
) -> None:
    before = rules()
    with log.collected() as events:
        netns.nft(SPACE, f"{foreign}\n")
        assert rules() != before
        await until(lambda: rules() == before)
        await until(lambda: bool(events))
        await trio.sleep(0.3)  # by then another try would have come
    (event,) = events
    assert event["event"] == "policies_restored"


async def test_a_single_rule_that_is_deleted_is_restored(tables: PolicyTables) -> None:
    before = rules()
    listed = netns.nft_output(SPACE, f"-a list chain inet {TABLE} ingress_side")
    line = next(x for x in listed.splitlines() if "vmap @ingress4" in x)
    handle = line.rpartition(" ")[2]
    netns.nft(SPACE, f"delete rule inet {TABLE} ingress_side handle {handle}\n")
    assert rules() != before
    await until(lambda: rules() == before)


async def test_changes_of_our_own_and_of_other_tables_are_no_loss(
    tables: PolicyTables,
) -> None:
    with log.collected() as events:
        for number in range(5):
            netns.nft(SPACE, f"add table ip kube\nadd chain ip kube c{number}\n")
            await tables.put(table(4 + number), GUARDING)
        await tables.put(table(20_000), GUARDING)  # as many events
        await trio.sleep(0.3)
    assert events == []
    assert '"oci19999"' in netns.nft_output(SPACE, f"list map inet {TABLE} egress")


async def test_what_was_lost_before_a_change_is_whole_after_it(space: None) -> None:
    """Nobody keeps the tables meanwhile."""
    tables = PolicyTables()
    await tables.put(table(4), GUARDING)
    whole = rules()
    await tables.put(table(3), GUARDING)
    netns.nft(SPACE, f"flush chain inet {TABLE} hold_in\ndelete table inet {GUARD}\n")
    with log.collected():
        await tables.put(table(4), GUARDING)
    assert rules() == whole
    tables.close()


@pytest.mark.parametrize("foreign", [f"delete table inet {TABLE}", "flush ruleset"])
async def test_the_tables_of_an_earlier_life_are_restored(
    space: None, foreign: str
) -> None:
    """Also before anything is known of the cluster."""
    first = PolicyTables()
    await first.put(table(), GUARDING)
    first.close()
    before = rules()
    second = PolicyTables()
    async with trio.open_nursery() as keeping:
        assert await second.adopt()
        keeping.start_soon(second.keep)
        with log.collected():
            netns.nft(SPACE, f"{foreign}\n")
            await until(lambda: rules() == before)
        keeping.cancel_scope.cancel()
    second.close()


async def test_no_guard_stands_where_a_lost_table_is_to_open(
    tables: PolicyTables,
) -> None:
    await tables.put(table(), "")
    assert GUARD not in rules()


async def test_another_program_that_goes_on_cannot_keep_us_busy(
    tables: PolicyTables,
) -> None:
    ends = trio.current_time() + 1.5
    with log.collected() as events, trio.fail_after(SECONDS):
        while trio.current_time() < ends or not events:
            await trio.to_thread.run_sync(netns.nft, SPACE, f"flush table inet {TABLE}")
    assert len(events) < 40
