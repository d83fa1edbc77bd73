"""Logging: an event's name and its fields, one line each, to standard error.

By hand: a general library takes 7 MiB and a tenth of the daemon's start, mostly for
colours and for asyncio.
"""

import json
import sys
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from datetime import UTC, datetime
from typing import Any

LEVELS = ("debug", "info", "warning", "error", "critical")
PRIORITIES = {"debug": 7, "info": 6, "warning": 4, "error": 3, "critical": 2}
"""Of sd-daemon(3); journald takes the prefix for the line's priority."""

Event = dict[str, Any]
"""An event's fields, among them ``event``, its name, and ``level``."""

trace: ContextVar[str] = ContextVar("trace")
"""The trace of the call that the current task serves; its log lines carry it."""


def logfmt(event: Event) -> str:
    """Return an event as ``key=value`` with blanks between."""
    return " ".join(f"{key}={_value(value)}" for key, value in event.items())


def _value(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    text = str(value)
    quoted = any(c in text for c in ' ="')
    if quoted:
        text = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{text}"' if quoted else text


def as_json(event: Event) -> str:
    """Return an event as a JSON object; of unknown objects, their repr."""
    return json.dumps(event, default=repr)


class Log:
    """Writes events of a level and those above it.

    A full disk or a closed pipe must not end the daemon, nor fail a call: such a
    line is dropped.
    """

    def __init__(self) -> None:
        self.set_up(level="info", form="logfmt", for_journal=False)
        self._take: Callable[[str, Event], None] = self._write

    def set_up(self, *, level: str, form: str, for_journal: bool) -> None:
        """Say what is written, and how.

        Args:
            level: the least level that is written.
            form: ``logfmt`` or ``json``.
            for_journal: prefix journald's priority and leave out the time it adds.
        """
        self._written = frozenset(LEVELS[LEVELS.index(level) :])
        self._render = as_json if form == "json" else logfmt
        self._for_journal = for_journal

    @contextmanager
    def told(self, listener: Callable[[str, Event], None]) -> Iterator[None]:
        """Tell somebody the events of all levels, instead of writing them.

        Args:
            listener: gets the level and the event.
        """
        before, self._take = self._take, listener
        try:
            yield
        finally:
            self._take = before

    @contextmanager
    def collected(self) -> Iterator[list[Event]]:
        """Collect the events of all levels, instead of writing them."""
        found = list[Event]()
        with self.told(lambda level, event: found.append({**event, "level": level})):
            yield found

    def _write(self, level: str, event: Event) -> None:
        if level not in self._written:
            return
        if called := trace.get(""):
            event["trace"] = called
        event["level"] = level
        if not self._for_journal:
            now = datetime.now(UTC).isoformat().removesuffix("+00:00")
            event["timestamp"] = f"{now}Z"
        if failure := event.pop("exc_info", None):
            event["exception"] = "".join(traceback.format_exception(failure)).rstrip()
        # One line per event, whatever its fields hold: journald splits at line ends.
        line = self._render(event).replace("\n", "\\n")
        prefix = f"<{PRIORITIES[level]}>" if self._for_journal else ""
        with suppress(OSError):
            sys.stderr.write(f"{prefix}{line}\n")
            sys.stderr.flush()

    def debug(self, event: str, **fields: Any) -> None:
        """Log what developers want to know."""
        self._take("debug", {"event": event, **fields})

    def info(self, event: str, **fields: Any) -> None:
        """Log what happened."""
        self._take("info", {"event": event, **fields})

    def warning(self, event: str, **fields: Any) -> None:
        """Log what an operator may have to look at."""
        self._take("warning", {"event": event, **fields})

    def error(self, event: str, **fields: Any) -> None:
        """Log what failed.

        Args:
            event: its name.
            fields: of these, ``exc_info`` is an exception, whose trace is written.
        """
        self._take("error", {"event": event, **fields})

    def critical(self, event: str, **fields: Any) -> None:
        """Log what ends the daemon."""
        self._take("critical", {"event": event, **fields})

    def exception(self, event: str, **fields: Any) -> None:
        """Log what failed unexpectedly, with the trace of the current exception."""
        self._take("error", {"event": event, **fields, "exc_info": sys.exception()})


log = Log()
"""The daemon's only log."""
