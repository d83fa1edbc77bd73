"""Everything that a run could leave behind, recorded before and compared after."""

import os
from collections.abc import Collection, Iterable
from contextlib import suppress
from pathlib import Path
from typing import Any

from fakeoci.fabric import netns

CLOUD_KINDS = ("Vnic", "PrivateIp", "Ipv6", "VnicAttachment")
SETTINGS = ("forwarding", "rp_filter", "send_redirects", "accept_redirects")

Snapshot = dict[str, list[str]]


def of_namespace(name: str) -> Snapshot:
    """Return links, addresses, routes, rules, nft rules and settings of a namespace."""

    def settings() -> list[str]:
        found = []
        for device in sorted(Path("/proc/sys/net/ipv4/conf").iterdir()):
            for setting in SETTINGS:
                # A pod's link may go meanwhile: the reaper deletes it after DEL.
                with suppress(FileNotFoundError):
                    value = (device / setting).read_text().strip()
                    found.append(f"{device.name} {setting} {value}")
        return found

    def lines(*command: str) -> list[str]:
        lines = netns.ip_output(name, *command).splitlines()
        # The kernel's own link-local routes come and go with address detection.
        return sorted(s for s in lines if "fe80::" not in s and "ff00::" not in s)

    return {
        f"{name} links": [line.split("@")[0] for line in lines("-br", "link")],
        f"{name} addresses": lines("-br", "-4", "addr"),
        f"{name} routes": lines("route", "show", "table", "all"),
        f"{name} rules": lines("rule") + lines("-6", "rule"),
        f"{name} nft": netns.nft_output(name, "-s list ruleset").splitlines(),
        f"{name} settings": netns.inside(name, settings),
    }


def of_cloud(world: dict[str, list[dict[str, Any]]]) -> Snapshot:
    """Return the cloud's objects that nodes make and change."""
    gone = ("DETACHED", "TERMINATED")
    return {
        f"cloud {kind}": sorted(
            n["id"] for n in world[kind] if n.get("lifecycleState") not in gone
        )
        for kind in CLOUD_KINDS
    }


def of_machine(directories: list[Path], pids: list[int]) -> Snapshot:
    """Return namespaces, files of the nodes' directories, and living processes."""
    names = sorted(netns.names())
    files = [
        str(p) for d in directories for p in sorted(d.rglob("*")) if not p.is_dir()
    ]
    kept = (".log", ".toml")
    return {
        "namespaces": names,
        "files": [f for f in files if not f.endswith(kept)],
        "processes": [str(p) for p in pids if _alive(p)],
    }


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def difference(before: Snapshot, after: Snapshot) -> list[str]:
    """Return the differences, in words."""
    found = []
    for what in sorted(before.keys() | after.keys()):
        old, new = before.get(what, []), after.get(what, [])
        found += [f"{what}: left {line}" for line in new if line not in old]
        found += [f"{what}: gone {line}" for line in old if line not in new]
    return found


def without(ruleset: Iterable[str], tables: Collection[str]) -> list[str]:
    """Return the lines of nft's list of all rules, some tables left out."""
    found, left_out = [], False
    for line in ruleset:
        if line.startswith("table "):
            left_out = line.split()[2] in tables
        if not left_out:
            found.append(line)
    return found
