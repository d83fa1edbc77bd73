"""The documents' site, built by the tool that is pinned for it."""

import json
from pathlib import Path

import pytest

from integration.website import build, links, versions


def test_the_documents_build_without_a_broken_link(tmp_path: Path) -> None:
    told = build.build(tmp_path / "site")
    assert told.startswith(f"{len(list(tmp_path.rglob('index.html')))} pages")
    assert (tmp_path / "site" / "operations" / "index.html").exists()
    assert (tmp_path / "site" / "search.json").exists()


def test_versions_lie_side_by_side_and_can_be_chosen(tmp_path: Path) -> None:
    folder = tmp_path / "versions"
    for version in ("0.1.0", "main"):
        told = versions.publish(folder, version)
        assert told.endswith("the latest is 0.1.0")
    entries = json.loads((folder / "versions.json").read_text())
    assert [entry["version"] for entry in entries] == ["0.1.0", "main"]
    for name in ("0.1.0", "main", "latest"):
        home = (folder / name / "index.html").read_text()
        # The script of the page reads the list that lies a folder above it.
        assert '"provider":"mike"' in home.replace(" ", "")
    assert links.faults(folder) == []


def test_a_folder_of_others_is_not_replaced(tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("mine")
    with pytest.raises(build.SiteError, match="other files than a site's"):
        build.build(tmp_path)
    assert (tmp_path / "mine.txt").exists()


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("[a](nowhere.md)", "page does not exist"),
        ("[a](oci.md#nowhere)", "anchor does not exist"),
        ("![a](nowhere.svg)", "nowhere.svg: does not exist"),
        ('<script src="https://example.com/x.js"></script>', "another host"),
    ],
)
def test_a_broken_page_fails_the_build(
    text: str, told: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = tmp_path / "root"
    (root / "docs" / "decisions").mkdir(parents=True)
    for name in ("README.md", "CHANGELOG.md", "CONTRIBUTING.md", "docs/oci.md"):
        (root / name).write_text("# A page\n\nText.\n")
    (root / "docs" / "README.md").write_text(f"# Home\n\n{text}\n")
    monkeypatch.setattr(build, "ROOT", root)
    with pytest.raises(build.SiteError, match=told):
        build.build(tmp_path / "site")
    assert not (tmp_path / "site").exists()
