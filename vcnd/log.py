"""Logging: an event's name and its fields, one line each, to standard error."""

import logging
import sys

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
        # One line per event, whatever is in it: journald splits at line ends.
        line = str(self._render(logger, name, event)).replace("\n", "\\n")
        return f"<{PRIORITIES.get(name, 6)}>{line}" if self._for_journal else line


def set_up(*, level: str, form: str, for_journal: bool) -> None:
    """Send all log lines to standard error.

    Args:
        level: the least level that is written.
        form: ``logfmt`` or ``json``.
        for_journal: prefix journald's priority and leave out the time it adds.
    """
    processors: list[structlog.typing.Processor] = [structlog.processors.add_log_level]
    if not for_journal:
        processors.append(structlog.processors.TimeStamper(fmt="iso"))
    processors.append(structlog.processors.format_exc_info)
    processors.append(_Render(form, for_journal=for_journal))
    structlog.configure(
        processors=processors,
        wrapper_class=structlog.make_filtering_bound_logger(
            getattr(logging, level.upper())
        ),
        logger_factory=structlog.WriteLoggerFactory(file=sys.stderr),
        cache_logger_on_first_use=True,
    )
