"""Ask a running daemon over its socket, as vcndctl and the installer do."""

import json
import re
import socket
import time
from typing import Any, TypeVar

import msgspec

from vcnd.foreign import UNDECODABLE
from vcnd.serve.verbs import STATUS, Verb

T = TypeVar("T")

ANSWER_SECONDS = 150.0
"""How long a slow verb, such as a release, may take."""
LOOK_SECONDS = 20.0
"""How long other verbs may take; mostly they take some milliseconds."""
UNKNOWN_VERB = re.compile(r"is no command of CNI|has no verb")
"""What a daemon says of a verb that only later versions have."""


class AskError(Exception):
    """The daemon cannot be asked, or refused; says why."""


class DownError(AskError):
    """The daemon does not run, ended before it answered, or may not be asked."""


class HungError(AskError):
    """The daemon did not answer in time."""


class VersionError(AskError):
    """The daemon is of another version, or something else listens there."""


def ask(
    path: str,
    command: str,
    configuration: Any = None,
    *,
    unit: str = "vcnd",
    seconds: float = ANSWER_SECONDS,
) -> Any:
    """Return a daemon's answer to one of its verbs.

    Args:
        path: the socket.
        command: one of ``serve.verbs.COMMANDS``, or CNI's ``STATUS``; of vcnd-policy
            one of ``serve.policy_verbs``.
        configuration: a CNI network configuration, where the verb wants one.
        unit: the daemon's.
        seconds: how long to wait for the whole answer.

    Raises:
        AskError: no answer came, or it is a refusal.
    """
    request = request_of(command, configuration)
    try:
        reply = _exchange(path, request, seconds)
    except TimeoutError as error:
        raise HungError(
            f"{unit} did not answer within {seconds:g} s: it is busy, or it hangs; see"
            f" journalctl -u {unit}, and systemctl restart {unit} costs no pod its"
            " network"
        ) from error
    except OSError as error:
        raise DownError(
            f"{path}: {error}; is {unit} running, and are you root?"
        ) from error
    return answer_of(reply, unit)


def _exchange(path: str, request: bytes, seconds: float) -> bytes:
    """Send a request, and return the whole reply.

    Raises:
        TimeoutError: it did not come in time.
    """
    until, reply = time.monotonic() + seconds, b""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as sock:
        sock.settimeout(seconds)
        sock.connect(path)
        sock.sendall(request)
        while chunk := sock.recv(1 << 16):
            reply += chunk
            left = until - time.monotonic()
            if left <= 0:
                raise TimeoutError
            sock.settimeout(left)
    return reply


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


def ask_for(path: str, verb: Verb[T], question: msgspec.Struct | None = None) -> T:
    """Return the daemon's answer to one of vcndctl's verbs, as a value.

    Args:
        path: the socket.
        verb: the verb.
        question: what is asked, if the verb asks something.

    Raises:
        AskError: no answer came, it is a refusal, or it is of another form.
    """
    asked = None if question is None else msgspec.to_builtins(question)
    seconds = ANSWER_SECONDS if verb.is_slow else LOOK_SECONDS
    answer = ask(path, verb.name, asked, seconds=seconds)
    try:
        return msgspec.convert(answer, verb.answer)
    except msgspec.ValidationError as error:
        raise VersionError(
            f"the daemon's state is not as expected ({error}); are vcnd and vcndctl of"
            " one version? vcndctl status --json prints it as it is"
        ) from error


def raw_status(path: str) -> Any:
    """Return the daemon's state as it came, also from a daemon of another version.

    Args:
        path: the socket.

    Raises:
        AskError: no answer came, or it is a refusal.
    """
    return ask(path, STATUS.name, seconds=LOOK_SECONDS)


def answer_of(reply: bytes, unit: str = "vcnd") -> Any:
    """Return what a reply holds.

    Args:
        reply: as it came.
        unit: the daemon's.

    Raises:
        AskError: it is cut, no reply of vcnd, or a refusal.
    """
    if not reply:
        raise DownError(f"{unit} ended before it answered; see journalctl -u {unit}")
    header, _, body = reply.partition(b"\n")
    match = re.fullmatch(rb"(\d{1,3}) (\d{1,9})", header)
    if match is None:
        raise VersionError(f"no reply of vcnd: it begins with {reply[:40]!r}")
    code, length = int(match[1]), int(match[2])
    if len(body) < length:
        raise DownError(
            f"the daemon's answer was cut after {len(body)} of {length} bytes;"
            f" see journalctl -u {unit}"
        )
    try:
        answer: Any = msgspec.json.decode(body) if body else {}
        if code == 0:
            return answer
        details = f": {answer['details']}" if answer.get("details") else ""
        refusal = f"{answer['msg']}{details}"
    except (*UNDECODABLE, LookupError, TypeError, AttributeError) as e:
        raise VersionError(
            f"the daemon's answer cannot be read: {e!r}; it begins with {body[:40]!r}"
        ) from e
    if UNKNOWN_VERB.search(refusal):
        raise VersionError(
            f"this {unit} does not know the question ({refusal}): it is older than"
            f" vcndctl; if it was upgraded, systemctl restart {unit}"
        )
    raise AskError(refusal or f"{unit} refused, and gave no reason; exit code {code}")
