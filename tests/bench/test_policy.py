"""``bench policy``: its made-up cluster, and one report of several parts."""

from collections import Counter

import msgspec

from integration.bench.datapath.underlay import Place
from integration.bench.noise import Noise
from integration.bench.policy import cost, parts, synthetic
from integration.bench.report import Report, as_json
from vcnd.kube.policy import policies
from vcnd.kube.policy import wire as policy_wire

PLACES = (Place(1), Place(2))
QUIET = Noise(
    loop_us=1, loop_spread=1, on_processor_percent=100, steal_percent=0, busy_percent=0
)
NOISY = Noise(
    loop_us=1, loop_spread=2, on_processor_percent=50, steal_percent=0, busy_percent=0
)


def report(noise: Noise, **values: float) -> Report:
    return Report(bench=parts.BENCH, rows=[], values=values, noise=noise)


def test_each_measured_node_has_its_pods_and_each_address_is_one_pods() -> None:
    made = synthetic.pods(1000, PLACES)
    assert len({pod.address for pod in made}) == len({p.path for p in made}) == 1000
    by_node = Counter(pod.node for pod in made)
    assert by_node["dp-n1"] == by_node["dp-n2"] == synthetic.PODS_A_NODE
    assert made[0].app == synthetic.TARGET
    assert made[0].address == PLACES[0].pod(0)


def test_no_policy_of_the_made_up_cluster_has_a_flaw() -> None:
    for body in (*synthetic.policies(), *cost.policies()):
        found = msgspec.convert(body, policy_wire.NetworkPolicy)
        assert not policies.network_policy(found).flaws


def test_merged_report_has_all_values_and_the_greatest_noise() -> None:
    found = parts.merged(
        [report(QUIET, q7_packets_after=0), report(NOISY, q4_rr_500_of_0=1.0)],
        {"starts": "it failed"},
        {"q1_e2e_not_passed": 0},
    )
    assert found.values == {
        "q1_e2e_not_passed": 0,
        "q7_packets_after": 0,
        "q4_rr_500_of_0": 1.0,
    }
    assert found.noise == NOISY
    assert found.missing == {"starts": "it failed"}


def test_aims_tell_which_measure_they_are_of() -> None:
    aims = as_json(report(QUIET, q7_packets_after=0))["aims"]
    assert [(a["id"], a["met"]) for a in aims if a["value"] is not None] == [
        ("Q7", True)
    ]
    assert {a["id"] for a in aims} == {f"Q{n}" for n in range(1, 9)}


def test_suites_give_the_number_of_tests_that_have_not_passed() -> None:
    suites = {"e2e": {"passed": 45}, "conformance": {"passed": 20}}
    assert parts.of_suites(suites) == {
        "q1_e2e_not_passed": 0,
        "q1_conformance_not_passed": 2,
    }
