"""Pages: no row twice, none left out, whatever is deleted between two pages."""

import time
from collections.abc import Callable
from random import Random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fakeoci.api.operations.table import OPERATIONS
from fakeoci.api.service import Call, Result
from fakeoci.world import worldfile
from fakeoci.world.errors import ServiceError
from fakeoci.world.resources import Nsg, SecurityRule, Vcn
from fakeoci.world.world import World

BY_NAME = {operation.name: operation for operation in OPERATIONS}


def world_of(nsgs: list[str]) -> World:
    world = worldfile.parse(worldfile.default_text())
    vcn = world.named(Vcn, "main")
    for number, name in enumerate(nsgs):
        world.add(
            Nsg(
                id=world.names.ocid("networksecuritygroup"),
                compartment_id=world.compartment_id,
                display_name=name,
                vcn_id=vcn.id,
                time_created=float(number // 3),  # several have the same time
            )
        )
    return world


def run(
    world: World,
    operation: str,
    query: dict[str, str],
    of: dict[str, str] | None = None,
) -> Result:
    call = Call(
        world=world,
        now=time.time(),
        operation=operation,
        principal="anybody",
        path=of or {},
        query=query,
        body=b"",
        if_match=None,
    )
    return BY_NAME[operation].run(call)


def walk(
    world: World,
    operation: str,
    query: dict[str, str],
    between: Callable[[], None] = lambda: None,
    of: dict[str, str] | None = None,
) -> list[Any]:
    """Return all rows of a list; call ``between`` after each page but the last."""
    seen: list[Any] = []
    page: dict[str, str] = {}
    while True:
        result = run(world, operation, query | page, of)
        seen += result.body
        if "opc-next-page" not in result.headers:
            return seen
        page = {"page": result.headers["opc-next-page"]}
        between()


@pytest.mark.slow
@given(
    st.lists(st.sampled_from("abc"), max_size=9),
    st.sampled_from(["", "TIMECREATED", "DISPLAYNAME"]),
    st.sampled_from(["", "ASC", "DESC"]),
    st.integers(1, 12),
    st.randoms(use_true_random=False),
)
def test_deletion_between_pages_skips_nothing(
    names: list[str], by: str, order: str, limit: int, chance: Random
) -> None:
    world = world_of(names)
    sorting = {k: v for k, v in (("sortBy", by), ("sortOrder", order)) if v}
    query = {"compartmentId": world.compartment_id, "limit": str(limit), **sorting}
    whole = [n["id"] for n in walk(world, "ListNetworkSecurityGroups", query)]
    assert sorted(whole) == sorted(n.id for n in world.all(Nsg))

    def delete_one() -> None:
        alive = list(world.all(Nsg))
        if alive:
            world.drop(chance.choice(alive))

    seen = [
        n["id"] for n in walk(world, "ListNetworkSecurityGroups", query, delete_one)
    ]
    assert len(seen) == len(set(seen))
    kept = {n.id for n in world.all(Nsg)}
    assert [i for i in whole if i in kept] == [i for i in seen if i in kept]


@pytest.mark.slow
@given(st.integers(1, 9), st.integers(1, 4), st.randoms(use_true_random=False))
def test_rules_of_an_nsg_have_pages_too(count: int, limit: int, chance: Random) -> None:
    world = world_of([])
    nsg = world.named(Nsg, "pods")
    nsg.rules = {
        f"{n:06}": SecurityRule(id=f"{n:06}", number=n) for n in range(1, count + 1)
    }

    def delete_one() -> None:
        del nsg.rules[chance.choice(list(nsg.rules))]

    operation, of = "ListNetworkSecurityGroupSecurityRules", {"id": nsg.id}
    rows = walk(world, operation, {"limit": str(limit)}, delete_one, of)
    seen = [r["id"] for r in rows]
    assert len(seen) == len(set(seen))
    assert nsg.rules.keys() <= set(seen)


@pytest.mark.parametrize(
    ("operation", "query"),
    [
        ("ListSubnets", {}),
        ("ListNetworkSecurityGroups", {"displayName": "a"}),
        ("ListNetworkSecurityGroups", {"sortBy": "DISPLAYNAME"}),
    ],
)
def test_page_token_belongs_to_one_list(operation: str, query: dict[str, str]) -> None:
    world = world_of(list("aabb"))
    here = {"compartmentId": world.compartment_id, "limit": "2"}
    first = run(world, "ListNetworkSecurityGroups", here)
    page = {"page": first.headers["opc-next-page"]}
    run(world, "ListNetworkSecurityGroups", here | page | {"limit": "1"})
    with pytest.raises(ServiceError, check=lambda e: e.code == "InvalidParameter"):
        run(world, operation, here | query | page)
