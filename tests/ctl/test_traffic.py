"""Pods' rates and connections, as ``vcndctl top`` and ``vcndctl flows`` print them."""

from msgspec.structs import replace

from vcnd.ctl.traffic_text import describe_flows, describe_top, rates_of
from vcnd.model.traffic import FlowsShown, LinkCounters, PodCounters, TrafficAnswer


def counters(sent: int, received: int) -> LinkCounters:
    return LinkCounters(
        sent_packets=sent,
        sent_bytes=1000 * sent,
        received_packets=received,
        received_bytes=1000 * received,
    )


def pod(name: str, counted: LinkCounters) -> PodCounters:
    return PodCounters(
        pod=f"default/{name}", addresses=("10.1.0.5",), link=name, counters=counted
    )


BEFORE = TrafficAnswer(at=10.0, pods=(pod("web", counters(5, 5)),), express=True)


def test_rates_are_differences_by_time() -> None:
    busy, calm = pod("busy", counters(200, 0)), pod("web", counters(7, 9))
    rates = rates_of(BEFORE, replace(BEFORE, at=12.0, pods=(calm, busy)))
    assert [x.pod for x in rates.pods] == ["default/busy", "default/web"]
    assert (rates.pods[1].sent_packets, rates.pods[1].received_bytes) == (1.0, 2000.0)
    text = describe_top(rates)
    assert "100 k" in text
    assert "express lane" in text


def test_link_that_was_made_anew_has_no_negative_rate() -> None:
    rates = rates_of(BEFORE, replace(BEFORE, pods=(pod("web", counters(0, 0)),)))
    assert rates.pods[0].bytes == 0


def test_connections_name_pods_and_protocols() -> None:
    flow = FlowsShown(
        source="10.1.0.5",
        destination="8.8.8.8",
        source_pod="default/web",
        protocol=17,
        port=53,
        connections=3,
    )
    other = replace(flow, protocol=47, port=0, source_pod="a\x1b[2J")
    lines = [" ".join(x.split()) for x in describe_flows([flow, other], 2).splitlines()]
    assert lines == [
        "FROM TO PROTOCOL PORT CONNECTIONS",
        "default/web 10.1.0.5 8.8.8.8 udp 53 3",
        "a\\x1b[2J 10.1.0.5 8.8.8.8 47 - 3",
        "express lane: 2 directions",
    ]
    assert describe_flows([], 0).startswith("no connection")
