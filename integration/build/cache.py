"""Keeps build results outside the repository, by the hash of their inputs.

An interrupted build leaves only finished artifacts: each is made in a folder of its
own and renamed when it is complete.
"""

import fcntl
import hashlib
import os
import shutil
import tempfile
import time
from collections.abc import Callable, Iterable
from functools import partial
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

COLUMNS = (TextColumn("  {task.description}"), BarColumn(), TimeElapsedColumn())
UNUSED_SECONDS = 14 * 24 * 3600.0


def root() -> Path:
    """Return the folder of all artifacts."""
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base) / "vcnd" / "kind"


def key_of(*inputs: object) -> str:
    """Return a short hash of texts and of files' contents.

    A path stands for its content, a folder for that of all files in it.
    """
    digest = hashlib.sha256()
    for value in inputs:
        if isinstance(value, Path):
            for path in _files(value):
                digest.update(str(path.relative_to(value.parent)).encode())
                digest.update(str(path.stat().st_mode & 0o777).encode())
                digest.update(path.read_bytes())
        else:
            digest.update(repr(value).encode())
        digest.update(b"\0")
    return digest.hexdigest()[:16]


def _files(path: Path) -> Iterable[Path]:
    if path.is_file():
        return [path]
    return sorted(
        p for p in path.rglob("*") if p.is_file() and "__pycache__" not in p.parts
    )


class Cache:
    """Builds missing artifacts, and reports its progress."""

    def __init__(self, console: Console) -> None:
        self.console = console
        self.root = root()
        self._advance: Callable[..., None] = lambda **_: None

    def artifact(self, name: str, key: str, build: Callable[[Path], Any]) -> Path:
        """Return the folder of an artifact; build it if it is missing.

        Args:
            name: its name, for people.
            key: hash of its inputs.
            build: fills an empty folder.
        """
        folder = self.root / f"{name}-{key}"
        if folder.exists():
            os.utime(folder)
            return folder
        self.root.mkdir(parents=True, exist_ok=True)
        with (self.root / f"{name}.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if folder.exists():  # another process made it meanwhile
                return folder
            self._make(name, folder, build)
        return folder

    def _make(self, name: str, folder: Path, build: Callable[[Path], Any]) -> None:
        began = time.monotonic()
        fresh = Path(tempfile.mkdtemp(prefix=f".{name}-", dir=self.root))
        fresh.chmod(0o755)
        try:
            shown = self.console.is_terminal
            with Progress(
                *COLUMNS, console=self.console, transient=True, disable=not shown
            ) as bar:
                task = bar.add_task(f"building {name}, kept for later runs", total=None)
                self._advance = partial(bar.update, task)
                build(fresh)
            fresh.rename(folder)
        finally:
            if fresh.exists():
                shutil.rmtree(fresh)
        took = time.monotonic() - began
        self.console.print(f"  built {name} [dim]{took:.0f} s[/]", highlight=False)

    def progress(self, done: int, total: int) -> None:
        """Show the progress of the present build."""
        self._advance(completed=done, total=total)

    def prune(self) -> None:
        """Remove artifacts that no run has asked for in two weeks."""
        for folder in self.root.iterdir():
            age = time.time() - folder.stat().st_mtime
            if folder.is_dir() and age > UNUSED_SECONDS:
                shutil.rmtree(folder)
