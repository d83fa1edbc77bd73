"""Selectors and blocks by tables; and of whatever the API sends, sound values."""

from collections.abc import Iterator
from ipaddress import ip_network
from types import NoneType
from typing import Any, get_args, get_origin

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.kube.policy.test_policies import equal, read, the_rule, whats
from vcnd.kube.policy import pods as policy_pods
from vcnd.kube.policy import policies, trim
from vcnd.kube.policy.parts import Flaw, Place, in_words, network, ports
from vcnd.kube.policy.policies import ReadPolicy
from vcnd.kube.policy.wire import ClusterNetworkPolicy, NetworkPolicy, Pod
from vcnd.kubeapi.cache import Cache
from vcnd.model.policy import (
    Block,
    Operator,
    Pods,
    Policy,
    PortRange,
    Protocol,
    Requirement,
    Rule,
    Selector,
    Tier,
)


@pytest.mark.parametrize(
    ("block", "expected", "what"),
    [
        ("{cidr: 10.1.2.3/8}", Block(network="10.0.0.0/8"), "cidr"),
        ("{cidr: 'fd00::1/8'}", Block(network="fd00::/8"), "cidr"),
        (
            "{cidr: 10.0.0.0/8, except: [10.1.2.3/16]}",
            Block(network="10.0.0.0/8", excepted=("10.1.0.0/16",)),
            "except[0]",
        ),
        (
            "{cidr: 10.0.0.0/8, except: [10.1.0.0/16, 11.0.0.0/16]}",
            Block(network="10.0.0.0/8", excepted=("10.1.0.0/16",)),
            "except[1]",
        ),
        (
            "{cidr: 0.0.0.0/0, except: ['fd00::/8']}",
            Block(network="0.0.0.0/0"),
            "except[0]",
        ),
    ],
)
def test_block_is_read_as_it_is_meant(block: str, expected: Block, what: str) -> None:
    found = read(f"{{ingress: [{{from: [{{ipBlock: {block}}}]}}]}}")
    assert the_rule(found).peers == (expected,)
    assert whats(found) == [f"spec.ingress[0].from[0].ipBlock.{what}"]


@pytest.mark.parametrize(
    ("requirement", "expected"),
    [
        ("{operator: In, values: [b, c, b]}", (Operator.IN, "bc")),
        ("{operator: NotIn, values: [b]}", (Operator.NOT_IN, "b")),
        ("{operator: Exists}", (Operator.EXISTS, "")),
        ("{operator: Exists, values: []}", (Operator.EXISTS, "")),
        ("{operator: DoesNotExist, values: null}", (Operator.DOES_NOT_EXIST, "")),
    ],
)
def test_selector_has_requirements(
    requirement: str, expected: tuple[Operator, str]
) -> None:
    selector = f"{{matchLabels: {{a: b}}, matchExpressions: [{requirement}]}}"
    selector = selector.replace("{operator", "{key: a, operator")
    operator, values = expected
    found = read(f"{{podSelector: {selector}}}")
    assert found.policy.subject.pods == Selector(
        equal(a="b").requirements | {Requirement("a", operator, frozenset(values))}
    )
    assert not found.flaws


def test_policies_share_equal_selectors() -> None:
    one, two = (read("{podSelector: {matchLabels: {a: b}}}") for _ in range(2))
    assert one.policy.subject.pods is two.policy.subject.pods


