"""Pictures of bars whose parts stand side by side, as SVG."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from integration.bench.plot import document, text

WIDTH, MARGIN, LABEL = 900, 20, 170
BAR, LINE, LEAST_FOR_WORDS = 30, 52, 24
PLOT = WIDTH - 2 * MARGIN - LABEL - 80
COLUMNS, LEGEND_LINE = 3, 24
BRIGHT = 0x80
"""Words on colours whose parts are this bright on average are dark."""


@dataclass(frozen=True, kw_only=True)
class Bar:
    """What was measured, and its parts, in microseconds."""

    side: str
    p50: float
    parts: dict[str, float]


def _is_dark(colour: str) -> bool:
    return sum(bytes.fromhex(colour[1:])) < 3 * BRIGHT


def _figure(microseconds: float) -> str:
    """Return a figure with a digit after the point where that means something."""
    return f"{microseconds:,.{int(microseconds < 100)}f}"  # noqa: PLR2004


def _bar(bar: Bar, y: float, scale: float, colours: Mapping[str, str]) -> Iterator[str]:
    yield text(MARGIN, y + BAR / 2 + 5, bar.side)
    x, whole = float(MARGIN + LABEL), bar.p50 * scale
    for part, microseconds in bar.parts.items():
        width = microseconds * scale
        yield (
            f'<rect x="{x:.1f}" y="{y:.0f}" width="{width:.1f}" height="{BAR}"'
            f' fill="{colours[part]}" stroke="#ffffff"/>'
        )
        words = _figure(microseconds)
        if max(LEAST_FOR_WORDS, 8 * len(words)) <= width < whole:
            kind = "w" if _is_dark(colours[part]) else "s"
            yield text(x + 3, y + BAR / 2 + 5, words, kind)
        x += width
    yield text(x + 8, y + BAR / 2 + 5, f"{_figure(bar.p50)} µs", "h")


def svg(groups: Mapping[str, Sequence[Bar]], colours: Mapping[str, str]) -> str:
    """Return a picture.

    Args:
        groups: heading → bars; those of a group have one scale.
        colours: part → colour; a legend names the parts that have any time.
    """
    marks: list[str] = []
    y = 34
    for heading, bars in groups.items():
        marks.append(text(MARGIN, y, heading, "h"))
        y += 20
        scale = PLOT / max(bar.p50 for bar in bars)
        for bar in bars:
            marks += _bar(bar, y, scale, colours)
            y += LINE
        y += 10
    there = {part for bars in groups.values() for bar in bars for part in bar.parts}
    shown = [part for part in colours if part in there]
    for number, part in enumerate(shown):
        x = MARGIN + number % COLUMNS * (WIDTH - 2 * MARGIN) / COLUMNS
        line = y + number // COLUMNS * LEGEND_LINE
        marks.append(
            f'<rect x="{x:.0f}" y="{line}" width="14" height="14"'
            f' fill="{colours[part]}"/>'
        )
        marks.append(text(x + 22, line + 12, part))
    lines = -(-len(shown) // COLUMNS)
    return document(WIDTH, y + 10 + lines * LEGEND_LINE + MARGIN, marks)
