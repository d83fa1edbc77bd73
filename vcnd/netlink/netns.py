"""Network namespaces by descriptor: check it, and enter it for a moment."""

import ctypes
import fcntl
import os
import socket
import struct
from collections.abc import Iterator
from contextlib import contextmanager

import structlog

from vcnd.model.errors import BadNetnsError

CLONE_NEWNET = 0x40000000
NS_GET_NSTYPE = 0xB703
SO_NETNS_COOKIE = 71

EXIT_NAMESPACE_LOST = 70

log = structlog.get_logger()

_libc = ctypes.CDLL(None, use_errno=True)


def _setns(descriptor: int) -> None:
    # CLONE_NEWNET is named: systemd's RestrictNamespaces=net refuses 0.
    if _libc.setns(descriptor, CLONE_NEWNET) != 0:
        code = ctypes.get_errno()
        raise OSError(code, f"setns: {os.strerror(code)}")


@contextmanager
def inside(netns: int) -> Iterator[None]:
    """Put this thread into a namespace for the body, which must not wait.

    Ends the process when the thread cannot get back: a thread that stays in a pod's
    namespace would wire the next pod there.
    """
    home = os.open("/proc/thread-self/ns/net", os.O_RDONLY | os.O_CLOEXEC)
    try:
        _setns(netns)
        try:
            yield
        finally:
            _return(home)
    finally:
        os.close(home)


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


def cookie_of(netns: int) -> int:
    """Return the cookie of the namespace behind a descriptor.

    Raises:
        BadNetnsError: the descriptor is something else, or the node's own namespace.
    """
    try:
        kind = fcntl.ioctl(netns, NS_GET_NSTYPE)
    except OSError as error:
        raise BadNetnsError("CNI_NETNS is no namespace", details=str(error)) from error
    if kind != CLONE_NEWNET:
        raise BadNetnsError("CNI_NETNS is a namespace of another kind")
    own, other = os.stat("/proc/thread-self/ns/net"), os.fstat(netns)
    if (own.st_dev, own.st_ino) == (other.st_dev, other.st_ino):
        raise BadNetnsError("CNI_NETNS is the node's own network namespace")
    with inside(netns):
        return cookie_here()
