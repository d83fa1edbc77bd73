"""Parses a CNI call as the CNI specification 1.1 demands; sans-I/O.

For any environment and configuration the outcome is a call or a ``BadRequestError``.
A null in the configuration means that the key is absent.
"""

from collections.abc import Mapping
from typing import Any

import msgspec

from vcnd.model.errors import (
    BadEnvironmentError,
    BadNetworkConfigError,
    UnsupportedVersionError,
)
from vcnd.model.interface import GATEWAYS
from vcnd.model.sandbox import PodRef, SandboxKey
from vcnd.serve.cni_config import annotations_of, previous_of, valid_attachments_of
from vcnd.serve.cni_environment import attachment, is_name, pod_of, shown
from vcnd.serve.wire import DEFAULT_VERSION, VERSIONS, WITH_MTUS, version_of

COMMANDS = ("ADD", "DEL", "CHECK", "GC", "STATUS", "VERSION")


class Call(msgspec.Struct, frozen=True, kw_only=True):
    """A valid call."""

    command: str
    cni_version: str
    key: SandboxKey
    pod: PodRef
    netns_path: str
    previous: Mapping[str, Any] = msgspec.field(default_factory=dict)
    """ADD and CHECK: prevResult; its lists exist and hold objects."""
    annotations: Mapping[str, str] | None = None
    """ADD: the pod's annotations, if the runtime passes them."""
    valid_attachments: frozenset[tuple[str, str]] = frozenset()
    """GC: (container id, ifname) of ``cni.dev/valid-attachments``."""

    @property
    def previous_addresses(self) -> list[str]:
        """Return the addresses of prevResult, without their masks."""
        return [ip["address"].partition("/")[0] for ip in self.previous.get("ips", ())]

    @property
    def previous_destinations(self) -> dict[str, int | None]:
        """Return the networks of prevResult's routes by our gateway, and their MTUs.

        Results before CNI 1.1 tell no MTU.
        """
        known = self.cni_version in WITH_MTUS
        return {
            str(way.get("dst")): way.get("mtu", 0) if known else None
            for way in self.previous.get("routes", ())
            if way.get("gw") in GATEWAYS.values()
        }


def parse_call(environment: dict[str, str], config: dict[str, Any]) -> Call:
    """Return the call, checked as the CNI specification demands.

    Raises:
        BadEnvironmentError: a variable is missing or malformed; the message names it.
        UnsupportedVersionError: cniVersion is not supported.
        BadNetworkConfigError: name or prevResult cannot be used.
    """
    command = environment.get("CNI_COMMAND", "")
    if command not in COMMANDS:
        raise BadEnvironmentError(f"CNI_COMMAND={shown(command)} is no command of CNI")
    # DEL is lenient: after a downgrade pods must not stay Terminating for ever.
    version = version_of(config)
    if command != "DEL":
        _check_version(command, config)
    network = config.get("name")
    if not is_name(network):
        raise BadNetworkConfigError(f"network name {shown(network)} is not valid")
    container_id, ifname = attachment(command, environment)
    return Call(
        command=command,
        cni_version=version,
        key=SandboxKey(str(network), container_id, ifname),
        pod=pod_of(environment, strict=command == "ADD"),
        netns_path=environment.get("CNI_NETNS", ""),
        annotations=annotations_of(config) if command == "ADD" else None,
        previous=previous_of(command, config) if command in ("ADD", "CHECK") else {},
        valid_attachments=valid_attachments_of(config)
        if command == "GC"
        else frozenset(),
    )


def _check_version(command: str, config: dict[str, Any]) -> None:
    version = config.get("cniVersion")
    if version is not None and version not in VERSIONS:
        raise UnsupportedVersionError(
            f"cniVersion {shown(version)} is not supported",
            details=", ".join(VERSIONS),
        )
    if command == "CHECK" and version in (None, DEFAULT_VERSION):
        raise UnsupportedVersionError("CHECK needs cniVersion 0.4.0 or later")
