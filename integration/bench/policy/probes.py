"""Packets that tell when a rule is in force: each one begins a connection of its own.

A raw socket in the router's namespace sends datagrams to a pod, and a socket in the
pod's namespace says which of them arrived.  The kernel carries a packet through the
namespaces within the call that sends it, unless the machine is busy: then the packet
counts when it is found later.
"""

import socket
import struct
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from types import TracebackType
from typing import Self

import msgspec

from fakeoci.fabric import netns
from integration.bench.datapath.underlay import ROUTER, Place

PORT = 8080
SOURCE_PORTS = range(1024, 65536)
PAUSE_SECONDS = 0.001
SILENT = 30
"""So many packets in a row that do not arrive say that the pod is closed."""
PAYLOAD = struct.Struct(">Q")
HEADER = struct.Struct(">HHHH")


class Target(msgspec.Struct, frozen=True):
    """A pod that packets are sent to."""

    space: str
    address: str


def target(place: Place, pod: int) -> Target:
    """Return a pod of a node."""
    return Target(place.pod_netns(pod), place.pod(pod))


class Probe:
    """Sends to one pod and notes when."""

    def __init__(self, to: Target) -> None:
        self._to = to
        self._out = netns.inside(
            ROUTER,
            lambda: socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_UDP),
        )
        self._ear = netns.inside(to.space, self._listen)
        self._before = 0
        """How many packets were sent before the present series."""
        self.sent: list[float] = []
        """When each packet was sent, on the monotonic clock."""
        self.last_arrived = -1
        """The number of the last packet that arrived."""
        self.first_arrived = -1

    def _listen(self) -> socket.socket:
        ear = socket.socket(socket.AF_INET, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK)
        ear.bind(("0.0.0.0", PORT))  # noqa: S104 - in a namespace of its own
        return ear

    def forget(self) -> None:
        """Begin anew: packets of before do not count."""
        self._hear()
        self._before += len(self.sent)
        self.sent.clear()
        self.first_arrived = self.last_arrived = -1

    def send(self) -> None:
        """Send a packet and look what arrived."""
        number = self._before + len(self.sent)
        source = SOURCE_PORTS[number % len(SOURCE_PORTS)]
        payload = PAYLOAD.pack(number)
        header = HEADER.pack(source, PORT, HEADER.size + PAYLOAD.size, 0)
        self.sent.append(time.monotonic())
        with suppress(OSError):
            self._out.sendto(header + payload, (self._to.address, 0))
        self._hear()

    def _hear(self) -> None:
        with suppress(BlockingIOError):
            while True:
                (found,) = PAYLOAD.unpack(self._ear.recv(PAYLOAD.size))
                number = found - self._before
                if 0 <= number < len(self.sent):
                    self.last_arrived = max(self.last_arrived, number)
                    if self.first_arrived < 0:
                        self.first_arrived = number

    def until_closed(self, seconds: float) -> None:
        """Return when the pod is closed.

        Raises:
            TimeoutError: it is open still.
        """
        self._until(lambda: self.is_closed, seconds)

    def until_open(self, seconds: float) -> None:
        """Return when the pod is open.

        Raises:
            TimeoutError: it is closed still.
        """
        self._until(lambda: self.first_arrived >= 0, seconds)

    def _until(self, is_there: Callable[[], bool], seconds: float) -> None:
        self.forget()
        give_up_at = time.monotonic() + seconds
        while not is_there():
            if time.monotonic() > give_up_at:
                raise TimeoutError(f"no change of a pod's rules in {seconds} s")
            self.send()
            time.sleep(PAUSE_SECONDS)

    @property
    def is_closed(self) -> bool:
        """Return True if the last packets did not arrive."""
        return len(self.sent) - 1 - self.last_arrived >= SILENT

    @property
    def closed_at(self) -> float:
        """Return when the first packet was sent that none after arrived."""
        return self.sent[self.last_arrived + 1]

    @property
    def opened_at(self) -> float:
        """Return when the first packet was sent that arrived."""
        return self.sent[self.first_arrived]

    def close(self) -> None:
        """Close its sockets."""
        self._out.close()
        self._ear.close()


class Probes:
    """Probes of some pods, and what they have seen."""

    def __init__(self, targets: Sequence[Target]) -> None:
        self.probes = [Probe(to) for to in targets]

    def __enter__(self) -> Self:
        """Return it."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Close the sockets."""
        for probe in self.probes:
            probe.close()

    def until_closed(self, change: Callable[[], None], seconds: float) -> list[float]:
        """Make a change; return the seconds until each pod is closed.

        Raises:
            TimeoutError: one is open still.
        """
        return self._until(
            change, lambda p: p.is_closed, lambda p: p.closed_at, seconds
        )

    def until_open(self, change: Callable[[], None], seconds: float) -> list[float]:
        """Make a change; return the seconds until each pod is open.

        Raises:
            TimeoutError: one is closed still.
        """
        return self._until(
            change,
            lambda p: p.first_arrived >= 0,
            lambda p: p.opened_at,
            seconds,
        )

    def _until(
        self,
        change: Callable[[], None],
        is_there: Callable[[Probe], bool],
        when: Callable[[Probe], float],
        seconds: float,
    ) -> list[float]:
        for probe in self.probes:
            probe.forget()
        with beside(change) as began:
            give_up_at = time.monotonic() + seconds
            waiting = list(self.probes)
            while waiting:
                if time.monotonic() > give_up_at:
                    raise TimeoutError(f"no change of a pod's rules in {seconds} s")
                for probe in waiting:
                    probe.send()
                waiting = [probe for probe in waiting if not is_there(probe)]
                time.sleep(PAUSE_SECONDS)
        return [when(probe) - began[0] for probe in self.probes]


@contextmanager
def beside(change: Callable[[], None]) -> Iterator[list[float]]:
    """Make a change in a thread; yield the list that gets the time of its begin."""
    began: list[float] = []
    failures: list[Exception] = []

    def make() -> None:
        began.append(time.monotonic())
        try:
            change()
        except Exception as error:  # noqa: BLE001 - told below
            failures.append(error)

    thread = threading.Thread(target=make)
    thread.start()
    try:
        yield began
    finally:
        thread.join()
    if failures:
        raise failures[0]
