"""The commit that is released, and its files without what lies beside them."""

import tempfile
from dataclasses import dataclass
from pathlib import Path

from integration.build import command
from integration.build.command import BuildError

NO_COMMIT = "no commit can be read here (a release is made in a git checkout)"


@dataclass(frozen=True, slots=True)
class Commit:
    """A commit of git."""

    digest: str
    seconds: int
    """Its time, since 1970: no file of the release is newer."""


def current(root: Path) -> Commit:
    """Return the commit that is checked out.

    Raises:
        BuildError: there is none.
    """
    told = command.run(
        ["git", "log", "-1", "--no-show-signature", "--format=%H %ct"], NO_COMMIT, root
    )
    digest, seconds = told.split()
    return Commit(digest, int(seconds))


def refuse_changes(root: Path) -> None:
    """Refuse a checkout that has more, or something else, than its commit.

    Raises:
        BuildError: it has; the text names the first files.
    """
    told = command.run(["git", "status", "--porcelain"], NO_COMMIT, root)
    changed = [line[3:] for line in told.splitlines()]
    if changed:
        raise BuildError(
            f"the checkout differs from its commit in {', '.join(changed[:5])}:"
            " commit it, or remove it"
        )


def export(root: Path, commit: Commit, into: Path) -> None:
    """Write a commit's files into a folder, with the modes that git knows.

    Raises:
        BuildError: git or tar refused.
    """
    with tempfile.NamedTemporaryFile(suffix=".tar") as archive:
        write = ["git", "-c", "tar.umask=0022", "archive", "-o", archive.name]
        command.run([*write, commit.digest], "git archive failed", root)
        unpack = ["tar", "-xp", "-f", archive.name, "-C", str(into)]
        command.run(unpack, "the commit's archive cannot be unpacked")
