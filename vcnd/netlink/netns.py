"""Network namespaces by descriptor: check it, and enter it for a moment."""

import ctypes
import fcntl
import os
import socket
import struct
from collections.abc import Iterator
from contextlib import contextmanager

from vcnd.log import log
from vcnd.model.errors import BadNetnsError

CLONE_NEWNET = 0x40000000
NS_GET_NSTYPE = 0xB703
SO_NETNS_COOKIE = 71

EXIT_NAMESPACE_LOST = 70

_libc = ctypes.CDLL(None, use_errno=True)


def _setns(descriptor: int) -> None:
    # CLONE_NEWNET is named: systemd's RestrictNamespaces=net refuses 0.
    if _libc.setns(descriptor, CLONE_NEWNET) != 0:
        code = ctypes.get_errno()
        raise OSError(code, f"setns: {os.strerror(code)}")


class Home:
    """The network namespace in which this was made: the way back from others."""

    def __init__(self) -> None:
        # Kept open: to open it anew takes as long as to enter a namespace.
        self._descriptor = os.open(
            "/proc/thread-self/ns/net", os.O_RDONLY | os.O_CLOEXEC
        )
        here = os.fstat(self._descriptor)
        self._identity = here.st_dev, here.st_ino

    @contextmanager
    def inside(self, netns: int) -> Iterator[None]:
        """Put this thread into a namespace for the body, which must not wait.

        Ends the process when the thread cannot get back: a thread that stays in a
        pod's namespace would wire the next pod there.
        """
        _setns(netns)
        try:
            yield
        finally:
            _return(self._descriptor)

    def cookie_of(self, netns: int) -> int:
        """Return the cookie of the namespace behind a descriptor.

        Raises:
            BadNetnsError: the descriptor is something else, or this namespace.
        """
        try:
            kind = fcntl.ioctl(netns, NS_GET_NSTYPE)
        except OSError as error:
            raise BadNetnsError(
                "CNI_NETNS is no namespace", details=str(error)
            ) from error
        if kind != CLONE_NEWNET:
            raise BadNetnsError("CNI_NETNS is a namespace of another kind")
        other = os.fstat(netns)
        if (other.st_dev, other.st_ino) == self._identity:
            raise BadNetnsError("CNI_NETNS is the node's own network namespace")
        with self.inside(netns):
            return cookie_here()

    def close(self) -> None:
        """Close the descriptor."""
        os.close(self._descriptor)


def _return(home: int) -> None:
    try:
        _setns(home)
    except OSError as error:
        log.critical("namespace_return_failed", reason=str(error))
        os._exit(EXIT_NAMESPACE_LOST)


def cookie_here() -> int:
    """Return the cookie of this thread's namespace (unique until reboot)."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        raw = probe.getsockopt(socket.SOL_SOCKET, SO_NETNS_COOKIE, 8)
    return int(struct.unpack("=Q", raw)[0])
