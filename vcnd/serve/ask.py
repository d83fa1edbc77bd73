"""Ask a running daemon over its socket, as vcndctl and the installer do."""

import json
import re
import socket
from typing import Any, TypeVar

import msgspec

from vcnd.model.phases import CallTrace
from vcnd.model.status import ExpressStatus, NodeStatus

T = TypeVar("T")

ANSWER_SECONDS = 150.0
UNREADABLE = (msgspec.DecodeError, ValueError, RecursionError)
"""Errors of bytes that are no JSON; text that is no UTF-8 is a UnicodeDecodeError."""


class AskError(Exception):
    """The daemon cannot be asked, or refused; says why."""


def ask(
    path: str, command: str, configuration: Any = None, *, unit: str = "vcnd"
) -> Any:
    """Return a daemon's answer to one of its verbs.

    Args:
        path: the socket.
        command: one of ``serve.control.COMMANDS``, or CNI's ``STATUS``; of vcnd-policy
            one of ``serve.policy_verbs``.
        configuration: a CNI network configuration, where the verb wants one.
        unit: the daemon's.

    Raises:
        AskError: no answer came, or it is a refusal.
    """
    request, reply = request_of(command, configuration), b""
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as sock:
            sock.settimeout(ANSWER_SECONDS)
            sock.connect(path)
            sock.sendall(request)
            while chunk := sock.recv(1 << 16):
                reply += chunk
    except OSError as error:
        raise AskError(
            f"{path}: {error}; is {unit} running, and are you root?"
        ) from error
    return answer_of(reply, unit)


def request_of(command: str, configuration: Any = None) -> bytes:
    """Return a request as ``cni_request`` reads it.

    Args:
        command: the verb.
        configuration: what is asked, as JSON on stdin.
    """
    environment = f"CNI_COMMAND={command}\0".encode()
    stdin = b"" if configuration is None else json.dumps(configuration).encode()
    sizes = len(environment), len(stdin)
    return b"vcnd 1 %d %d\n%s%s" % (*sizes, environment, stdin)


def ask_status(path: str) -> NodeStatus:
    """Return the daemon's state.

    Args:
        path: the socket.

    Raises:
        AskError: no answer came, or it is of another form.
    """
    return _ask(path, "VCND_STATUS", NodeStatus)


def switch_express(path: str, *, on: bool) -> ExpressStatus:
    """Switch the express lane; return its state then.

    Args:
        path: the socket.
        on: True to switch it on.

    Raises:
        AskError: no answer came, or it is of another form.
    """
    return _ask(path, "VCND_EXPRESS_ON" if on else "VCND_EXPRESS_OFF", ExpressStatus)


def ask_traces(path: str) -> list[CallTrace]:
    """Return the phases of the latest ADDs and DELs, the latest first.

    Args:
        path: the socket.

    Raises:
        AskError: no answer came, or it is of another form.
    """
    return _ask(path, "VCND_TRACE", list[CallTrace])


def _ask(path: str, command: str, kind: type[T]) -> T:
    try:
        return msgspec.convert(ask(path, command), kind)
    except msgspec.ValidationError as error:
        raise AskError(
            f"the daemon's state is not as expected ({error}); are vcnd and vcndctl of"
            " one version? vcndctl status --json prints it as it is"
        ) from error


def answer_of(reply: bytes, unit: str = "vcnd") -> Any:
    """Return what a reply holds.

    Args:
        reply: as it came.
        unit: the daemon's.

    Raises:
        AskError: it is cut, no reply of vcnd, or a refusal.
    """
    if not reply:
        raise AskError(f"{unit} ended before it answered; see journalctl -u {unit}")
    header, _, body = reply.partition(b"\n")
    match = re.fullmatch(rb"(\d{1,3}) (\d{1,9})", header)
    if match is None:
        raise AskError(f"no reply of vcnd: it begins with {reply[:40]!r}")
    code, length = int(match[1]), int(match[2])
    if len(body) < length:
        raise AskError(
            f"the daemon's answer was cut after {len(body)} of {length} bytes;"
            f" see journalctl -u {unit}"
        )
    try:
        answer: Any = msgspec.json.decode(body) if body else {}
        if code == 0:
            return answer
        details = f": {answer['details']}" if answer.get("details") else ""
        refusal = f"{answer['msg']}{details}"
    except (*UNREADABLE, LookupError, TypeError, AttributeError) as e:
        raise AskError(
            f"the daemon's answer cannot be read: {e!r}; it begins with {body[:40]!r}"
        ) from e
    raise AskError(refusal)
