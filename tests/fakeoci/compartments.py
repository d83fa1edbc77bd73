"""A cloud with several compartments, and calls to it."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import httpx2

from fakeoci.api.service import Service
from fakeoci.mock import mock_oci
from fakeoci.world.world import World
from fakeoci.world.worldfile import default_text
from tests.fakeoci.calls import CORE, unsigned

DECLARED = """
[[compartments]]
name = "apps"

[[compartments]]
name = "shop"
parent = "apps"
"""
TEXT = DECLARED + default_text()


def ocid(service: Service, name: str) -> str:
    return service.world.compartments.named(name).id


def get(path: str, **query: str) -> Any:
    answer = httpx2.get(CORE + path, params=query)
    assert answer.is_success, answer.text
    return answer.json()


def post(path: str, body: Any) -> httpx2.Response:
    return httpx2.post(CORE + path, json=body)


def names(rows: list[dict[str, str]]) -> list[str]:
    return [row.get("name") or row["displayName"] for row in rows]


def names_of(world: World) -> list[str]:
    return [c.name for c in world.compartments.all()]


@contextmanager
def several() -> Iterator[Service]:
    """Mock a cloud with two more compartments, one in the other."""
    with mock_oci(TEXT, virtual_time=True) as made:
        yield unsigned(made)
