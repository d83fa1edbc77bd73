"""A node's rules, made of a cluster's policies."""

from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from sim.policy.judging import accepts
from vcnd.core.policy.compiler import compile_rules
from vcnd.core.policy.rule_set import HOLD, OPEN, Kind, NamedSet, RuleSet
from vcnd.model.family import Family
from vcnd.model.policy import (
    EVERYTHING,
    Action,
    Attached,
    Block,
    Cluster,
    ContainerPort,
    Direction,
    NamedPort,
    Operator,
    Packet,
    Peer,
    Pods,
    Policy,
    PolicyPod,
    PolicyRef,
    PortRange,
    Protocol,
    Requirement,
    Rule,
    Selector,
    Tier,
)

TCP = Protocol.TCP


def labelled(value: str) -> Selector:
    return Selector(frozenset([Requirement("app", Operator.IN, frozenset([value]))]))


def pod(number: int, app: str = "web", **fields: object) -> PolicyPod:
    return PolicyPod(
        namespace="blue",
        name=f"pod{number}",
        labels={"app": app},
        addresses=(f"10.0.0.{number}",),
        ports=(ContainerPort("http", TCP, 8000 + number),),
    )


def link(number: int, name: str | None = None) -> Attached:
    return Attached(
        link=f"oci{number}",
        addresses=(f"10.0.0.{number}",),
        namespace="blue",
        name=f"pod{number}" if name is None else name,
    )


def policy(
    name: str,
    *peers: Peer,
    app: str = "web",
    tier: Tier = Tier.NAMESPACE,
    action: Action = Action.ACCEPT,
    port: PortRange | NamedPort | None = None,
    priority: int = 0,
) -> Policy:
    """Return a policy with one rule for ingress."""
    namespace = "blue" if tier is Tier.NAMESPACE else ""
    ports = None if port is None else (port,)
    return Policy(
        ref=PolicyRef(tier, namespace, name),
        subject=Pods(namespace=namespace, pods=labelled(app)),
        priority=priority,
        ingress=(Rule(peers=peers or None, ports=ports, action=action),),
    )


def cluster(*policies: Policy, pods: tuple[PolicyPod, ...]) -> Cluster:
    return Cluster(namespaces={"blue": {}}, pods=pods, policies=policies)


WEB, DB = Pods(namespace="blue", pods=labelled("web")), Pods(pods=labelled("db"))
TWO = (pod(1), pod(2, "db"))


def packet(source: int, destination: int, port: int = 80) -> Packet:
    ends = f"10.0.0.{source}", f"10.0.0.{destination}"
    return Packet(source=ends[0], destination=ends[1], protocol=TCP, port=port)


def only_chain(rules: RuleSet) -> str:
    (name,) = rules.chains
    return name


def test_a_pod_that_nobody_knows_is_held() -> None:
    made = compile_rules(cluster(pods=TWO), [link(1, ""), link(3), link(2)])
    assert made.egress == {"oci1": HOLD, "oci3": HOLD, "oci2": OPEN}
    assert made.ingress == {"10.0.0.1": HOLD, "10.0.0.3": HOLD, "10.0.0.2": OPEN}


def test_a_pod_of_a_namespace_that_nobody_knows_is_held() -> None:
    """The namespace's labels may come later than the pod."""
    made = compile_rules(replace(cluster(pods=TWO), namespaces={}), [link(2)])
    assert made.egress == {"oci2": HOLD}
    assert not made.chains


def test_a_direction_that_no_policy_is_about_is_open() -> None:
    made = compile_rules(cluster(policy("p", DB), pods=TWO), [link(1), link(2)])
    assert made.egress == {"oci1": OPEN, "oci2": OPEN}
    assert made.ingress == {"10.0.0.1": only_chain(made), "10.0.0.2": OPEN}


def test_chains_of_a_bound_pod_are_made_before_its_link() -> None:
    """Its ADD then changes elements alone, and waits for no program."""
    bound, far = replace(pod(1), node="one"), replace(pod(3, "db"), node="two")
    known = cluster(policy("p", DB), policy("q", DB, app="db"), pods=(bound, far))
    before = compile_rules(known, [], node="one")
    assert (before.egress, before.ingress) == ({}, {})
    after = compile_rules(known, [link(1)], node="one")
    assert after.ingress == {"10.0.0.1": only_chain(before)}
    assert (after.chains, after.sets) == (before.chains, before.sets)
    unknown = replace(known, namespaces={})
    assert not compile_rules(unknown, [], node="one").chains


def test_pods_with_the_same_policies_share_a_chain() -> None:
    pods = tuple(pod(n) for n in range(1, 4))
    policies = policy("p", DB), policy("q", WEB)
    made = compile_rules(cluster(*policies, pods=pods), [link(n) for n in range(1, 4)])
    assert set(made.ingress.values()) == {only_chain(made)}


def test_a_chain_keeps_its_name_when_its_rules_change() -> None:
    before = compile_rules(cluster(policy("p", DB), pods=TWO), [link(1)])
    after = compile_rules(cluster(policy("p", WEB), pods=TWO), [link(1)])
    assert before.chains.keys() == after.chains.keys()
    assert before.chains != after.chains


def test_the_order_of_namespaces_policies_means_nothing() -> None:
    first, second = policy("p", DB, WEB), policy("q", WEB)
    made = compile_rules(cluster(first, second, pods=TWO), [link(1)])
    assert made == compile_rules(cluster(second, first, pods=TWO), [link(1)])
    assert len(made.chains[only_chain(made)].lines) == 2


