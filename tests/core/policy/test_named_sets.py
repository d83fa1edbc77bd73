"""The sets that rules look into, and when they stay the same value."""

from msgspec.structs import replace

from tests.core.policy.example import NAMESPACES, PODS
from vcnd.core.policy.named_sets import NamedSets
from vcnd.core.policy.pod_index import PodIndex
from vcnd.model.family import Family
from vcnd.model.policy import (
    Block,
    Cluster,
    Direction,
    NamedPort,
    Pods,
    Protocol,
)

CLUSTER = Cluster(namespaces=NAMESPACES, pods=PODS)
SHOP = Pods(namespace="shop")
MORE = replace(PODS[0], name="web2", addresses=("10.0.0.9",))


def made() -> tuple[PodIndex, NamedSets]:
    index = PodIndex()
    sets = NamedSets(index)
    sets.update(index.update(CLUSTER, ()))
    return index, sets


def test_a_set_has_the_addresses_of_selected_pods() -> None:
    index, sets = made()
    name = sets.pods(SHOP, Family.IPV4)
    before = sets.values({name})[name]
    assert before.elements == {"10.0.0.1", "10.0.0.2"}
    sets.update(index.update(replace(CLUSTER, pods=(*PODS, MORE)), ()))
    assert sets.values({name})[name].elements == before.elements | {"10.0.0.9"}


def test_a_set_that_a_change_does_not_concern_is_the_same_value() -> None:
    index, sets = made()
    name = sets.pods(Pods(namespace="bank"), Family.IPV4)
    before = sets.values({name})[name]
    sets.update(index.update(replace(CLUSTER, pods=(*PODS, MORE)), ()))
    assert sets.values({name})[name] is before


def test_a_selector_has_one_set_for_each_family() -> None:
    _, sets = made()
    assert sets.pods(SHOP, Family.IPV4) == sets.pods(SHOP, Family.IPV4)
    assert sets.pods(SHOP, Family.IPV4) != sets.pods(SHOP, Family.IPV6)


def test_a_named_port_is_that_of_each_pod() -> None:
    _, sets = made()
    port = NamedPort(name="http", protocol=Protocol.TCP)
    name = sets.ports(Direction.EGRESS, port, Family.IPV4)
    assert sets.values({name})[name].elements == {
        ("10.0.0.1", Protocol.TCP, 80),
        ("10.0.0.2", Protocol.TCP, 8080),
    }


def test_what_a_block_leaves_out_contains_nothing_twice() -> None:
    _, sets = made()
    holes = ("10.0.0.0/25", "10.0.0.128/25", "10.0.0.7/32", "fd00::/64")
    name = sets.excepted(Block(network="10.0.0.0/8", excepted=holes), Family.IPV4)
    assert sets.values({name})[name].elements == {"10.0.0.0/24"}
    assert sets.excepted(Block(network="10.0.0.0/8"), Family.IPV4) == ""
