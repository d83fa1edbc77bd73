"""Understand a CNI call, as the CNI specification 1.1 demands; sans-I/O.

Whatever environment and configuration are, the outcome is a call or a
``BadRequestError``.  A null in the configuration means that the key is absent.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import msgspec

from vcnd.model.errors import (
    BadEnvironmentError,
    BadNetworkConfigError,
    UnsupportedVersionError,
)
from vcnd.model.family import Family
from vcnd.model.interface import GATEWAYS
from vcnd.model.sandbox import PodRef, SandboxKey
from vcnd.serve.wire import DEFAULT_VERSION, VERSIONS, version_of

COMMANDS = ("ADD", "DEL", "CHECK", "GC", "STATUS", "VERSION")
ANNOTATIONS = "io.kubernetes.cri.pod-annotations"
"""The capability by which containerd says a pod's annotations."""
MAX_NAME_CHARACTERS = 253
"""Of a network, a container, and what CNI_ARGS names: they go into journal and logs."""
MAX_PREVIOUS_DEPTH = 32
MAX_SHOWN_CHARACTERS = 80

_IDENTIFIER = re.compile(r"[a-zA-Z0-9][a-zA-Z0-9_.\-]*")
_IFNAME = re.compile(r"[!-$&-.0-9;-~]{1,15}")
"""What the kernel accepts, but for bytes beyond ASCII: no slash, colon or space, and no
percent sign, which it takes for a pattern."""
_RESERVED_IFNAMES = frozenset({".", "..", "all", "default"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """A call that makes sense."""

    command: str
    cni_version: str
    key: SandboxKey
    pod: PodRef
    netns_path: str
    previous: Mapping[str, Any] = field(default_factory=dict)
    """ADD and CHECK: prevResult; its lists are there, and hold objects."""
    annotations: Mapping[str, str] | None = None
    """ADD: the pod's annotations, where the runtime says them."""
    valid_attachments: frozenset[tuple[str, str]] = frozenset()
    """GC: (container id, ifname) of ``cni.dev/valid-attachments``."""

    @property
    def previous_addresses(self) -> list[str]:
        """Return the addresses of prevResult, without their masks."""
        return [ip["address"].partition("/")[0] for ip in self.previous.get("ips", ())]

    @property
    def previous_default_routes(self) -> list[Family]:
        """Return the families of prevResult's default routes by our gateway."""
        ways = [(r.get("dst"), r.get("gw")) for r in self.previous.get("routes", ())]
        return [f for f in Family if (f.everywhere, GATEWAYS[f]) in ways]


class _Ip(msgspec.Struct):
    """An address of prevResult."""

    address: str


class _Result(msgspec.Struct):
    """What is read of prevResult."""

    interfaces: list[dict[str, Any]] | None = None
    ips: list[_Ip] | None = None
    routes: list[dict[str, Any]] | None = None
    dns: dict[str, Any] | None = None


class _Attachment(msgspec.Struct):
    """An entry of ``cni.dev/valid-attachments``."""

    containerID: str  # noqa: N815 - CNI's name
    ifname: str


def parse_call(environment: dict[str, str], config: dict[str, Any]) -> Call:
    """Return the call, checked as the CNI specification demands.

    Raises:
        BadEnvironmentError: a variable is missing or malformed; named.
        UnsupportedVersionError: cniVersion is none of ours.
        BadNetworkConfigError: name or prevResult cannot be used.
    """
    command = environment.get("CNI_COMMAND", "")
    if command not in COMMANDS:
        raise BadEnvironmentError(f"CNI_COMMAND={_shown(command)} is no command of CNI")
    # DEL is lenient: a downgrade must not keep pods in Terminating for ever.
    version = version_of(config)
    if command != "DEL":
        _check_version(command, config)
    network = config.get("name")
    if not _is_name(network):
        raise BadNetworkConfigError(f"network name {_shown(network)} is not valid")
    container_id, ifname = _attachment(command, environment)
    return Call(
        command=command,
        cni_version=version,
        key=SandboxKey(str(network), container_id, ifname),
        pod=_pod(environment, strict=command == "ADD"),
        netns_path=environment.get("CNI_NETNS", ""),
        annotations=_annotations(config) if command == "ADD" else None,
        previous=_previous(command, config) if command in ("ADD", "CHECK") else {},
        valid_attachments=_valid(config) if command == "GC" else frozenset(),
    )


def _check_version(command: str, config: dict[str, Any]) -> None:
    version = config.get("cniVersion")
    if version is not None and version not in VERSIONS:
        raise UnsupportedVersionError(
            f"cniVersion {_shown(version)} is not supported",
            details=", ".join(VERSIONS),
        )
    if command == "CHECK" and version in (None, DEFAULT_VERSION):
        raise UnsupportedVersionError("CHECK needs cniVersion 0.4.0 or later")


def _is_name(value: Any) -> bool:
    return (
        isinstance(value, str)
        and len(value) <= MAX_NAME_CHARACTERS
        and _IDENTIFIER.fullmatch(value) is not None
    )


def _shown(value: Any) -> str:
    """Return the head of a value, as it can stand in an error."""
    return repr(value)[:MAX_SHOWN_CHARACTERS]


def _is_text(value: str) -> bool:
    """Return True if a variable's value was UTF-8, without control characters."""
    return not value or value.isprintable()


def _attachment(command: str, environment: dict[str, str]) -> tuple[str, str]:
    """Return container id and interface name, where the command needs them."""
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
    if needed and not _is_name(container_id):
        raise BadEnvironmentError(
            f"CNI_CONTAINERID={_shown(container_id)} is not valid"
        )
    if needed and (not _IFNAME.fullmatch(ifname) or ifname in _RESERVED_IFNAMES):
        raise BadEnvironmentError(f"CNI_IFNAME={_shown(ifname)} is not valid")
    if "CNI_NETNS" in needed and not _is_text(environment["CNI_NETNS"]):
        path = _shown(environment["CNI_NETNS"])
        raise BadEnvironmentError(f"CNI_NETNS={path} is no path")
    return container_id, ifname


def _pod(environment: dict[str, str], *, strict: bool) -> PodRef:
    """Return the pod of CNI_ARGS; without strict, nothing where it is malformed."""
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
                raise BadEnvironmentError(f"CNI_ARGS: {_shown(value)} names no pod")
            return PodRef()
    return PodRef(**found)


def _annotations(config: dict[str, Any]) -> dict[str, str] | None:
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


def _previous(command: str, config: dict[str, Any]) -> dict[str, Any]:
    """Return prevResult as it came, with its lists in place."""
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
    """Return True if a JSON value has more levels; without recursion of our own."""
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


def _valid(config: dict[str, Any]) -> frozenset[tuple[str, str]]:
    listed = config.get("cni.dev/valid-attachments")
    if listed is None:
        listed = config.get("cni.dev/attachments")  # the first libcni with GC
    if listed is None:
        # Without the list everything would be garbage; the spec demands it.
        raise BadNetworkConfigError("GC needs cni.dev/valid-attachments")
    try:
        attachments = msgspec.convert(listed, list[_Attachment])
    except msgspec.ValidationError as error:
        raise BadNetworkConfigError(
            "cni.dev/valid-attachments: each needs containerID and ifname",
            details=str(error),
        ) from error
    return frozenset((a.containerID, a.ifname) for a in attachments)
