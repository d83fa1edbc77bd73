"""The picture of a profile: one bar for each side, its parts side by side."""

from collections.abc import Iterator, Sequence

from integration.bench.datapath.parts import PARTS, REST
from integration.bench.datapath.profile import Profile
from integration.bench.plot import document, text

WIDTH, MARGIN, LABEL = 900, 20, 170
BAR, LINE, LEAST_FOR_WORDS = 30, 52, 24
PLOT = WIDTH - 2 * MARGIN - LABEL - 70
COLOURS = dict(
    zip(
        (*PARTS, REST),
        (
            *("#1a7f37", "#b0413e", "#e08a4f", "#f0c79a", "#6a51a3", "#9e86c9"),
            *("#2f6fdb", "#7fb0ee", "#b9c4d0", "#d8dce1", "#eeeeee"),
        ),
        strict=True,
    )
)
DARK = frozenset({"#1a7f37", "#b0413e", "#6a51a3", "#2f6fdb"})


def _bar(profile: Profile, y: float, scale: float) -> Iterator[str]:
    yield text(MARGIN, y + BAR / 2 + 5, profile.side)
    x = float(MARGIN + LABEL)
    for part, microseconds in profile.parts.items():
        width = microseconds * scale
        yield (
            f'<rect x="{x:.1f}" y="{y:.0f}" width="{width:.1f}" height="{BAR}"'
            f' fill="{COLOURS[part]}" stroke="#ffffff"/>'
        )
        if width >= LEAST_FOR_WORDS:
            kind = "w" if COLOURS[part] in DARK else "s"
            yield text(x + 3, y + BAR / 2 + 5, f"{microseconds:.1f}", kind)
        x += width
    yield text(x + 8, y + BAR / 2 + 5, f"{profile.p50:.1f} µs", "h")


def svg(profiles: Sequence[Profile], test: str) -> str:
    """Return the picture; ``test`` says in words what was measured."""
    scale = PLOT / max(p.p50 for p in profiles)
    title = f"{test[0].upper()}{test[1:]}, between two nodes, microseconds"
    marks = [text(MARGIN, 34, title, "h")]
    y = 54
    for profile in profiles:
        marks += _bar(profile, y, scale)
        y += LINE
    shown = [part for part in COLOURS if any(part in p.parts for p in profiles)]
    columns = 3
    for number, part in enumerate(shown):
        x = MARGIN + number % columns * (WIDTH - 2 * MARGIN) / columns
        line = y + 10 + number // columns * 24
        marks.append(
            f'<rect x="{x:.0f}" y="{line}" width="14" height="14"'
            f' fill="{COLOURS[part]}"/>'
        )
        marks.append(text(x + 22, line + 12, part))
    return document(WIDTH, y + 20 + -(-len(shown) // columns) * 24 + MARGIN, marks)
