"""What the kernel says of a process, read from its own text."""

import pytest

from integration.bench.process import TICKS, Memory, parse_memory, parse_stat

ROLLUP = """\
55d0c0000000-7ffe000ff000 ---p 00000000 00:00 0                          [rollup]
Rss:               59392 kB
Pss:               42100 kB
Private_Clean:      2048 kB
Private_Dirty:     38912 kB
"""


def test_memory_is_read_in_mib() -> None:
    assert parse_memory(ROLLUP) == Memory(resident=58.0, private=38.0)


@pytest.mark.parametrize("name", ["vcnd", "a b", "x) R (y"])
def test_processor_time_is_read_behind_the_name(name: str) -> None:
    text = f"42 ({name}) S 1 42 42 0 -1 4194560 900 0 3 0 150 50 7 8 20 0 5 0 99"
    assert parse_stat(text) == 200 / TICKS
