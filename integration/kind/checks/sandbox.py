"""The units' restrictions, as systemd and the kernel of a node apply them."""

import base64
import json

from integration.checking import CheckError, require
from integration.kind.checks.stage import Stage
from integration.kind.sandbox import unit
from integration.kind.sandbox.limits import (
    LIMITS,
    exposure,
    faults_of_attempts,
    faults_of_status,
)


def sandbox_of_units(stage: Stage) -> str:
    """Both processes have the rights that they need, and can do nothing else."""
    node = stage.workers[0]
    told = []
    for name, limits in LIMITS.items():
        if not _is_active(stage, node, name):
            require(name != "vcnd", f"{node}: {name} does not run")
            told.append(f"{name} is off")
            continue
        status = stage.on_node(node, "cat", f"/proc/{_pid(stage, node, name)}/status")
        faults = faults_of_status(status, limits)
        analysis = ("systemd-analyze", "security", "--no-pager", f"{name}.service")
        counted = exposure(stage.on_node(node, *analysis))
        if counted > limits.exposure:
            faults.append(f"systemd counts an exposure of {counted}")
        outcomes = attempts(stage, node, name)
        faults += faults_of_attempts(outcomes, limits)
        require(not faults, f"{node}: {name}: {'; '.join(faults)}")
        refused = len(outcomes) - len(limits.may)
        told.append(f"{name}: exposure {counted}, {refused} attempts refused")
    return "; ".join(told)


def attempts(stage: Stage, node: str, name: str) -> dict[str, str]:
    """Return what the probe tells under a unit's settings, by attempt."""
    installed = stage.on_node(node, "systemctl", "cat", f"{name}.service")
    text = base64.b64encode(unit.text_of(installed).encode()).decode()
    stage.on_node(node, "/bin/sh", "-c", f"echo {text} | base64 -d >{unit.PATH}")
    try:
        stage.on_node(node, "systemctl", "daemon-reload")
        stage.on_node(node, "systemctl", "start", f"{unit.NAME}.service")
        text = stage.on_node(node, "cat", unit.OUTPUT)
    finally:
        stage.on_node(node, "rm", "-rf", unit.PATH, unit.OUTPUT, unit.STATE)
        stage.on_node(node, "systemctl", "daemon-reload")
    try:
        found: dict[str, str] = json.loads(text)
    except ValueError as error:
        raise CheckError(f"{node}: the probe printed {text[:300]!r}") from error
    return found


def _is_active(stage: Stage, node: str, name: str) -> bool:
    state = stage.on_node(
        node, "systemctl", "show", "-P", "ActiveState", f"{name}.service"
    )
    return state.strip() == "active"


def _pid(stage: Stage, node: str, name: str) -> int:
    pid = stage.on_node(node, "systemctl", "show", "-P", "MainPID", f"{name}.service")
    return int(pid)
