"""What the units let the processes do, and what they do not."""

import shutil
import subprocess
from pathlib import Path

import pytest

SYSTEMD = Path(__file__).parents[2] / "systemd"
RIGHTS = {
    "vcnd": "CAP_NET_ADMIN CAP_SYS_ADMIN",
    "vcnd-policy": "CAP_NET_ADMIN",
}
EXPOSURE = {"vcnd": 22, "vcnd-policy": 16}
"""Tenths, as ``systemd-analyze security`` counts."""
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
    "ProtectProc=invisible",
    "MemoryDenyWriteExecute=yes",
    "LockPersonality=yes",
    "RestrictSUIDSGID=yes",
    "SystemCallArchitectures=native",
    "UMask=0077",
)


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


@pytest.mark.slow
@pytest.mark.parametrize("unit", RIGHTS)
def test_systemd_finds_the_unit_hardly_exposed(unit: str) -> None:
    program = shutil.which("systemd-analyze")
    if program is None:
        pytest.skip("systemd-analyze is not here")
    path, most = SYSTEMD / f"{unit}.service", EXPOSURE[unit]
    done = subprocess.run(
        [program, "security", "--offline=true", f"--threshold={most}", str(path)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-300:]
