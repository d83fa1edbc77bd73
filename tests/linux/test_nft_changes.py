"""What differs between two values of a table, as scripts."""

from collections.abc import Mapping, Sequence

from vcnd.linux import nft_changes
from vcnd.linux.nft_table import Filled, Table
from vcnd.linux.nft_text import chain

ACCEPT, DROP = ["accept"], ["counter drop"]


def table(
    chains: Mapping[str, Sequence[str]],
    ways: Mapping[str, str],
    **sets: Sequence[str],
) -> Table:
    pairs = frozenset(f"{key} : {way}" for key, way in ways.items())
    filled = {"ways": Filled("map", "type ipv6_addr : verdict;", pairs)}
    for name, some in sets.items():
        filled[name] = Filled("set", "type ipv4_addr;", frozenset(some))
    lines = {name: chain(name, *rules) for name, rules in chains.items()}
    return Table(lines, filled)


def changes(table: str, old: Table, new: Table) -> list[str]:
    """Return the scripts that change a table, one by one."""
    found = nft_changes.changes(old, new)
    steps = nft_changes.additions, nft_changes.remainder
    return [script for step in steps if (script := step(table, found))]


def test_nothing_to_change_is_no_script() -> None:
    one = table({"a": ACCEPT}, {"fd00::1": "jump a"}, peers=["10.0.0.1", "10.0.0.2"])
    other = table({"a": ACCEPT}, {"fd00::1": "jump a"}, peers=["10.0.0.2", "10.0.0.1"])
    assert changes("t", one, other) == []


def test_elements_alone_come_and_go() -> None:
    before = table({}, {}, peers=["10.0.0.1", "10.0.0.2"], none=[])
    after = table({}, {}, peers=["10.0.0.2", "10.0.0.3"], none=["10.0.0.4"])
    (script,) = changes("t", before, after)
    assert script.splitlines() == [
        "delete element inet t peers { 10.0.0.1 }",
        "add element inet t none { 10.0.0.4 }",
        "add element inet t peers { 10.0.0.3 }",
    ]


def test_what_is_new_comes_before_anything_leads_there() -> None:
    before = table({"a": ACCEPT}, {"fd00::1": "jump a"}, gone=["10.0.0.1"])
    after = table({"b": DROP}, {"fd00::1": "jump b"}, new=["10.0.0.1"])
    first, second = changes("t", before, after)
    assert first.splitlines() == [
        "table inet t {",
        "  set new { type ipv4_addr; }",
        "  chain b {",
        "    counter drop",
        "  }",
        "}",
    ]
    assert second.splitlines() == [
        "flush chain inet t a",
        "delete element inet t ways { fd00::1 }",
        "delete chain inet t a",
        "delete set inet t gone",
        "add element inet t new { 10.0.0.1 }",
        "add element inet t ways { fd00::1 : jump b }",
    ]


def test_a_chain_with_other_rules_stays_the_same_chain() -> None:
    before = table({"a": ACCEPT, "b": DROP}, {})
    (script,) = changes("t", before, table({"a": DROP, "b": DROP}, {}))
    assert script.splitlines() == [
        "flush chain inet t a",
        "table inet t {",
        "  chain a {",
        "    counter drop",
        "  }",
        "}",
    ]


def counting(name: str) -> Table:
    rules = chain("a", f"counter name {name} drop")
    return Table({"a": rules}, {name: Filled("counter", "")})


def test_a_counter_comes_before_rules_use_it_and_goes_after_them() -> None:
    first, second = changes("t", counting("x"), counting("y"))
    assert first.splitlines() == ["table inet t {", "  counter y { }", "}"]
    assert second.splitlines() == [
        "flush chain inet t a",
        "delete counter inet t x",
        "table inet t {",
        "  chain a {",
        "    counter name y drop",
        "  }",
        "}",
    ]
