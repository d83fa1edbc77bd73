"""Scripts that bring the nft table to the kernel."""

import pytest
from msgspec.structs import replace

from vcnd.linux.layout import Layout
from vcnd.linux.nft_scripts import Objects, anew, in_place, objects
from vcnd.linux.nft_table import COUNTER, LIMIT, Filled
from vcnd.linux.nft_text import chain
from vcnd.linux.ruleset import render
from vcnd.linux.vnic_link import VnicLink

PEERS = Filled("set", "type ipv4_addr;", frozenset({"10.0.0.1"}))
TEXT = render(
    Layout(), [VnicLink(index=1, ifname="ens3", link_index=2)], [], marker="m"
).replace("  map", PEERS.declared("peers") + "\n  map", 1)


def test_objects_are_what_a_text_declares() -> None:
    found = objects(TEXT)
    assert found.maps == {"pods4", "pods6", "classes4", "classes6", "answers"}
    assert {"m", "via1", "answer", "prerouting"} <= found.chains
    assert found.sets == {"peers"}
    assert not found.chains & found.maps


def test_no_map_or_set_that_stays_is_deleted() -> None:
    there = objects(TEXT)
    old = Objects(
        chains=there.chains | {"via9"},
        maps=there.maps | {"from"},
        sets=there.sets | {"gone"},
    )
    lines = in_place("vcnd", TEXT, old).splitlines()
    changes = lines[: lines.index("table inet vcnd {")]
    assert changes == [
        "table inet vcnd { }",
        "flush table inet vcnd",
        *(f"flush map inet vcnd {name}" for name in sorted(old.maps)),
        "flush set inet vcnd gone",
        "flush set inet vcnd peers",
        "delete chain inet vcnd via9",
        "delete map inet vcnd from",
        "delete set inet vcnd gone",
    ]


@pytest.mark.parametrize("name", ["a b", "x\nflush ruleset", 'a"', "a*", "a;"])
@pytest.mark.parametrize("kind", Objects.__struct_fields__)
def test_names_that_a_script_cannot_tell_are_odd(kind: str, name: str) -> None:
    there = objects(TEXT)
    assert there.are_plain
    assert not replace(there, **{kind: frozenset({"plain", name})}).are_plain


def test_chains_at_hooks_alone_are_made_anew() -> None:
    there = objects(TEXT)
    lines = in_place("vcnd", TEXT, there, renews=True).splitlines()
    changes = lines[: lines.index("table inet vcnd {")]
    assert [line for line in changes if line.startswith("delete")] == [
        f"delete chain inet vcnd {name}"
        for name in ("output", "postrouting", "prerouting")
    ]


def test_a_table_that_is_not_there_is_made() -> None:
    made = in_place("vcnd", TEXT, Objects())
    assert made == f"table inet vcnd {{ }}\nflush table inet vcnd\n{TEXT}"
    assert anew("vcnd", TEXT).endswith(f"delete table inet vcnd\n{TEXT}")


COUNTING = "\n".join(
    [
        "table inet t {",
        Filled(COUNTER, "").declared("a"),
        Filled(LIMIT, "rate 5/second burst 5 packets;").declared("few"),
        *chain("x", "counter name a", "limit name few", "counter drop"),
        "}",
        "",
    ]
)


def test_rules_that_begin_like_objects_are_none() -> None:
    found = objects(COUNTING)
    assert found.counters == {"a"}
    assert found.limits == {"few"}


def test_a_counter_that_stays_counts_on() -> None:
    there = Objects(counters=frozenset("ab"), limits=frozenset(["few", "many"]))
    lines = in_place("t", COUNTING, there).splitlines()
    assert lines[2 : lines.index("table inet t {")] == [
        "delete counter inet t b",
        "delete limit inet t many",
    ]
