"""Limits that are learnt from refusals."""

from vcnd.core.limits import (
    BLOCK_SECONDS,
    LIMIT_SECONDS,
    SUBNET_SECONDS,
    LearntLimits,
)
from vcnd.model.family import Family
from vcnd.model.ids import VnicId

ONE, TWO = VnicId("vnic1"), VnicId("vnic2")


def limits() -> LearntLimits:
    return LearntLimits(per_vnic=64, blocks=True)


def test_a_refusal_alone_teaches_no_limit() -> None:
    learnt = limits()
    learnt.vnic_refused(ONE, "subnet", 32, 0.0)
    assert learnt.limit(ONE, 1.0) == 64
    assert learnt.new_vnic_limit(1.0) == 64


def test_address_on_another_vnic_of_the_subnet_proves_the_limit() -> None:
    learnt = limits()
    learnt.vnic_refused(ONE, "subnet", 32, 0.0)
    learnt.vnic_accepted(TWO, "elsewhere", 1.0)
    assert learnt.limit(ONE, 1.0) == 64
    learnt.vnic_accepted(TWO, "subnet", 1.0)
    assert learnt.limit(ONE, 1.0) == 32
    assert learnt.limit(TWO, 1.0) == 64
    assert learnt.new_vnic_limit(1.0) == 32
    assert learnt.limit(ONE, 1.0 + LIMIT_SECONDS) == 64  # the learnt limit has expired
    learnt.vnic_accepted(ONE, "subnet", 2.0)  # an accepted address disproves it
    assert learnt.limit(ONE, 2.0) == 64


def test_empty_vnic_refused_means_subnet_full() -> None:
    learnt = limits()
    learnt.vnic_refused(ONE, "a", 0, 0.0)
    assert learnt.preferred(["a", "b"], 1.0) == "b"
    assert not learnt.all_full(["a", "b"], 1.0)
    learnt.subnet_full("b", 1.0)
    assert learnt.all_full(["a", "b"], 2.0)
    assert learnt.preferred(["a", "b"], 2.0) == "a"
    assert learnt.preferred(["a", "b"], SUBNET_SECONDS + 0.5) == "a"
    assert not learnt.all_full(["a", "b"], SUBNET_SECONDS + 0.5)


def test_refused_blocks_are_halved_until_none_is_worth_it() -> None:
    learnt = limits()
    sizes = []
    while blocks := learnt.blocks(0.0):
        sizes.append(blocks[-1])
        learnt.block_refused(blocks[-1], 0.0)
    assert sizes == [256, 128, 64, 32, 16, 8, 4]
    assert learnt.blocks(BLOCK_SECONDS)[-1] == 256


def test_a_refused_single_acquits_the_blocks() -> None:
    learnt = limits()
    learnt.block_refused(8, 0.0)
    learnt.vnic_refused(ONE, "subnet", 32, 1.0)
    assert learnt.blocks(1.0)[-1] == 256


def test_api_without_blocks_is_asked_for_singles() -> None:
    learnt = limits()
    learnt.no_blocks(0.0)
    assert learnt.blocks(BLOCK_SECONDS) == ()
    learnt.vnic_refused(ONE, "subnet", 32, BLOCK_SECONDS)  # proves nothing on blocks
    assert learnt.blocks(BLOCK_SECONDS) == ()
    assert LearntLimits(per_vnic=64, blocks=False).blocks(0.0) == ()


def test_blocks_of_ipv6_come_in_two_sizes() -> None:
    learnt = LearntLimits(per_vnic=32, blocks=True, family=Family.IPV6)
    assert learnt.blocks(0.0) == (16, 256)
    learnt.block_refused(256, 0.0)
    assert learnt.blocks(0.0) == (16,)
    learnt.block_refused(16, 0.0)
    assert learnt.blocks(0.0) == ()
