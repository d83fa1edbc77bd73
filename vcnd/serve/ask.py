"""Ask a running daemon over its socket, as vcndctl and the installer do."""

import json
import socket
from typing import Any

ANSWER_SECONDS = 150.0


class AskError(Exception):
    """The daemon cannot be asked, or refused; says why."""


def ask(path: str, command: str, configuration: Any = None) -> Any:
    """Return the daemon's answer to one of its verbs.

    Args:
        path: the socket.
        command: ``VCND_STATUS``, ``VCND_RELEASE``, or CNI's ``STATUS``.
        configuration: a CNI network configuration, where the verb wants one.

    Raises:
        AskError: no answer came, or it is a refusal.
    """
    environment = f"CNI_COMMAND={command}\0".encode()
    said = b"" if configuration is None else json.dumps(configuration).encode()
    request = b"vcnd 1 %d %d\n%s%s" % (len(environment), len(said), environment, said)
    reply = b""
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as sock:
            sock.settimeout(ANSWER_SECONDS)
            sock.connect(path)
            sock.sendall(request)
            while chunk := sock.recv(1 << 16):
                reply += chunk
    except OSError as error:
        raise AskError(
            f"{path}: {error}; is vcnd running, and are you root?"
        ) from error
    header, _, body = reply.partition(b"\n")
    if not header:
        raise AskError("the daemon ended before it answered; see journalctl -u vcnd")
    answer: Any = json.loads(body) if body else {}
    if header.split()[0] != b"0":
        details = f": {answer['details']}" if answer.get("details") else ""
        raise AskError(f"{answer['msg']}{details}")
    return answer
