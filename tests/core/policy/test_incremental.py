"""A compiler that is kept makes the same rules as one that is new."""

from collections.abc import Sequence
from random import Random
from typing import TypeVar

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from tests.core.policy.strategies import NODES, clusters
from tests.core.policy.test_compared import link_of
from vcnd.core.policy.compiler import Compiler, compile_rules
from vcnd.model.policy import (
    Action,
    Attached,
    Cluster,
    Labels,
    NamedPort,
    Operator,
    Pods,
    Policy,
    PolicyPod,
    PolicyRef,
    Requirement,
    Rule,
    Selector,
    Tier,
)

T = TypeVar("T")
STEPS = 12
"""Of each history."""


def mixed(random: Random, *lists: Sequence[T]) -> list[T]:
    """Return of each place of some lists the value of one of them, or none."""
    longest = max(map(len, lists))
    padded = [[*some, *[None] * (longest - len(some))] for some in lists]
    chosen = (random.choice([*values, None]) for values in zip(*padded, strict=True))
    found = [value for value in chosen if value is not None]
    random.shuffle(found)
    return found


class History:
    """Clusters, each of which differs from the one before in some parts."""

    def __init__(self, random: Random, stages: Sequence[Cluster]) -> None:
        self._random, self._stages = random, stages
        self._cluster, self._here = stages[0], list[Attached]()

    def step(self) -> tuple[Cluster, list[Attached]]:
        """Return the next cluster, and what is attached to a node."""
        parts = {
            "pods": self._pods,
            "policies": self._policies,
            "namespaces": self._namespaces,
        }
        changes = {
            n: make() for n, make in parts.items() if self._random.random() < 0.4
        }
        self._cluster = replace(self._cluster, **changes)
        if self._random.random() < 0.5:
            self._attach()
        return self._cluster, self._here

    def _pods(self) -> tuple[PolicyPod, ...]:
        """Return pods, of which one may have the addresses of another."""
        pods = mixed(self._random, *(x.pods for x in self._stages))
        if len(pods) > 1 and self._random.random() < 0.3:
            one, other = self._random.sample(range(len(pods)), 2)
            pods[one] = replace(pods[one], addresses=pods[other].addresses)
        return tuple(pods)

    def _policies(self) -> tuple[Policy, ...]:
        policies = mixed(self._random, *(x.policies for x in self._stages))
        return tuple({p.ref: p for p in policies}.values())

    def _namespaces(self) -> dict[str, Labels]:
        """Return namespaces; some are not known yet."""
        names = mixed(self._random, *([*x.namespaces] for x in self._stages))
        choose = self._random.choice
        return {name: choose(self._stages).namespaces.get(name, {}) for name in names}

    def _attach(self) -> None:
        """Attach pods; some links have no pod, or addresses of others."""
        pods, random = self._cluster.pods, self._random
        here = [link_of(pod) for pod in pods if random.random() < 0.6]
        for number, link in enumerate(here):
            if random.random() < 0.1:
                here[number] = replace(link, addresses=random.choice(here).addresses)
            if random.random() < 0.1:
                here[number] = replace(link, namespace="", name="")
        self._here = here


@pytest.mark.slow
@given(st.lists(clusters(), min_size=2, max_size=3), st.integers(0, 2**32))
def test_a_kept_compiler_makes_the_rules_of_a_new_one(
    stages: list[Cluster], seed: int
) -> None:
    history, node = History(Random(seed), stages), next(iter(NODES))
    compiler = Compiler(node=node)
    for _ in range(STEPS):
        cluster, here = history.step()
        expected = compile_rules(cluster, here, node=node)
        assert compiler.rules(cluster, here) == expected


BLUE = Pods(namespace="blue")
WEB = Selector(frozenset({Requirement("app", Operator.IN, frozenset({"web"}))}))
POLICY = Policy(
    ref=PolicyRef(Tier.NAMESPACE, "blue", "p"),
    subject=BLUE,
    ingress=(Rule(peers=(Pods(pods=WEB),)),),
    egress=(Rule(ports=(NamedPort(name="http"),)),),
)