@pytest.mark.parametrize(
    ("requirement", "field"),
    [
        ("{operator: Exists}", "key"),
        ("{key: a}", "operator"),
        ("{key: a, operator: in, values: [b]}", "operator"),
        ("{key: a, operator: Gt, values: ['1']}", "operator"),
        ("{key: a, operator: In}", "values"),
        ("{key: a, operator: NotIn, values: []}", "values"),
        ("{key: a, operator: Exists, values: [b]}", "values"),
        ("{key: a, operator: DoesNotExist, values: [b]}", "values"),
    ],
)
def test_bad_subject_is_isolated_and_allowed_nothing(
    requirement: str, field: str
) -> None:
    """Pods that the policy is not about must not be allowed by it either."""
    found = read(f"""
        podSelector: {{matchLabels: {{c: d}}, matchExpressions: [{requirement}]}}
        policyTypes: [Ingress, Egress]
        ingress: [{{}}]
        egress: [{{to: [{{}}]}}]
    """)
    assert found.policy.subject == Pods(namespace="shop", pods=equal(c="d"))
    assert (found.policy.ingress, found.policy.egress) == ((), ())
    assert whats(found) == [
        f"spec.podSelector.matchExpressions[0].{field}",
        "spec",
        "spec.egress[0].to[0]",
    ]


WORDS = [
    *("In", "NotIn", "Exists", "DoesNotExist", "in", "TCP", "UDP", "SCTP", "tcp"),
    *("Ingress", "Egress", "Accept", "Deny", "Pass", "Admin", "Baseline", "", "http"),
    *("10.0.0.0/8", "10.1.2.3/16", "10.1.0.0/16", "0.0.0.0/0", "::/0", "fd00::1/8"),
    *("10.0.0.0/33", "::ffff:1.2.3.0/120", "10.0.0.1", "Running", "Always"),
]
TEXTS = st.sampled_from(WORDS) | st.text(max_size=8)
NUMBERS = st.sampled_from([0, 1, 80, 1000, 65535, 65536, -1]) | st.integers()


def values(kind: Any) -> st.SearchStrategy[Any]:
    """Return bodies that can be decoded to a type, in which little makes sense."""
    if isinstance(kind, type) and issubclass(kind, msgspec.Struct):
        fields = {f.encode_name: values(f.type) for f in msgspec.structs.fields(kind)}
        one = [st.fixed_dictionaries({name: fields[name]}) for name in fields]
        return st.one_of(st.fixed_dictionaries(fields), *one)
    if get_origin(kind) is list:
        return st.lists(values(get_args(kind)[0]), min_size=1, max_size=3)
    if get_origin(kind) is dict:
        return st.dictionaries(TEXTS, TEXTS, max_size=2)
    if get_args(kind):  # null is as good as no field
        return st.one_of(*(values(x) for x in get_args(kind) if x is not NoneType))
    return {str: TEXTS, int: NUMBERS, bool: st.booleans()}[kind]


def anything(kind: Any) -> st.SearchStrategy[Any]:
    """Return bodies with a type's field names, and anything in them."""
    names = st.sampled_from(sorted(set(field_names(kind)))) | st.text(max_size=3)
    leaves = st.none() | st.booleans() | NUMBERS | TEXTS | st.floats(allow_nan=False)
    return st.recursive(
        leaves,
        lambda parts: (
            st.lists(parts, max_size=3) | st.dictionaries(names, parts, max_size=4)
        ),
        max_leaves=12,
    )


def field_names(kind: Any) -> Iterator[str]:
    if isinstance(kind, type) and issubclass(kind, msgspec.Struct):
        for field in msgspec.structs.fields(kind):
            yield field.encode_name
            yield from field_names(field.type)
    for part in get_args(kind):
        yield from field_names(part)


def check(found: ReadPolicy) -> None:
    hash(found)
    assert all(flaw.what.startswith("spec") and flaw.why for flaw in found.flaws)
    policy = found.policy
    check_pods(policy.subject)
    for rule in (*(policy.ingress or ()), *(policy.egress or ())):
        check_rule(rule)


def check_rule(rule: Rule) -> None:
    for peer in rule.peers or ():
        if isinstance(peer, Block):
            whole = ip_network(peer.network)
            left_out = [ip_network(text) for text in peer.excepted]
            assert all(
                x.version == whole.version and x != whole and x.overlaps(whole)
                for x in left_out
            )
        else:
            check_pods(peer)
    for port in rule.ports or ():
        if isinstance(port, PortRange):
            assert 0 <= port.first <= port.last <= 65535


