"""The data path bench: which sides its values compare, and its nodes' numbers."""

from ipaddress import ip_address

import pytest

from integration.bench.datapath import bench, stage, underlay
from integration.bench.datapath.bench import Measured
from integration.bench.datapath.stage import BARE, CROSS, FLANNEL, HOST, OFF, OURS
from integration.bench.datapath.underlay import Place
from integration.bench.noise import Meter
from integration.bench.samples import Samples

COSTS = {
    OURS: 6.0,
    stage.with_pods(110): 6.0,
    stage.with_pods(250): 6.3,
    OFF: 8.0,
    FLANNEL: 10.0,
    HOST: 7.5,
    BARE: 5.0,
}


def measured(*sides: str) -> Measured:
    return {
        (CROSS, test): Samples({s: [[COSTS[s]] * 3] * 2 for s in sides})
        for test in bench.TESTS
    }


def test_values_compare_the_sides_that_aims_name() -> None:
    report = bench.report_of(measured(*COSTS), Meter(), {})
    assert report.values == {
        "rr_of_flannel": 0.6,
        "rr_of_host": 0.8,
        "udp_of_host": 0.8,
        "connect_of_flannel": 0.6,
        "connect_of_host": 0.8,
        "burst_of_host": 0.8,
        "ordinary_rr_of_flannel": 0.8,
        "rr_250_pods_of_1_pod": 1.05,
    }
    assert all(aim.value is not None for aim in report.aims())


def test_missing_side_leaves_its_aims_unmeasured() -> None:
    missing = {FLANNEL: "no Go here"}
    report = bench.report_of(measured(OURS, OFF, HOST, BARE), Meter(), missing)
    unmeasured = {aim.name for aim in report.aims() if aim.value is None}
    assert unmeasured == {
        *("rr_of_flannel", "connect_of_flannel", "ordinary_rr_of_flannel"),
        "rr_250_pods_of_1_pod",
    }
    assert report.missing == missing


@pytest.mark.parametrize(
    ("states", "why"),
    [
        ([{"on": True, "express_packets": 9}] * 2, None),
        ([{"on": False, "why": "switched off"}] * 2, "switched off"),
        (
            [{"on": True, "express_packets": 9}, {"on": True, "express_packets": 0}],
            "it is on, but took no packet of some nodes",
        ),
    ],
)
def test_report_says_why_packets_were_not_express(
    states: list[dict[str, object]], why: str | None
) -> None:
    assert bench.why_not_express(states).get("express lane") == why


def test_nodes_and_pods_have_addresses_of_their_own() -> None:
    places = [Place(n) for n in range(1, 13)]
    pods = {place.pod(n) for place in places for n in (0, 1, 249, 999)}
    own = {str(i.ip) for place in places for i in (place.primary, place.pods)}
    routers = {underlay.router_of(i) for p in places for i in (p.primary, p.pods)}
    assert len(pods | own | routers) == 12 * 4 + 12 * 2 + 12 * 2
    assert all(ip_address(place.pod(999)) in place.pods.network for place in places)
    assert len({place.mac(vnic) for place in places for vnic in (0, 1)}) == 24
