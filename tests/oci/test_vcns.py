"""The VCN's CIDRs on the way from the API to the node's kernel."""

import msgspec
import pytest
import trio

from fakeoci.world.policies import statement
from fakeoci.world.resources import Vcn
from sim.world import World, problems, settings, until_warm, world
from tests.oci.test_policy import STATEMENTS, with_policy
from vcnd.config import NodeSection
from vcnd.model.ids import SubnetId, VnicId
from vcnd.model.vnic import Vnic
from vcnd.node import Node
from vcnd.oci.vcns import Vcns
from vcnd.ociapi import wire
from vcnd.ociapi.permissions import VCNS

MASQUERADES = msgspec.structs.replace(settings(), node=NodeSection(snat="outside-vcn"))
"""It needs them, as destinations of their own MTU do by default."""
Clock = trio.testing.MockClock


def seen(w: World) -> set[tuple[str, ...] | msgspec.UnsetType]:
    return {s.vnic.vcn_cidrs for s in w.host.slots if not s.is_primary}


def of_vcn(node: Node) -> list[str]:
    return [p.reason for p in problems(node) if p.kind == "vcn"]


async def test_the_first_pod_vnic_has_its_vcns_cidrs(autojump_clock: Clock) -> None:
    w = world()
    vcn = w.service.world.named(Vcn, "main")
    async with w.node(MASQUERADES) as node:
        await until_warm(node)
        assert seen(w) == {tuple(sorted(vcn.cidr_blocks))}
        before = w.calls("GetSubnet"), w.calls("GetVcn")
        assert before == (1, 1)
        vcn.cidr_blocks.append("10.9.0.0/16")
        await node.auditor.report(repair=True)
        assert seen(w) == {tuple(sorted(vcn.cidr_blocks))}
        assert w.calls("GetSubnet") == 1  # a subnet never moves


async def test_nobody_reads_a_vcn_that_nothing_needs(autojump_clock: Clock) -> None:
    w = world()
    alike = NodeSection(outside_mtu=0)
    async with w.node(msgspec.structs.replace(settings(), node=alike)) as node:
        await until_warm(node)
        assert seen(w) == {msgspec.UNSET}
        assert w.calls("GetSubnet") == w.calls("GetVcn") == 0


@pytest.mark.slow
async def test_a_refused_read_is_a_problem_and_keeps_the_last_one(
    autojump_clock: Clock,
) -> None:
    left = [s for s in STATEMENTS if VCNS not in s]
    assert len(left) == len(STATEMENTS) - 1
    w = with_policy(left)
    async with w.node(MASQUERADES) as node:
        await until_warm(node)
        await trio.sleep(100)
        (reason,) = of_vcn(node)
        assert f"'{VCNS}'" in reason
        assert "are not known" in reason
        assert seen(w) == {()}
        w.service.world.policies.statements.append(
            statement(next(s for s in STATEMENTS if VCNS in s))
        )
        await trio.sleep(1000)
        assert not of_vcn(node)
        (known,) = seen(w)
        assert known
        w.service.world.policies.statements.pop()
        await trio.sleep(1000)
        (reason,) = of_vcn(node)
        assert "may be out of date" in reason
        assert seen(w) == {known}
    async with w.node(MASQUERADES):  # the journal has them
        await trio.sleep(100)
        assert seen(w) == {known}


def test_a_new_vnic_has_what_the_journal_knows_of_its_subnet() -> None:
    new = Vnic(
        id=VnicId("new"),
        mac="02:00:00:00:00:01",
        address="10.0.0.2",
        subnet_id=SubnetId("s"),
        subnet_cidr="10.0.0.0/24",
        virtual_router="10.0.0.1",
    )
    held = msgspec.structs.replace(new, vcn_cidrs=("10.0.0.0/16",))
    vcns = Vcns(needed=True)
    assert vcns.add_to(new).vcn_cidrs == ()
    vcns.recall([held])
    assert vcns.add_to(new).vcn_cidrs == ("10.0.0.0/16",)


@pytest.mark.parametrize(
    "fields",
    [
        {"cidrBlocks": []},
        {"cidrBlocks": ["10.0.0.1/16"]},
        {"cidrBlocks": ["0.0.0.0/0"]},
        {"cidrBlocks": ["fd00::/64"]},
        {"cidrBlocks": ["10.0.0.0/16"], "ipv6CidrBlocks": ["10.0.0.0/16"]},
    ],
)
def test_networks_that_make_no_sense_are_refused(fields: object) -> None:
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert({"id": "ocid1.vcn.x", **fields}, wire.Vcn)  # type: ignore[dict-item]
