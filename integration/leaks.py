"""Looks for key material in what programs print, log and keep (invariant I12).

Secrets are found by their form; and those of a run, which are known, by any part.
"""

import re
import subprocess
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
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
LEAST = 24
"""A shorter piece of a secret may stand somewhere by chance."""
OWN_FILES = ("*.key", "token", "tokens.csv")
"""Files that hold a secret because that is what they are for."""
OWN_FOLDERS = {"etcd"}
"""The API server's store."""
SHOWN = 24
"""So many bytes before a place are shown: what follows is the secret."""


class LeakError(Exception):
    """A secret was written where none may be; the text names files, not the secret."""


def pieces(secret: str) -> list[bytes]:
    """Return parts of a secret, each of which tells that it was written.

    Args:
        secret: a private key as PEM, or a token.
    """
    if "-----" in secret:
        lines = [x for x in secret.splitlines() if not x.startswith("-----")]
        # The first half of an RSA key has the modulus, which certificates have too.
        parts = lines[len(lines) // 2 :]
    else:
        parts = [secret.rpartition(".")[2].strip()]  # a JWT's signature
    return [part.encode() for part in parts if len(part) >= LEAST]


def known(secrets: Mapping[str, str]) -> dict[bytes, str]:
    """Return the pieces of a run's secrets, with the secrets' names.

    Args:
        secrets: by name, such as "node1's key".

    Raises:
        ValueError: a secret is too short to be found.
    """
    found = {name: pieces(secret) for name, secret in secrets.items()}
    short = [name for name, parts in found.items() if not parts]
    if short:
        raise ValueError(f"too short to be found: {', '.join(short)}")
    return {piece: name for name, parts in found.items() for piece in parts}


def found(data: bytes, secrets: Mapping[bytes, str] | None = None) -> list[str]:
    """Return what is found, each kind once, with what stands before it.

    Args:
        data: where to search.
        secrets: pieces of known secrets (``known``).
    """
    places = [(kind, form.search(data)) for kind, form in KINDS.items()]
    by_form = [
        f"{kind} after {data[max(0, at.start() - SHOWN) : at.start()]!r}"
        for kind, at in places
        if at is not None
    ]
    named = {name for piece, name in (secrets or {}).items() if piece in data}
    return [*by_form, *(f"a part of {name}" for name in sorted(named))]


def found_in_files(
    paths: Iterable[Path], secrets: Mapping[bytes, str] | None = None
) -> list[str]:
    """Return what is found in files, each with its file."""
    return [
        f"{path}: {leak}"
        for path in paths
        for leak in found(path.read_bytes(), secrets)
    ]


def written(folder: Path) -> Iterator[Path]:
    """Yield the files of a folder, but for those that are there to hold a secret."""
    for path in sorted(folder.rglob("*")):
        if path.is_symlink() or not path.is_file():
            continue
        inside = path.relative_to(folder)
        if OWN_FOLDERS.isdisjoint(inside.parts) and not any(
            inside.match(form) for form in OWN_FILES
        ):
            yield path


def refuse(folder: Path, secrets: Mapping[bytes, str] | None = None) -> None:
    """Refuse a folder in which a secret was written.

    Raises:
        LeakError: there is one.
    """
    leaks = found_in_files(written(folder), secrets)
    if leaks:
        raise LeakError("I12: " + "; ".join(leaks))


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