def test_sets_are_shared_and_only_those_of_chains_here() -> None:
    policies = (policy("p", DB), policy("q", DB), policy("other", WEB, app="db"))
    made = compile_rules(cluster(*policies, pods=TWO), [link(1)])
    assert [*made.sets.values()] == [
        NamedSet(
            kind=Kind.ADDRESSES,
            family=Family.IPV4,
            elements=frozenset(["10.0.0.2"]),
        )
    ]


def test_a_block_and_what_it_leaves_out_are_one_line() -> None:
    blocks = [
        Block(network="10.0.0.0/8", excepted=("10.1.0.0/16", "10.1.2.0/24")),
        Block(network="0.0.0.0/0", excepted=("10.0.0.0/8",)),
        Block(network="fd00::/8"),
    ]
    made = compile_rules(cluster(policy("p", *blocks), pods=TWO), [link(1)])
    lines = made.chains[only_chain(made)].lines
    assert {
        (x.match.network, *made.sets[x.match.excepted].elements) for x in lines
    } == {("10.0.0.0/8", "10.1.0.0/16"), ("", "10.0.0.0/8")}
    assert {x.match.family for x in lines} == {Family.IPV4}


def test_a_named_port_of_ingress_is_that_of_pods_here() -> None:
    rule = policy("p", DB, port=NamedPort(name="http"))
    made = compile_rules(cluster(rule, pods=(*TWO, pod(3))), [link(1)])
    (line,) = made.chains[only_chain(made)].lines
    assert made.sets[line.match.port_of].elements == {("10.0.0.1", TCP, 8001)}


def test_a_named_port_of_egress_is_that_of_pods_anywhere() -> None:
    rule = Rule(ports=(NamedPort(name="http"), NamedPort(name="other")))
    one = Policy(
        ref=PolicyRef(Tier.NAMESPACE, "blue", "p"),
        subject=Pods(namespace="blue"),
        egress=(rule,),
    )
    made = compile_rules(cluster(one, pods=TWO), [link(1)])
    lines = made.chains[only_chain(made)].lines
    found = {made.sets[line.match.port_of].elements for line in lines}
    assert found == {
        frozenset([("10.0.0.1", TCP, 8001), ("10.0.0.2", TCP, 8002)]),
        frozenset(),
    }


def test_a_new_pods_address_is_known_by_its_link() -> None:
    """The cluster still has it at another pod, and this pod without any."""
    late = PolicyPod(namespace="blue", name="pod2", labels={"app": "db"}, addresses=())
    old = PolicyPod(
        namespace="blue", name="gone", labels={"app": "x"}, addresses=("10.0.0.2",)
    )
    peers = DB, Pods(pods=labelled("x"))
    pods = (pod(1), late, old)
    made = compile_rules(cluster(policy("p", *peers), pods=pods), [link(1), link(2)])
    contents = sorted(sorted(map(str, s.elements)) for s in made.sets.values())
    assert contents == [[], ["10.0.0.2"]]


def test_tiers_are_asked_in_order() -> None:
    admin = [
        policy("b", DB, tier=Tier.ADMIN, action=Action.DENY, priority=1),
        policy("a", DB, tier=Tier.ADMIN, action=Action.PASS, priority=1),
        policy("c", WEB, tier=Tier.ADMIN, action=Action.ACCEPT),
    ]
    last = policy("d", DB, tier=Tier.BASELINE, action=Action.DENY)
    without = compile_rules(cluster(*admin, last, pods=TWO), [link(1)])
    chain = without.chains[only_chain(without)]
    actions = [line.action for line in chain.admin]
    assert actions == [Action.ACCEPT, Action.PASS, Action.DENY]
    assert [line.action for line in chain.lines] == [Action.DENY]
    assert chain.otherwise is Action.ACCEPT
    assert not accepts(without, [link(1)], packet(2, 1))

    isolating = policy("e", DB)
    isolated = compile_rules(cluster(*admin, last, isolating, pods=TWO), [link(1)])
    chain = isolated.chains[only_chain(isolated)]
    assert [line.action for line in chain.lines] == [Action.ACCEPT]
    assert chain.otherwise is Action.DENY
    assert accepts(isolated, [link(1)], packet(2, 1))


def test_a_pod_may_talk_to_itself() -> None:
    made = compile_rules(cluster(policy("p", DB), pods=TWO), [link(1)])
    assert accepts(made, [link(1)], packet(1, 1))
    assert not accepts(made, [link(1)], packet(9, 1))


def test_empty_lists_of_peers_or_ports_match_nothing() -> None:
    for rule in (Rule(peers=()), Rule(ports=())):
        one = Policy(
            ref=PolicyRef(Tier.NAMESPACE, "blue", "p"),
            subject=Pods(namespace="blue", pods=EVERYTHING),
            egress=(rule,),
        )
        made = compile_rules(cluster(one, pods=TWO), [link(1)])
        chain = made.chains[only_chain(made)]
        assert (chain.direction, chain.lines) == (Direction.EGRESS, ())


@given(st.permutations([DB, WEB, Block(network="10.0.0.0/8")]))
def test_names_do_not_depend_on_any_order(peers: list[Peer]) -> None:
    made = compile_rules(cluster(policy("p", *peers), pods=TWO), [link(1)])
    expected = policy("p", Block(network="10.0.0.0/8"), WEB, DB)
    assert made == compile_rules(cluster(expected, pods=TWO), [link(1)])
