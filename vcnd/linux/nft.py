"""The nft program, as far as it loads our own rules."""

import subprocess

from vcnd.model.cause import Cause
from vcnd.model.errors import VcndError


class KernelRefusedError(VcndError):
    """The kernel, or nft, refused a step of the data plane."""

    cause = Cause.KERNEL_REFUSED


def load(script: str) -> None:
    """Load a script whole, or not at all.

    Raises:
        KernelRefusedError: nft refused it.
    """
    done = subprocess.run(
        ["/usr/sbin/nft", "-f", "-"],
        input=script,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise KernelRefusedError(
            "nft refused the rule set", details=done.stderr.strip()
        )
