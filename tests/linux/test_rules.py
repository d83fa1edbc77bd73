"""Routing rules as values, and the numbers of foreign links."""

from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from vcnd.linux.foreign import DefaultRoute, foreign_links
from vcnd.linux.layout import Layout
from vcnd.linux.rules import vnic_rules
from vcnd.linux.ruleset import PodElement, render
from vcnd.linux.vnic_link import VnicLink, class_numbers
from vcnd.model.family import Family
from vcnd.model.ids import ClassName, SubnetId, VnicId
from vcnd.model.vnic import Vnic, VnicSlot
from vcnd.netlink.rtnetlink import MAIN_TABLE


def slot(index: int) -> VnicSlot:
    vnic = Vnic(
        id=VnicId(f"vnic{index}"),
        mac=f"02:00:00:00:00:{index:02x}",
        address=f"10.{index}.0.2",
        subnet_id=SubnetId("subnet"),
        subnet_cidr=f"10.{index}.0.0/24",
        virtual_router=f"10.{index}.0.1",
    )
    return VnicSlot(index=index, vnic=vnic)


def link(index: int, pod_class: str = "") -> VnicLink:
    return VnicLink(index=index, ifname=f"ens{index}", pod_class=ClassName(pod_class))


def default(link_index: int, table: int, *, ours: bool = False) -> DefaultRoute:
    return DefaultRoute(
        table=table,
        link_index=link_index,
        gateway="10.9.0.1",
        family=Family.IPV4,
        ours=ours,
    )


def test_pods_subnet_is_closed_and_of_the_nodes_only_its_address() -> None:
    layout = Layout()
    rules = vnic_rules(layout, [slot(1), slot(2)], Family.IPV4, links={}, strict=False)
    closed = {r.source for r in rules if not r.table and not r.rejects}
    assert closed == {"10.2.0.0/24", "10.1.0.2/32"}
    own = [r for r in rules if r.priority == layout.local_priority]
    assert [(r.source, r.table, r.arrived_by) for r in own] == [
        ("10.2.0.0/24", MAIN_TABLE, "lo")
    ]


def test_every_network_of_a_vnics_addresses_is_closed() -> None:
    wide = slot(2)
    wide = replace(wide, vnic=replace(wide.vnic, further_cidrs=("10.8.0.0/24",)))
    rules = vnic_rules(Layout(), [slot(1), wide], Family.IPV4, links={}, strict=False)
    closed = {r.source for r in rules if not r.table and not r.rejects}
    assert closed == {"10.2.0.0/24", "10.8.0.0/24", "10.1.0.2/32"}


def test_only_the_node_itself_sends_from_its_addresses() -> None:
    layout = Layout()
    rules = vnic_rules(layout, [slot(1), slot(2)], Family.IPV4, links={}, strict=False)
    own = {r for r in rules if r.priority == layout.source_priority}
    assert {r.source for r in own} == {"10.1.0.2/32", "10.2.0.2/32"}
    assert {r.arrived_by for r in own} == {"lo"}


def test_pods_table_is_for_single_addresses_only() -> None:
    rules = vnic_rules(Layout(), [slot(1)], Family.IPV4, links={}, strict=False)
    assert all(r.hosts_only for r in rules if r.table == Layout().pods_table)


def test_strict_rules_exist_for_pod_vnics_with_a_link() -> None:
    layout = Layout()
    slots = [slot(1), slot(2), slot(3)]
    rules = vnic_rules(layout, slots, Family.IPV4, links={2: "ens2"}, strict=True)
    strict = [r for r in rules if r.priority == layout.strict_priority]
    assert [(r.mark, r.table) for r in strict] == [(0x82, 102)]
    direct = {r.arrived_by for r in rules if r.priority == layout.strict_priority - 1}
    assert direct == {"lo", "ens2"}


def test_what_no_pod_has_the_address_for_is_rejected_after_the_pods_table() -> None:
    layout = Layout()
    links = {2: "ens2"}
    rules = vnic_rules(
        layout, [slot(1), slot(2)], Family.IPV4, links=links, strict=False
    )
    (rejects,) = [r for r in rules if r.rejects]
    assert (rejects.arrived_by, rejects.mark, rejects.table) == ("ens2", 0x81, 0)
    (back,) = [r for r in rules if r.mark == 0x81 and not r.rejects]
    assert back.table == MAIN_TABLE
    assert layout.pods_priority < rejects.priority < back.priority


def test_one_class_has_no_number() -> None:
    assert class_numbers(Layout(), [link(1), link(2), link(3)]) == {}


def test_a_class_has_the_number_of_its_first_vnic() -> None:
    links = [link(1), link(4, "shop"), link(2), link(3, "shop")]
    assert class_numbers(Layout(), links) == {"": 2, "shop": 3}


def test_classes_have_chains_only_with_strict_nsgs() -> None:
    links = [link(1), link(2), link(3, "shop")]
    pods = [PodElement(ifname="oci1", address="10.3.0.9", index=3)]
    strict = render(Layout(), links, pods, marker="m")
    assert "10.3.0.9 : goto class3" in strict
    assert "0x2 : goto strict2" in strict
    standard = render(Layout(strict_nsgs=False), links, pods, marker="m")
    assert "class3" not in standard
    assert "strict" not in standard


def test_foreign_link_has_a_default_route() -> None:
    routes = [default(7, 50), default(1, MAIN_TABLE)]
    found = foreign_links(Layout(), routes, {7: "ens7", 8: "docker0"})
    assert [(f.ifname, f.index) for f in found] == [("ens7", 126)]


def test_the_link_of_a_vnic_that_is_detached_is_not_foreign() -> None:
    routes = [default(7, Layout().vnic_table(3), ours=True)]
    assert foreign_links(Layout(), routes, {7: "eth2"}) == []


def test_a_foreign_link_keeps_its_number() -> None:
    layout = Layout()
    routes = [default(7, 50), default(8, 51)]
    others = {7: "ens7", 8: "ens8"}
    first = foreign_links(layout, routes, others)
    eighth = next(f for f in first if f.ifname == "ens8")
    ours = default(8, layout.vnic_table(eighth.index), ours=True)
    again = foreign_links(layout, [*routes[1:], ours], {8: "ens8"})
    assert [f.index for f in again] == [eighth.index]


@given(st.sets(st.integers(2, 200), max_size=60))
def test_foreign_numbers_are_unique_and_above_those_of_pod_vnics(
    indexes: set[int],
) -> None:
    layout = Layout()
    routes = [default(i, 1000 + i) for i in sorted(indexes)]
    found = foreign_links(layout, routes, {i: f"e{i}" for i in indexes})
    numbers = [f.index for f in found]
    assert len(set(numbers)) == len(numbers)
    assert all(layout.most_pod_vnics < n < layout.most_numbers for n in numbers)


@given(st.integers(0, 24), st.integers(5, 8), st.integers(1, 15))
def test_marks_stay_within_their_bits(shift: int, width: int, index: int) -> None:
    layout = Layout(mark_mask=((1 << width) - 1) << shift & 0xFFFFFFFF)
    for mark in (layout.mark(index), layout.strict_mark(index)):
        assert mark & ~layout.mark_mask == 0
    assert layout.mark(index) != layout.strict_mark(index)
