"""What a node tells of a unit's sandbox is judged; the probe can see a breach."""

import base64
import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from integration.checking import CheckError
from integration.kind.sandbox import unit
from integration.kind.sandbox.limits import (
    LIMITS,
    exposure,
    faults_of_attempts,
    faults_of_status,
)
from integration.kind.sandbox.probe import ATTEMPTS

SYSTEMD = Path(__file__).parents[2] / "systemd"
STATUS = """\
Name:	python3
Umask:	0077
Uid:	998	998	998	998
Gid:	998	998	998	998
NoNewPrivs:	1
Seccomp:	2
Seccomp_filters:	24
CapInh:	0000000000201000
CapPrm:	0000000000201000
CapEff:	0000000000201000
CapBnd:	0000000000201000
CapAmb:	0000000000201000
"""
WRONG = {
    "CapEff": ("CapEff:	0000000000201000", "CapEff:	000001ffffffffff"),
    "CapBnd": ("CapBnd:	0000000000201000", "CapBnd:	0000000000201001"),
    "NoNewPrivs": ("NoNewPrivs:	1", "NoNewPrivs:	0"),
    "Seccomp": ("Seccomp:	2", "Seccomp:	0"),
    "Uid": ("Uid:	998	998	998	998", "Uid:	998	998	0	998"),
    "Gid": ("Gid:	998	998	998	998", ""),
}


def test_status_of_the_unit_has_no_fault() -> None:
    assert faults_of_status(STATUS, LIMITS["vcnd"]) == []


@pytest.mark.parametrize("field", WRONG)
def test_right_that_a_process_must_not_have_is_named(field: str) -> None:
    text = STATUS.replace(*WRONG[field])
    assert text != STATUS
    (fault,) = faults_of_status(text, LIMITS["vcnd"])
    assert field in fault


def test_daemons_rights_are_too_many_for_vcnd_policy() -> None:
    faults = faults_of_status(STATUS, LIMITS["vcnd-policy"])
    assert len(faults) == 5
    assert faults[0] == "CapInh is 0000000000201000, not 1000"


def test_exposure_is_read_from_the_last_line() -> None:
    text = (
        "✗ PrivateNetwork= … 0.5\n\n→ Overall exposure level for x.service: 2.1 OK 🙂\n"
    )
    assert exposure(text) == 2.1
    with pytest.raises(CheckError, match="no figure"):
        exposure("Unit x.service could not be found.")


@pytest.mark.parametrize("name", LIMITS)
def test_refused_attempts_are_no_fault(name: str) -> None:
    limits = LIMITS[name]
    outcomes = {a: limits.may.get(a, "SIGSYS") for a in ATTEMPTS}
    assert faults_of_attempts(outcomes, limits) == []


@pytest.mark.parametrize("name", LIMITS)
def test_attempt_that_reaches_the_kernel_is_a_fault(name: str) -> None:
    limits = LIMITS[name]
    outcomes = {a: limits.may.get(a, "SIGSYS") for a in ATTEMPTS}
    assert faults_of_attempts(outcomes | {"mount": "EFAULT"}, limits) == [
        "mount gets through (EFAULT)"
    ]
    assert faults_of_attempts(outcomes | {"netlink_socket": "EPERM"}, limits) == [
        "netlink_socket is refused (EPERM)"
    ]


def test_probe_that_told_nothing_is_a_fault() -> None:
    limits = LIMITS["vcnd"]
    assert len(faults_of_attempts({}, limits)) == len(limits.may)


@pytest.mark.slow
def test_probe_sees_that_a_plain_process_is_in_no_sandbox() -> None:
    command = [sys.executable, "-I", str(unit.PROBE)]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    outcomes = json.loads(done.stdout)
    assert outcomes.keys() == ATTEMPTS.keys()
    through = {"writable_code": "done", "set_uid_bit": "done"}
    assert through.items() <= outcomes.items()
    faults = faults_of_attempts(outcomes, LIMITS["vcnd-policy"])
    assert {f"{name} gets through (done)" for name in through} <= {*faults}


@pytest.mark.parametrize("name", LIMITS)
def test_probes_unit_keeps_each_setting_of_the_other(name: str) -> None:
    installed = (SYSTEMD / f"{name}.service").read_text()
    text = unit.text_of(installed)
    assert text.startswith(installed)
    later = text.removeprefix(installed)
    (probe,) = re.findall(r"^StandardInputData=(.*)$", later, re.MULTILINE)
    assert base64.b64decode(probe) == unit.PROBE.read_bytes()
    changed = set(re.findall(r"^(\w+)=", later, re.MULTILINE))
    replaced = {"Type", "Restart", "RestartPreventExitStatus", "SuccessExitStatus"}
    given = {"StandardInput", "StandardInputData", "StandardOutput", "StandardError"}
    state = {"StateDirectory"} & changed
    assert changed == replaced | given | state | {"WatchdogSec", "ExecStart"}
    assert bool(state) == (name == "vcnd")
