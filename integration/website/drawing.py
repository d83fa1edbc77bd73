"""Draws boxes and arrows as SVG, for a light and a dark screen."""

import textwrap
from html import escape

NOTE_WIDTH = 118
"""Characters of a line of a note, in a picture of 900 pixels."""

STYLE = """
svg{--ground:#fff;--ink:#1c1e21;--soft:#5f6368;--line:#8a9099;--box:#f3f5f8;--blue:#dbe7fb;
--green:#d8f0de;--grey:#e3e5e8;--red:#fbdcd8;--edge:#5b7fc4}
@media (prefers-color-scheme:dark){svg{--ground:#15181d;--ink:#e8eaed;--soft:#a5abb3;
--line:#868d97;--box:#23272e;--blue:#24406f;--green:#1f4d2e;--grey:#3a3f47;--red:#6b2a24;
--edge:#7fa3ea}}
text{font:14px system-ui,sans-serif;fill:var(--ink)}.s{font-size:12px;fill:var(--soft)}
.h{font-weight:600}.m{text-anchor:middle}rect{stroke:var(--line);rx:6px}
.box{fill:var(--box)}.blue{fill:var(--blue)}.green{fill:var(--green)}
.grey{fill:var(--grey)}.red{fill:var(--red)}.none{fill:none;stroke-dasharray:5 4}
.ground{fill:var(--ground);stroke:none}line,path{stroke:var(--edge);stroke-width:1.6;fill:none}
.away{stroke-dasharray:4 4}.tip{fill:var(--edge);stroke:none}
""".replace("\n", "")


class Drawing:
    """A picture; lengths are pixels, from its upper left corner."""

    def __init__(self, width: int, height: int, title: str) -> None:
        self._parts = [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}"'
            f' width="{width}" height="{height}" role="img">',
            f"<title>{escape(title)}</title><style>{STYLE}</style>",
            '<defs><marker id="tip" viewBox="0 0 8 8" refX="7" refY="4"'
            ' markerWidth="8" markerHeight="8" orient="auto-start-reverse">'
            '<path class="tip" d="M0 0 8 4 0 8z"/></marker></defs>',
            f'<rect class="ground" width="{width}" height="{height}"/>',
        ]

    def text(self, x: float, y: float, words: str, kind: str = "") -> None:
        """Write a line that begins at a point; kinds: h(eading), s(mall), m(iddle)."""
        self._parts.append(
            f'<text x="{x}" y="{y}" class="{kind}">{escape(words)}</text>'
        )

    def note(self, x: float, y: float, words: str) -> None:
        """Write a small paragraph from a point on."""
        for number, line in enumerate(textwrap.wrap(words, NOTE_WIDTH)):
            self.text(x, y + 20 * number, line, "s")

    def box(
        self,
        x: float,
        y: float,
        width: float,
        height: float,
        *lines: str,
        kind: str = "box",
    ) -> None:
        """Draw a box with lines in its middle, of which the first is a heading."""
        self._parts.append(
            f'<rect x="{x}" y="{y}" width="{width}" height="{height}" class="{kind}"/>'
        )
        top = y + height / 2 - 9 * (len(lines) - 1) + 5
        for number, line in enumerate(lines):
            style = "h m" if number == 0 else "s m"
            self.text(x + width / 2, top + 18 * number, line, style)

    def frame(self, x: float, y: float, width: float, height: float, name: str) -> None:
        """Draw a dashed frame with a name in its corner."""
        self.box(x, y, width, height, kind="none")
        self.text(x + 10, y + 20, name, "s")

    def arrow(
        self,
        start: tuple[float, float],
        end: tuple[float, float],
        words: str = "",
        *,
        away: bool = False,
        both: bool = False,
    ) -> None:
        """Draw an arrow with words above it; ``away`` is dashed."""
        (x1, y1), (x2, y2) = start, end
        more = ' class="away"' if away else ""
        more += ' marker-start="url(#tip)"' if both else ""
        self._parts.append(
            f'<line x1="{x1}" y1="{y1}" x2="{x2}" y2="{y2}"'
            f' marker-end="url(#tip)"{more}/>'
        )
        if words:
            self.text((x1 + x2) / 2, min(y1, y2) - 6, words, "s m")

    def svg(self) -> str:
        """Return the picture's file."""
        return "\n".join([*self._parts, "</svg>\n"])
