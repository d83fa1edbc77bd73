"""Where vcndctl finds the daemon."""

import os

DEFAULT_SOCKET = "/run/vcnd/cni.sock"


def socket_path() -> str:
    """Return the daemon's socket: ``VCND_SOCKET``, or the usual one."""
    return os.environ.get("VCND_SOCKET", DEFAULT_SOCKET)
