"""Policies that somebody may want: right in all parts, or refused."""

from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.kube.policy.bodies import (
    cluster_network_policies,
    network_policies,
    ruined,
)
from vcnd.kube.policy.proposals import ProposalError, proposal, proposals
from vcnd.model.errors import BadRequestError
from vcnd.model.policy import PolicyRef, Tier

POLICY = {
    "apiVersion": "networking.k8s.io/v1",
    "kind": "NetworkPolicy",
    "metadata": {"name": "web", "namespace": "shop"},
    "spec": {"podSelector": {}},
}
CLUSTER_POLICY = {
    "apiVersion": "policy.networking.k8s.io/v1alpha2",
    "kind": "ClusterNetworkPolicy",
    "metadata": {"name": "guard"},
    "spec": {
        "tier": "Admin",
        "priority": 1,
        "subject": {"namespaces": {}},
        "ingress": [{"action": "Deny", "from": [{"namespaces": {}}]}],
    },
}


def spec(**fields: Any) -> dict[str, Any]:
    return {**POLICY, "spec": {"podSelector": {}, **fields}}


def test_both_kinds_are_read() -> None:
    first, second = proposals([POLICY, CLUSTER_POLICY])
    assert first.ref == PolicyRef(Tier.NAMESPACE, "shop", "web")
    assert second.ref == PolicyRef(Tier.ADMIN, "", "guard")


def test_a_policy_without_namespace_is_of_the_default_one() -> None:
    found = proposal({**POLICY, "metadata": {"name": "web"}})
    assert found.ref.namespace == found.subject.namespace == "default"


BAD_BLOCK = {"ipBlock": {"cidr": "10.0.0.0/33"}}


@pytest.mark.parametrize(
    ("found", "what", "why"),
    [
        (7, "", "no object"),
        ({}, "kind", "None of None"),
        ({**POLICY, "kind": "Pod"}, "kind", "Pod of networking.k8s.io/v1"),
        ({**POLICY, "metadata": {}}, "metadata.name", "empty"),
        ({**POLICY, "spec": 7}, "spec", "Expected `object`"),
        ({**POLICY, "\ud800": 7}, "", "half a surrogate pair"),
        (spec(policyTypes=["Sideways"]), "spec.policyTypes[0]", "Sideways"),
        (
            spec(ingress=[{}, {"from": [BAD_BLOCK]}]),
            "spec.ingress[1].from[0].ipBlock.cidr",
            "no CIDR",
        ),
        (
            spec(ingress=[{"ports": [{"port": {}}]}]),
            "spec.ingress[0].ports[0].port",
            "Expected `int | str | null`",
        ),
    ],
)
def test_a_part_that_is_wrong_is_named(found: Any, what: str, why: str) -> None:
    with pytest.raises(ProposalError) as caught:
        proposal(found)
    assert caught.value.what == what
    assert why in caught.value.why


def test_a_wrong_object_among_others_is_counted() -> None:
    with pytest.raises(BadRequestError, match="object 2: kind"):
        proposals([POLICY, {}])


def test_null_means_the_same_as_an_absent_field() -> None:
    meta = {"name": "web", "namespace": "shop", "labels": None}
    found = {**POLICY, "metadata": meta, "status": None}
    assert proposal(found) == proposal(POLICY)


def test_an_object_that_is_too_deep_is_refused() -> None:
    deep: Any = {}
    for _ in range(5000):
        deep = {"spec": deep}
    with pytest.raises(ProposalError, match="too deep"):
        proposal({**POLICY, **deep})


@given(st.data())
def test_any_object_is_read_or_refused(data: st.DataObject) -> None:
    kinds = (POLICY, network_policies), (CLUSTER_POLICY, cluster_network_policies)
    head, bodies = data.draw(st.sampled_from(kinds))
    spec = data.draw(bodies())
    bad = data.draw(st.sampled_from([spec, *ruined(spec), None, [], {"x": [spec]}]))
    with suppress(ProposalError):
        assert proposal({**head, "spec": bad}).ref.name in ("web", "guard")
