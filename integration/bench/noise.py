"""How noisy the machine was during a run.

Three witnesses: a loop of constant work, which takes longer where something else ran
or the processor slowed down; the time that the hypervisor gave to others; and what
share of the loop's time was its own processor time.
"""

import time
from dataclasses import dataclass, field
from pathlib import Path

from integration.bench.samples import percentile

LOOP = range(20_000)
"""Some 0.5 ms of work that touches no memory."""
STAT = Path("/proc/stat")
STEAL = 7
"""Place of the stolen time among the numbers of /proc/stat (proc(5))."""
GUEST = 8
"""The numbers from here on are part of earlier ones."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Noise:
    """What the witnesses say."""

    loop_us: float
    """Median of the loop of constant work, microseconds."""
    loop_spread: float
    """Its ninetieth percentile / its tenth: 1.0 on a quiet machine."""
    on_processor_percent: float
    """Share of the loop's time in which it had a processor; 100 on a quiet machine."""
    steal_percent: float
    """Share of all processors' time that the hypervisor gave to others."""
    busy_percent: float
    """Share of all processors' time in which they did something, ours included."""


def parse_stat(text: str) -> tuple[int, int, int]:
    """Return idle, stolen and all ticks of /proc/stat's first line."""
    fields = [int(field) for field in text.splitlines()[0].split()[1:]]
    idle, waiting = fields[3:5]
    return idle + waiting, fields[STEAL], sum(fields[:GUEST])


@dataclass(slots=True)
class Meter:
    """Asks the witnesses; a bench calls ``tick`` before each block."""

    _walls: list[float] = field(default_factory=list)
    _processor: list[float] = field(default_factory=list)
    _before: tuple[int, int, int] = field(
        default_factory=lambda: parse_stat(STAT.read_text())
    )

    def tick(self) -> None:
        """Run the loop of constant work once."""
        began, began_processor = time.perf_counter(), time.thread_time()
        for number in LOOP:
            number * number
        self._walls.append(time.perf_counter() - began)
        self._processor.append(time.thread_time() - began_processor)

    def noise(self) -> Noise:
        """Return what the witnesses say of the time since the meter was made."""
        if not self._walls:
            self.tick()
        now = parse_stat(STAT.read_text())
        idle, steal, total = (b - a for a, b in zip(self._before, now, strict=True))
        ticks = max(total, 1)
        return Noise(
            loop_us=round(percentile(self._walls, 50) * 1e6, 1),
            loop_spread=round(
                percentile(self._walls, 90) / percentile(self._walls, 10), 3
            ),
            on_processor_percent=round(
                100 * sum(self._processor) / sum(self._walls), 1
            ),
            steal_percent=round(100 * steal / ticks, 2),
            busy_percent=round(100 * (total - idle - steal) / ticks, 1),
        )
