"""Copies the documents into a folder from which the site is built.

Pages stay as they read on a repository's page.  Three things differ on the site: it
has some pages from outside ``docs``, files that are no pages are not there, and its
Markdown wants more of lists than CommonMark does.
"""

import os.path
import re
import shutil
from collections.abc import Mapping
from pathlib import Path, PurePosixPath
from types import MappingProxyType

DOCS = PurePosixPath("docs")
ELSEWHERE = {
    PurePosixPath("README.md"): PurePosixPath("overview.md"),
    PurePosixPath("CHANGELOG.md"): PurePosixPath("changelog.md"),
    PurePosixPath("CONTRIBUTING.md"): PurePosixPath("contributing.md"),
}
"""Pages from outside ``docs``, by their paths in the repository: names on the site."""
LINK = re.compile(r"(!?)\[((?:[^\[\]]|\[[^\[\]]*\])*)\]\(([^()\s]+)\)")
ITEM = re.compile(r"( *)(?:[-*+]|\d+\.) ")
FENCE = "```"
INDEX = "README.md"
DECISIONS = "decisions"


def site_page(path: PurePosixPath) -> PurePosixPath | None:
    """Return the path on the site of a file of the repository; None: it is not there.

    Args:
        path: relative to the repository.
    """
    if path.is_relative_to(DOCS):
        return path.relative_to(DOCS)
    return ELSEWHERE.get(path)


def adapt(
    text: str,
    page: PurePosixPath,
    repository: str = "",
    titles: Mapping[PurePosixPath, str] = MappingProxyType({}),
) -> str:
    """Return a page's text as the site's builder reads it.

    Args:
        text: the page's Markdown, as a repository's page shows it.
        page: its path in the repository.
        repository: address of the repository's files, without a slash at its end;
            empty: links to files that the site does not have become plain text.
        titles: of pages, by their paths on the site: a link whose words are the name
            of a file gets them instead.
    """

    def link(found: re.Match[str]) -> str:
        mark, words, target = found.groups()
        if "://" in target or target.startswith(("#", "mailto:")):
            return found.group()
        path, _, anchor = target.partition("#")
        there = PurePosixPath(os.path.normpath(page.parent / path))
        at = site_page(there)
        if at is None:
            return f"[{words}]({repository}/{there})" if repository else words
        if not at.suffix:  # a folder: its list of pages
            at /= INDEX
        if words.endswith(at.name):
            words = titles.get(at, words)
        own = site_page(page) or page
        relative = os.path.relpath(at, own.parent)
        return f"{mark}[{words}]({relative}{'#' if anchor else ''}{anchor})"

    parts = _spaced(text).split(FENCE)
    parts[::2] = [LINK.sub(link, part) for part in parts[::2]]
    return FENCE.join(parts)


def _spaced(text: str) -> str:
    """Return text whose lists follow an empty line, and nest by four spaces.

    CommonMark needs neither; Python-Markdown, which the builder uses, both.
    """
    lines = list[str]()
    in_code, before = False, ""
    for line in text.splitlines():
        in_code ^= line.lstrip().startswith(FENCE)
        item = None if in_code else ITEM.match(line)
        if item and before.strip() and not _in_list(before):
            lines.append("")
        nested = item is not None and len(item[1]) in (2, 3)
        lines.append(f"    {line.lstrip()}" if nested else line)
        before = line
    return "\n".join(lines) + "\n"


def _in_list(line: str) -> bool:
    return line.startswith("  ") or ITEM.match(line) is not None


def copy(root: Path, target: Path, repository: str = "") -> None:
    """Copy all pages, pictures and files of the documents.

    Args:
        root: the repository's folder.
        target: a new folder.
        repository: as for ``adapt``.
    """
    shutil.copytree(root / DOCS, target)
    sources = [
        *(root.joinpath(path) for path in ELSEWHERE),
        *(root / DOCS).rglob("*.md"),
    ]
    paths = [PurePosixPath(source.relative_to(root).as_posix()) for source in sources]
    titles = {
        site_page(path) or path: source.read_text().splitlines()[0].lstrip("# ")
        for path, source in zip(paths, sources, strict=True)
    }
    for path, source in zip(paths, sources, strict=True):
        text = adapt(source.read_text(), path, repository, titles)
        (target / (site_page(path) or path)).write_text(text)
    (target / DECISIONS / INDEX).write_text(_list_decisions(target))


def decisions(target: Path) -> list[str]:
    """Return the pages of all decisions, in their order, relative to the target."""
    found = (target / DECISIONS).glob("[0-9]*.md")
    return sorted(path.relative_to(target).as_posix() for path in found)


def _list_decisions(target: Path) -> str:
    """Return a page that lists the decisions; a repository's page lists the folder."""
    rows = [
        f"- [{(target / page).read_text().splitlines()[0].lstrip('# ')}]"
        f"({Path(page).name})"
        for page in decisions(target)
    ]
    return "\n".join(
        ["# Decisions", "", "What was decided, and what was rejected.", "", *rows, ""]
    )
