"""Random days of clusters with network policies: right, and with bugs planted."""

from collections.abc import Callable
from random import Random

import pytest
import trio
from trio.testing import MockClock

from sim.kubernetes.server import ApiServer
from sim.policy.drill import Outcome, drill
from sim.policy.oracle import News, Oracle, WrongVerdictError
from sim.policy.stage import Stage
from tests.sim import planted
from vcnd.log import log
from vcnd.model.policy import Packet, Protocol

SEEDS = 50
Plant = Callable[[pytest.MonkeyPatch], None]


def run(seed: int, events: int = 40) -> Outcome:
    with log.collected():
        return drill(seed, events)


def search() -> None:
    for seed in range(SEEDS):
        run(seed)


@pytest.mark.slow
def test_kernels_do_what_policies_say() -> None:
    assert run(3, events=5).settled > 50


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(20))
def test_kernels_do_what_policies_say_all_day(seed: int) -> None:
    """Also I13; while watches end, the server is away, or the process starts anew."""
    assert run(seed).settled > 100


@pytest.mark.parametrize(
    ("plant", "seed"),
    [
        pytest.param(planted.keep_numbers, 7, marks=pytest.mark.slow),
        pytest.param(planted.keep_numbers_of_addresses, 7, marks=pytest.mark.slow),
        (planted.resume_one_later, 6),
        pytest.param(planted.resume_after_410, 1, marks=pytest.mark.slow),
    ],
)
def test_planted_bug_is_found_by_its_seed(
    monkeypatch: pytest.MonkeyPatch, plant: Plant, seed: int
) -> None:
    plant(monkeypatch)
    with pytest.raises(WrongVerdictError):
        run(seed)


@pytest.mark.slow
@pytest.mark.parametrize(
    "plant",
    [
        planted.keep_numbers,
        planted.keep_numbers_of_addresses,
        planted.resume_one_later,
        planted.resume_after_410,
    ],
)
def test_planted_bug_is_found_within_fifty_seeds(
    monkeypatch: pytest.MonkeyPatch, plant: Plant
) -> None:
    plant(monkeypatch)
    with pytest.raises(WrongVerdictError):
        search()


ISOLATES = {
    "kind": "NetworkPolicy",
    "apiVersion": "networking.k8s.io/v1",
    "metadata": {"name": "isolates", "namespace": "red"},
    "spec": {"podSelector": {}, "policyTypes": ["Ingress"]},
}


@pytest.mark.parametrize("strict", [True, False])
async def test_isolated_pod_is_closed_from_its_first_packet(
    autojump_clock: MockClock, strict: bool
) -> None:
    """The oracle sees that it is open at first where policies are not strict."""
    server, news = ApiServer(random=Random(1)), News()
    async with trio.open_nursery() as tasks:
        stage = Stage(server, tasks, strict=strict)
        stage.plane.add_namespace("red")
        stage.plane.put_policy(ISOLATES)
        await stage.add_node("one")
        news.change(of_policies=True)
        pods = [stage.start_pod("red", {}, node="one") for _ in range(2)]
        await trio.sleep(10)
        pods.append(stage.start_pod("red", {}, node="one"))
        news.change(of_policies=False)
        packet = Packet(
            source=pods[0].address,
            destination=pods[2].address,
            protocol=Protocol.TCP,
            port=80,
        )
        oracle = Oracle(stage, news)
        if strict:
            oracle.look(iter([packet]))
        else:
            with pytest.raises(WrongVerdictError, match="I13"):
                oracle.look(iter([packet]))
        await trio.sleep(10)
        oracle.look(iter([packet]))
        assert oracle.settled == 1
        tasks.cancel_scope.cancel()
