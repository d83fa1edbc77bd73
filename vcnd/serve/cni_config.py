"""Parses a CNI network configuration beyond name and version; sans-I/O.

A null means that the key is absent, but for the list of GC: Go writes an empty one so.
"""

from typing import Any

import msgspec

from vcnd.model.errors import BadNetworkConfigError

ANNOTATIONS = "io.kubernetes.cri.pod-annotations"
"""The capability by which containerd passes a pod's annotations."""
VALID_ATTACHMENTS = ("cni.dev/valid-attachments", "cni.dev/attachments")
"""The keys of GC's list; the first libcni with GC had the second one."""
MAX_PREVIOUS_DEPTH = 32


class _Ip(msgspec.Struct):
    """An address of prevResult."""

    address: str


class _Result(msgspec.Struct):
    """The fields of prevResult that are read."""

    interfaces: list[dict[str, Any]] | None = None
    ips: list[_Ip] | None = None
    routes: list[dict[str, Any]] | None = None
    dns: dict[str, Any] | None = None


class _Attachment(msgspec.Struct):
    """An entry of ``cni.dev/valid-attachments``."""

    containerID: str  # noqa: N815 - CNI's name
    ifname: str


def annotations_of(config: dict[str, Any]) -> dict[str, str] | None:
    """Return the pod's annotations, or None if the runtime passes none.

    Raises:
        BadNetworkConfigError: they are no map of texts.
    """
    try:
        runtime = msgspec.convert(config.get("runtimeConfig"), dict[str, Any] | None)
        given = msgspec.convert(
            (runtime or {}).get(ANNOTATIONS), dict[str, str | None] | None
        )
    except msgspec.ValidationError as error:
        raise BadNetworkConfigError(
            f"runtimeConfig: {ANNOTATIONS} is no map of texts", details=str(error)
        ) from error
    if given is None:
        return None
    return {name: value for name, value in given.items() if value is not None}


def previous_of(command: str, config: dict[str, Any]) -> dict[str, Any]:
    """Return prevResult, with empty lists for missing ones.

    Raises:
        BadNetworkConfigError: it is no result, or CHECK has none with addresses.
    """
    given = config.get("prevResult")
    if given is None:
        if command == "CHECK":
            raise BadNetworkConfigError("CHECK needs a prevResult with ips")
        return {}
    try:
        result = msgspec.convert(given, _Result)
    except msgspec.ValidationError as error:
        raise BadNetworkConfigError(
            "prevResult is no result of CNI", details=str(error)
        ) from error
    if command == "CHECK" and result.ips is None:
        raise BadNetworkConfigError("CHECK needs a prevResult with ips")
    if _is_deeper_than(given, MAX_PREVIOUS_DEPTH):
        raise BadNetworkConfigError("prevResult is nested too deeply")
    lists = {name: given.get(name) or [] for name in ("interfaces", "ips", "routes")}
    return {**given, **lists}


def _is_deeper_than(value: Any, most: int) -> bool:
    """Return True if a JSON value has more levels; not recursive."""
    level = [value]
    for _ in range(most):
        level = [
            child
            for node in level
            for child in (
                node.values()
                if isinstance(node, dict)
                else (node if isinstance(node, list) else ())
            )
        ]
    return bool(level)


def valid_attachments_of(config: dict[str, Any]) -> frozenset[tuple[str, str]]:
    """Return (container id, ifname) of ``cni.dev/valid-attachments``, for GC.

    Raises:
        BadNetworkConfigError: there is no such list.
    """
    named = [config[key] for key in VALID_ATTACHMENTS if key in config]
    if not named:
        # Without the list everything would be garbage; the specification demands it.
        raise BadNetworkConfigError(f"GC needs {VALID_ATTACHMENTS[0]}")
    # libcni makes null of the nil slice of a runtime that has no sandbox left.
    listed: Any = next((x for x in named if x is not None), [])
    try:
        attachments = msgspec.convert(listed, list[_Attachment])
    except msgspec.ValidationError as error:
        raise BadNetworkConfigError(
            "cni.dev/valid-attachments: each needs containerID and ifname",
            details=str(error),
        ) from error
    return frozenset((a.containerID, a.ifname) for a in attachments)
