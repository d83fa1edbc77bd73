"""The exit codes of vcndctl; docs/operations.md has a row for each."""

from enum import IntEnum

from vcnd.serve.ask import DownError, HungError, VersionError


class Exit(IntEnum):
    """How a command ended.  The numbers are an interface: they stay."""

    FINE = 0
    """The answer is printed."""
    REFUSED = 1
    """The daemon refused, or the input is bad."""
    USAGE = 2
    """The command is wrong (click's own code)."""
    WRONG = 3
    """The answer is printed, and it says that something is wrong."""
    UNSURE = 4
    """The answer is printed, and nothing is wrong in what is known; some is not."""
    DOWN = 5
    """The daemon does not run, or may not be asked."""
    HUNG = 6
    """The daemon did not answer in time."""
    VERSION = 7
    """The daemon is of another version, which answers this differently or not."""


EXIT_CODES = """\b
Exit codes of all commands:
  0  the answer is printed
  1  the daemon refused, or the input is bad
  2  the command is wrong
  3  something is wrong, differs or is left: explain, path, audit, replay,
     check, drain, forecast, sweep, permissions, policy explain,
     status --exit-code
  4  something is not known, or could not be compared, written or kept;
     policy explain --exit-code: denied
  5  the daemon does not run, or you are not root
  6  the daemon does not answer
  7  the daemon is of another version
"""
"""The table for ``--help``; the first character keeps its lines."""


ASKING = """\b
Exit codes of commands that ask a daemon:
  0  the answer is printed
  1  the daemon refuses, or the input is bad
  2  the command is wrong
  5  the daemon does not run, or you are not root
  6  it does not answer
  7  it is of another version
"""
"""The end of their ``--help``; their own codes are in their texts."""


def exit_of(error: Exception) -> Exit:
    """Return the exit code for why something could not be asked."""
    match error:
        case DownError():
            return Exit.DOWN
        case HungError():
            return Exit.HUNG
        case VersionError():
            return Exit.VERSION
        case _:
            return Exit.REFUSED
