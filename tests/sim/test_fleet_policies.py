"""Fleets with network policies: what their packets are judged by."""

import pytest

from sim.fleet import events as e
from sim.fleet import policy_events as policy
from sim.fleet.draw_policies import policies
from sim.fleet.policies import FleetNews
from sim.fleet.run import Outcome, run
from sim.fleet.traits import Traits
from vcnd.core.policy.rule_set import AJAR
from vcnd.policy import engine

TWO_NODES = 2


def day(*events: e.Event, seconds: float) -> Outcome:
    """Run two nodes whose pods start one after another under some policies."""
    pods = [
        e.StartPod(
            at=20.0 + 10 * n, node=n % 2, pod=n, seconds=400.0, kubelet_seconds=0.1
        )
        for n in range(8)
    ]
    first = [policy.ChangePolicy(at=0.0, pick=n) for n in range(4)]
    return run(
        e.Schedule(
            seed=1,
            nodes=TWO_NODES,
            seconds=seconds,
            traits=Traits(policies=True),
            events=(*pods, *first, *events),
        )
    )


KILLS = [policy.KillPolicy(at=55.0 + n, node=n, seconds=30.0) for n in range(2)]
"""Pods start while vcnd-policy is away."""


@pytest.mark.slow
def test_kernels_do_what_policies_say_while_processes_are_killed() -> None:
    changes = [policy.ChangePolicy(at=200.0 + 5 * n, pick=20 + n) for n in range(4)]
    found = day(*KILLS, *changes, seconds=240.0)
    assert found.violations == ()
    assert found.packets > 300


def test_pods_that_are_open_until_they_are_known_break_i13(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(engine, "HOLD", AJAR)
    (violation,) = day(*KILLS, seconds=100.0).violations
    assert violation.rule == "I13"


@pytest.mark.slow
def test_kernels_do_what_policies_say_after_refusals_and_reboots() -> None:
    events: list[e.Event] = [
        policy.RefuseRules(at=30.0, node=0, late=False, seconds=40.0),
        policy.RefuseRules(at=40.0, node=1, late=True, seconds=40.0),
        e.Reboot(at=120.0, node=0, seconds=20.0),
        e.Outage(at=200.0, what="kubernetes", node=1, seconds=60.0),
        policy.LabelPod(at=210.0, pick=3, app="b"),
        policy.LabelNamespace(at=220.0, namespace="red", team="blue"),
    ]
    found = day(*events, seconds=300.0)
    assert found.violations == ()
    assert found.packets > 300


def test_quarter_of_the_seeds_has_policies() -> None:
    drawn = [policies(s, nodes=2, seconds=1200.0, busy=[]) for s in range(200)]
    assert 30 < sum(map(bool, drawn)) < 70


async def test_news_come_late_until_the_last_fault_ends(
    autojump_clock: object,
) -> None:
    news = FleetNews(cooling_seconds=30.0)
    news.begin()
    news.begin()
    news.end()
    assert news.settled_at == float("inf")
    news.end()
    assert news.settled_at < 100.0
    news.is_untold = True
    assert not news.is_settled()
