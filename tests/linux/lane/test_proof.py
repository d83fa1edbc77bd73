"""The rule that marks packets for the express lane."""

from vcnd.linux.lane.proof import proof_rule
from vcnd.linux.layout import Layout
from vcnd.linux.ruleset import render
from vcnd.linux.vnic_link import VnicLink

VNICS = [VnicLink(index=1, ifname="ens3"), VnicLink(index=2, ifname="ens5")]


def test_the_rule_is_there_only_with_the_lane() -> None:
    rule = proof_rule(Layout())
    with_lane = render(Layout(), VNICS, [], marker="m", express=True)
    forward = with_lane[with_lane.index("chain forward") :].split("}")[0]
    assert rule in forward
    assert rule not in render(Layout(), VNICS, [], marker="m")


def test_the_mark_keeps_the_bits_of_others() -> None:
    rule = proof_rule(Layout(mark_mask=0xFF000))
    assert rule.endswith("meta mark set meta mark | 0xff000")
