"""Finds broken links in a built site: pages, pictures, scripts, and headings."""

from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from typing import NamedTuple
from urllib.parse import unquote, urlsplit

REFERRING = {"href", "src"}
LOADED = {"img", "script", "link", "source", "iframe"}
"""Elements whose addresses a browser loads by itself."""


class Fault(NamedTuple):
    """A link that leads nowhere, or makes the reader's browser call a third party."""

    page: str
    link: str
    why: str

    def __str__(self) -> str:
        """Return one line."""
        return f"{self.page}: {self.link}: {self.why}"


class _Page(HTMLParser):
    """The anchors and links of a page."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.anchors = set[str]()
        self.links = list[tuple[str, str]]()
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note an element's own name, and what it refers to."""
        told = dict(attrs)
        self.anchors |= {told[key] or "" for key in ("id", "name") if key in told}
        is_loaded = tag in LOADED and told.get("rel") != "canonical"
        self.links += [
            ("loads" if is_loaded else "links", told[key] or "")
            for key in REFERRING & told.keys()
        ]


def faults(site: Path) -> list[Fault]:
    """Return all broken links of a site, and all that its pages load from elsewhere.

    Links to other hosts are not followed: a build needs no network.
    """
    pages = {p: _Page(p.read_text()) for p in sorted(site.rglob("*.html"))}
    return [
        Fault(str(path.relative_to(site)), link, why)
        for path, page in pages.items()
        for use, link in page.links
        for why in _complaints(site, path, use, link, pages)
    ]


def _complaints(
    site: Path, path: Path, use: str, link: str, pages: dict[Path, _Page]
) -> Iterator[str]:
    parts = urlsplit(link)
    if parts.scheme or parts.netloc:
        if use == "loads" and parts.scheme != "data":
            yield "is loaded from another host"
        return
    # A page that is served for any missing one has addresses from the site's root.
    folder = site if path.name == "404.html" else path.parent
    name = unquote(parts.path)
    start = site if name.startswith("/") else folder
    there = (start / name.lstrip("/")).resolve() if name else path
    page = there / "index.html" if there.is_dir() else there
    if not page.is_file():
        yield "does not exist"
        return
    anchors = pages[page].anchors if page in pages else {parts.fragment}
    if parts.fragment and unquote(parts.fragment) not in anchors:
        yield "has no such heading"
