"""Delays."""

from random import Random

from vcnd.core.backoff import Backoff


def test_delays_grow_to_a_cap_and_are_never_nothing() -> None:
    backoff = Backoff(Random(1), first_seconds=1.0, most_seconds=8.0)
    found = [backoff.next_delay() for _ in range(200)]
    assert all(0 < d <= 8.0 for d in found)
    assert max(found[:2]) <= 2.0
    assert max(found) > 4.0
