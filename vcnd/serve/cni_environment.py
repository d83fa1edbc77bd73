"""Parses the variables of a CNI call: the sandbox and the pod; sans-I/O."""

import re
from typing import Any

from vcnd.model.errors import BadEnvironmentError
from vcnd.model.sandbox import PodRef

MAX_NAME_CHARACTERS = 253
"""Limit for names of networks and containers, and in CNI_ARGS: logs have them."""
MAX_SHOWN_CHARACTERS = 80

_IDENTIFIER = re.compile(r"[a-zA-Z0-9][a-zA-Z0-9_.\-]*")
_IFNAME = re.compile(r"[!-$&-.0-9;-~]{1,15}")
"""Names that the kernel accepts, in ASCII: no slash, colon or space, and no percent
sign, which it takes for a pattern."""
_RESERVED_IFNAMES = frozenset({".", "..", "all", "default"})


def is_name(value: Any) -> bool:
    """Return True if a value can name a network or a container."""
    return (
        isinstance(value, str)
        and len(value) <= MAX_NAME_CHARACTERS
        and _IDENTIFIER.fullmatch(value) is not None
    )


def shown(value: Any) -> str:
    """Return the start of a value, in a form for errors."""
    return repr(value)[:MAX_SHOWN_CHARACTERS]


def attachment(command: str, environment: dict[str, str]) -> tuple[str, str]:
    """Return container ID and interface name if the command needs them.

    Raises:
        BadEnvironmentError: a variable is missing or malformed; the message names it.
    """
    needed = {
        "ADD": ("CNI_CONTAINERID", "CNI_NETNS", "CNI_IFNAME"),
        "DEL": ("CNI_CONTAINERID", "CNI_IFNAME"),
        "CHECK": ("CNI_CONTAINERID", "CNI_NETNS", "CNI_IFNAME"),
    }.get(command, ())
    missing = [name for name in needed if not environment.get(name)]
    if missing:
        raise BadEnvironmentError(f"{command} needs {', '.join(missing)}")
    container_id = environment.get("CNI_CONTAINERID", "")
    ifname = environment.get("CNI_IFNAME", "")
    if needed and not is_name(container_id):
        raise BadEnvironmentError(f"CNI_CONTAINERID={shown(container_id)} is not valid")
    if needed and (not _IFNAME.fullmatch(ifname) or ifname in _RESERVED_IFNAMES):
        raise BadEnvironmentError(f"CNI_IFNAME={shown(ifname)} is not valid")
    if "CNI_NETNS" in needed and not _is_text(environment["CNI_NETNS"]):
        path = shown(environment["CNI_NETNS"])
        raise BadEnvironmentError(f"CNI_NETNS={path} is no path")
    return container_id, ifname


def pod_of(environment: dict[str, str], *, strict: bool) -> PodRef:
    """Return the pod of CNI_ARGS.

    Args:
        environment: of the call.
        strict: False: malformed arguments mean no pod.

    Raises:
        BadEnvironmentError: it is malformed.
    """
    pairs = (x.partition("=") for x in environment.get("CNI_ARGS", "").split(";"))
    given = {name: value for name, _, value in pairs}
    found = {
        field_name: given.get(name, "")
        for field_name, name in (
            ("namespace", "K8S_POD_NAMESPACE"),
            ("name", "K8S_POD_NAME"),
            ("uid", "K8S_POD_UID"),
        )
    }
    for value in found.values():
        if not _is_text(value) or len(value) > MAX_NAME_CHARACTERS:
            if strict:
                raise BadEnvironmentError(f"CNI_ARGS: {shown(value)} names no pod")
            return PodRef()
    return PodRef(**found)


def _is_text(value: str) -> bool:
    """Return True if a variable's value was UTF-8, without control characters."""
    return not value or value.isprintable()
