"""Every operation that a node calls, answered with every kind of garbage.

Each test runs a whole life: the node starts, fills its pool, runs pods, audits,
releases and serves again.  In each part one answer is garbage.  No life may end early.
"""

from collections.abc import Callable
from dataclasses import dataclass

import pytest
import trio

from fakeoci.api.garble import MUTATIONS
from fakeoci.api.service import Fault
from sim.invariants import check_invariants
from sim.world import World, key, settings, until_warm
from tests.flow.test_fault_matrix import add_at_last, small_world
from vcnd.model.family import Family
from vcnd.node import Node

Clock = trio.testing.MockClock
pytestmark = pytest.mark.slow

AUDIT_SECONDS = 150.0


@dataclass(frozen=True)
class Life:
    """The settings of a node that calls an operation."""

    blocks: bool = True
    batch: int = 4
    pods: int = 5
    federated: bool = False
    families: tuple[Family, ...] = (Family.IPV4,)


SINGLY, BULK = Life(blocks=False, batch=2, pods=3), Life(blocks=False)
FEDERATED = Life(federated=True)
OPERATIONS: dict[str, Life] = {
    "AttachVnic": Life(),
    "DetachVnic": Life(),
    "GetVnic": Life(),
    "GetVnicAttachment": Life(),
    "ListVnicAttachments": Life(),
    "ListPrivateIps": Life(),
    "CreatePrivateIp": Life(),
    "DeletePrivateIp": SINGLY,
    "BulkCreatePrivateIps": BULK,
    "BulkDeletePrivateIps": BULK,
    "GetWorkRequest": BULK,
    "IMDS /instance/": Life(),
    "IMDS /vnics/": Life(),
    "IMDS /identity/cert.pem": FEDERATED,
    "IMDS /identity/key.pem": FEDERATED,
    "IMDS /identity/intermediate.pem": FEDERATED,
    "Federate": FEDERATED,
}


async def live(w: World, life: Life, garble: Callable[[], None]) -> None:
    """Run all parts of a life; call ``garble`` before each."""
    config = settings(
        batch=life.batch,
        cooling_seconds=1.0,
        shrink_after_seconds=20.0,
        audit_seconds=60.0,
    )
    garble()
    async with w.node(config, families=life.families) as node:
        with trio.fail_after(1800):
            await until_warm(node, free=life.batch)
        for number in range(life.pods):
            await add_at_last(node, number, seconds=900)
        held = {x.address for x in node.pool.ledger.leases()}
        garble()
        if life.federated:
            w.service.identities.expire_tokens()
        await trio.sleep(200)  # an audit runs; a refused token is renewed
        assert {x.address for x in node.pool.ledger.leases()} == held
        check_invariants(w, node)
        garble()
        for number in range(life.pods):
            await node.attacher.delete(key(number))
        await trio.sleep(300)  # the surplus is released
        check_invariants(w, node)
        await serves_again(w, node)


async def serves_again(w: World, node: Node) -> None:
    w.service.faults.clear()
    await add_at_last(node, 100, seconds=900)
    await trio.sleep(200)
    check_invariants(w, node)
    # The ledger has all objects of the cloud and no others; all problems end.
    known = {a for p in node.pool.ledger.private_ips() for a in p.addresses}
    assert known == w.secondary().keys()
    assert {s.vnic.id for s in node.pool.vnics.pod_slots} == {
        v.id for v in w.pod_vnics()
    }
    with trio.fail_after(1000):  # the problem of an unrepeated refusal expires
        while node.pool.problems:
            await trio.sleep(10)


def check_nothing_broke(capsys: pytest.CaptureFixture[str]) -> None:
    """Check by the log that no task and no change ended by a defect.

    They are restarted automatically, so only the log shows it.
    """
    logged = capsys.readouterr().err
    assert "task_failed" not in logged
    assert "change_failed" not in logged


@pytest.mark.parametrize("how", MUTATIONS)
@pytest.mark.parametrize("operation", OPERATIONS)
async def test_a_life_with_a_bad_answer(
    autojump_clock: Clock,
    capsys: pytest.CaptureFixture[str],
    operation: str,
    how: str,
) -> None:
    life = OPERATIONS[operation]
    w = small_world(life.blocks, federated=life.federated)
    faults: list[Fault] = []

    def garble() -> None:
        w.service.faults.clear()
        faults.append(Fault(operation=operation, kind="garbled", how=how))
        w.service.faults.append(faults[-1])

    await live(w, life, garble)
    assert any(fault.times == 0 for fault in faults), f"{operation} was never called"
    check_nothing_broke(capsys)
