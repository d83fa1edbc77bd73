"""Regular files that others may have put there, within bounds."""

import errno
import os
import stat
from pathlib import Path

MOST_BYTES = 16 << 20


def read_regular(path: Path | str, *, most: int = MOST_BYTES) -> bytes:
    """Return a file's content.

    A FIFO would hold whoever opens or reads it, a device may never end.

    Args:
        path: the file's.
        most: how many bytes it may have.

    Raises:
        OSError: it cannot be read, is no regular file, or is longer.
    """
    flags = os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK | os.O_NOCTTY
    descriptor = os.open(path, flags)
    try:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise OSError(errno.EINVAL, "it is no regular file", str(path))
        with open(descriptor, "rb", closefd=False) as file:
            content = file.read(most + 1)
    finally:
        os.close(descriptor)
    if len(content) > most:
        raise OSError(errno.EFBIG, f"it is longer than {most} bytes", str(path))
    return content
