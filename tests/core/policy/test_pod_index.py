"""Which pods a selector selects, and what an update of the cluster touches."""

import tracemalloc

import pytest
from msgspec.structs import replace

from tests.core.policy.example import NAMESPACES, PODS
from vcnd.core.policy.pod_index import PodIndex
from vcnd.model.family import Family
from vcnd.model.policy import (
    Attached,
    Cluster,
    Operator,
    Pods,
    Requirement,
    Selector,
)

WEB, *_ = PODS
CLUSTER = Cluster(namespaces=NAMESPACES, pods=PODS)
OF_WEB = Selector(frozenset({Requirement("app", Operator.IN, frozenset({"web"}))}))
OF_SHOP = Selector(frozenset({Requirement("team", Operator.IN, frozenset({"shop"}))}))
TWIN = replace(WEB, name="web2", addresses=("10.0.0.9",))


def test_pods_that_policies_cannot_tell_apart_are_one_group() -> None:
    index = PodIndex()
    index.update(replace(CLUSTER, pods=(*PODS, TWIN)), ())
    group = index.group(WEB)
    assert index.group(TWIN) is group
    assert {*group.addresses(Family.IPV4)} == {"10.0.0.1", "10.0.0.9"}
    assert len([g for g in index.groups() if g.namespace == "shop"]) == 2


def test_order_of_labels_makes_no_other_group() -> None:
    one, two = (
        replace(WEB, labels=x) for x in ({"a": "", "b": ""}, {"b": "", "a": ""})
    )
    index = PodIndex()
    index.update(replace(CLUSTER, pods=(one, two)), ())
    assert index.group(one) is index.group(two)


def test_pods_with_labels_of_their_own_take_little_memory() -> None:
    """A cluster of 10,000 pods is in the memory of each node."""
    pods = tuple(
        replace(WEB, labels={"app": "web", "pod": str(n)}, addresses=(f"10.0.1.{n}",))
        for n in range(250)
    )
    index = PodIndex()
    tracemalloc.start()
    index.update(replace(CLUSTER, pods=pods), ())
    taken, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert len([*index.groups()]) == len(pods)
    assert taken < 800 * len(pods)


def test_an_update_touches_what_differs() -> None:
    index = PodIndex()
    assert len([*index.update(CLUSTER, ()).groups]) == len(PODS)
    same = index.update(CLUSTER, ())
    assert ([*same.groups], same.namespaces) == ([], frozenset())
    touched = index.update(replace(CLUSTER, pods=(*PODS, TWIN)), ())
    assert [*touched.groups] == [index.group(WEB)]
    bank = {**NAMESPACES, "bank": {"team": "other"}}
    touched = index.update(replace(CLUSTER, namespaces=bank), ())
    assert touched.namespaces == {"bank"}
    assert {g.namespace for g in touched.groups} == {"shop", "bank"}


def test_a_group_without_pods_is_touched_and_forgotten() -> None:
    index = PodIndex()
    index.update(CLUSTER, ())
    group = index.group(WEB)
    touched = index.update(replace(CLUSTER, pods=PODS[1:]), ())
    assert [*touched.groups] == [group]
    assert not group.pods
    assert group not in index.groups()


def test_what_is_attached_here_counts_more() -> None:
    index = PodIndex()
    link = Attached(link="oci1", addresses=("10.0.0.2",), namespace="shop", name="web")
    index.update(CLUSTER, [link])
    assert index.pod(link) is WEB
    assert [*index.addresses(WEB)] == ["10.0.0.2"]
    assert "10.0.0.2" not in index.addresses(PODS[1])
    assert [*index.pods_here()] == [WEB]


def test_an_unknown_namespace_is_selected_perhaps() -> None:
    index = PodIndex()
    index.update(replace(CLUSTER, namespaces={}), ())
    group = index.group(WEB)
    assert index.selects(Pods(), group)
    assert index.selects(Pods(namespace="shop"), group)
    assert not index.selects(Pods(namespace="bank"), group)


@pytest.mark.parametrize("perhaps", [False, True])
@pytest.mark.parametrize(
    "pods",
    [
        Pods(),
        Pods(namespace="shop"),
        Pods(namespace="none"),
        Pods(pods=OF_WEB),
        Pods(namespaces=OF_SHOP),
        Pods(namespaces=OF_SHOP, pods=OF_WEB),
        Pods(namespace="bank", pods=OF_WEB),
    ],
)
def test_groups_that_are_selected_are_found(pods: Pods, *, perhaps: bool) -> None:
    index = PodIndex()
    unknown = replace(WEB, namespace="unknown", addresses=("10.0.0.8",))
    index.update(replace(CLUSTER, pods=(*PODS, unknown)), ())
    found = index.selected(pods, perhaps=perhaps)
    groups = index.groups()
    assert found == [g for g in groups if index.selects(pods, g, perhaps=perhaps)]
