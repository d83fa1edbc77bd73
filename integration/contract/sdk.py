"""The official ``oci`` package, in a cache of its own.

It is half a gigabyte and only tests use it.  It is no dependency of the project and
not in its virtual environment.
"""

import site
from pathlib import Path

from integration import locked

NAME, LOCK = "oci-sdk", Path(__file__).with_name("requirements.txt")


def place() -> Path:
    """Return the folder of the SDK for this lock file and this Python."""
    return locked.place(NAME, LOCK)


def install() -> str:
    """Install the SDK unless it is installed; return what was done, in words.

    Raises:
        RuntimeError: it cannot be installed; the text has pip's reason.
    """
    if place().exists():
        return "Oracle's SDK is there"
    locked.install(NAME, LOCK)
    return "Oracle's SDK was installed"


def use() -> None:
    """Make ``import oci`` work in this process; the project's own packages win."""
    site.addsitedir(str(place()))
