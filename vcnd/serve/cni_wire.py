"""Bytes ↔ CNI calls and answers; sans-I/O.

Between shim and daemon (``cni/vcnd-cni.c``):

    request  "vcnd 1 <environment bytes> <stdin bytes>⏎" environment stdin
    reply    "<exit code> <stdout bytes>⏎" stdout

Inside it the CNI specification 1.1; facts/peers.md §4 lists its obligations.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import msgspec

from vcnd.model.errors import (
    BadEnvironmentError,
    BadNetworkConfigError,
    BadRequestError,
    UnsupportedVersionError,
    VcndError,
)
from vcnd.model.family import family_of
from vcnd.model.interface import GATEWAYS, PodInterface
from vcnd.model.sandbox import Lease, PodRef, SandboxKey

MAX_HEADER_BYTES = 64
MAX_ENVIRONMENT_BYTES = 128 << 10
MAX_STDIN_BYTES = 1 << 20
VERSIONS = ("0.3.1", "0.4.0", "1.0.0", "1.1.0")
LATEST = VERSIONS[-1]
CNI_COMMANDS = ("ADD", "DEL", "CHECK", "GC", "STATUS", "VERSION")

ANNOTATIONS = "io.kubernetes.cri.pod-annotations"
"""The capability by which containerd says a pod's annotations."""

_IDENTIFIER = re.compile(r"[a-zA-Z0-9][a-zA-Z0-9_.\-]*")
_TRACE_ID = re.compile(r"[0-9a-f]{32}")
_IFNAME = re.compile(r"[^/:\s]{1,15}")


@dataclass(frozen=True, slots=True)
class Header:
    """How much follows the first line of a request."""

    environment_bytes: int
    stdin_bytes: int

    @property
    def total(self) -> int:
        """Return how many bytes follow."""
        return self.environment_bytes + self.stdin_bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """A call that makes sense."""

    command: str
    cni_version: str
    key: SandboxKey
    pod: PodRef
    netns_path: str
    previous_addresses: tuple[str, ...] = ()
    """CHECK: the addresses of prevResult."""
    annotations: Mapping[str, str] | None = None
    """ADD: the pod's annotations, where the runtime says them."""
    valid_attachments: frozenset[tuple[str, str]] = frozenset()
    """GC: (container id, ifname) of ``cni.dev/valid-attachments``."""


