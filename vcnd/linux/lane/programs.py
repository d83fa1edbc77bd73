"""The express lane's programs and maps in the kernel, as one process loaded them."""

import os
import time
from contextlib import ExitStack
from pathlib import Path

import vcnd
from vcnd.bpf import elf, programs
from vcnd.bpf.maps import Map
from vcnd.bpf.tcx import Hook
from vcnd.linux.lane import maps
from vcnd.linux.lane.hooks import NAMES
from vcnd.linux.lane.maps import CONTROL, COUNTS, FIRST, MOST_PROCESSORS, SHAPES, Link

OBJECT = Path(vcnd.__file__).parent / "_bpf" / "express.o"
LASTS_SECONDS = 2.0
"""How long a way counts without another proof: so long what connection tracking or a
rule says against a connection may be overlooked where the kernel does not tell."""
MOST_EPOCHS = 0xFFFFFFFF


class LanePrograms:
    """Programs that share their maps; the kernel keeps both while they are attached.

    Attributes:
        loaded: the programs' descriptors.
    """

    def __init__(self, code: bytes, proof: int, gate: Map) -> None:
        """Load them; they admit nothing before ``raise_epoch``.

        Args:
            code: the object file.
            proof: the mark of packets that may enter the lane.
            gate: ``lane.gate.SHAPE``; programs of a later load may have the same.

        Raises:
            ObjectError: the object cannot be read.
            BpfError: the kernel refused; nothing is left.
        """
        with ExitStack() as undo:
            self._maps: dict[str, Map] = {}
            for name, shape in SHAPES.items():
                self._maps[name] = made = Map(f"vcnd_{name}", shape)
                undo.callback(made.close)
            control = self._maps["control"]
            control[FIRST] = CONTROL.pack(0, proof, int(LASTS_SECONDS * 1e9))
            # Not closed: a thread may raise the epoch while the daemon ends.
            self._epoch = memoryview(control.mapped()).cast("I")[:1]
            descriptors = {name: m.descriptor for name, m in self._maps.items()}
            values = {
                "control": descriptors.pop("control"),
                "gate": gate.descriptor,
            }
            found = elf.programs(code)
            self.loaded: dict[Hook, int] = {}
            for hook, name in NAMES.items():
                linked = found[name].linked(descriptors, values)
                self.loaded[hook] = descriptor = programs.load(name, linked)
                undo.callback(os.close, descriptor)
            self._undo = undo.pop_all()

    def close(self) -> None:
        """Let go of them; what is attached goes on."""
        self._undo.close()

    def raise_epoch(self) -> None:
        """Send each connection the ordinary way until it is proven again."""
        self._epoch[0] = self._epoch[0] % MOST_EPOCHS + 1

    def stop(self) -> None:
        """Send everything the ordinary way, and admit nothing."""
        self._epoch[0] = 0

    def admit(self, link: Link, value: bytes) -> None:
        """Let a pod's packets into the lane; ``value`` is of ``lane.maps``."""
        self._maps["pods"][maps.link_key(link)] = value

    def exclude(self, link: Link) -> None:
        """Let no more packets of a pod into the lane."""
        del self._maps["pods"][maps.link_key(link)]

    def packets(self) -> tuple[int, int]:
        """Return how many packets took the lane, and how many the ordinary way."""
        everything = COUNTS.size * MOST_PROCESSORS
        return maps.summed(self._maps["counts"].read(FIRST, everything))

    def flows(self) -> int:
        """Return how many directions of connections are in the lane now."""
        now = time.clock_gettime_ns(time.CLOCK_MONOTONIC)
        return sum(
            maps.open_ways(
                self._maps[name].values(),
                epoch=self._epoch[0],
                since=now - int(LASTS_SECONDS * 1e9),
            )
            for name in maps.WAYS.values()
        )
