"""The page about sizes says what the pool does."""

import pytest

from integration.website import made, sizing
from integration.website.build import ROOT
from integration.website.sizing import Held, held, nodes
from vcnd.core.target import target


def test_the_tables_of_sizes_are_current() -> None:
    page = (ROOT / sizing.PAGE).read_text()
    assert made.renewed(page, sizing.TABLES) == page, "run: ./vcn docs --write"
    for name in sizing.TABLES:
        assert f"<!-- made: {name} -->" in page


@pytest.mark.parametrize("pods", [0, 1, 8, 31, 64, 110, 250])
@pytest.mark.parametrize("blocks", [False, True])
def test_a_node_holds_its_target_and_a_third_more_at_most(
    pods: int, *, blocks: bool
) -> None:
    aim = target(pods, sizing.policy(pods))
    got = held(pods, blocks=blocks)
    assert aim <= got.addresses <= aim * 4 / 3
    if not blocks:
        assert got.addresses == aim
        assert got.vnics == -(-aim // sizing.PER_VNIC)


def test_nodes_of_a_subnet_share_what_is_not_reserved() -> None:
    assert nodes(24, Held(addresses=40, vnics=1)) == 253 // 41
    assert nodes(30, Held(addresses=8, vnics=1)) == 0


def test_tables_are_made_between_their_comments() -> None:
    page = "a\n<!-- made: x -->\nold\n<!-- end -->\nb\n"
    fresh = made.renewed(page, {"x": lambda: made.table(["h"], [[1]])})
    assert "old" not in fresh
    assert "| h |\n| --- |\n| 1 |\n" in fresh
    assert made.renewed(fresh, {"x": lambda: made.table(["h"], [[1]])}) == fresh
