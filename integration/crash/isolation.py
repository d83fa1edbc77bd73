"""Packets of and to a pod that a policy isolates: each one that arrives is counted.

A thread sends datagrams both ways all the time, also before the pod has its address.
"""

import socket
import threading
from collections.abc import Sequence
from contextlib import suppress

from integration.lab import streams

PORT = 7310
PAUSE_SECONDS = 0.001


class Isolation:
    """Sends to a pod and from it, and counts what arrives."""

    def __init__(
        self, pod: str, addresses: Sequence[str], host: str, host_address: str
    ) -> None:
        """Begin.

        Args:
            pod: its namespace.
            addresses: those of which the pod gets one.
            host: the namespace of a host outside.
            host_address: its address.
        """
        self._addresses, self._host_address = addresses, host_address
        self._ends = {
            "of": streams.bound(host, socket.SOCK_DGRAM, (host_address, PORT)),
            "to": streams.bound(pod, socket.SOCK_DGRAM, ("0.0.0.0", PORT)),  # noqa: S104
        }
        for end in self._ends.values():
            end.settimeout(0.0)
        self.sent = 0
        self.passed: list[str] = []
        """What has passed, in words."""
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run, name="isolation", daemon=True)
        self._thread.start()

    def _run(self) -> None:
        while not self._over.wait(PAUSE_SECONDS):
            with suppress(OSError):
                self._ends["to"].sendto(b"?", (self._host_address, PORT))
            for address in self._addresses:
                with suppress(OSError):
                    self._ends["of"].sendto(b"?", (address, PORT))
            self.sent += 1
            self._listen()

    def _listen(self) -> None:
        for way, end in self._ends.items():
            with suppress(OSError):
                while True:
                    _, peer = end.recvfrom(64)
                    self.passed.append(f"packet {way} the isolated pod, from {peer[0]}")

    def stop(self) -> list[str]:
        """End; return what has passed."""
        self._over.set()
        self._thread.join()
        self._listen()
        for end in self._ends.values():
            end.close()
        return self.passed
