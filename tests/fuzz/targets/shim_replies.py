"""The compiled plugin before a server whose first reply is any bytes.

A whole reply is printed as it is.  After anything else the plugin asks again, and
prints the good reply that it gets then.
"""

import re
import socket
from collections.abc import Iterable
from contextlib import suppress

import trio

from tests.fuzz import shim
from tests.fuzz.choices import Choices

WHOLE = re.compile(rb"([0-9]{1,3}) ([0-9]{1,7})\n")
MOST_REPLY = 1 << 20
GOOD = b'{"cniVersion":"1.1.0"}'


def run(data: bytes) -> None:
    """Start the plugin once."""
    choices = Choices(data)
    is_raw = choices.below(4) == 0
    head = b"%d %d\n" % (choices.below(3), choices.below(64))
    reply = choices.rest() if is_raw else head + choices.rest()

    async def serve(listener: socket.socket, _: trio.Nursery) -> None:
        first = True
        while True:
            await trio.lowlevel.wait_readable(listener)
            connection, _address = listener.accept()
            with connection, suppress(OSError):
                connection.recv(1 << 20)
                connection.sendall(reply if first else b"0 %d\n" % len(GOOD) + GOOD)
            first = False

    environment = {b"CNI_COMMAND": b"STATUS"}
    done = shim.call(serve, environment, b'{"cniVersion":"1.1.0","name":"vcnd"}')
    code, stdout = _expected(reply)
    if (done.returncode, done.stdout, done.stderr) != (code, stdout, b""):
        raise AssertionError(f"{done} after {reply!r}")


def _expected(reply: bytes) -> tuple[int, bytes]:
    match = WHOLE.match(reply)
    if match is None or int(match[2]) > MOST_REPLY:
        return 0, GOOD
    body = reply[match.end() :]
    length = int(match[2])
    return (int(match[1]) % 256, body[:length]) if len(body) >= length else (0, GOOD)


def seeds() -> Iterable[bytes]:
    """Return replies."""
    yield bytes([1, 0, 2]) + b"{}"
    yield bytes([1, 1, 10]) + b'{"code":1}'
    yield bytes([1, 1, 63]) + b"cut"
    yield b"\0\0\0" + b"0 2\n{}"
    yield b"\0\0\0" + b" \n"
    yield b"\0\0\0" + b"99999999999 1\nx"
