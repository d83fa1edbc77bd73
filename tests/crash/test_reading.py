"""Which system calls of HTTP may change the cloud."""

import ctypes
import os
import socket

import pytest

from integration.crash.ptrace import MACHINE, Entry
from integration.crash.reading import Place, Reader
from integration.crash.steps import Step

SENDTO, RECVFROM = 44, 45
GET, POST = b"GET /opc/v2/vnics/ HTTP/1.1\r\n", b"POST /20160918/vnics HTTP/1.1\r\n"
BODY = b'{"instanceId": "ocid1.instance"}'

pytestmark = pytest.mark.skipif(os.uname().machine != MACHINE, reason="x86-64 only")


class Calls:
    """System calls of this process at one TCP socket, as the tracer sees them."""

    def __init__(self, sock: socket.socket) -> None:
        self._fd = sock.fileno()
        self._reader = Reader(Place(journal="/j", sockets=()), os.getpid())

    def sends(self, data: bytes) -> bool:
        buffer = ctypes.create_string_buffer(data)
        return self._changes(SENDTO, ctypes.addressof(buffer), len(data))

    def receives(self) -> bool:
        return self._changes(RECVFROM, 0, 0)

    def _changes(self, number: int, address: int, size: int) -> bool:
        entry = Entry(number, (self._fd, address, size, 0, 0, 0))
        step = self._reader.step(1, os.getpid(), entry)
        assert isinstance(step, Step)
        return step.changes


def test_answer_to_a_question_leaves_all_as_it_was() -> None:
    with socket.socket() as sock:
        calls = Calls(sock)
        assert not calls.sends(GET)
        assert not calls.receives()
        assert calls.sends(POST)
        assert calls.sends(BODY)
        assert calls.receives()
        assert not calls.sends(GET)
        assert not calls.receives()
