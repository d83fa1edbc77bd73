"""Logging: an event's name and its fields, one line each, to standard error."""

import logging
import sys
from contextlib import suppress
from typing import TextIO

import structlog
from structlog.typing import EventDict, WrappedLogger

PRIORITIES = {"debug": 7, "info": 6, "warning": 4, "error": 3, "critical": 2}
"""Of sd-daemon(3); journald takes the prefix for the line's priority."""


class _Render:
    def __init__(self, form: str, *, for_journal: bool) -> None:
        self._render = (
            structlog.processors.JSONRenderer()
            if form == "json"
            else structlog.processors.LogfmtRenderer(
                key_order=["event"], drop_missing=True
            )
        )
        self._for_journal = for_journal

    def __call__(self, logger: WrappedLogger, name: str, event: EventDict) -> str:
        # One line per event, whatever its fields hold: journald splits at line ends.
        line = str(self._render(logger, name, event)).replace("\n", "\\n")
        return f"<{PRIORITIES.get(name, 6)}>{line}" if self._for_journal else line


class _LossyLogger:
    """Writes lines; structlog calls it by the level's name.

    A full disk or a closed pipe must not end the daemon, nor fail a call.
    """

    def __init__(self, file: TextIO) -> None:
        self._file = file

    def msg(self, line: str) -> None:
        """Write a line, or drop it if the file refuses it."""
        with suppress(OSError):
            self._file.write(line + "\n")
            self._file.flush()

    debug = info = warning = error = critical = msg


def set_up(*, level: str, form: str, for_journal: bool) -> None:
    """Send all log lines to standard error.

    Args:
        level: the least level that is written.
        form: ``logfmt`` or ``json``.
        for_journal: prefix journald's priority and leave out the time it adds.
    """
    processors: list[structlog.typing.Processor] = [
        # The trace of the call that a line belongs to.
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
    ]
    if not for_journal:
        processors.append(structlog.processors.TimeStamper(fmt="iso"))
    processors.append(structlog.processors.format_exc_info)
    processors.append(_Render(form, for_journal=for_journal))
    structlog.configure(
        processors=processors,
        wrapper_class=structlog.make_filtering_bound_logger(
            getattr(logging, level.upper())
        ),
        logger_factory=lambda *_: _LossyLogger(sys.stderr),
        cache_logger_on_first_use=True,
    )
