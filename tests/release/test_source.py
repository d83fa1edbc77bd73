"""A release is made of a commit, not of what lies in the checkout."""

import subprocess
from pathlib import Path

import pytest

from integration.build.command import BuildError
from integration.release import source


def git(checkout: Path, *arguments: str) -> None:
    named = ("-c", "user.name=a", "-c", "user.email=a@example.org")
    command = ["/usr/bin/git", *named, *arguments]
    subprocess.run(command, cwd=checkout, check=True, capture_output=True)


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    folder = tmp_path / "checkout"
    folder.mkdir()
    (folder / ".gitignore").write_text("made\n")
    (folder / "program").write_text("one\n")
    (folder / "program").chmod(0o775)
    git(folder, "init", "-q")
    git(folder, "add", ".")
    git(folder, "commit", "-q", "--no-gpg-sign", "-m", "first")
    return folder


def test_ignored_files_are_left_out(checkout: Path, tmp_path: Path) -> None:
    (checkout / "made").write_text("by a build\n")
    source.refuse_changes(checkout)
    tree = tmp_path / "tree"
    tree.mkdir()
    source.export(checkout, source.current(checkout), tree)
    assert {p.name for p in tree.iterdir()} == {".gitignore", "program"}
    assert (tree / "program").stat().st_mode & 0o777 == 0o755


@pytest.mark.parametrize("name", ["program", "new"])
def test_checkout_with_a_change_is_refused(checkout: Path, name: str) -> None:
    (checkout / name).write_text("two\n")
    with pytest.raises(BuildError, match=f"differs from its commit in {name}"):
        source.refuse_changes(checkout)


def test_folder_without_git_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BuildError, match="no commit can be read here"):
        source.current(tmp_path)
