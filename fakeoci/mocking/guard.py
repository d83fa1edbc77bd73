"""Closes the network: while a cloud is mocked, no library of this process gets out.

There are two checks.  An audit hook sees each name that CPython's ``_socket`` looks up
and each address that it connects to.  The methods of ``socket.socket`` are checked
too, since they look a name up before they call the hook.  An audit hook cannot be
removed: it stays and does nothing.

Not seen are other processes, C libraries with sockets of their own (uvloop's, libcurl,
gRPC), and connections that existed before.
"""

import os
import socket
import sys
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from functools import lru_cache
from typing import Any

from fakeoci.mocking.hosts import as_address, is_here, is_oci

REVERSE = ("socket.gethostbyaddr", "socket.getnameinfo")
LOOK_UPS = ("socket.getaddrinfo", "socket.gethostbyname", *REVERSE)
SENDERS = ("socket.connect", "socket.sendto", "socket.sendmsg")
METHODS = ("connect", "connect_ex", "sendto", "sendmsg")
PROXIES = ("http_proxy", "https_proxy", "all_proxy")


class NetworkRefused(RuntimeError):  # noqa: N818 - it is no defect of the network's
    """A test that mocks OCI tried to reach the network.

    It is no ``OSError``: code that retries after such an error would hide it.
    """

    def __init__(self, host: str) -> None:
        if is_oci(host):
            text = (
                f"{host} was not asked: mock_oci() answers httpx and httpx2, and this"
                " is another library. Point it at a server of fakeoci, or use httpx."
            )
        else:
            text = (
                f"{host} was not asked: mock_oci() keeps tests off the network."
                f' mock_oci(allow=["{host}"]) lets this host through.'
            )
        super().__init__(text)
        self.host = host


class Guard:
    """Refuses all traffic that leaves the machine, while it is closed."""

    def __init__(self) -> None:
        self._hooked = False
        self._allowed: frozenset[str] | None = None

    def check(self, host: str) -> None:
        """Raise unless a host may be reached.

        Raises:
            NetworkRefused: it is not this machine, and not allowed.
        """
        allowed = self._allowed
        if allowed is None or is_here(host) or host in allowed:
            return
        if allowed and as_address(host) is not None and host in _addresses(allowed):
            return
        raise NetworkRefused(host)

    def allow(self, hosts: Collection[str]) -> None:
        """Refuse all but these hosts and this machine."""
        self._allowed = frozenset(hosts)

    @contextmanager
    def closed(self) -> Iterator[None]:
        """Close the network, to all hosts at first."""
        if not self._hooked:
            sys.addaudithook(self._hear)
            self._hooked = True
        self._allowed = frozenset()
        try:
            with _checked_methods(self._check_address), _no_proxies():
                yield
        finally:
            self._allowed = None

    def _hear(self, event: str, arguments: tuple[Any, ...]) -> None:
        if self._allowed is None or not event.startswith("socket."):
            return
        if event in SENDERS:
            self._check_address(*arguments)
        elif event in LOOK_UPS:
            target = arguments[0]
            # getnameinfo is given an address and a port.
            host = _text(target[0] if isinstance(target, tuple) else target)
            if as_address(host) is None or event in REVERSE:
                self.check(host)

    def _check_address(self, sock: socket.socket, address: Any) -> None:
        internet = sock.family in (socket.AF_INET, socket.AF_INET6)
        if not internet or not isinstance(address, tuple) or not address:
            return
        try:
            self.check(_text(address[0]))
        except NetworkRefused:
            if sock.type == socket.SOCK_STREAM:
                sock.close()  # the standard library does so after an OSError alone
            raise


def _text(host: Any) -> str:
    if isinstance(host, (bytes, bytearray)):
        return host.decode("ascii", "replace")
    return host if isinstance(host, str) else ""


@lru_cache
def _addresses(names: frozenset[str]) -> frozenset[str]:
    """Return the addresses of allowed names."""
    found: set[str] = set()
    for name in names:
        try:
            found.update(str(i[4][0]) for i in socket.getaddrinfo(name, None))
        except OSError:
            continue
    return frozenset(found)


@contextmanager
def _checked_methods(check: Callable[[socket.socket, Any], None]) -> Iterator[None]:
    """Check the address before ``socket.socket`` sees it."""

    def checked(method: Callable[..., Any]) -> Callable[..., Any]:
        def call(self: socket.socket, *arguments: Any, **options: Any) -> Any:
            for argument in arguments:
                check(self, argument)
            return method(self, *arguments, **options)

        return call

    kind = socket.socket
    own = {name: vars(kind).get(name) for name in METHODS}
    ours = {name: checked(getattr(kind, name)) for name in METHODS}
    for name in METHODS:
        setattr(kind, name, ours[name])
    try:
        yield
    finally:
        for name in METHODS:
            if vars(kind).get(name) is not ours[name]:
                continue  # patched over; ours does nothing from now on
            if own[name] is None:
                delattr(kind, name)  # it is inherited
            else:
                setattr(kind, name, own[name])


@contextmanager
def _no_proxies() -> Iterator[None]:
    """Remove proxies from the environment: a local one leads out of the machine."""
    names = [name for name in os.environ if name.lower() in PROXIES]
    taken = {name: os.environ.pop(name) for name in names}
    try:
        yield
    finally:
        for name, value in taken.items():
            os.environ.setdefault(name, value)
