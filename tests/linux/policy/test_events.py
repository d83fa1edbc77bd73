"""Which tables others have changed."""

import struct

import pytest

from vcnd.linux.layout import POLICY_TABLES
from vcnd.linux.policy.events import touched
from vcnd.netlink.messages import HEADER, text

TABLE, GUARD = POLICY_TABLES
NFT, INET, IPV4 = 10 << 8, 1, 2
NEWTABLE, DELTABLE, NEWRULE, DELSETELEM, NEWGEN = 0, 2, 6, 14, 15
OWN, FOREIGN = 100, 200


def event(
    kind: int, table: str, *, port: int = FOREIGN, family: int = INET, of: int = NFT
) -> bytes:
    body = struct.pack(">BBH", family, 0, 0) + text(1, table)
    return HEADER.pack(16 + len(body), of | kind, 0, 0, port) + body


@pytest.mark.parametrize("kind", [NEWTABLE, DELTABLE, NEWRULE, DELSETELEM])
@pytest.mark.parametrize("table", POLICY_TABLES)
def test_any_change_by_another_touches_a_table(kind: int, table: str) -> None:
    data = event(kind, "kube-proxy") + event(kind, table)
    assert touched(data, POLICY_TABLES, {OWN}) == {table}


@pytest.mark.parametrize(
    "data",
    [
        b"",
        event(NEWRULE, TABLE, port=OWN),
        event(NEWRULE, "kube-proxy"),
        event(NEWRULE, TABLE, family=IPV4),
        event(NEWRULE, TABLE, of=0),
        event(NEWGEN, TABLE),
        event(NEWRULE, TABLE)[:20],
        b"\0" * 16,
    ],
)
def test_own_changes_and_those_of_other_tables_touch_none(data: bytes) -> None:
    assert touched(data, POLICY_TABLES, {OWN}) == frozenset()


def test_a_change_among_own_ones_touches_its_table() -> None:
    data = event(DELTABLE, TABLE, port=OWN) + event(NEWTABLE, TABLE, port=OWN)
    assert touched(data + event(NEWRULE, GUARD) + data, POLICY_TABLES, {OWN}) == {GUARD}
