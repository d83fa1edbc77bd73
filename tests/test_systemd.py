"""Passed sockets and notifications."""

import os
import socket
from pathlib import Path

import trio

from vcnd.systemd import Systemd, listening_sockets


def test_sockets_are_taken_only_if_they_are_for_us() -> None:
    ours = {"LISTEN_PID": str(os.getpid()), "LISTEN_FDS": "2"}
    assert Systemd.from_environment(ours).listeners == (3, 4)
    other = {"LISTEN_PID": "1", "LISTEN_FDS": "2"}
    assert Systemd.from_environment(other).listeners == ()
    assert Systemd.from_environment({}).listeners == ()


def test_notify_by_path_and_by_abstract_name(tmp_path: Path) -> None:
    for address in (str(tmp_path / "n"), "\0vcnd-test-notify"):
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sock:
            sock.bind(address)
            Systemd(notify_socket=address.replace("\0", "@")).notify("READY=1")
            assert sock.recv(100) == b"READY=1"


async def test_watchdog_is_fed_at_twice_its_rate(
    autojump_clock: trio.testing.MockClock, tmp_path: Path
) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sock:
        sock.bind(str(tmp_path / "n"))
        manager = Systemd(notify_socket=str(tmp_path / "n"), watchdog_seconds=10.0)
        with trio.move_on_after(22):
            await manager.feed_watchdog()
        sock.settimeout(0.0)
        fed = 0
        try:
            while sock.recv(100) == b"WATCHDOG=1":
                fed += 1
        except BlockingIOError:
            pass
    assert fed == 5


async def test_own_socket_for_a_start_by_hand(tmp_path: Path) -> None:
    path = tmp_path / "run" / "cni.sock"
    for _ in range(2):  # an old socket file is replaced
        (sock,) = listening_sockets(Systemd(), str(path))
        assert path.stat().st_mode & 0o777 == 0o600
        sock.close()
