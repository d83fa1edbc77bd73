"""The list of versions from which a reader of the site chooses."""

from pathlib import Path

import pytest

from integration.website import versions
from integration.website.build import SiteError


def test_newest_release_is_first_and_the_latest() -> None:
    found = versions.listed(["0.9.0", "main", "0.10.0", "0.9.1"])
    assert [entry["version"] for entry in found] == ["0.10.0", "0.9.1", "0.9.0", "main"]
    assert [entry["aliases"] for entry in found] == [["latest"], [], [], []]


def test_branch_is_the_latest_until_there_is_a_release() -> None:
    (entry,) = versions.listed(["main"])
    assert entry["aliases"] == ["latest"]


def test_version_that_is_built_anew_is_listed_once() -> None:
    assert len(versions.listed(["0.1.0", "0.1.0"])) == 1


@pytest.mark.parametrize("name", ["latest", "../up", "", "v1.0.0/x", "1.0", ".git"])
def test_other_names_are_refused(name: str) -> None:
    with pytest.raises(SiteError, match="is no version"):
        versions.listed([name])


@pytest.mark.parametrize(
    ("name", "text", "told"),
    [
        ("mine.txt", "mine", "but no versions.json"),
        ("versions.json", "{", "no list of versions"),
        ("versions.json", '[{"title": "x"}]', "no list of versions"),
    ],
)
def test_folder_of_others_is_left_as_it_was(
    tmp_path: Path, name: str, text: str, told: str
) -> None:
    (tmp_path / name).write_text(text)
    with pytest.raises(SiteError, match=told):
        versions.publish(tmp_path, "0.1.0")
    assert [path.name for path in tmp_path.iterdir()] == [name]
