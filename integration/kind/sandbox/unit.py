"""A unit that runs the probe under the settings of another one."""

import base64
from pathlib import Path

NAME = "vcnd-probe"
OUTPUT = f"/run/{NAME}.json"
PATH = f"/run/systemd/system/{NAME}.service"
STATE = f"/var/lib/{NAME}"
PROBE = Path(__file__).with_name("probe.py")
LATER = """
[Service]
Type=oneshot
Restart=no
RestartPreventExitStatus=
SuccessExitStatus=
WatchdogSec=0
ExecStart=
ExecStart=/usr/bin/python3 -I -
StandardInput=data
StandardInputData={probe}
StandardOutput=truncate:{output}
StandardError=journal
"""
"""Replaces what the daemon is; every restriction stays."""


def text_of(installed: str) -> str:
    """Return the probe's unit.

    Args:
        installed: the text of the other unit and its drop-ins (``systemctl cat``).
    """
    probe = base64.b64encode(PROBE.read_bytes()).decode()
    text = installed + LATER.format(probe=probe, output=OUTPUT)
    if "\nStateDirectory=" in installed:
        # Its own: the daemon that runs does not see its journal's folder change.
        text += f"StateDirectory=\nStateDirectory={NAME}\n"
    return text
