"""Packets that policies deny, from a pod and to it, and what arrives of them."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from fakeoci.fabric import netns
from integration.bench.policy.living import OFFICE
from integration.lab.lab import ONPREM
from integration.lab.traffic import SERVICE_PORT

SEND_SECONDS = 0.001
UDP = socket.SOCK_DGRAM | socket.SOCK_NONBLOCK


class Ear:
    """Hears denied packets that arrive at a host, by the number that they bear."""

    def __init__(self, space: str) -> None:
        self._sock = netns.inside(space, lambda: socket.socket(type=UDP))
        netns.inside(space, lambda: self._sock.bind(("", SERVICE_PORT)))
        self._heard: dict[bytes, int] = {}
        self._lock = threading.Lock()

    def heard(self, token: bytes) -> int:
        """Return how many packets with a token have arrived."""
        with self._lock:
            with suppress(BlockingIOError):
                while True:
                    found = self._sock.recv(64)
                    self._heard[found] = self._heard.get(found, 0) + 1
            return self._heard.get(token, 0)

    def close(self) -> None:
        """Close its socket."""
        self._sock.close()


class Denied:
    """Sends packets that no policy allows, from and to a pod."""

    def __init__(self, pod: str, outside: Ear, token: bytes) -> None:
        self._outside, self._token = outside, token
        self._ear = Ear(pod)
        self._out = netns.inside(pod, lambda: socket.socket(type=UDP))
        self._ask = netns.inside(pod, lambda: socket.socket(type=UDP))
        self._in = netns.inside(ONPREM, lambda: socket.socket(type=UDP))
        self._own = ""
        self.sent = 0
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run)

    @contextmanager
    def sending(self) -> Iterator[None]:
        """Send while the body runs."""
        self._thread.start()
        try:
            yield
        finally:
            self._stop.set()
            self._thread.join()

    def _run(self) -> None:
        while not self._stop.wait(SEND_SECONDS):
            # Before the pod has an address it has no way either.
            with suppress(OSError):
                self._out.sendto(self._token, (OFFICE, SERVICE_PORT))
                self.sent += 1
                if not self._own:
                    self._ask.connect((OFFICE, SERVICE_PORT))
                    self._own = self._ask.getsockname()[0]
            if self._own:
                with suppress(OSError):
                    self._in.sendto(self._token, (self._own, SERVICE_PORT))
                    self.sent += 1

    @property
    def leaked(self) -> int:
        """Return how many have arrived."""
        return self._outside.heard(self._token) + self._ear.heard(self._token)

    def close(self) -> None:
        """Close its sockets."""
        self._ear.close()
        for sock in (self._out, self._ask, self._in):
            sock.close()
