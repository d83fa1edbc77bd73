"""Objects of files."""

import pytest

from tests.odd_yaml import BOMB
from vcnd.kube.policy.manifests import ManifestError, read
from vcnd.model.policy import Direction

TEXT = """
apiVersion: v1
kind: Namespace
metadata: {name: shop, labels: {team: a}}
---
---
apiVersion: v1
kind: List
items:
  - apiVersion: v1
    kind: Pod
    metadata: {name: web, namespace: shop, labels: {app: web}}
    spec:
      containers: [{name: c, ports: [{name: http, containerPort: 80}]}]
  - apiVersion: v1
    kind: Pod
    metadata: {name: other}
---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: closed, namespace: shop}
spec: {podSelector: {}, policyTypes: [Ingress]}
---
apiVersion: policy.networking.k8s.io/v1alpha2
kind: ClusterNetworkPolicy
metadata: {name: first}
spec:
  tier: Admin
  priority: 1
  subject: {namespaces: {}}
  ingress: [{action: Deny, from: [{namespaces: {}}]}]
"""


def test_a_file_has_all_kinds_of_objects() -> None:
    found = read(TEXT)
    (shop,) = found.namespaces
    assert shop.metadata.labels == {"team": "a", "kubernetes.io/metadata.name": "shop"}
    web, other = found.pods
    assert (web.metadata.namespace, web.metadata.labels) == ("shop", {"app": "web"})
    assert [p.name for p in web.spec.named_ports] == ["http"]
    assert other.metadata.namespace == "default"
    names = [str(x.policy.ref) for x in found.policies]
    assert names == ["shop/closed", "first"]
    assert found.policies[0].policy.rules(Direction.INGRESS) == ()


def test_objects_without_uid_are_told_apart() -> None:
    uids = {x.metadata.uid for x in (*read(TEXT).namespaces, *read(TEXT).pods)}
    assert len(uids) == 3


def test_an_empty_file_has_no_objects() -> None:
    assert read("") == read("# nothing\n---\n")
    assert not read("").policies


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("a: [", "expected"),
        ("text", "text is no object"),
        ("[1, 2]", "a value of type list is no object"),
        ("0x" + "f" * 4000, "more than 64 digits"),
        (BOMB, "more than 250000 values"),
        ("apiVersion: [v1]\nkind: {a: b}", "type dict of a value of type list"),
        ("apiVersion: v1\nkind: Service", "Service of v1 is no kind"),
        ("kind: Pod", "Pod of None is no kind"),
        ("apiVersion: v1\nkind: Pod", "Pod: it has no metadata.name"),
        (
            "apiVersion: v1\nkind: Pod\nmetadata: {name: x, labels: 3}",
            "Pod: Expected `object`, got `int` - at `$.metadata.labels`",
        ),
        (
            "apiVersion: v1\nkind: Pod\nmetadata: {name: x, namespace: 'a { }'}",
            "Pod: 'a { }' is no name of a namespace",
        ),
        (
            "apiVersion: v1\nkind: Namespace\nmetadata: {name: Shop}",
            "Namespace: 'Shop' is no name of a namespace",
        ),
        (
            "apiVersion: v1\nkind: List\nitems: [{apiVersion: v1, kind: Node}]",
            "Node of v1",
        ),
    ],
)
def test_a_bad_file_is_refused_as_a_whole(text: str, words: str) -> None:
    with pytest.raises(ManifestError) as caught:
        read(TEXT + "\n---\n" + text)
    assert words in str(caught.value)
