"""Packets of a running pod that go on all the time: a lost one is counted.

A thread sends a datagram to a host outside and waits for the answer, again and again,
and keeps a TCP connection busy likewise.
"""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from integration.lab import streams

PAUSE_SECONDS = 0.004
LOST_SECONDS = 1.0
"""A packet within the machine that takes longer is lost."""
PORTS = 7300, 7301
EXCHANGES_OF_TCP = 10
"""One in so many rounds."""


class Witness:
    """Counts a pod's packets."""

    def __init__(self, datagrams: streams.Datagrams, stream: streams.Stream) -> None:
        self._datagrams, self._stream = datagrams, stream
        self._over = threading.Event()
        self.exchanged = 0
        self.lost: list[str] = []
        """What was lost, in words."""
        self._thread = threading.Thread(target=self._run, name="witness", daemon=True)

    def _run(self) -> None:
        for ends in (self._datagrams, self._stream):
            for end in (ends.client, ends.server):
                end.settimeout(LOST_SECONDS)
        while not self._over.wait(PAUSE_SECONDS):
            self._exchange()

    def _exchange(self) -> None:
        self.exchanged += 1
        number = self.exchanged.to_bytes(8, "big")
        try:
            for back in (False, True):
                source, target = self._datagrams.in_order(back=back)
                source.send(number)
                while target.recv(64) != number:
                    pass  # a late one, which is counted as lost already
        except OSError as error:
            self.lost.append(f"datagram {self.exchanged} of the neighbour: {error}")
        if self.exchanged % EXCHANGES_OF_TCP == 0:
            try:
                self._stream.exchange()
            except OSError as error:
                self.lost.append(f"the neighbour's TCP connection: {error}")

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def stop(self) -> None:
        """End."""
        self._over.set()
        self._thread.join()


@contextmanager
def witness(
    netns: str, address: str, host: str, host_address: str
) -> Iterator[Witness]:
    """Let packets go between a pod and a host while the body runs.

    Args:
        netns: the pod's namespace.
        address: its address.
        host: the host's namespace.
        host_address: its address.
    """
    udp, tcp = PORTS
    listener = streams.listen(host, (host_address, tcp))
    with (
        listener,
        streams.talk((netns, (address, udp)), (host, (host_address, udp))) as datagrams,
        streams.connect(netns, (address, tcp), listener) as stream,
    ):
        for end in (stream.client, stream.server):
            with suppress(OSError):
                end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        made = Witness(datagrams, stream)
        made.start()
        try:
            yield made
        finally:
            made.stop()
