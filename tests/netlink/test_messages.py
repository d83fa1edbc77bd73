"""Requests and answers on the machine's own kernel; they change nothing."""

import errno
import socket
import struct

import pytest

from vcnd.netlink.messages import (
    NLM_F_ACK,
    NLM_F_REQUEST,
    NetlinkError,
    NetlinkSocket,
    message,
)

RTM_NEWLINK, RTM_GETLINK = 16, 18
NOBODY = 0x7FFFFFF0


def link(index: int) -> bytes:
    return struct.pack("=BBHiII", socket.AF_UNSPEC, 0, 0, index, 0, 0)


@pytest.fixture
def sock() -> NetlinkSocket:
    return NetlinkSocket(socket.NETLINK_ROUTE)


def be_impatient(sock: NetlinkSocket) -> None:
    assert sock._socket is not None
    soon = struct.pack("@ll", 0, 1000)
    sock._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, soon)


def test_late_answer_of_an_earlier_request_is_ignored(sock: NetlinkSocket) -> None:
    """Unread acknowledgements and errors come before those of the next request."""
    with sock:
        assert sock._socket is not None
        flags = NLM_F_REQUEST | NLM_F_ACK
        sock._socket.send(message(RTM_GETLINK, flags, link(NOBODY), 12345))
        sock.request("get loopback", RTM_GETLINK, 0, link(1))
        sock._socket.send(message(RTM_GETLINK, flags, link(1), 12345))
        with pytest.raises(NetlinkError) as caught:
            sock.request("get nobody", RTM_GETLINK, 0, link(NOBODY))
        assert caught.value.errno == errno.ENODEV
        sock._socket.send(message(RTM_GETLINK, flags, link(NOBODY), 12345))
        assert [kind for kind, _ in sock.dump("links", RTM_GETLINK, link(0))]


def test_refusal_leaves_the_socket_as_it_was(sock: NetlinkSocket) -> None:
    with sock:
        before = sock._socket
        with pytest.raises(NetlinkError, match="get nobody"):
            sock.request("get nobody", RTM_GETLINK, 0, link(NOBODY))
        sock.request("get loopback", RTM_GETLINK, 0, link(1))
        assert sock._socket is before


def test_missing_answer_closes_the_socket(sock: NetlinkSocket) -> None:
    with sock:
        before = sock._socket
        be_impatient(sock)
        numbers = sock.numbers(1)
        silent = message(RTM_NEWLINK, 0, b"", numbers[0])
        with pytest.raises(NetlinkError, match="no answer within") as caught:
            sock.exchange(["say nothing"], silent, numbers[0])
        assert caught.value.errno == errno.ETIMEDOUT
        sock.request("get loopback", RTM_GETLINK, 0, link(1))
        assert sock._socket is not before


def test_truncated_answer_closes_the_socket(sock: NetlinkSocket) -> None:
    with sock:
        sock._receive_bytes = 16
        with pytest.raises(NetlinkError) as caught:
            list(sock.dump("links", RTM_GETLINK, link(0)))
        assert caught.value.errno == errno.EMSGSIZE
        assert sock._socket is None
        sock._receive_bytes = 1 << 16
        sock.request("get loopback", RTM_GETLINK, 0, link(1))


def test_abandoned_dump_closes_the_socket(sock: NetlinkSocket) -> None:
    with sock:
        dump = sock.dump("links", RTM_GETLINK, link(0))
        next(dump)
        del dump
        assert sock._socket is None
        sock.request("get loopback", RTM_GETLINK, 0, link(1))
        whole = list(sock.dump("links", RTM_GETLINK, link(0)))
        assert len(whole) == len(list(sock.dump("links", RTM_GETLINK, link(0))))


def test_refused_dump_is_an_error(sock: NetlinkSocket) -> None:
    with sock, pytest.raises(NetlinkError):
        # A message type that the kernel does not have.
        list(sock.dump("nonsense", 0x3FF, link(0)))


def test_closed_socket_stays_closed(sock: NetlinkSocket) -> None:
    sock.close()
    with pytest.raises(OSError, match="closed"):
        sock.request("get loopback", RTM_GETLINK, 0, link(1))
