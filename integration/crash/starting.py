"""What the stem and the harness tell each other: one message of JSON each."""

import msgspec


class Order(msgspec.Struct, frozen=True, tag=True):
    """Start a daemon.

    Descriptors come with it: the network namespace, the daemon's listener, its log, and
    a pipe that is closed when it may begin.
    """

    program: str
    """``vcnd``, or ``vcnd-policy``."""
    arguments: tuple[str, ...]
    environment: dict[str, str]


class Forked(msgspec.Struct, frozen=True, tag=True):
    """The daemon's process is there, and waits at its pipe."""

    pid: int


class Ended(msgspec.Struct, frozen=True, tag=True):
    """A daemon has ended."""

    pid: int
    code: int
    """Its exit status; negative: the number of a signal."""


def encode(value: Order | Forked | Ended) -> bytes:
    """Return a message."""
    return msgspec.json.encode(value)


def decode_order(data: bytes) -> Order:
    """Return what the harness tells."""
    return msgspec.json.decode(data, type=Order)


def decode_news(data: bytes) -> Forked | Ended:
    """Return what the stem tells."""
    return msgspec.json.decode(data, type=Forked | Ended)
