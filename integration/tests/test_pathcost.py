"""The program that measures a packet's way, between two real namespaces."""

from collections.abc import Iterator

import pytest
from rich.console import Console

from fakeoci.fabric import netns
from integration.bench.datapath import pathcost
from integration.bench.datapath.bench import TESTS
from integration.build.cache import Cache
from integration.checking import CheckError


@pytest.fixture
def pair() -> Iterator[tuple[str, str]]:
    here, there = "cost-a", "cost-b"
    for name in (here, there):
        netns.add(name)
    netns.ip(here, [f"link add x type veth peer name x netns {there}"])
    for name, address in ((here, "192.0.2.1/24"), (there, "192.0.2.2/24")):
        netns.ip(name, [f"addr add {address} dev x", "link set x up"])
    yield here, there
    for name in (here, there):
        netns.remove(name)


def test_each_test_measures_a_path(pair: tuple[str, str]) -> None:
    client, server = (netns.DIRECTORY / name for name in pair)
    program = pathcost.compiled(Cache(Console(stderr=True)))
    with pathcost.running(program) as cost:
        path = cost.open(client, server, "192.0.2.2")
        for test in TESTS:
            samples = cost.measure(test, path, 20)
            assert len(samples) == 20
            assert min(samples) > 0


def test_lost_path_ends_the_program(pair: tuple[str, str]) -> None:
    client, server = (netns.DIRECTORY / name for name in pair)
    program = pathcost.compiled(Cache(Console(stderr=True)))
    with (
        pathcost.running(program) as cost,
        pytest.raises(CheckError, match="open"),
    ):
        cost.open(client, server, "192.0.2.3")
