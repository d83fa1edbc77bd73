"""What the units let the processes do, and what they do not."""

import shutil
import subprocess
from pathlib import Path

import pytest

from integration.kind.sandbox.limits import LIMITS

SYSTEMD = Path(__file__).parents[2] / "systemd"
RIGHTS = {
    unit: " ".join(f"CAP_{c.name}" for c in sorted(limits.capabilities))
    for unit, limits in LIMITS.items()
}
CLOSED = (
    "NoNewPrivileges=yes",
    "ProtectSystem=strict",
    "ProtectHome=yes",
    "PrivateTmp=yes",
    "PrivateDevices=yes",
    "ProtectKernelTunables=yes",
    "ProtectKernelModules=yes",
    "ProtectKernelLogs=yes",
    "ProtectControlGroups=yes",
    "ProtectClock=yes",
    "ProtectHostname=yes",
    "ProtectProc=invisible",
    "MemoryDenyWriteExecute=yes",
    "LockPersonality=yes",
    "RestrictRealtime=yes",
    "RestrictSUIDSGID=yes",
    "RestrictAddressFamilies=AF_UNIX AF_INET AF_INET6 AF_NETLINK",
    "PrivateMounts=yes",
    "RemoveIPC=yes",
    "SystemCallArchitectures=native",
    "UMask=0077",
)
FILTERS = {
    "vcnd": {
        "RestrictNamespaces": ["net"],
        "SystemCallFilter": ["@system-service setns bpf"],
    },
    "vcnd-policy": {
        "RestrictNamespaces": ["yes"],
        "SystemCallFilter": ["@system-service", "~@privileged @resources"],
    },
}


def lines(unit: str) -> list[str]:
    return (SYSTEMD / f"{unit}.service").read_text().splitlines()


@pytest.mark.parametrize("unit", RIGHTS)
def test_process_has_these_capabilities_and_no_other(unit: str) -> None:
    for name in ("CapabilityBoundingSet", "AmbientCapabilities"):
        assert [x for x in lines(unit) if x.startswith(name)] == [
            f"{name}={RIGHTS[unit]}"
        ]


@pytest.mark.parametrize("unit", RIGHTS)
def test_process_is_closed_in(unit: str) -> None:
    there = lines(unit)
    assert [setting for setting in CLOSED if setting not in there] == []
    users = [x for x in there if x.startswith(("User=", "DynamicUser="))]
    assert users == [f"User={unit}"]


@pytest.mark.parametrize("unit", RIGHTS)
def test_process_may_make_these_calls_and_no_other(unit: str) -> None:
    there = [line.partition("=") for line in lines(unit)]
    found = {
        name: [value for key, _, value in there if key == name]
        for name in FILTERS[unit]
    }
    assert found == FILTERS[unit]


@pytest.mark.slow
@pytest.mark.parametrize("unit", RIGHTS)
def test_systemd_finds_the_unit_hardly_exposed(unit: str) -> None:
    program = shutil.which("systemd-analyze")
    if program is None:
        pytest.skip("systemd-analyze is not here")
    path, most = SYSTEMD / f"{unit}.service", round(LIMITS[unit].exposure * 10)
    done = subprocess.run(
        [program, "security", "--offline=true", f"--threshold={most}", str(path)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-300:]
