"""Broken links in a built site."""

from pathlib import Path

import pytest

from integration.website.links import Fault, faults


@pytest.fixture
def site(tmp_path: Path) -> Path:
    """A site of two pages and a picture."""
    (tmp_path / "a").mkdir()
    (tmp_path / "x.svg").write_text("<svg/>")
    (tmp_path / "index.html").write_text('<h1 id="top">Home</h1>')
    (tmp_path / "a" / "index.html").write_text(
        '<h2 id="here"></h2><a href="#here"></a><a href="../#top"></a>'
        '<a href=".."></a><img src="../x.svg"><a href="/x.svg"></a>'
        '<a href="https://example.com/">out</a><img src="data:image/png;base64,">'
    )
    return tmp_path


def test_links_that_lead_somewhere_are_no_faults(site: Path) -> None:
    assert faults(site) == []


@pytest.mark.parametrize(
    ("html", "link", "why"),
    [
        ('<a href="b/">', "b/", "does not exist"),
        ('<img src="y.svg">', "y.svg", "does not exist"),
        ('<a href="a/#gone">', "a/#gone", "has no such heading"),
        ('<a href="#gone">', "#gone", "has no such heading"),
        (
            '<script src="https://example.com/x.js"></script>',
            "https://example.com/x.js",
            "is loaded from another host",
        ),
        (
            '<link rel="stylesheet" href="//example.com/x.css">',
            "//example.com/x.css",
            "is loaded from another host",
        ),
    ],
)
def test_a_broken_link_is_told(site: Path, html: str, link: str, why: str) -> None:
    (site / "index.html").write_text('<h1 id="top">Home</h1>' + html)
    assert faults(site) == [Fault("index.html", link, why)]


def test_a_missing_page_has_addresses_from_the_root(site: Path) -> None:
    (site / "404.html").write_text('<a href="a/"></a><a href="/a/#here"></a>')
    assert faults(site) == []
