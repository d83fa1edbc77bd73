"""When the gate opens, as the programs read it."""

import mmap
import os
import sys
import time
from collections.abc import Iterator

import pytest

from vcnd.linux.lane.gate import MOST_SECONDS, Gate


@pytest.fixture
def word() -> Iterator[int]:
    """A file in memory, in place of a BPF map: the word is at its start."""
    descriptor = os.memfd_create("gate")
    os.ftruncate(descriptor, mmap.PAGESIZE)
    yield descriptor
    os.close(descriptor)


def opens_in(word: int) -> float:
    """Return the seconds until it opens."""
    return (opens_at(word) - time.clock_gettime_ns(time.CLOCK_MONOTONIC)) / 1e9


def opens_at(word: int) -> int:
    return int.from_bytes(os.pread(word, 8, 0), sys.byteorder)


def test_a_closed_gate_opens_by_itself(word: int) -> None:
    gate = Gate()
    gate.take(word)
    assert os.pread(word, 8, 0) == bytes(8)
    gate.close()
    assert MOST_SECONDS / 2 < opens_in(word) <= MOST_SECONDS


def test_what_was_proven_before_it_opens_does_not_count(word: int) -> None:
    gate = Gate()
    gate.take(word)
    gate.close()
    before = time.clock_gettime_ns(time.CLOCK_MONOTONIC)
    gate.open()
    assert opens_at(word) > before
    assert opens_in(word) < 0.1


def test_the_gate_of_a_daemon_that_has_started_counts(word: int) -> None:
    gate, other = Gate(), os.memfd_create("other")
    os.ftruncate(other, mmap.PAGESIZE)
    gate.take(other)
    os.close(other)
    gate.take(word)
    gate.close()
    assert opens_in(word) > 0


def test_without_a_gate_nothing_is_closed() -> None:
    gate = Gate()
    gate.close()
    gate.open()


def test_what_is_no_map_is_refused(word: int) -> None:
    os.ftruncate(word, 0)
    with pytest.raises(OSError, match="no map"):
        Gate().take(word)
