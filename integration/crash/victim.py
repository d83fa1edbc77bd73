"""What is killed at its steps."""

from pathlib import Path
from typing import Protocol


class Victim(Protocol):
    """A process that is killed: the daemon, or vcnd-policy."""

    @property
    def log_path(self) -> Path:
        """Return where its log is."""

    @property
    def runs(self) -> bool:
        """Return True if it was started, and its end was not awaited."""

    @property
    def pid(self) -> int:
        """Return its process id."""

    async def start(self) -> None:
        """Start it; return when it is ready."""

    async def kill(self) -> None:
        """Kill it, if it runs."""

    async def ended(self) -> int:
        """Return its exit status when it has ended."""
