"""Descriptors that are no pod's network namespace are never entered."""

import os
import socket
from collections.abc import Iterator

import pytest

from vcnd.model.errors import BadNetnsError
from vcnd.netlink.netns import Home


@pytest.fixture
def home() -> Iterator[Home]:
    made = Home()
    yield made
    made.close()


@pytest.mark.parametrize(
    ("path", "flags", "words"),
    [
        ("/proc/self/ns/uts", os.O_RDONLY, "of another kind"),
        ("/proc/thread-self/ns/net", os.O_RDONLY, "the node's own"),
        ("/proc/self/ns/net", os.O_PATH, "no namespace"),
        ("/proc/self/ns", os.O_RDONLY, "no namespace"),
        ("/dev/null", os.O_RDWR, "no namespace"),
        (__file__, os.O_RDONLY, "no namespace"),
    ],
)
def test_other_descriptors_are_refused(
    home: Home, path: str, flags: int, words: str
) -> None:
    descriptor = os.open(path, flags)
    try:
        with pytest.raises(BadNetnsError, match=words) as caught:
            home.cookie_of(descriptor)
    finally:
        os.close(descriptor)
    assert caught.value.code == 8


def test_sockets_and_closed_descriptors_are_refused(home: Home) -> None:
    with socket.socket() as sock:
        with pytest.raises(BadNetnsError, match="no namespace"):
            home.cookie_of(sock.fileno())
        number = sock.fileno()
    with pytest.raises(BadNetnsError, match="no namespace"):
        home.cookie_of(number)
