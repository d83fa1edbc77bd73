"""Reports as a plain SVG: a bar for each side's median, a line to its p99."""

from collections.abc import Iterator, Sequence
from xml.sax.saxutils import escape

from integration.bench.aims import Judged
from integration.bench.report import Report, Row
from integration.bench.text import figure

WIDTH, MARGIN, LABEL = 820, 20, 250
LINE, BAR = 22, 12
PLOT = WIDTH - 2 * MARGIN - LABEL - 150
"""Width of the longest bar; the figures stand behind it."""
FULL = 1.7
"""What fills the whole width: this many times the row's highest median."""
COLOURS = ("#2f6fdb", "#c26a00", "#5b8c3a", "#8a5bb5", "#b0413e", "#4a8f97", "#7a7a7a")
STYLE = (
    "text{font:13px system-ui,sans-serif;fill:#1c1e21}"
    ".h{font-weight:600}.s{fill:#5f6368;font-size:12px}"
    ".y{fill:#1a7f37}.n{fill:#b42318}.w{fill:#ffffff;font-size:12px}"
)


def text(x: float, y: float, words: str, kind: str = "") -> str:
    """Return words at a place; ``kind`` is a class of ``STYLE``."""
    mark = f' class="{kind}"' if kind else ""
    return f'<text x="{x:.0f}" y="{y:.0f}"{mark}>{escape(words)}</text>'


def _colours(report: Report) -> dict[str, str]:
    """Return the same colour for a side in each of a report's rows."""
    sides = dict.fromkeys(side for row in report.rows for side in row.sides)
    return {side: COLOURS[n % len(COLOURS)] for n, side in enumerate(sides)}


def _row(row: Row, y: float, colours: dict[str, str]) -> Iterator[str]:
    """Yield the marks of a row whose heading stands at ``y``."""
    yield text(MARGIN, y, f"{row.name}, {row.unit}", "h")
    most = max(s.p50 for s in row.sides.values()) or 1.0
    left = MARGIN + LABEL
    for side, s in row.sides.items():
        y += LINE
        colour = colours[side]
        width = PLOT * s.p50 / (most * FULL)
        end = PLOT * min(s.p99 / (most * FULL), 1.0)
        middle = y - 5
        yield text(MARGIN, y, side)
        yield (
            f'<rect x="{left}" y="{middle - BAR / 2:.0f}" width="{width:.1f}"'
            f' height="{BAR}" fill="{colour}"/>'
        )
        yield (
            f'<path d="M{left + width:.1f} {middle}H{left + end:.1f}'
            f'm0 -4v8" stroke="{colour}" fill="none"/>'
        )
        figures = f"{figure(s.p50)}  (p99 {figure(s.p99)})"
        yield text(left + max(width, end) + 8, y, figures, "s")
    for r in row.ratios:
        y += LINE - 5
        words = f"{r.of} / {r.to} = {r.p50:.2f}, blocks {r.low:.2f} to {r.high:.2f}"
        yield text(left, y, words, "s")


def _height(row: Row) -> int:
    return LINE * (1 + len(row.sides)) + (LINE - 5) * len(row.ratios) + 14


def _aims(aims: Sequence[Judged], y: float) -> Iterator[str]:
    """Yield the table of aims."""
    yield text(MARGIN, y, "aims", "h")
    for aim in aims:
        y += LINE
        value = "not measured" if aim.value is None else f"{aim.value:.3g}"
        yield text(MARGIN, y, aim.what)
        yield text(WIDTH - 270, y, f"{aim.bound} {aim.aim:g}", "s")
        yield text(WIDTH - 190, y, value)
        yield text(
            WIDTH - 70, y, "met" if aim.met else "not met", "y" if aim.met else "n"
        )


def svg(reports: Sequence[Report], aims: Sequence[Judged]) -> str:
    """Return a picture of some reports and of their aims."""
    marks: list[str] = []
    y = MARGIN + LINE
    for report in reports:
        noise = report.noise
        marks.append(text(MARGIN, y, f"bench {report.bench}", "h"))
        words = (
            f"loop of constant work: spread {noise.loop_spread};"
            f" stolen {noise.steal_percent} %, busy {noise.busy_percent} %"
        )
        marks.append(text(MARGIN + LABEL, y, words, "s"))
        y += LINE + 8
        colours = _colours(report)
        for row in report.rows:
            marks += _row(row, y, colours)
            y += _height(row)
        y += 8
    marks += _aims(aims, y)
    height = y + LINE * len(aims) + MARGIN
    return document(WIDTH, height, marks)


def document(width: int, height: float, marks: Sequence[str]) -> str:
    """Return a whole picture on white paper."""
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height:.0f}"'
        f' viewBox="0 0 {width} {height:.0f}">'
    )
    paper = '<rect width="100%" height="100%" fill="#ffffff"/>'
    return "\n".join([head, f"<style>{STYLE}</style>", paper, *marks, "</svg>", ""])
