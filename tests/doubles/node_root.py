"""A folder that replaces a node's file system, for the installer."""

import os
from pathlib import Path

from vcnd.install.host import Host, InstallError


class NodeRoot(Host):
    """Writes below a folder as this process's user; notes programs, but runs none."""

    def __init__(self, root: Path, *, output: str = "", runs: bool = True) -> None:
        super().__init__(root)
        self.ran: list[tuple[str, ...]] = []
        self._output = output
        self._runs = runs

    def write(
        self,
        absolute: str,
        content: bytes | str,
        *,
        mode: int = 0o644,
        owner: tuple[int, int] = (0, 0),
    ) -> bool:
        del owner
        ids = (os.getuid(), os.getgid())
        return super().write(absolute, content, mode=mode, owner=ids)

    def run(self, *command: str) -> str:
        self.ran.append(command)
        if not self._runs:
            raise InstallError("it does not run")
        return self._output
