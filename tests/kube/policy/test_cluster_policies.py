"""ClusterNetworkPolicies of the API as values, and what is closed by bad input."""

import msgspec
import pytest

from tests.kube.policy.test_policies import equal, whats
from vcnd.kube.policy import policies
from vcnd.kube.policy.policies import ReadPolicy
from vcnd.kube.policy.wire import ClusterNetworkPolicy, ClusterNetworkPolicySpec
from vcnd.kubeapi.cache import Cache
from vcnd.kubeapi.wire import Meta
from vcnd.model.policy import (
    Action,
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

HEAD = "tier: Admin\npriority: 1\nsubject: {namespaces: {}}\n"
DENY_ALL = Rule(peers=None, ports=None, action=Action.DENY)
NOTHING = Rule(peers=(), ports=None)
HTTP = PortRange(protocol=Protocol.TCP, first=80, last=80)
TCP_80 = "{tcp: {destinationPort: {number: 80}}}"


def read(spec: str) -> ReadPolicy:
    return policies.cluster_network_policy(
        ClusterNetworkPolicy(
            metadata=Meta(name="rules"),
            spec=msgspec.yaml.decode(spec, type=ClusterNetworkPolicySpec),
        )
    )


def egress(action: str, peers: str, protocols: str = "null") -> ReadPolicy:
    return read(
        f"{HEAD}egress: [{{action: {action}, to: {peers}, protocols: {protocols}}}]"
    )


def the_rule(found: ReadPolicy) -> Rule:
    (rule,) = found.policy.egress or ()
    return rule


def test_policy_of_all_parts() -> None:
    found = read("""
        tier: Baseline
        priority: 20
        subject:
          pods:
            namespaceSelector: {matchLabels: {kind: tenant}}
            podSelector: {matchLabels: {app: web}}
        ingress:
        - name: from-monitoring
          action: Accept
          from:
          - namespaces: {matchLabels: {kubernetes.io/metadata.name: monitoring}}
          - pods: {podSelector: {matchExpressions: [{key: a, operator: Exists}]}}
        egress:
        - action: Pass
          to: [{pods: {namespaceSelector: {}, podSelector: {}}}]
          protocols:
          - tcp: {destinationPort: {number: 80}}
          - udp: {destinationPort: {range: {start: 7000, end: 7001}}}
          - sctp: {destinationPort: {number: 9}}
          - destinationNamedPort: web
        - action: Deny
          to: [{networks: [0.0.0.0/0, "::/0"]}, {namespaces: {}}]
    """)
    name = "kubernetes.io/metadata.name"
    has_a = Selector(frozenset({Requirement("a", Operator.EXISTS)}))
    assert found == ReadPolicy(
        Policy(
            ref=PolicyRef(Tier.BASELINE, "", "rules"),
            subject=Pods(namespaces=equal(kind="tenant"), pods=equal(app="web")),
            priority=20,
            ingress=(
                Rule(
                    peers=(
                        Pods(namespaces=equal(**{name: "monitoring"})),
                        Pods(pods=has_a),
                    ),
                    name="from-monitoring",
                ),
            ),
            egress=(
                Rule(
                    peers=(Pods(),),
                    ports=(
                        HTTP,
                        PortRange(protocol=Protocol.UDP, first=7000, last=7001),
                        PortRange(protocol=Protocol.SCTP, first=9, last=9),
                        NamedPort(name="web"),
                    ),
                    action=Action.PASS,
                ),
                Rule(
                    peers=(Block(network="0.0.0.0/0"), Block(network="::/0"), Pods()),
                    action=Action.DENY,
                ),
            ),
        )
    )


@pytest.mark.parametrize("lists", ["", "ingress: []\negress: null"])
def test_policy_without_rules_has_no_effect(lists: str) -> None:
    found = read(HEAD + lists)
    assert (found.policy.ingress, found.policy.egress) == (None, None)
    assert found.policy.subject == Pods()
    assert not found.flaws


BAD_PEERS = [
    ("{}", ""),
    ("{services: {}}", ""),
    ("{nodes: {}}", ""),
    ("{domainNames: ['*.example.com']}", ""),
    ("{networks: []}", ""),
    ("{namespaces: {}, pods: {podSelector: {}}}", ""),
    ("{namespaces: {}, networks: [10.0.0.0/8]}", ""),
    ("{networks: [10.0.0.0/8, 10.0.0.0]}", ".networks[1]"),
    ("{networks: ['::ffff:10.0.0.0/104']}", ".networks[0]"),
    (
        "{namespaces: {matchExpressions: [{key: a, operator: in, values: [b]}]}}",
        ".namespaces.matchExpressions[0].operator",
    ),
    (
        "{pods: {podSelector: {matchExpressions: [{key: a, operator: In}]}}}",
        ".pods.podSelector.matchExpressions[0].values",
    ),
]


@pytest.mark.parametrize(("peer", "what"), BAD_PEERS)
@pytest.mark.parametrize(
    ("action", "expected"),
    [
        ("Accept", Rule(peers=(), ports=(HTTP,))),
        ("Deny", DENY_ALL),
        ("Pass", DENY_ALL),
        ("Log", DENY_ALL),
    ],
)
def test_bad_peer_closes_its_rule(
    peer: str, what: str, action: str, expected: Rule
) -> None:
    """The API demands it, also where other peers of the rule can be read."""
    found = egress(action, f"[{{namespaces: {{}}}}, {peer}]", f"[{TCP_80}]")
    assert the_rule(found) == expected
    unknown = ["spec.egress[0].action"] if action == "Log" else []
    assert whats(found) == [*unknown, f"spec.egress[0].to[1]{what}", "spec.egress[0]"]


@pytest.mark.parametrize("peers", ["[]", "null"])
@pytest.mark.parametrize(
    ("action", "expected"), [("Accept", NOTHING), ("Deny", DENY_ALL)]
)
def test_rule_without_peers_is_closed(peers: str, action: str, expected: Rule) -> None:
    found = egress(action, peers)
    assert the_rule(found) == expected
    assert whats(found) == ["spec.egress[0].to", "spec.egress[0]"]


def test_ingress_has_no_networks() -> None:
    found = read(f"{HEAD}ingress: [{{action: Deny, from: [{{networks: ['::/0']}}]}}]")
    assert found.policy.ingress == (DENY_ALL,)
    assert whats(found) == ["spec.ingress[0].from[0]", "spec.ingress[0]"]


def test_bad_rule_leaves_the_others_in_force() -> None:
    good = "{action: Pass, to: [{namespaces: {}}]}"
    found = read(f"{HEAD}egress: [{good}, {{action: Deny, to: [{{}}]}}, {good}]")
    expected = Rule(peers=(Pods(),), action=Action.PASS)
    assert found.policy.egress == (expected, DENY_ALL, expected)


@pytest.mark.parametrize(
    ("protocol", "what"),
    [
        ("{}", ""),
        ("{icmp: {type: 8}}", ""),
        ("{destinationNamedPort: ''}", ""),
        ("{destinationNamedPort: web, tcp: {destinationPort: {number: 80}}}", ""),
        ("{tcp: {destinationPort: {number: 1}}, udp: {}}", ""),
        ("{tcp: {}}", ".tcp.destinationPort"),
        ("{tcp: {flags: [syn]}}", ".tcp.destinationPort"),
        ("{udp: {destinationPort: {}}}", ".udp.destinationPort"),
        (
            "{udp: {destinationPort: {number: 1, range: {start: 1, end: 2}}}}",
            ".udp.destinationPort",
        ),
        ("{sctp: {destinationPort: {number: 0}}}", ".sctp.destinationPort"),
        ("{tcp: {destinationPort: {number: 65536}}}", ".tcp.destinationPort"),
        ("{tcp: {destinationPort: {range: {end: 2}}}}", ".tcp.destinationPort"),
        (
            "{tcp: {destinationPort: {range: {start: 3, end: 2}}}}",
            ".tcp.destinationPort",
        ),
    ],
)
@pytest.mark.parametrize(
    ("action", "expected"),
    [
        ("Accept", Rule(peers=(Pods(),), ports=(HTTP,))),
        ("Deny", Rule(peers=(Pods(),), action=Action.DENY)),
        ("Pass", Rule(peers=(Pods(),), action=Action.DENY)),
    ],
)
def test_bad_protocol_accepts_nothing_and_denies_all_ports(
    protocol: str, what: str, action: str, expected: Rule
) -> None:
    found = egress(action, "[{namespaces: {}}]", f"[{TCP_80}, {protocol}]")
    assert the_rule(found) == expected
    closed = [] if action == "Accept" else ["spec.egress[0]"]
    assert whats(found) == [f"spec.egress[0].protocols[1]{what}", *closed]
    if action == "Accept":
        alone = egress(action, "[{namespaces: {}}]", f"[{protocol}]")
        assert the_rule(alone).ports == ()


@pytest.mark.parametrize("action", ["", "Log", "allow"])
def test_unknown_action_denies(action: str) -> None:
    found = egress(f"'{action}'", "[{namespaces: {}}]", f"[{TCP_80}]")
    assert the_rule(found) == Rule(peers=(Pods(),), ports=(HTTP,), action=Action.DENY)
    assert whats(found) == ["spec.egress[0].action"]


RULES = f"""
egress:
- {{action: Accept, to: [{{namespaces: {{}}}}]}}
- {{action: Pass, to: [{{networks: [10.0.0.0/8]}}], protocols: [{TCP_80}]}}
- {{action: Deny, to: [{{namespaces: {{}}}}], protocols: [{TCP_80}]}}
"""
CLOSED = (
    NOTHING,
    Rule(peers=(Block(network="10.0.0.0/8"),), ports=(HTTP,), action=Action.DENY),
    Rule(peers=(Pods(),), ports=(HTTP,), action=Action.DENY),
)


@pytest.mark.parametrize(
    ("head", "what", "subject", "tier"),
    [
        ("tier: Admin\npriority: 1", "subject", Pods(), Tier.ADMIN),
        ("tier: Baseline\npriority: 1\nsubject: {}", "subject", Pods(), Tier.BASELINE),
        (
            "tier: Admin\npriority: 1\n"
            "subject: {namespaces: {}, pods: {podSelector: {}}}",
            "subject",
            Pods(),
            Tier.ADMIN,
        ),
        (
            "tier: Admin\npriority: 1\nsubject: {namespaces:"
            " {matchLabels: {a: b}, matchExpressions: [{key: c, operator: Has}]}}",
            "subject.namespaces.matchExpressions[0].operator",
            Pods(namespaces=equal(a="b")),
            Tier.ADMIN,
        ),
        ("tier: Admin\nsubject: {namespaces: {}}", "priority", Pods(), Tier.ADMIN),
        ("priority: 1\nsubject: {namespaces: {}}", "tier", Pods(), Tier.ADMIN),
        (
            "tier: NetworkPolicy\npriority: 1\nsubject: {namespaces: {}}",
            "tier",
            Pods(),
            Tier.ADMIN,
        ),
    ],
)
def test_policy_of_unclear_meaning_allows_nothing(
    head: str, what: str, subject: Peer, tier: Tier
) -> None:
    found = read(head + RULES)
    assert found.policy.subject == subject
    assert found.policy.ref.tier is tier
    assert found.policy.egress == CLOSED
    assert whats(found) == [f"spec.{what}", "spec"]


@pytest.mark.parametrize("priority", [-1, 1001])
def test_priority_outside_its_range_keeps_its_order(priority: int) -> None:
    found = read(HEAD.replace("priority: 1", f"priority: {priority}") + RULES)
    assert found.policy.priority == priority
    assert [rule.action for rule in found.policy.egress or ()] == [
        Action.ACCEPT,
        Action.PASS,
        Action.DENY,
    ]
    assert whats(found) == ["spec.priority"]


@pytest.mark.parametrize(
    ("network", "expected"),
    [("10.1.2.3/8", "10.0.0.0/8"), ("fd00::1/64", "fd00::/64")],
)
def test_network_with_host_bits_is_the_network(network: str, expected: str) -> None:
    found = egress("Deny", f"[{{networks: ['{network}']}}]")
    assert the_rule(found).peers == (Block(network=expected),)
    assert whats(found) == ["spec.egress[0].to[0].networks[0]"]


@pytest.mark.parametrize(
    "name", ["", "a" * 300, 'quo"te', "new\nline", "\u202e", "a; drop table x"]
)
def test_names_of_rules_and_ports_are_kept_as_they_are(name: str) -> None:
    spec = {
        "tier": "Admin",
        "priority": 1,
        "subject": {"namespaces": {}},
        "egress": [
            {
                "name": name,
                "action": "Deny",
                "to": [{"namespaces": {}}],
                "protocols": [{"destinationNamedPort": name or "x"}],
            }
        ],
    }
    found = read(msgspec.json.encode(spec).decode())
    ports: tuple[Port, ...] = (NamedPort(name=name or "x"),)
    assert the_rule(found) == Rule(
        peers=(Pods(),), ports=ports, action=Action.DENY, name=name
    )
    assert not found.flaws


def test_undecodable_policy_is_named() -> None:
    cache = Cache(ClusterNetworkPolicy)
    cache.apply_line(
        b'{"type": "ADDED", "object": {"metadata": {"uid": "1", "name": "rules"},'
        b' "spec": {"priority": "high"}}}'
    )
    (skipped,) = cache.skipped.values()
    assert skipped.name == "rules"
    assert "$.spec.priority" in skipped.reason
