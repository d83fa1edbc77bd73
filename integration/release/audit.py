"""Known vulnerabilities of the pinned packages, as PyPI's JSON API tells them.

pip-audit asks, from a cache of its own (https://pypi.org/project/pip-audit/): it is no
dependency of the project.  The API gives what the Python Packaging Advisory Database
has: https://docs.pypi.org/api/json/.
"""

import json
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from integration import locked
from integration.build.command import LAST_LINES, BuildError

LOCK = Path(__file__).with_name("audit.txt")
CANARY = Path(__file__).with_name("canary.txt")
"""A package that is known to be vulnerable: a mirror may answer without advisories."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What an audit found."""

    packages: int
    """That were asked about."""
    vulnerable: tuple[str, ...] = ()
    unknown: tuple[str, ...] = ()
    """Of which the source knows nothing."""

    @property
    def faults(self) -> tuple[str, ...]:
        """Return what keeps a release back."""
        return self.vulnerable + self.unknown


def verdict(text: str) -> Verdict:
    """Return what a report says.

    Args:
        text: pip-audit's JSON.

    Raises:
        ValueError: it is no such report.
    """
    try:
        packages = json.loads(text)["dependencies"]
        vulnerable = tuple(words for p in packages for words in _vulnerabilities(p))
        unknown = tuple(
            f"{p['name']} was not audited: {p['skip_reason']}"
            for p in packages
            if "skip_reason" in p
        )
    except (LookupError, TypeError) as error:
        raise ValueError(f"no report of pip-audit: {error!r}") from error
    return Verdict(len(packages), vulnerable, unknown)


def _vulnerabilities(package: Mapping[str, Any]) -> list[str]:
    if "skip_reason" in package:
        return []
    return [
        f"{package['name']} {package['version']}: {found['id']}, mended in"
        f" {', '.join(found['fix_versions']) or 'no release'}"
        for found in package["vulns"]
    ]


def audit(locks: Sequence[Path], accepted: Sequence[str] = ()) -> Verdict:
    """Ask about each package of some lock files.  This needs the network.

    Args:
        locks: requirements with hashes.
        accepted: vulnerabilities that do not matter here, by id.

    Raises:
        BuildError: pip-audit cannot be installed, or who is asked knows nothing.
    """
    try:
        packages = locked.install("audit", LOCK)
    except RuntimeError as error:
        raise BuildError(str(error)) from error
    canary = _asked(packages, [CANARY], ())
    if not canary.vulnerable:
        reason = "; ".join(canary.unknown) or "none of h11 0.14.0, which has one"
        raise BuildError(
            f"no advisories can be had here, so nothing is shown: {reason}"
            " (pip-audit asks pypi.org: a mirror in its place may know none)"
        )
    return _asked(packages, locks, accepted)


def _asked(packages: Path, locks: Sequence[Path], accepted: Sequence[str]) -> Verdict:
    options = ["--disable-pip", "--require-hashes", "--progress-spinner", "off"]
    for lock in locks:
        options += ["-r", str(lock)]
    for known in accepted:
        options += ["--ignore-vuln", known]
    done = subprocess.run(
        [sys.executable, "-m", "pip_audit", "-f", "json", *options],
        env={**os.environ, "PYTHONPATH": str(packages)},
        capture_output=True,
        text=True,
        check=False,
    )
    try:
        return verdict(done.stdout)
    except ValueError as error:
        last = done.stderr.strip().splitlines()[-LAST_LINES:]
        raise BuildError("\n".join(["pip-audit gave no report:", *last])) from error
