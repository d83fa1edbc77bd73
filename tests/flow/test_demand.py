"""The demand has the classes of bound pods and of waiting calls."""

from vcnd.core.ledger import Ledger
from vcnd.core.requests import NSG_IDS
from vcnd.flow.demand import Demand
from vcnd.model.podnetwork import PodNetwork
from vcnd.model.request import EVERY, NamespacePolicy, PodRequest
from vcnd.model.sandbox import BoundPod, PodRef, SandboxKey

NSG = "ocid1.networksecuritygroup.oc1.iad."


def demand() -> Demand:
    network = PodNetwork(subnet_ids=("ocid1.subnet.oc1.iad.s",))
    allowed = [NamespacePolicy(namespace=EVERY, nsg_ids=frozenset({EVERY}))]
    return Demand(Ledger(cooling_seconds=1.0), network, allowed)


def bound(number: int) -> BoundPod:
    name = f"pod{number}"
    pod = PodRef(namespace="shop", name=name, uid=name)
    return BoundPod(
        pod=pod, request=PodRequest(annotations={NSG_IDS: f"{NSG}{number}"})
    )


async def test_classes_go_with_the_pods_that_asked_for_them() -> None:
    made = demand()
    for number in range(1000):
        made.bind([bound(number), bound(number + 1)])
    assert len(made.classes()) == 3  # two pods' classes and the node's own


async def test_the_class_of_a_call_that_waits_stays() -> None:
    made, one = demand(), bound(1)
    grant = made.grant(one.pod, one.request)
    made.bind([])  # between the grant and the wait
    key = SandboxKey("vcnd", "c", "eth0")
    with made.waiting_for(key, one.pod, grant):
        made.bind([])
        assert grant.pod_class.name in made.classes()
    made.bind([])
    assert len(made.classes()) == 1


async def test_pods_that_did_not_change_keep_their_grants() -> None:
    """Of a hundred pods one changes: the others' requests are not read again."""
    made, others = demand(), [bound(number) for number in range(2, 10)]
    made.bind([bound(1), *others])
    first, second = made.grant_of("pod1"), made.grant_of("pod2")
    changed = BoundPod(pod=bound(1).pod, request=PodRequest())
    made.bind([changed, *others])
    assert made.grant_of("pod1") != first
    assert made.grant_of("pod2") is second
    assert len(made.classes()) == 9  # of eight pods, and the node's own
    made.follow(PodNetwork(subnet_ids=("ocid1.subnet.oc1.iad.t",)))
    assert made.grant_of("pod2") != second
