"""What a bench hands back, as an object and as JSON."""

from dataclasses import dataclass, field
from typing import Any

import msgspec

from integration.bench.aims import Judged, judged
from integration.bench.noise import Noise
from integration.bench.samples import Ratio, Samples, Summary


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """What was measured of one thing, side by side."""

    name: str
    unit: str
    sides: dict[str, Summary]
    ratios: list[Ratio] = field(default_factory=list)


def row(
    name: str, unit: str, samples: Samples, *pairs: tuple[str, str], scale: float = 1.0
) -> Row:
    """Return a row of samples.

    Args:
        name: what was measured.
        unit: the unit of the figures.
        samples: the blocks of all sides.
        pairs: sides to compare, each as (of, to).
        scale: the unit / the samples' unit: 1e3 for samples in s and figures in ms.
    """
    sides = {
        side: Summary(
            minimum=round(s.minimum * scale, 4),
            p50=round(s.p50 * scale, 4),
            p99=round(s.p99 * scale, 4),
            samples=s.samples,
        )
        for side, s in samples.summaries().items()
    }
    ratios = [samples.ratio(of, to) for of, to in pairs]
    return Row(name=name, unit=unit, sides=sides, ratios=ratios)


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """The rows of one bench."""

    bench: str
    rows: list[Row]
    values: dict[str, float]
    """Name of an aim → measured value; all that this bench could measure."""
    noise: Noise
    missing: dict[str, str] = field(default_factory=dict)
    """What could not be measured → why."""

    def aims(self) -> list[Judged]:
        """Return this bench's aims beside the values."""
        return judged(self.values, self.bench)


def as_json(report: Report) -> dict[str, Any]:
    """Return the report as JSON has it, with ``aims``."""
    plain: dict[str, Any] = msgspec.to_builtins(report)
    return {**plain, "aims": msgspec.to_builtins(report.aims())}


def from_json(plain: dict[str, Any]) -> Report:
    """Return the report that ``as_json`` made this of."""
    return msgspec.convert(plain, Report)