def parse_header(line: bytes) -> Header:
    """Return what a request's first line says.

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
    """Return the variables of a request."""
    try:
        pairs = [item.partition("=") for item in data.decode().split("\0") if item]
    except UnicodeDecodeError as error:
        raise BadEnvironmentError("CNI_* variables are not UTF-8") from error
    return {name: value for name, _, value in pairs}


def trace_of(environment: dict[str, str]) -> str:
    """Return the trace id of TRACEPARENT (W3C Trace Context), or nothing."""
    parts = environment.get("TRACEPARENT", "").split("-")
    return parts[1] if len(parts) >= 4 and _TRACE_ID.fullmatch(parts[1]) else ""  # noqa: PLR2004


def parse_config(data: bytes) -> dict[str, Any]:
    """Return the network configuration as JSON.

    Raises:
        BadRequestError: it is no JSON object.
    """
    try:
        config = msgspec.json.decode(data or b"{}")
    except msgspec.DecodeError as error:
        raise BadRequestError(
            "the network configuration on stdin is not JSON", details=str(error)
        ) from error
    if not isinstance(config, dict):
        raise BadRequestError("the network configuration is no JSON object")
    return config


def version_of(config: dict[str, Any]) -> str:
    """Return the version that answers must repeat, whatever it is."""
    version = config.get("cniVersion", "0.3.1")
    return version if isinstance(version, str) else LATEST


def parse_call(environment: dict[str, str], config: dict[str, Any]) -> Call:
    """Return the call, checked as the CNI specification demands.

    Raises:
        BadEnvironmentError: a variable is missing or malformed; named.
        UnsupportedVersionError: cniVersion is none of ours.
        BadNetworkConfigError: name or prevResult cannot be used.
    """
    command = environment.get("CNI_COMMAND", "")
    if command not in CNI_COMMANDS:
        raise BadEnvironmentError(f"CNI_COMMAND={command!r} is no command of CNI")
    version = version_of(config)
    # DEL is lenient: a downgrade must not keep pods in Terminating for ever.
    if version not in VERSIONS and command != "DEL":
        raise UnsupportedVersionError(
            f"cniVersion {version!r} is not supported", details=", ".join(VERSIONS)
        )
    network = config.get("name", "")
    if not isinstance(network, str) or not _IDENTIFIER.fullmatch(network):
        raise BadNetworkConfigError(f"network name {network!r} is not valid")
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
    if needed and not _IDENTIFIER.fullmatch(container_id):
        raise BadEnvironmentError(f"CNI_CONTAINERID={container_id!r} is not valid")
    if needed and (not _IFNAME.fullmatch(ifname) or ifname in (".", "..")):
        raise BadEnvironmentError(f"CNI_IFNAME={ifname!r} is not valid")
    return Call(
        command=command,
        cni_version=version,
        key=SandboxKey(network, container_id, ifname),
        pod=_pod(environment.get("CNI_ARGS", "")),
        netns_path=environment.get("CNI_NETNS", ""),
        annotations=_annotations(config) if command == "ADD" else None,
        previous_addresses=_previous(config) if command == "CHECK" else (),
        valid_attachments=_valid(config) if command == "GC" else frozenset(),
    )


def _pod(arguments: str) -> PodRef:
    pairs = (item.partition("=") for item in arguments.split(";") if item)
    said = {name: value for name, _, value in pairs}
    return PodRef(
        namespace=said.get("K8S_POD_NAMESPACE", ""),
        name=said.get("K8S_POD_NAME", ""),
        uid=said.get("K8S_POD_UID", ""),
    )


def _annotations(config: dict[str, Any]) -> dict[str, str] | None:
    try:
        said = config.get("runtimeConfig", {}).get(ANNOTATIONS)
        return msgspec.convert(said, dict[str, str] | None)
    except (AttributeError, msgspec.ValidationError) as error:
        raise BadNetworkConfigError(
            f"runtimeConfig: {ANNOTATIONS} is no map of texts", details=str(error)
        ) from error


def _previous(config: dict[str, Any]) -> tuple[str, ...]:
    try:
        ips = config["prevResult"]["ips"]
        return tuple(ip["address"].partition("/")[0] for ip in ips)
    except (KeyError, TypeError, AttributeError) as error:
        raise BadNetworkConfigError("CHECK needs a prevResult with ips") from error


def _valid(config: dict[str, Any]) -> frozenset[tuple[str, str]]:
    listed = config.get("cni.dev/valid-attachments")
    if listed is None:
        # Without the list everything would be garbage; the spec demands it.
        raise BadNetworkConfigError("GC needs cni.dev/valid-attachments")
    try:
        return frozenset((a["containerID"], a["ifname"]) for a in listed)
    except (KeyError, TypeError) as error:
        raise BadNetworkConfigError(
            "cni.dev/valid-attachments: each needs containerID and ifname"
        ) from error


def render_result(call: Call, lease: Lease, interface: PodInterface) -> bytes:
    """Return ADD's success result in the version asked for."""
    ends = [
        {"name": interface.host_ifname, "mac": interface.host_mac},
        {
            "name": lease.key.ifname,
            "mac": interface.pod_mac,
            "sandbox": call.netns_path,
        },
    ]
    if call.cni_version == "1.1.0":
        for end in ends:
            end["mtu"] = interface.mtu  # type: ignore[assignment]
    return msgspec.json.encode(
        {
            "cniVersion": call.cni_version,
            "interfaces": ends,
            "ips": [_ip(call, address) for address in lease.addresses],
            "routes": [
                {"dst": family.everywhere, "gw": GATEWAYS[family]}
                for family in map(family_of, lease.addresses)
            ],
            "dns": {},
        }
    )


def _ip(call: Call, address: str) -> dict[str, Any]:
    family = family_of(address)
    said: dict[str, Any] = {
        "address": f"{address}/{family.bits}",
        "gateway": GATEWAYS[family],
        "interface": 1,
    }
    if call.cni_version in ("0.3.1", "0.4.0"):
        said["version"] = family.removeprefix("IPv")
    return said


def render_versions(version: str) -> bytes:
    """Return VERSION's answer."""
    return msgspec.json.encode(
        {"cniVersion": version, "supportedVersions": list(VERSIONS)}
    )


def render_error(version: str, error: VcndError) -> bytes:
    """Return a CNI error object."""
    said = {"cniVersion": version, "code": error.code, "msg": error.message}
    if error.details:
        said["details"] = error.details
    return msgspec.json.encode(said)


def frame(exit_code: int, stdout: bytes) -> bytes:
    """Return a whole reply."""
    return b"%d %d\n%s" % (exit_code, len(stdout), stdout)
