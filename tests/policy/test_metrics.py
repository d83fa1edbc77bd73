"""The process' metrics, as Prometheus' own parsers read them."""

from collections.abc import Mapping

import msgspec
import pytest
from prometheus_client.openmetrics.parser import (
    text_string_to_metric_families as read_open,
)
from prometheus_client.parser import text_string_to_metric_families as read_plain

from tests.policy.samples import STATUS
from vcnd.core.policy.denials import InForce
from vcnd.core.policy.drops import Counted, Why
from vcnd.core.policy.tally import Tally
from vcnd.log import log
from vcnd.metrics.exposition import Exposition
from vcnd.model.metrics import Reading
from vcnd.model.policy import Cluster, Direction, Pods, Policy, PolicyRef, Tier
from vcnd.policy.counts import Counts
from vcnd.policy.meter import Meter
from vcnd.policy.metrics import Metrics

INGRESS, EGRESS = Direction
COUNTS = {
    Counted(direction=INGRESS, why=Why.ISOLATED, chain="in_a", namespace="blue"): 3,
    Counted(direction=INGRESS, why=Why.ISOLATED, chain="in_b", namespace="blue"): 4,
    Counted(direction=INGRESS, why=None, chain="in_a", namespace="blue"): 20,
    Counted(direction=EGRESS, why=Why.HELD): 1,
}
Samples = dict[tuple[str, frozenset[tuple[str, str]]], float]


def policy(tier: Tier, name: str) -> Policy:
    return Policy(ref=PolicyRef(tier, "", name), subject=Pods(), ingress=())


async def counted() -> Mapping[Counted, int]:
    return COUNTS


def metrics(meter: Meter, counts: Mapping[Counted, int] = COUNTS) -> Exposition:
    async def read() -> Mapping[Counted, int]:
        if not counts:
            raise OSError(1, "Operation not permitted")
        return counts

    policies = (policy(Tier.ADMIN, "a"), policy(Tier.NAMESPACE, "b"))
    cluster = Cluster(namespaces={}, policies=policies)
    known = InForce(chains={}, here=(), cluster=cluster)
    made = Metrics(
        report=lambda: STATUS,
        known=lambda: known,
        counts=Counts(Tally(), read),
        meter=meter,
    )
    return Exposition(made.read)


async def scraped(made: Exposition, accept: str = "") -> tuple[Samples, str]:
    body, content_type = await made.scrape(accept)
    read = read_open if "openmetrics" in content_type else read_plain
    samples = {
        (sample.name.removeprefix("vcnd_policy_"), frozenset(sample.labels.items())): (
            sample.value
        )
        for family in read(body.decode())
        for sample in family.samples
    }
    return samples, content_type


def labels(**values: str) -> frozenset[tuple[str, str]]:
    return frozenset(values.items())


FORMATS = ["", "application/openmetrics-text; version=1.0.0"]


@pytest.mark.parametrize("accept", FORMATS)
async def test_what_the_kernel_counts_is_told_by_namespace(accept: str) -> None:
    found, content_type = await scraped(metrics(Meter()), accept)
    assert ("openmetrics" in content_type) is bool(accept)
    own = {"direction": "ingress", "namespace": "blue"}
    assert found["denied_packets_total", labels(**own, why="isolated")] == 7
    assert found["accepted_connections_total", labels(**own)] == 20
    held = labels(direction="egress", namespace="", why="held")
    assert found["denied_packets_total", held] == 1


async def test_the_state_is_told() -> None:
    found, _ = await scraped(metrics(Meter()))
    none = labels()
    expected = {
        ("info", labels(enforcement="strict")): 1,
        ("policies", labels(tier="admin")): 1,
        ("policies", labels(tier="namespace")): 1,
        ("policies", labels(tier="baseline")): 0,
        ("flawed", none): 1,
        ("pods", none): 7,
        ("synced", none): 1,
        ("in_force", none): 1,
        ("refused", none): 0,
        ("links", none): 4,
        ("held_links", none): 1,
        ("chains", none): 2,
        ("set_elements", none): 9,
    }
    assert {key: found[key] for key in expected} == expected
    assert found["process_resident_memory_bytes", none] > 1 << 20


async def test_what_the_process_did_is_told() -> None:
    meter = Meter()
    for seconds in (0.01, 0.02, 3.0, 60.0):
        meter.apply.observe(seconds)
    meter.refusals, meter.restored = 2, 1
    meter.admits["ok"] += 5
    found, _ = await scraped(metrics(meter))
    assert found["nft_refusals_total", labels()] == 2
    assert found["restored_total", labels()] == 1
    assert found["admits_total", labels(result="ok")] == 5
    assert found["admits_total", labels(result="hung_up")] == 0
    buckets = {end: found["rules_apply_seconds_bucket", labels(le=end)] for end in ENDS}
    assert buckets == ENDS
    assert found["rules_apply_seconds_sum", labels()] == pytest.approx(63.03)


ENDS = {"0.005": 0, "0.01": 1, "0.025": 2, "2.5": 2, "5.0": 3, "10.0": 3, "+Inf": 4}


async def test_counters_that_cannot_be_read_hide_nothing_else() -> None:
    with log.collected() as events:
        found, _ = await scraped(metrics(Meter(), counts={}))
    assert [e["event"] for e in events] == ["counters_not_read"]
    assert found["pods", labels()] == 7


async def test_reading_arrives_as_it_was_told() -> None:
    made = Metrics(
        report=lambda: STATUS,
        known=lambda: None,
        counts=Counts(Tally(), counted),
        meter=Meter(),
    )
    reading = await made.reading()
    assert msgspec.json.decode(msgspec.json.encode(reading), type=Reading) == reading


async def test_no_label_names_a_pod() -> None:
    found, _ = await scraped(metrics(Meter()))
    names = {name for _, some in found for name, _ in some}
    assert names <= {
        *("direction", "namespace", "why", "tier", "le", "result"),
        "enforcement",
    }
