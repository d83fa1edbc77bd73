"""What the disk's refusals of the journal mean, and what to do about them."""

import errno
from pathlib import Path

from vcnd.model.errors import JournalError

REMEDIES = {
    errno.ENOSPC: "free space on its file system",
    errno.EDQUOT: "raise the quota of its file system, or free space",
    errno.EROFS: "mount its file system read-write",
    errno.EIO: "look for disk errors in the kernel's log",
}


def refusal_of(path: Path, failure: OSError) -> JournalError:
    """Return the error for a write that the disk refused.

    Args:
        path: the journal's.
        failure: the disk's.
    """
    remedy = REMEDIES.get(failure.errno or 0, "")
    reasons = (failure.strerror or str(failure), remedy)
    return JournalError(
        f"the journal {path} cannot be written",
        details=": ".join(s for s in reasons if s),
    )
