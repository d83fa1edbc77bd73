"""The node, seen from the installer's pod: its files and its systemd."""

import os
import shutil
import subprocess
from pathlib import Path

from vcnd.regular import read_regular

COMMAND_SECONDS = 120


class InstallError(Exception):
    """A step of the installation failed; says which and why."""


class Host:
    """The node's root, mounted somewhere, and its init as process 1."""

    def __init__(self, root: Path) -> None:
        self._root = root

    def path(self, absolute: str) -> Path:
        """Return where an absolute path of the node is."""
        return self._root / absolute.lstrip("/")

    def read(self, absolute: str) -> bytes | None:
        """Return a file's content; None where there is none."""
        try:
            return read_regular(self.path(absolute))
        except (FileNotFoundError, NotADirectoryError):
            return None

    def write(
        self,
        absolute: str,
        content: bytes | str,
        *,
        mode: int = 0o644,
        owner: tuple[int, int] = (0, 0),
    ) -> bool:
        """Write a file atomically; return True if its content changed."""
        data = content.encode() if isinstance(content, str) else content
        path = self.path(absolute)
        if self.read(absolute) == data:
            return False
        path.parent.mkdir(parents=True, exist_ok=True)
        fresh = path.with_name(f".{path.name}.new")
        descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode)
        with os.fdopen(descriptor, "wb") as file:
            os.fchmod(file.fileno(), mode)
            os.fchown(file.fileno(), *owner)
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        fresh.rename(path)
        return True

    def remove(self, absolute: str) -> None:
        """Remove a file, or a folder with its content; a missing one is no error."""
        path = self.path(absolute)
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)

    def remove_if_empty(self, absolute: str) -> None:
        """Remove a folder of ours unless it holds others' files."""
        path = self.path(absolute)
        if path.is_dir() and not any(path.iterdir()):
            path.rmdir()

    def run(self, *command: str) -> str:
        """Run a program of the node, in its mounts; return what it prints.

        Raises:
            InstallError: it failed.
        """
        done = subprocess.run(
            ["/usr/bin/nsenter", "--target", "1", "--mount", "--ipc", "--", *command],
            capture_output=True,
            text=True,
            errors="replace",
            timeout=COMMAND_SECONDS,
            check=False,
        )
        if done.returncode:
            raise InstallError(f"{' '.join(command)}: {done.stderr.strip()}")
        return done.stdout

    def user(self, name: str) -> tuple[int, int] | None:
        """Return a user's uid and gid on the node; None where there is none."""
        # Names of people may be in any encoding.
        lines = (self.read("/etc/passwd") or b"").decode(errors="replace").splitlines()
        for line in lines:
            fields = line.split(":")
            if fields[0] == name:
                return int(fields[2]), int(fields[3])
        return None
