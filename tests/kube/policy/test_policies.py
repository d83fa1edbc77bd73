"""NetworkPolicies of the API as values: all of v1, and what is closed by bad input."""

import msgspec
import pytest

from vcnd.kube.policy import policies
from vcnd.kube.policy.policies import ReadPolicy
from vcnd.kube.policy.wire import NetworkPolicy, NetworkPolicySpec
from vcnd.kubeapi.cache import Cache, Skipped
from vcnd.kubeapi.wire import Meta
from vcnd.model.policy import (
    EVERYTHING,
    Block,
    NamedPort,
    Operator,
    Peer,
    Pods,
    Policy,
    PolicyRef,
    Port,
    PortRange,
    Protocol,
    Requirement,
    Rule,
    Selector,
    Tier,
)


def equal(**labels: str) -> Selector:
    return Selector(
        frozenset(
            Requirement(key, Operator.IN, frozenset({value}))
            for key, value in labels.items()
        )
    )


def read(spec: str) -> ReadPolicy:
    return policies.network_policy(
        NetworkPolicy(
            metadata=Meta(namespace="shop", name="web"),
            spec=msgspec.yaml.decode(spec, type=NetworkPolicySpec),
        )
    )


def whats(found: ReadPolicy) -> list[str]:
    return [flaw.what for flaw in found.flaws]


def the_rule(found: ReadPolicy) -> Rule:
    assert found.policy.ingress is not None
    (rule,) = found.policy.ingress
    return rule


def test_policy_of_all_parts() -> None:
    found = read("""
        podSelector: {matchLabels: {role: db}}
        policyTypes: [Ingress, Egress]
        ingress:
        - from:
          - ipBlock: {cidr: 172.17.0.0/16, except: [172.17.1.0/24]}
          - namespaceSelector: {matchLabels: {project: bank}}
          - podSelector: {matchLabels: {role: front}}
          ports:
          - {protocol: TCP, port: 6379}
        egress:
        - to:
          - ipBlock: {cidr: "fd00:5::/32"}
          ports:
          - {protocol: UDP, port: 32000, endPort: 32768}
    """)
    assert found == ReadPolicy(
        Policy(
            ref=PolicyRef(Tier.NAMESPACE, "shop", "web"),
            subject=Pods(namespace="shop", pods=equal(role="db")),
            ingress=(
                Rule(
                    peers=(
                        Block(network="172.17.0.0/16", excepted=("172.17.1.0/24",)),
                        Pods(namespaces=equal(project="bank")),
                        Pods(namespace="shop", pods=equal(role="front")),
                    ),
                    ports=(PortRange(protocol=Protocol.TCP, first=6379, last=6379),),
                ),
            ),
            egress=(
                Rule(
                    peers=(Block(network="fd00:5::/32"),),
                    ports=(PortRange(protocol=Protocol.UDP, first=32000, last=32768),),
                ),
            ),
        )
    )


@pytest.mark.parametrize(
    ("spec", "ingress", "egress"),
    [
        ("{}", (), None),
        ("{podSelector: {}}", (), None),
        ("{ingress: null, egress: null}", (), None),
        ("{egress: []}", (), None),
        ("{egress: [{}]}", (), (Rule(),)),
        ("{ingress: [{}]}", (Rule(),), None),
        ("{policyTypes: []}", (), None),
        ("{policyTypes: [Ingress]}", (), None),
        ("{policyTypes: [Egress]}", None, ()),
        ("{policyTypes: [Ingress, Egress]}", (), ()),
        ("{policyTypes: [Egress], ingress: [{}]}", None, ()),
        ("{policyTypes: [Ingress], egress: [{}]}", (), None),
    ],
)
def test_policy_isolates_in_directions(
    spec: str, ingress: tuple[Rule, ...] | None, egress: tuple[Rule, ...] | None
) -> None:
    found = read(spec)
    assert (found.policy.ingress, found.policy.egress) == (ingress, egress)
    assert found.policy.subject == Pods(namespace="shop")
    assert not found.flaws


def test_policy_without_a_spec_isolates_its_namespace() -> None:
    found = msgspec.json.decode(
        b'{"metadata": {"namespace": "shop", "name": "web"}}', type=NetworkPolicy
    )
    assert policies.network_policy(found) == read("{}")


@pytest.mark.parametrize(
    ("types", "number", "ingress"),
    [
        ("[Both]", 0, ()),
        ("[ingress, Egress]", 0, ()),
        ("[Ingress, '']", 1, (Rule(),)),
    ],
)
def test_unknown_policy_type_isolates_in_both_directions(
    types: str, number: int, ingress: tuple[Rule, ...]
) -> None:
    found = read(f"{{policyTypes: {types}, ingress: [{{}}]}}")
    assert (found.policy.ingress, found.policy.egress) == (ingress, ())
    assert whats(found) == [f"spec.policyTypes[{number}]"]


