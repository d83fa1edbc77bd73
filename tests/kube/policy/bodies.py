"""Specs of policies as users write them, and the same with one part ruined.

There are few labels, networks and ports, so that they often match.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from hypothesis import strategies as st

Body = dict[str, Any]

NAMES = ("app", "team")
VALUES = ("a", "b")
BLOCKS: tuple[Body, ...] = (
    {"cidr": "0.0.0.0/0", "except": ["10.0.0.0/29"]},
    {"cidr": "10.0.0.0/8", "except": ["10.0.0.2/31", "10.0.0.4/30"]},
    {"cidr": "10.0.0.0/29"},
    {"cidr": "::/0", "except": ["fd00::2/127"]},
    {"cidr": "fd00::/8"},
)
NUMBERS = (53, 80, 443)
RUINS: Mapping[str, Any] = {
    "operator": "Like",
    "cidr": "10.0.0.0",
    "except": ["10.0.0"],
    "networks": ["::/0", "10.0.0.0"],
    "protocol": "ICMP",
    "port": 70000,
    "endPort": 1,
    "number": 0,
    "range": {"start": 9, "end": 8},
    "policyTypes": ["Both"],
    "action": "Log",
    "tier": "Other",
    "priority": None,
    "subject": {},
    "tcp": {},
    "destinationNamedPort": "",
}
"""By field, values with which its part of a policy cannot be read."""
RUINED_ITEMS: Mapping[str, Body] = {
    "from": {"other": {}},
    "to": {"other": {}},
    "protocols": {"other": {}},
}
"""By list, an item that cannot be read."""


def selectors() -> st.SearchStrategy[Body]:
    """Return label selectors."""
    label, value = st.sampled_from(NAMES), st.sampled_from(VALUES)
    values = st.lists(value, min_size=1)
    with_values = st.fixed_dictionaries(
        {"key": label, "operator": st.sampled_from(["In", "NotIn"]), "values": values}
    )
    without = st.fixed_dictionaries(
        {"key": label, "operator": st.sampled_from(["Exists", "DoesNotExist"])}
    )
    return st.fixed_dictionaries(
        {},
        optional={
            "matchLabels": st.dictionaries(label, value, max_size=1),
            "matchExpressions": st.lists(with_values | without, max_size=1),
        },
    )


def network_policies() -> st.SearchStrategy[Body]:
    """Return specs of NetworkPolicies."""
    by_labels = st.fixed_dictionaries({"podSelector": selectors()})
    by_namespace = st.fixed_dictionaries(
        {"namespaceSelector": selectors()}, optional={"podSelector": selectors()}
    )
    by_address = st.fixed_dictionaries({"ipBlock": st.sampled_from(BLOCKS)})
    protocol = st.sampled_from(["TCP", "UDP", "SCTP"])
    port = st.fixed_dictionaries({}, optional={"protocol": protocol})
    number = st.fixed_dictionaries(
        {"port": st.sampled_from(NUMBERS)},
        optional={"endPort": st.just(8080), "protocol": protocol},
    )
    name = st.fixed_dictionaries({"port": st.sampled_from(["dns", "web"])})

    def rules(side: str) -> st.SearchStrategy[list[Body]]:
        peers = st.lists(by_labels | by_namespace | by_address, max_size=2)
        ports = st.lists(port | number | name, max_size=2)
        rule = st.fixed_dictionaries({}, optional={side: peers, "ports": ports})
        return st.lists(rule, max_size=2)

    types = [["Ingress"], ["Egress"], ["Ingress", "Egress"]]
    return st.fixed_dictionaries(
        {"podSelector": selectors()},
        optional={
            "policyTypes": st.sampled_from(types),
            "ingress": rules("from"),
            "egress": rules("to"),
        },
    )


def cluster_network_policies() -> st.SearchStrategy[Body]:
    """Return specs of ClusterNetworkPolicies."""
    pods = st.fixed_dictionaries(
        {"podSelector": selectors()}, optional={"namespaceSelector": selectors()}
    )
    by_labels = st.fixed_dictionaries(
        {"namespaces": selectors()}
    ) | st.fixed_dictionaries({"pods": pods})
    networks = st.lists(
        st.sampled_from([block["cidr"] for block in BLOCKS]), min_size=1, max_size=2
    )
    by_address = st.fixed_dictionaries({"networks": networks})
    number = st.fixed_dictionaries({"number": st.sampled_from(NUMBERS)})
    numbers = st.just({"range": {"start": 53, "end": 443}})
    match = st.fixed_dictionaries({"destinationPort": number | numbers})
    protocol = st.one_of(
        *(st.fixed_dictionaries({name: match}) for name in ("tcp", "udp", "sctp")),
        st.just({"destinationNamedPort": "web"}),
    )

    def rules(side: str) -> st.SearchStrategy[list[Body]]:
        peer = by_labels if side == "from" else by_labels | by_address
        rule = st.fixed_dictionaries(
            {
                "action": st.sampled_from(["Accept", "Deny", "Pass"]),
                side: st.lists(peer, min_size=1, max_size=2),
            },
            optional={"protocols": st.lists(protocol, min_size=1, max_size=2)},
        )
        return st.lists(rule, max_size=3)

    return st.fixed_dictionaries(
        {
            "tier": st.sampled_from(["Admin", "Baseline"]),
            "priority": st.integers(0, 2),
            "subject": by_labels,
            "ingress": rules("from"),
            "egress": rules("to"),
        }
    )


def ruined(body: Any) -> Iterator[Any]:
    """Yield a body with one part ruined, for each part that can be."""
    if isinstance(body, list):
        for number, item in enumerate(body):
            for bad in ruined(item):
                yield [*body[:number], bad, *body[number + 1 :]]
    if not isinstance(body, dict):
        return
    for key, value in body.items():
        if key in RUINS:
            yield body | {key: RUINS[key]}
        if key in RUINED_ITEMS and value:
            yield body | {key: [*value[:-1], RUINED_ITEMS[key]]}
        for bad in ruined(value):
            yield body | {key: bad}
