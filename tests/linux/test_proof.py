"""The chain that marks packets for the express lane."""

from vcnd.linux.layout import Layout
from vcnd.linux.proof import proof_chain
from vcnd.linux.ruleset import VnicLink, render

VNICS = [VnicLink(index=1, ifname="ens3"), VnicLink(index=2, ifname="ens5")]


def test_the_chain_is_there_only_with_the_lane() -> None:
    chain = "\n".join(proof_chain(Layout()))
    assert chain in render(Layout(), VNICS, [], marker="m", express=True)
    assert "express" not in render(Layout(), VNICS, [], marker="m")


def test_the_mark_keeps_the_bits_of_others() -> None:
    text = "\n".join(proof_chain(Layout(mark_mask=0xFF000)))
    assert "meta mark set meta mark | 0xff000" in text