@pytest.mark.parametrize(
    ("peers", "expected"),
    [
        ("[]", None),
        ("null", None),
        ("[{podSelector: {}}]", [Pods(namespace="shop")]),
        ("[{namespaceSelector: {}}]", [Pods()]),
        ("[{namespaceSelector: {}, podSelector: null}]", [Pods()]),
        (
            "[{namespaceSelector: {matchLabels: {a: b}}, podSelector: {}}]",
            [Pods(namespaces=equal(a="b"))],
        ),
        (
            "[{namespaceSelector: {matchLabels: {a: b}},"
            " podSelector: {matchLabels: {c: d}}}]",
            [Pods(namespaces=equal(a="b"), pods=equal(c="d"))],
        ),
        (
            "[{namespaceSelector: {matchLabels: {a: b}}},"
            " {podSelector: {matchLabels: {c: d}}}]",
            [Pods(namespaces=equal(a="b")), Pods(namespace="shop", pods=equal(c="d"))],
        ),
        ("[{ipBlock: {cidr: 0.0.0.0/0}}]", [Block(network="0.0.0.0/0")]),
        ("[{ipBlock: {cidr: 10.0.0.1/32}}]", [Block(network="10.0.0.1/32")]),
        ("[{ipBlock: {cidr: 'FD00:0::/64'}}]", [Block(network="fd00::/64")]),
        (
            # The same addresses, whatever the order.
            "[{ipBlock: {cidr: 10.0.0.0/8, except: [10.2.0.0/16, 10.1.0.0/16]}},"
            " {ipBlock: {cidr: 10.0.0.0/8,"
            " except: [10.1.0.0/16, 10.2.0.0/17, 10.2.128.0/17]}}]",
            2 * [Block(network="10.0.0.0/8", excepted=("10.1.0.0/16", "10.2.0.0/16"))],
        ),
    ],
)
def test_rule_has_peers(peers: str, expected: list[Peer] | None) -> None:
    for direction, side in (("Ingress", "from"), ("Egress", "to")):
        found = read(
            f"{{policyTypes: [{direction}], "
            f"{direction.lower()}: [{{{side}: {peers}}}]}}"
        )
        (rule,) = found.policy.ingress or found.policy.egress or ()
        assert rule.peers == (None if expected is None else tuple(expected))
        assert rule.ports is None
        assert not found.flaws


@pytest.mark.parametrize(
    ("peer", "what"),
    [
        ("{}", ""),
        ("{serviceSelector: {}}", ""),
        ("{ipBlock: {cidr: 10.0.0.0/8}, podSelector: {}}", ""),
        ("{ipBlock: {cidr: 10.0.0.0/8}, namespaceSelector: {}}", ""),
        ("{ipBlock: {}}", ".ipBlock.cidr"),
        ("{ipBlock: {cidr: ''}}", ".ipBlock.cidr"),
        ("{ipBlock: {cidr: 10.0.0.0}}", ".ipBlock.cidr"),
        ("{ipBlock: {cidr: 10.0.0.0/}}", ".ipBlock.cidr"),
        ("{ipBlock: {cidr: 10.0.0.0/33}}", ".ipBlock.cidr"),
        ("{ipBlock: {cidr: 10.0.0.0/-1}}", ".ipBlock.cidr"),
        ("{ipBlock: {cidr: 10.0.0/8}}", ".ipBlock.cidr"),
        ("{ipBlock: {cidr: 10.0.0.256/8}}", ".ipBlock.cidr"),
        ("{ipBlock: {cidr: 10.0.0.0/255.0.0.0}}", ".ipBlock.cidr"),
        ("{ipBlock: {cidr: 10.0.0.0/8/8}}", ".ipBlock.cidr"),
        ("{ipBlock: {cidr: ' 10.0.0.0/8'}}", ".ipBlock.cidr"),
        ("{ipBlock: {cidr: 10.0.0.0/٨}}", ".ipBlock.cidr"),
        ("{ipBlock: {cidr: 'fe80::1%eth0/64'}}", ".ipBlock.cidr"),
        ("{ipBlock: {cidr: '::ffff:10.0.0.0/104'}}", ".ipBlock.cidr"),
        ("{ipBlock: {cidr: 10.0.0.0/8, except: [all]}}", ".ipBlock.except[0]"),
        ("{ipBlock: {cidr: 10.0.0.0/8, except: [10.0.0.0/8]}}", ".ipBlock.except"),
        ("{ipBlock: {cidr: 10.0.0.0/8, except: [0.0.0.0/0]}}", ".ipBlock.except"),
        (
            "{ipBlock: {cidr: 10.0.0.0/8, except: [10.128.0.0/9, 10.0.0.0/9]}}",
            ".ipBlock.except",
        ),
        (
            "{podSelector: {matchExpressions: [{key: a, operator: Is}]}}",
            ".podSelector.matchExpressions[0].operator",
        ),
        (
            "{podSelector: {}, namespaceSelector:"
            " {matchExpressions: [{key: a, operator: In}]}}",
            ".namespaceSelector.matchExpressions[0].values",
        ),
    ],
)
def test_bad_peer_matches_nobody(peer: str, what: str) -> None:
    found = read(f"{{ingress: [{{from: [{{podSelector: {{}}}}, {peer}]}}]}}")
    assert the_rule(found).peers == (Pods(namespace="shop"),)
    assert whats(found) == [f"spec.ingress[0].from[1]{what}"]
    alone = read(f"{{ingress: [{{from: [{peer}]}}, {{from: [{peer}]}}, {{}}]}}")
    assert alone.policy.ingress == (Rule(peers=()), Rule(peers=()), Rule())


