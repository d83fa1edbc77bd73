"""The kernel's boot id."""

from pathlib import Path

from vcnd.model.errors import VcndError

PATH = Path("/proc/sys/kernel/random/boot_id")


def boot_id() -> str:
    """Return the id of this boot of the kernel.

    Raises:
        VcndError: it cannot be read.
    """
    try:
        return PATH.read_text().strip()
    except OSError as error:
        raise VcndError(
            f"the id of this boot cannot be read from {PATH}: {error.strerror}; systemd"
            " starts vcnd again"
        ) from error