def pod(number: int, namespace: str = "blue", **labels: str) -> PolicyPod:
    return PolicyPod(
        namespace=namespace,
        name=f"pod{number}",
        labels=labels,
        addresses=(f"10.0.0.{number}",),
    )


PODS = tuple(pod(number, app="web") for number in range(1, 9))
CLUSTER = Cluster(namespaces={"blue": {}, "green": {}}, pods=PODS, policies=(POLICY,))
HERE = [link_of(PODS[0]), link_of(PODS[1])]


def test_what_a_change_does_not_concern_stays_the_same_value() -> None:
    compiler = Compiler()
    before = compiler.rules(CLUSTER, HERE)
    other = replace(CLUSTER, pods=(*PODS, pod(9, app="db")))
    after = compiler.rules(other, HERE)
    assert all(before.sets[x] is after.sets[x] for x in after.sets)
    assert all(before.chains[x] is after.chains[x] for x in after.chains)


def test_a_pod_that_comes_changes_the_sets_that_select_it() -> None:
    compiler = Compiler()
    before = compiler.rules(CLUSTER, HERE)
    come = replace(CLUSTER, pods=(*PODS, pod(9, "green", app="web")))
    after = compiler.rules(come, HERE)
    differing = [n for n in after.sets if after.sets[n] is not before.sets[n]]
    assert [after.sets[n].elements - before.sets[n].elements for n in differing] == [
        {"10.0.0.9"}
    ]


def test_a_compiler_forgets_policies_and_pods_that_are_gone() -> None:
    compiler = Compiler(node="one")
    empty = Cluster(namespaces={})
    compiler.rules(empty, [])
    for turn in range(3):
        policy = replace(POLICY, ref=replace(POLICY.ref, name=f"p{turn}"))
        here = tuple(replace(pod, node="one") for pod in PODS)
        compiler.rules(replace(CLUSTER, policies=(policy,), pods=here), HERE)
        compiler.rules(empty, [])
    kept = [*vars(compiler).values(), *vars(compiler._sets).values()]
    kept += vars(compiler._index).values()
    assert not [x for x in kept if isinstance(x, dict | list | tuple | set) and x]


def test_a_policy_made_again_in_one_step_counts_with_its_new_rules() -> None:
    """Its name, and so its chain, is the same."""
    compiler = Compiler()
    before = compiler.rules(CLUSTER, HERE)
    again = replace(POLICY, ingress=())
    after = compiler.rules(replace(CLUSTER, policies=(again,)), HERE)
    assert before.ingress == after.ingress
    (chain,) = (after.chains[way] for way in {*after.ingress.values()})
    assert (chain.lines, chain.otherwise) == ((), Action.DENY)


@pytest.mark.parametrize("labels", [{"app": "web"}, {"app": "db"}])
def test_labels_that_flip_and_flop_end_where_they_are(labels: dict[str, str]) -> None:
    compiler = Compiler()
    for turn in ({"app": "web"}, {"app": "db"}, {"app": "web"}):
        made = replace(CLUSTER, pods=(*PODS, pod(9, "green", **turn)))
        compiler.rules(made, HERE)
    last = replace(CLUSTER, pods=(*PODS, pod(9, "green", **labels)))
    after = compiler.rules(last, HERE)
    is_peer = any("10.0.0.9" in x.elements for x in after.sets.values())
    assert is_peer is (labels == {"app": "web"})


def test_an_address_that_moves_counts_for_the_pod_that_has_it() -> None:
    """The cluster still has it at the pod that is gone from this node."""
    compiler = Compiler()
    old, new = pod(9, "green", app="web"), pod(10, "green", app="db")
    late = replace(new, addresses=old.addresses)
    links = [*HERE, replace(link_of(old), link="ociold")]
    made = replace(CLUSTER, pods=(*PODS, old, new))
    before = compiler.rules(made, links)
    links = [*HERE, replace(link_of(late), link="ocinew")]
    after = compiler.rules(made, links)
    assert any("10.0.0.9" in x.elements for x in before.sets.values())
    assert not any("10.0.0.9" in x.elements for x in after.sets.values())
