"""Parses the bytes of a CNI call; sans-I/O.

The shim (``cni/vcnd-cni.c``) sends:

    "vcnd 1 <environment bytes> <stdin bytes>⏎" environment stdin

For any bytes the outcome is a value or a ``BadRequestError``.
"""

import re
from typing import Any

import msgspec

from vcnd.foreign import UNDECODABLE
from vcnd.model.errors import BadRequestError
from vcnd.model.phases import Phase

MAX_HEADER_BYTES = 64
MAX_ENVIRONMENT_BYTES = 128 << 10
MAX_STDIN_BYTES = 1 << 20
MAX_SHIM_NS = 60 * 10**9
"""A plugin gives up earlier."""
VERSIONS = ("0.3.1", "0.4.0", "1.0.0", "1.1.0")
LATEST = VERSIONS[-1]
DEFAULT_VERSION = "0.3.1"
"""The version of a configuration that names none."""

WITH_MTUS = ("1.1.0",)
"""The versions whose results tell the MTUs of interfaces and routes."""

_VERSION = re.compile(r"[0-9.]{1,15}")
_TIMES = re.compile(r"([0-9]{1,19}) ([0-9]{1,19})")
_TRACE_ID = re.compile(r"[0-9a-f]{32}")


class Header(msgspec.Struct, frozen=True):
    """The first line of a request: the sizes of its parts."""

    environment_bytes: int
    stdin_bytes: int

    @property
    def total(self) -> int:
        """Return how many bytes follow."""
        return self.environment_bytes + self.stdin_bytes


def parse_header(line: bytes) -> Header:
    """Return a request's parsed first line.

    Raises:
        BadRequestError: it is no request, of another protocol, or too large.
    """
    match = re.fullmatch(rb"vcnd (\d{1,3}) (\d{1,9}) (\d{1,9})\n", line)
    if match is None:
        raise BadRequestError("not a request of vcnd-cni", details=repr(line[:64]))
    protocol, environment, stdin = (int(n) for n in match.groups())
    if protocol != 1:
        raise BadRequestError(
            f"vcnd-cni speaks protocol {protocol}, this vcnd 1",
            details="plugin and daemon are too far apart; install them together",
        )
    if environment > MAX_ENVIRONMENT_BYTES or stdin > MAX_STDIN_BYTES:
        raise BadRequestError(
            "oversized request",
            details=f"environment {environment} bytes (at most"
            f" {MAX_ENVIRONMENT_BYTES}), stdin {stdin} (at most {MAX_STDIN_BYTES})",
        )
    return Header(environment, stdin)


def parse_environment(data: bytes) -> dict[str, str]:
    """Return the variables of a request.

    Bytes that are not UTF-8 stay as surrogates: a variable that a command does not
    use must not make it fail.
    """
    text = data.decode(errors="surrogateescape")
    pairs = (item.partition("=") for item in text.split("\0") if item)
    return {name: value for name, _, value in pairs}


def trace_of(environment: dict[str, str]) -> str:
    """Return the trace id of TRACEPARENT (W3C Trace Context), or nothing."""
    parts = environment.get("TRACEPARENT", "").split("-")
    return parts[1] if len(parts) >= 4 and _TRACE_ID.fullmatch(parts[1]) else ""  # noqa: PLR2004


def shim_phases(environment: dict[str, str], now_ns: int) -> dict[Phase, float]:
    """Return the seconds of the plugin's phases; empty if it does not tell them.

    Args:
        environment: VCND_SHIM has the times of the plugin's start and of its
            connection, in nanoseconds of CLOCK_MONOTONIC.
        now_ns: when the request was received, by the same clock.
    """
    match = _TIMES.fullmatch(environment.get("VCND_SHIM", ""))
    if match is None:
        return {}
    began, connected = int(match[1]), int(match[2])
    # Another clock, in a time namespace of its own, would make no sense.
    if not began <= connected <= now_ns < began + MAX_SHIM_NS:
        return {}
    return {
        Phase.SHIM: (connected - began) / 1e9,
        Phase.QUEUE: (now_ns - connected) / 1e9,
    }


def parse_config(data: bytes) -> dict[str, Any]:
    """Return the network configuration as JSON.

    Raises:
        BadRequestError: it is no JSON object.
    """
    try:
        config = msgspec.json.decode(data or b"{}")
    except UNDECODABLE as error:
        raise BadRequestError(
            "the network configuration on stdin is not JSON", details=str(error)
        ) from error
    if not isinstance(config, dict):
        raise BadRequestError("the network configuration is no JSON object")
    return config


def version_of(config: dict[str, Any]) -> str:
    """Return the version for answers: the caller's, if it is valid."""
    version = config.get("cniVersion")
    if version is None:
        return DEFAULT_VERSION
    readable = isinstance(version, str) and _VERSION.fullmatch(version)
    return version if readable else LATEST
