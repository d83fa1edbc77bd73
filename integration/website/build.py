"""Builds the site, and judges it: no broken link, nothing from another host."""

import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from integration import locked, npm_locked
from integration.website import links, pages

ROOT = Path(__file__).parents[2]
HERE = Path(__file__).parent
LOCK = HERE / "requirements.txt"
SETTINGS = HERE / "zensical.toml"
MERMAID = HERE / "mermaid"
SCRIPT = "mermaid.tiny.js"
DECISIONS = '"decisions/README.md"'
"""Stands in the settings' list of pages; the decisions follow it."""
BUILD_SECONDS = 300
COLOURS = re.compile(r"\x1b\[[\d;]*m")


class SiteError(Exception):
    """The site is not as it should be; the message says where."""


def build(target: Path, repository: str = "", *, further: str = "") -> str:
    """Build the site; replace what was at the target; return what was done, in words.

    Args:
        target: the folder of the finished site.
        repository: address of the repository's files, for links to its code.
        further: settings, besides those of ``zensical.toml``.

    Raises:
        RuntimeError: the builder cannot be installed.
        SiteError: a link is broken, the builder refuses a page, or the target has files
            that no build has made.
    """
    if _is_anothers(target):
        raise SiteError(f"{target} has other files than a site's: name another folder")
    packages = locked.install("website", LOCK)
    diagrams = npm_locked.install("mermaid", MERMAID)
    with tempfile.TemporaryDirectory() as made:
        work = Path(made)
        _prepare(work, repository, diagrams, further)
        _run(work, packages)
        site = work / "site"
        if found := links.faults(site):
            raise SiteError("\n".join(map(str, found)))
        shutil.rmtree(target, ignore_errors=True)
        shutil.copytree(site, target)
    count = len(list(target.rglob("index.html")))
    drawn = "" if diagrams else "; no npm on this machine: diagrams are shown as text"
    return f"{count} pages in {target}{drawn}"


def _is_anothers(target: Path) -> bool:
    """Return True if a folder has files, and not those that the builder makes."""
    if not target.exists():
        return False
    return any(target.iterdir()) and not (target / "search.json").exists()


def _prepare(work: Path, repository: str, diagrams: Path | None, further: str) -> None:
    """Put pages, settings and scripts where the builder looks for them."""
    pages.copy(ROOT, work / "pages", repository)
    shutil.copy(HERE / "site.css", work / "pages")
    listed = ", ".join(f'"{page}"' for page in pages.decisions(work / "pages"))
    settings = SETTINGS.read_text().replace(DECISIONS, f"{DECISIONS}, {listed}")
    if diagrams is None:
        settings = settings.replace('name = "mermaid"', 'name = "no-mermaid"')
    else:
        shutil.copy(diagrams / "@mermaid-js" / "tiny" / "dist" / SCRIPT, work / "pages")
        settings = settings.replace(
            "extra_javascript = []", f'extra_javascript = ["{SCRIPT}"]'
        )
    (work / SETTINGS.name).write_text(settings + further)


def _run(work: Path, packages: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "zensical", "build", "--strict"],
        cwd=work,
        env={**os.environ, "PYTHONPATH": str(packages)},
        capture_output=True,
        text=True,
        timeout=BUILD_SECONDS,
        check=False,
    )
    if done.returncode:
        told = COLOURS.sub("", done.stdout + done.stderr)
        raise SiteError(told.split("Traceback")[0].strip())
