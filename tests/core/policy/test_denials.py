"""What is told of a packet that was dropped."""

from msgspec.structs import replace

from vcnd.core.policy.compiler import compile_rules
from vcnd.core.policy.denials import MOST_NAMED, Denial, DeniedPacket, InForce, tell
from vcnd.core.policy.drops import Drop, Why
from vcnd.core.policy.rule_set import Chain
from vcnd.model.policy import (
    Action,
    Attached,
    Cluster,
    Direction,
    Pods,
    Policy,
    PolicyPod,
    PolicyRef,
    Rule,
    Tier,
)

INGRESS = Direction.INGRESS
WEB = PolicyPod(
    namespace="blue", name="web", labels={}, addresses=("10.0.0.1",), uid="u"
)
FAR = PolicyPod(namespace="green", name="far", labels={}, addresses=("10.1.0.3",))
HERE = Attached(
    link="oci1", addresses=WEB.addresses, namespace="blue", name="web", uid="u"
)
STRAY = Attached(link="oci2", addresses=("10.0.0.2",))


def isolating(name: str) -> Policy:
    ref = PolicyRef(Tier.NAMESPACE, "blue", name)
    return Policy(ref=ref, subject=Pods(namespace="blue"), ingress=())


def denying(*names: str) -> Policy:
    nobody = Rule(peers=(), action=Action.DENY)
    rules = tuple(Rule(action=Action.DENY, name=name) for name in names)
    ref = PolicyRef(Tier.ADMIN, "", "strict")
    return Policy(ref=ref, subject=Pods(), ingress=(nobody, *rules))


def known(*policies: Policy) -> InForce:
    cluster = Cluster(
        namespaces={"blue": {}, "green": {}}, pods=(WEB, FAR), policies=policies
    )
    here = (HERE, STRAY)
    return InForce(
        chains=compile_rules(cluster, here).chains, here=here, cluster=cluster
    )


def only(denied: DeniedPacket, chain: Chain | None, facts: InForce) -> Denial:
    (denial,) = tell([(denied, chain)], facts)
    return denial


def packet(drop: Drop, link: str = "oci1", address: str = "10.0.0.1") -> DeniedPacket:
    return DeniedPacket(
        drop=drop, link=link, address=address, peer="10.1.0.3", protocol="TCP", port=80
    )


def told(facts: InForce, why: Why, of: tuple[int, int] | None = None) -> Denial:
    """Return what is told of a packet that the only chain drops."""
    ((name, chain),) = facts.chains.items()
    drop = Drop(direction=INGRESS, why=why, chain=name, of=of)
    return only(packet(drop), chain, facts)


def test_an_isolated_pod_names_all_policies_that_isolate_it() -> None:
    facts = known(isolating("b"), isolating("a"), denying("no"))
    assert told(facts, Why.ISOLATED) == Denial(
        direction=INGRESS,
        pod="blue/web",
        address="10.0.0.1",
        peer="green/far",
        peer_address="10.1.0.3",
        protocol="TCP",
        port=80,
        why=Why.ISOLATED,
        policies=("NetworkPolicy blue/a", "NetworkPolicy blue/b"),
    )


def test_only_some_of_many_policies_are_named() -> None:
    facts = known(*(isolating(f"p{n}") for n in range(MOST_NAMED + 3)))
    found = told(facts, Why.ISOLATED).policies
    assert len(found) == MOST_NAMED + 1
    assert found[-1] == "and 3 more"


def test_a_rule_that_denies_is_named_with_its_policy() -> None:
    facts = known(isolating("a"), denying("no \x1b[2J"))
    (chain,) = facts.chains.values()
    (line,) = chain.admin
    found = told(facts, Why.RULE, line.of)
    assert found.policies == ("ClusterNetworkPolicy (Admin) strict",)
    assert found.rule == r"2 ('no \x1b[2J')"


def test_a_rule_without_a_name_is_named_by_its_number() -> None:
    facts = known(denying(""))
    assert told(facts, Why.RULE, (0, 1)).rule == "2"
    assert told(facts, Why.RULE).rule == ""
    assert told(facts, Why.RULE).policies == ()


def test_a_packet_that_is_older_than_its_rules_is_told_of() -> None:
    facts = known(denying("no"))
    assert told(facts, Why.RULE, (7, 0)).policies == ()
    assert told(facts, Why.RULE, (0, 99)).rule == "100"
    gone = replace(facts, cluster=replace(facts.cluster, policies=()))
    assert told(gone, Why.RULE, (0, 1)).rule == "2"


def reason(drop: Why, link: str = "oci1", **changes: object) -> str:
    facts = known()
    changed = replace(facts, cluster=replace(facts.cluster, **changes))
    drops = Drop(direction=INGRESS, why=drop)
    return only(packet(drops, link=link, address=""), None, changed).reason


def test_a_held_pod_says_why_it_is_held() -> None:
    assert reason(Why.HELD, "oci2") == "the link has no name of a pod"
    assert reason(Why.HELD, "gone") == "the link is gone"
    assert reason(Why.HELD, namespaces={}).endswith("the pod's namespace yet")
    assert reason(Why.HELD, pods=()).endswith("the pod yet, or it has ended")
    again = replace(WEB, uid="another")
    assert reason(Why.HELD, pods=(again,)).endswith("the pod yet, or it has ended")
    assert reason(Why.HELD) == "the pod has become known just now"
    assert reason(Why.UNKNOWN) == "the pod's rules are not in force yet"


def test_a_pod_is_known_by_its_address_where_its_link_is_gone() -> None:
    drop = Drop(direction=INGRESS, why=Why.UNKNOWN)
    found = only(packet(drop, link=""), None, known())
    assert found.pod == "blue/web"
    assert only(packet(drop, link="", address="10.9.9.9"), None, known()).pod == ""


def test_a_peer_that_is_no_pod_is_told_by_its_address() -> None:
    drop = Drop(direction=INGRESS, why=Why.UNKNOWN)
    found = only(replace(packet(drop), peer="192.0.2.7"), None, known())
    assert (found.peer, found.peer_address) == ("", "192.0.2.7")
    own = only(replace(packet(drop), peer="10.0.0.1"), None, known())
    assert own.peer == "blue/web"


def test_an_isolating_chain_without_its_policies_is_told_of() -> None:
    chain = Chain(direction=INGRESS, otherwise=Action.DENY)
    drop = Drop(direction=INGRESS, why=Why.ISOLATED, chain="in_x")
    assert only(packet(drop), chain, known()).policies == ()


def test_packets_are_told_of_in_order_and_each_for_itself() -> None:
    facts = known(isolating("a"))
    ((name, chain),) = facts.chains.items()
    first = packet(Drop(direction=INGRESS, why=Why.ISOLATED, chain=name))
    second = packet(Drop(direction=INGRESS, why=Why.HELD), link="oci2", address="")
    found = tell([(first, chain), (second, None), (first, chain)], facts)
    assert [x.why for x in found] == [Why.ISOLATED, Why.HELD, Why.ISOLATED]
    assert [x.pod for x in found] == ["blue/web", "", "blue/web"]
    assert tell([], facts) == []
