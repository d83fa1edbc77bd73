"""Index and MTU of links by name, in two system calls without a netlink dump."""

import errno
import fcntl
import socket
import struct

from vcnd.linux.lane.maps import Link

SIOCGIFMTU, SIOCGIFINDEX = 0x8921, 0x8933
REQUEST = struct.Struct("=16si20x")
GONE = (errno.ENODEV, errno.ENXIO)


class LinkFacts:
    """Asks about links in the namespace where it was made."""

    def __init__(self) -> None:
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)

    def of(self, name: str) -> Link | None:
        """Return a link, or None if it is gone."""
        try:
            return Link(self._ask(SIOCGIFINDEX, name), self._ask(SIOCGIFMTU, name))
        except OSError as error:
            if error.errno not in GONE:
                raise
            return None

    def _ask(self, request: int, name: str) -> int:
        answer = fcntl.ioctl(self._socket, request, REQUEST.pack(name.encode(), 0))
        return int(REQUEST.unpack(answer)[1])

    def close(self) -> None:
        """Close the socket."""
        self._socket.close()
