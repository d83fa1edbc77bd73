"""Who may request anything beyond an address."""

import pytest

from vcnd.core import requests
from vcnd.model.request import NamespacePolicy


@pytest.mark.parametrize(
    ("namespaces", "expected"),
    [([], False), (["shop"], True), (["*"], True), (["other"], False)],
)
def test_namespace_may_request_if_a_policy_names_it(
    namespaces: list[str], *, expected: bool
) -> None:
    allowed = [NamespacePolicy(namespace=n) for n in namespaces]
    assert requests.may_request("shop", allowed) is expected
