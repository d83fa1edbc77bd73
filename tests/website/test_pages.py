"""Pages as the site's builder reads them."""

import tomllib
from pathlib import Path, PurePosixPath
from typing import Any

import pytest

from integration.website import pages
from integration.website.build import ROOT, SETTINGS

PAGE = PurePosixPath("docs/operations.md")


@pytest.mark.parametrize(
    ("link", "on_the_site"),
    [
        ("[a](oci.md#limits)", "[a](oci.md#limits)"),
        ("[a](#causes)", "[a](#causes)"),
        ("[a](https://example.com/x.md)", "[a](https://example.com/x.md)"),
        ("[a](../README.md)", "[a](overview.md)"),
        ("[a](../CHANGELOG.md#unreleased)", "[a](changelog.md#unreleased)"),
        ("[a](decisions)", "[a](decisions/README.md)"),
        ("![a](add.svg)", "![a](add.svg)"),
        ("[`a[0]`](../vcnd/node.py)", "`a[0]`"),
        ("`x` [a](../systemd), [b](oci.md)", "`x` a, [b](oci.md)"),
    ],
)
def test_links_lead_to_pages_of_the_site(link: str, on_the_site: str) -> None:
    assert pages.adapt(link, PAGE) == on_the_site + "\n"


def test_links_to_code_lead_to_the_repository() -> None:
    text = pages.adapt("[a](../vcnd/node.py)", PAGE, "https://example.com/main")
    assert text == "[a](https://example.com/main/vcnd/node.py)\n"


def test_links_named_after_files_get_titles() -> None:
    titles = {PurePosixPath("oci.md"): "OCI"}
    text = "[oci.md](oci.md#limits) [docs/oci.md](oci.md) [it](oci.md)\n"
    wanted = "[OCI](oci.md#limits) [OCI](oci.md) [it](oci.md)\n"
    assert pages.adapt(text, PAGE, titles=titles) == wanted


def test_links_of_pages_from_elsewhere_lead_to_docs() -> None:
    readme = PurePosixPath("README.md")
    assert pages.adapt("[a](docs/oci.md)", readme) == "[a](oci.md)\n"


def test_code_stays_as_it_is() -> None:
    text = "```sh\necho\n- x [a](../systemd)\n```\n"
    assert pages.adapt(text, PAGE) == text


def test_lists_follow_an_empty_line_and_nest_by_four_spaces() -> None:
    text = "Say:\n- one\n  more\n  - nested\n- two\n"
    wanted = "Say:\n\n- one\n  more\n    - nested\n- two\n"
    assert pages.adapt(text, PAGE) == wanted


def test_each_page_is_in_the_list_of_pages() -> None:
    nav = tomllib.loads(SETTINGS.read_text())["project"]["nav"]
    listed = _leaves(nav)
    docs = ROOT / "docs"
    there = {str(p.relative_to(docs)) for p in docs.glob("*.md")}
    assert set(listed) == there | {*map(str, pages.ELSEWHERE.values())} | {
        "decisions/README.md"
    }
    assert len(listed) == len(set(listed))


def _leaves(entry: Any) -> list[str]:
    if isinstance(entry, str):
        return [entry]
    parts = entry.values() if isinstance(entry, dict) else entry
    return [leaf for part in parts for leaf in _leaves(part)]


def test_the_copy_lists_all_decisions(tmp_path: Path) -> None:
    pages.copy(ROOT, tmp_path / "pages")
    listed = (tmp_path / "pages" / "decisions" / "README.md").read_text()
    for page in (ROOT / "docs" / "decisions").glob("*.md"):
        assert f"]({page.name})" in listed
