"""What tests of arm64 need: made once, where this machine can make it."""

import os

import pytest
from rich.console import Console

from integration.build.cache import Cache
from integration.build.machines import MACHINES

CACHE = Cache(Console(stderr=True))


def skip_unless_roots_can_be_made() -> None:
    """Skip a test where there is no root, or a program is missing."""
    if os.geteuid() != 0:
        pytest.skip("root file systems are made by root")
    for machine in MACHINES:
        if missing := machine.lacks():
            pytest.skip(missing)
