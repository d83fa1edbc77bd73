"""The delays of a backoff."""

from random import Random

from vcnd.core.backoff import Backoff


def test_delays_grow_to_a_cap_and_are_never_nothing() -> None:
    backoff = Backoff(Random(1), first_seconds=1.0, most_seconds=8.0)
    found = [backoff.next_delay() for _ in range(200)]
    assert all(0 < d <= 8.0 for d in found)
    assert max(found[:2]) <= 2.0
    assert max(found) > 4.0


def test_each_ceiling_is_twice_the_one_before() -> None:
    class Highest(Random):
        def uniform(self, a: float, b: float) -> float:
            assert a == b / 8  # a delay of 0 would be a busy loop
            return b

    backoff = Backoff(Highest(), first_seconds=1.0, most_seconds=5.0)
    assert [backoff.next_delay() for _ in range(5)] == [1.0, 2.0, 4.0, 5.0, 5.0]
    backoff.reset()
    assert [backoff.next_delay() for _ in range(2)] == [1.0, 2.0]
