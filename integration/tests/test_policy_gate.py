"""vcnd-policy closes the express lane's gate while it changes rules."""

import mmap
import os
import struct
import time
from collections.abc import Iterator
from contextlib import closing

import pytest
from msgspec.structs import replace

from fakeoci.fabric import netns
from vcnd.core.policy.generations import Generations
from vcnd.core.policy.rule_set import OPEN, RuleSet
from vcnd.linux.layout import Layout
from vcnd.linux.nft import KernelRefusedError
from vcnd.linux.policy.host import PolicyHost

SPACE = "gate"
RULES = RuleSet(egress={"oci1": OPEN}, ingress={"10.0.0.1": OPEN})
MORE = replace(RULES, egress={"oci1": OPEN, "oci2": OPEN})
WRONG = replace(RULES, egress={'oci"': OPEN})


@pytest.fixture
def gate() -> Iterator[int]:
    """Memory in place of a BPF map; this namespace is a node without links."""
    netns.attach(SPACE, os.getpid())
    word = os.memfd_create("gate")
    os.ftruncate(word, mmap.PAGESIZE)
    yield word
    os.close(word)
    netns.nft(SPACE, "flush ruleset\n")
    netns.remove(SPACE)


def is_closed(gate: int) -> bool:
    """Return True if it does not open before a second has passed."""
    (opens,) = struct.unpack("=Q", os.pread(gate, 8, 0))
    return bool(opens > time.clock_gettime_ns(time.CLOCK_MONOTONIC) + 10**9)


async def test_the_gate_is_closed_until_the_rules_are_in_force(gate: int) -> None:
    closed = list[bool]()
    made = PolicyHost(Layout(), ended=lambda _: closed.append(is_closed(gate)))
    with closing(made) as host:
        host.take_gate(gate)
        first = Generations().after(RULES)
        for wanted in (first, first.after(MORE), first.after(MORE).after(RULES)):
            await host.put(wanted)
            assert not is_closed(gate)
    # The second one takes nothing away.
    assert closed == [True, False, True]


async def test_the_gate_opens_where_rules_are_refused(gate: int) -> None:
    with closing(PolicyHost(Layout())) as host:
        host.take_gate(gate)
        with pytest.raises(KernelRefusedError):
            await host.put(Generations().after(WRONG))
    assert not is_closed(gate)
