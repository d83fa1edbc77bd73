"""A table of nft as a value."""

from vcnd.linux.nft_table import Element, Filled, Table, read_chains, written
from vcnd.linux.nft_text import chain
from vcnd.model.policy import Protocol


def test_a_table_as_text() -> None:
    table = Table(
        {"a": chain("a", "accept")},
        {
            "c": Filled("counter", ""),
            "m": Filled(
                "map", "type ipv4_addr : verdict;", frozenset({"10.0.0.1 : x"})
            ),
            "s": Filled("set", "type ipv4_addr; flags interval;"),
        },
    )
    assert table.counters == {"c"}
    assert table.text("t").splitlines() == [
        "table inet t {",
        "  counter c { }",
        "  map m { type ipv4_addr : verdict; elements = { 10.0.0.1 : x }; }",
        "  set s { type ipv4_addr; flags interval; }",
        "  chain a {",
        "    accept",
        "  }",
        "}",
    ]


def test_elements_as_nft_reads_them() -> None:
    elements: list[Element] = ["10.0.0.0/8", ("10.0.0.1", Protocol.TCP, 80)]
    assert [*written(elements)] == ["10.0.0.0/8", "10.0.0.1 . tcp . 80"]


def test_chains_are_read_by_name() -> None:
    a, b = chain("a", "accept"), chain("b")
    assert read_chains([*a, *b]) == {"a": a, "b": b}