def check_pods(pods: Pods) -> None:
    for selector in (pods.namespaces, pods.pods):
        assert isinstance(selector, Selector)
        for requirement in selector.requirements:
            has_values = requirement.operator in (Operator.IN, Operator.NOT_IN)
            assert has_values == bool(requirement.values)


@pytest.mark.slow
@given(values(NetworkPolicy))
def test_any_network_policy_is_read(body: Any) -> None:
    found = msgspec.convert(body, NetworkPolicy)
    seen = policies.network_policy(found)
    check(seen)
    assert seen.policy.ref.tier is Tier.NAMESPACE
    assert (seen.policy.ingress, seen.policy.egress) != (None, None)
    assert seen == policies.network_policy(trim.labelled(found))


@pytest.mark.slow
@given(values(ClusterNetworkPolicy))
def test_any_cluster_network_policy_is_read(body: Any) -> None:
    found = msgspec.convert(body, ClusterNetworkPolicy)
    seen = policies.cluster_network_policy(found)
    check(seen)
    assert seen.policy.ref.tier is not Tier.NAMESPACE


@given(values(Pod))
def test_any_pod_is_read(body: Any) -> None:
    found = msgspec.convert(body, Pod)
    seen = policy_pods.pod(found)
    assert seen == policy_pods.pod(trim.pod(found))
    assert seen is None or seen.addresses


def read_or_skip(kind: Any, body: Any) -> Policy | None:
    """Return the policy that is enforced for an object of the API, whatever it is."""
    cache: Cache[Any] = Cache(kind, trim=trim.labelled, key=lambda _: "key")
    event = {"type": "ADDED", "object": body}
    cache.apply_line(msgspec.json.encode(event))
    for found in cache.objects.values():
        is_cluster = isinstance(found, ClusterNetworkPolicy)
        read = (
            policies.cluster_network_policy if is_cluster else policies.network_policy
        )
        check(read(found))
        return read(found).policy
    (skipped,) = cache.skipped.values()
    assert skipped.reason
    return policies.isolating(skipped) if kind is NetworkPolicy else None


@given(anything(NetworkPolicy), anything(NetworkPolicy))
def test_any_json_is_a_network_policy_or_skipped(body: Any, spec: Any) -> None:
    for found in (body, {"spec": spec}):
        assert read_or_skip(NetworkPolicy, found) is not None


@given(anything(ClusterNetworkPolicy), anything(ClusterNetworkPolicy))
def test_any_json_is_a_cluster_policy_or_skipped(body: Any, spec: Any) -> None:
    read_or_skip(ClusterNetworkPolicy, body)
    read_or_skip(ClusterNetworkPolicy, {"spec": spec})


@given(st.ip_addresses(), st.integers(0, 128))
def test_network_is_read_as_python_reads_it(address: Any, length: int) -> None:
    flaws = list[Flaw]()
    text = f"{address}/{length}"
    found = network(text, Place("x", flaws))
    if found is None:
        assert length > address.max_prefixlen or address.ipv4_mapped
    else:
        assert found == ip_network(text, strict=False)
        assert bool(flaws) == (found.network_address != address)


def test_flaws_in_words_are_few_and_harmless_ones_come_last() -> None:
    flaws = [Flaw("a", "odd", harmless=True), Flaw("b", "wrong"), Flaw("c", "wrong")]
    assert in_words(flaws) == ("b: wrong", "c: wrong", "a: odd")
    assert in_words(flaws, 1) == ("b: wrong", "2 more")
    assert in_words([]) == ()


NO_PORTS = (0, -1, 65_536, 10**30, -(16**4000), 16**4000)


@pytest.mark.parametrize("number", NO_PORTS, ids=range(6))
def test_any_number_that_is_no_port_is_named(number: int) -> None:
    flaws: list[Flaw] = []
    assert ports(Protocol.TCP, number, number, Place("port", flaws)) is None
    (flaw,) = flaws
    assert "outside 1 to 65535" in flaw.why
    assert len(flaw.why) < 100
