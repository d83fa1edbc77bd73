"""Doubles of a daemon that answer vcndctl with bytes that a test sets."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def answering_all(path: Path, reply: bytes) -> Iterator[None]:
    """Answer each call with these bytes."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as listener:
        listener.bind(str(path))
        listener.listen(8)

        def answer() -> None:
            while True:
                connection, _ = listener.accept()
                with connection:
                    if not connection.recv(1 << 20):
                        return
                    connection.sendall(reply)

        thread = threading.Thread(target=answer)
        thread.start()
        yield
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as last:
            last.connect(str(path))
        thread.join()


@contextmanager
def answering(path: Path, reply: bytes) -> Iterator[list[bytes]]:
    """Answer one call with these bytes; yield what was asked."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as listener:
        listener.bind(str(path))
        listener.listen(1)
        asked = list[bytes]()

        def answer() -> None:
            connection, _ = listener.accept()
            with connection:
                asked.append(connection.recv(1 << 20))
                connection.sendall(reply)

        thread = threading.Thread(target=answer)
        thread.start()
        yield asked
        thread.join()
