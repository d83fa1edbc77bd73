"""Families as Prometheus' own parsers read them."""

import os
from collections.abc import Iterable
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from prometheus_client.openmetrics.parser import (
    text_string_to_metric_families as read_open,
)
from prometheus_client.parser import text_string_to_metric_families as read_plain

from vcnd.core.histogram import Histogram
from vcnd.metrics.exposition import OPEN_METRICS, Exposition, of_another, written
from vcnd.model.metrics import MetricFamily, Reading, counter, gauge, histogram

ROOM = gauge("room", "Room that is left.", "place", "kind")
MOVES = counter("moves", "Moves.")
SECONDS = histogram("took_seconds", "What it took.", (0.5, 2.0), "step")


def parsed(body: bytes, read: Any) -> Iterable[Any]:
    found: Iterable[Any] = read(body.decode())
    return found


text = st.text(max_size=8)


@given(st.dictionaries(st.tuples(text, text), st.floats(-1e9, 1e9), max_size=5))
def test_any_label_and_value_arrive_unchanged(
    values: dict[tuple[str, str], float],
) -> None:
    body, content_type = written([ROOM.by_labels(values)], OPEN_METRICS)
    assert "openmetrics" in content_type
    families = {f.name: f for f in parsed(body, read_open)}
    family = families["room"]
    assert (family.type, family.documentation) == ("gauge", "Room that is left.")
    assert {
        (s.labels["place"], s.labels["kind"]): s.value for s in family.samples
    } == values


def test_counters_and_histograms_have_their_suffixes() -> None:
    took = Histogram((0.5, 2.0))
    for seconds in (0.1, 1.0, 1.5, 7.0):
        took.observe(seconds)
    families = [MOVES.single(3), SECONDS.family([took.sample("plug")])]
    for accept, read in ((OPEN_METRICS, read_open), ("", read_plain)):
        body, _ = written(families, accept)
        found = {
            (s.name, s.labels.get("le", "")): s.value
            for family in parsed(body, read)
            for s in family.samples
        }
        assert found["moves_total", ""] == 3
        ends = ("0.5", "2.0", "+Inf")
        assert [found["took_seconds_bucket", e] for e in ends] == [1, 3, 4]
        assert found["took_seconds_sum", ""] == 9.6
        assert found["took_seconds_count", ""] == 4


async def test_scrape_has_the_process_and_what_is_read_then() -> None:
    moves = 0

    async def read() -> list[MetricFamily]:
        return [MOVES.single(moves)]

    exposition = Exposition(read)
    for moves in (1, 2):
        body, _ = await exposition.scrape("")
        assert f"moves_total {moves}.0".encode() in body
        assert b"process_resident_memory_bytes" in body


def test_reading_of_another_process_has_that_process() -> None:
    reading = Reading(pid=os.getppid(), families=(MOVES.single(1),))
    own = of_another(Reading(pid=os.getpid(), families=()), OPEN_METRICS)
    other = of_another(reading, OPEN_METRICS)
    starts = [
        next(x for x in text.splitlines() if x.startswith("process_start_time"))
        for text in (own, other)
    ]
    assert starts[0] != starts[1]
    assert "moves_total 1.0" in other