ANY_TCP = PortRange(protocol=Protocol.TCP)


@pytest.mark.parametrize(
    ("ports", "expected"),
    [
        ("[]", None),
        ("null", None),
        ("[{}]", [ANY_TCP]),
        ("[{protocol: null, port: null, endPort: null}]", [ANY_TCP]),
        ("[{protocol: UDP}]", [PortRange(protocol=Protocol.UDP)]),
        ("[{port: 80}]", [PortRange(protocol=Protocol.TCP, first=80, last=80)]),
        (
            "[{protocol: SCTP, port: 65535}]",
            [PortRange(protocol=Protocol.SCTP, first=65535, last=65535)],
        ),
        (
            "[{protocol: UDP, port: 1, endPort: 65535}, {port: 8, endPort: 8}]",
            [
                PortRange(protocol=Protocol.UDP, first=1, last=65535),
                PortRange(protocol=Protocol.TCP, first=8, last=8),
            ],
        ),
        ("[{port: http}]", [NamedPort(name="http", protocol=Protocol.TCP)]),
        (
            "[{protocol: UDP, port: dns}]",
            [NamedPort(name="dns", protocol=Protocol.UDP)],
        ),
    ],
)
def test_rule_has_ports(ports: str, expected: list[Port] | None) -> None:
    found = read(f"{{ingress: [{{ports: {ports}}}]}}")
    assert the_rule(found).ports == (None if expected is None else tuple(expected))
    assert the_rule(found).peers is None
    assert not found.flaws


@pytest.mark.parametrize(
    ("port", "what"),
    [
        ("{protocol: ICMP}", ".protocol"),
        ("{protocol: tcp, port: 80}", ".protocol"),
        ("{port: 0}", ""),
        ("{port: 65536}", ""),
        ("{port: -1}", ""),
        ("{port: 80, endPort: 79}", ""),
        ("{port: 80, endPort: 65536}", ""),
        ("{port: 80, endPort: 0}", ""),
        ("{port: http, endPort: 90}", ".endPort"),
        ("{endPort: 90}", ".endPort"),
    ],
)
def test_bad_port_matches_nothing(port: str, what: str) -> None:
    found = read(f"{{ingress: [{{ports: [{{}}, {port}]}}]}}")
    assert the_rule(found).ports == (ANY_TCP,)
    assert whats(found) == [f"spec.ingress[0].ports[1]{what}"]
    assert the_rule(read(f"{{ingress: [{{ports: [{port}]}}]}}")).ports == ()


def test_flaw_is_a_plain_line_and_short() -> None:
    found = read(f"{{ingress: [{{from: [{{ipBlock: {{cidr: {'x' * 999}}}}}]}}]}}")
    text = str(found.flaws[0])
    assert text.startswith("spec.ingress[0].from[0].ipBlock.cidr: 'xxxx")
    assert text.endswith("xx' is no CIDR")
    assert len(text) < 150


def test_undecodable_policy_is_named_and_isolates_its_namespace() -> None:
    cache = Cache(NetworkPolicy)
    good = b'{"metadata": {"uid": "1", "namespace": "a", "name": "x"}}'
    bad = (
        b'{"metadata": {"uid": "2", "namespace": "shop", "name": "web"},'
        b' "spec": {"ingress": [{"from": [{"ipBlock": "10.0.0.0/8"}]}]}}'
    )
    body = b'{"metadata": {"resourceVersion": "7"}, "items": [%s, %s]}'
    cache.replace(body % (good, bad))
    assert cache.objects.keys() == {"1"}
    (skipped,) = cache.skipped.values()
    assert skipped.name == "shop/web"
    assert "$.spec.ingress[0].from[0].ipBlock" in skipped.reason
    assert policies.isolating(skipped) == Policy(
        ref=PolicyRef(Tier.NAMESPACE, "shop", "web"),
        subject=Pods(namespace="shop", pods=EVERYTHING),
        ingress=(),
        egress=(),
    )


def test_undecodable_policy_keeps_its_last_readable_version() -> None:
    cache = Cache(NetworkPolicy)
    line = b'{"type": "%s", "object": {"metadata": {"uid": "1", "name": "x"}%s}}'
    cache.apply_line(line % (b"ADDED", b""))
    cache.apply_line(line % (b"MODIFIED", b', "spec": 1'))
    assert cache.objects.keys() == cache.skipped.keys() == {"1"}
    assert isinstance(cache.skipped["1"], Skipped)
