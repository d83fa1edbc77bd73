"""A folder with the site of each version, for a reader to choose from.

It has the form that mike gives such folders (https://github.com/jimporter/mike): the
site's own script reads ``versions.json``, a folder above it, and shows the versions.
"""

import json
import re
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import TypedDict

from integration.website.build import SiteError, build

LIST = "versions.json"
LATEST = "latest"
RELEASE = re.compile(r"(\d+)\.(\d+)\.(\d+)")
BRANCH = re.compile(r"[a-z][\w-]*")
"""What is no release: listed behind the releases, and never the latest."""
SETTINGS = f"""
[project.extra.version]
provider = "mike"
default = "{LATEST}"
"""
HOME = f"""\
<!doctype html>
<html lang="en">
<meta charset="utf-8">
<title>vcnd</title>
<meta http-equiv="refresh" content="0; url={LATEST}/">
<a href="{LATEST}/">vcnd</a>
"""


class Version(TypedDict):
    """An entry of the list, as the site's script reads it."""

    version: str
    """Its folder."""
    title: str
    aliases: list[str]


def listed(versions: Sequence[str]) -> list[Version]:
    """Return the list of versions, the newest release first.

    The newest release has the alias ``latest``; where there is no release, the first.

    Raises:
        SiteError: one has a name of another form.
    """
    for version in versions:
        if version == LATEST or not (
            RELEASE.fullmatch(version) or BRANCH.fullmatch(version)
        ):
            raise SiteError(f"{version} is no version, such as 1.2.3, nor a branch")
    ordered = sorted(sorted(set(versions)), key=_age, reverse=True)
    return [
        Version(version=v, title=v, aliases=[] if number else [LATEST])
        for number, v in enumerate(ordered)
    ]


def _age(version: str) -> tuple[int, ...]:
    found = RELEASE.fullmatch(version)
    return tuple(map(int, found.groups())) if found else ()


def publish(folder: Path, version: str, repository: str = "") -> str:
    """Build the site of a version into a folder of versions; return what was done.

    The other versions' sites stay as they are.

    Args:
        folder: new, or what earlier calls have made.
        version: its number, or a branch's name.
        repository: as for ``build``.

    Raises:
        RuntimeError: the builder cannot be installed.
        SiteError: the site is not as it should be, or the folder is another's; it is
            left as it was.
    """
    before = _present(folder)
    entries = listed([*before, version])
    told = build(folder / version, repository, further=SETTINGS)
    # Its addresses begin at the site's root, which a version's folder is not.
    (folder / version / "404.html").unlink()
    newest = entries[0]["version"]
    if newest == version or not (folder / LATEST).exists():
        shutil.rmtree(folder / LATEST, ignore_errors=True)
        shutil.copytree(folder / newest, folder / LATEST)
    (folder / "index.html").write_text(HOME)
    fresh = folder / f".{LIST}"
    fresh.write_text(json.dumps(entries, indent=2) + "\n")
    fresh.rename(folder / LIST)
    return f"{told}; {len(entries)} versions, the latest is {newest}"


def _present(folder: Path) -> list[str]:
    """Return the versions that a folder has.

    Raises:
        SiteError: it has other files.
    """
    try:
        body = json.loads((folder / LIST).read_text())
        return [entry["version"] for entry in body]
    except FileNotFoundError:
        if folder.exists() and any(p.name != ".git" for p in folder.iterdir()):
            message = f"{folder} has files, but no {LIST}: name another folder"
            raise SiteError(message) from None
        return []
    except (ValueError, LookupError, TypeError) as error:
        raise SiteError(f"{folder / LIST} is no list of versions: {error}") from error
