"""Renders the answers to CNI calls; sans-I/O.

A reply has a first line, and then the text that the shim prints:

    "<exit code> <stdout bytes>⏎" stdout
"""

from typing import Any

import msgspec

from vcnd.model.errors import VcndError
from vcnd.model.family import Family
from vcnd.model.interface import GATEWAYS, Destination, PodInterface
from vcnd.model.sandbox import Lease
from vcnd.serve.cni_call import Call
from vcnd.serve.wire import VERSIONS, WITH_MTUS

MAX_TEXT_CHARACTERS = 4096
"""Limit for an error's texts: they repeat input, and the shim takes at most 1 MiB."""


def render_result(call: Call, lease: Lease, interface: PodInterface) -> bytes:
    """Return ADD's success result in the requested version."""
    ends = [
        {"name": interface.host_ifname, "mac": interface.host_mac},
        {
            "name": lease.key.ifname,
            "mac": interface.pod_mac,
            "sandbox": call.netns_path,
        },
    ]
    if call.cni_version in WITH_MTUS:
        for end in ends:
            end["mtu"] = interface.mtu  # type: ignore[assignment]
    # A plugin chained before us: its part of the result stays.
    before = call.previous
    offset = len(before.get("interfaces", ()))
    return msgspec.json.encode(
        {
            "cniVersion": call.cni_version,
            "interfaces": [*before.get("interfaces", ()), *ends],
            "ips": [
                *before.get("ips", ()),
                *(_ip(call, a, f, offset + 1) for a, f in lease.families.items()),
            ],
            "routes": [
                *before.get("routes", ()),
                *(_route(call, to) for to in interface.destinations),
            ],
            "dns": before.get("dns") or {},
        }
    )


def _route(call: Call, to: Destination) -> dict[str, Any]:
    route: dict[str, Any] = {"dst": to.network, "gw": to.gateway}
    if to.mtu and call.cni_version in WITH_MTUS:
        route["mtu"] = to.mtu
    return route


def _ip(call: Call, address: str, family: Family, interface: int) -> dict[str, Any]:
    ip: dict[str, Any] = {
        "address": f"{address}/{family.bits}",
        "gateway": GATEWAYS[family],
        "interface": interface,
    }
    if call.cni_version in ("0.3.1", "0.4.0"):
        ip["version"] = family.removeprefix("IPv")
    return ip


def render_versions(version: str) -> bytes:
    """Return VERSION's answer."""
    return msgspec.json.encode(
        {"cniVersion": version, "supportedVersions": list(VERSIONS)}
    )


def render_error(version: str, error: VcndError) -> bytes:
    """Return a CNI error object."""
    answer = {"cniVersion": version, "code": error.code, "msg": _text(error.message)}
    if error.details:
        answer["details"] = _text(error.details)
    return msgspec.json.encode(answer)


def _text(text: str) -> str:
    """Return a text that JSON can hold and the shim can take."""
    return text[:MAX_TEXT_CHARACTERS].encode(errors="backslashreplace").decode()


def frame(exit_code: int, stdout: bytes) -> bytes:
    """Return a whole reply."""
    return b"%d %d\n%s" % (exit_code, len(stdout), stdout)
