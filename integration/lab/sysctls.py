"""Kernel settings, read and written as systemd-sysctl and sysctl --system do."""

from collections.abc import Iterable, Mapping
from pathlib import Path

ROOT = Path("/proc/sys")
PATTERN = "*"


def read(files: Iterable[Path]) -> dict[str, str | None]:
    """Return what files of ``sysctl.d`` set: the last assignment of a key counts.

    A key is a path below /proc/sys and may be a pattern; None keeps patterns off it.
    """
    found: dict[str, str | None] = {}
    for file in sorted(files, key=lambda f: f.name):
        for line in file.read_text().splitlines():
            if not line.strip() or line.lstrip().startswith(("#", ";")):
                continue
            key, assigned, value = line.partition("=")
            path = key.strip().removeprefix("-").replace(".", "/")
            found[path] = value.strip() if assigned else None
    return found


def write(
    settings: Mapping[str, str | None], *, below: tuple[str, ...] = ("",)
) -> None:
    """Write settings in the namespace of this thread.

    Args:
        settings: what ``read`` found.
        below: write only settings whose path begins with one of these.
    """
    for pattern, value in settings.items():
        if value is None:
            continue
        for path in _named(pattern, settings):
            # What the kernel does not have, such as IPv6, is left out.
            if path.startswith(below) and (ROOT / path).exists():
                (ROOT / path).write_text(value)


def _named(pattern: str, settings: Mapping[str, str | None]) -> list[str]:
    """Return the paths that a key means: an assignment of its own beats a pattern."""
    if PATTERN not in pattern:
        return [pattern]
    found = (str(path.relative_to(ROOT)) for path in ROOT.glob(pattern))
    return sorted(path for path in found if path not in settings)
