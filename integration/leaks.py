"""Looks for key material in what programs print and log (invariant I12)."""

import re
import subprocess
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path

KINDS = {
    "a private key": re.compile(rb"-----BEGIN [A-Z ]*PRIVATE KEY-----"),
    # In base64, DER of an RSA key, or of one in PKCS #8, or of a curve's.
    "a private key without armour": re.compile(
        rb"MII[\w+/]{2,5}IBA(AK|DANBgkqhkiG9w0BAQEFAAS)|MIGHAgEAMBMGByqGSM49|MHcCAQEE"
    ),
    "a token": re.compile(rb"\bey[A-Za-z0-9_-]{12,}\.ey[A-Za-z0-9_-]{12,}\.[\w-]{8,}"),
    "a federation's token": re.compile(rb"ST\$[\w-]{12,}\.[\w-]{4,}"),
    "a bearer's header": re.compile(rb"[Bb]earer [A-Za-z0-9._~+/-]{24,}"),
    "a signature": re.compile(
        rb'Signature version="1"[^\n]{0,300}signature="[\w+/]{40}'
    ),
}
"""Forms that OpenSSL, JWT, OCI and HTTP give secrets; certificates are none."""
SHOWN = 24
"""So many bytes before a place are shown: what follows is the secret."""


def found(data: bytes) -> list[str]:
    """Return what is found, each kind once, with what stands before it."""
    places = ((kind, form.search(data)) for kind, form in KINDS.items())
    return [
        f"{kind} after {data[max(0, at.start() - SHOWN) : at.start()]!r}"
        for kind, at in places
        if at is not None
    ]


def found_in_files(paths: Iterable[Path]) -> list[str]:
    """Return what is found in files, each with its file."""
    return [f"{path}: {leak}" for path in paths for leak in found(path.read_bytes())]


def run(command: Sequence[str], folder: Path) -> tuple[int, list[str]]:
    """Run a program and pass on what it prints; return its exit code, and leaks.

    Args:
        command: the program with its arguments.
        folder: where it runs.
    """
    printed = bytearray()
    with subprocess.Popen(
        command, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    ) as process:
        assert process.stdout is not None  # noqa: S101 - it is a pipe
        while chunk := process.stdout.read1(1 << 16):  # type: ignore[attr-defined]
            printed += chunk
            sys.stdout.buffer.write(chunk)
            sys.stdout.flush()
    return process.returncode, found(bytes(printed))
