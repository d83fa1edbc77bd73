"""When a reflector compares versions, and when it lists all anew."""

import itertools
from random import Random

from vcnd.kubeapi.doubt import LIST_WITHIN_SECONDS, Doubt


def test_without_a_doubt_nothing_is_asked_for() -> None:
    doubt = Doubt(Random(1))
    assert (doubt.is_open, doubt.wants_list(1e9)) == (False, False)


def test_doubt_asks_at_once_and_lists_later_though_it_is_settled() -> None:
    doubt = Doubt(Random(1))
    doubt.rise(100.0)
    assert (doubt.is_open, doubt.wants_list(100.0)) == (True, False)
    doubt.settle()
    assert not doubt.is_open
    assert doubt.wants_list(100.0 + LIST_WITHIN_SECONDS)


def test_second_doubt_does_not_put_the_list_off() -> None:
    doubt = Doubt(Random(1))
    for now in range(0, 4000, 10):
        doubt.rise(float(now))
    assert doubt.wants_list(LIST_WITHIN_SECONDS)


def test_list_ends_the_doubt() -> None:
    doubt = Doubt(Random(1))
    doubt.rise(100.0)
    doubt.end()
    assert (doubt.is_open, doubt.wants_list(1e9)) == (False, False)


def test_lists_of_many_nodes_are_spread_over_the_hour() -> None:
    doubts = [Doubt(Random(seed)) for seed in range(1000)]
    for doubt in doubts:
        for now in range(60):
            doubt.rise(float(now))
    due = [sum(d.wants_list(60.0 * n) for d in doubts) for n in range(61)]
    assert max(b - a for a, b in itertools.pairwise(due)) < 40
