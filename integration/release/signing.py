"""Signatures by OpenSSH's ssh-keygen, which nearly every machine has.

Its forms: https://github.com/openssh/openssh-portable/blob/master/PROTOCOL.sshsig
"""

import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

from integration.build import command
from integration.build.command import BuildError
from integration.release.sums import ReleaseError

NAMESPACE = "vcnd-release"
"""A signature for another purpose, with the same key, is not valid here."""


def signature_of(path: Path) -> Path:
    """Return where a file's signature is."""
    return path.with_name(f"{path.name}.sig")


def sign(path: Path, key: Path) -> Path:
    """Sign a file; return the signature's file.

    Args:
        path: what to sign.
        key: the private key's file; or the public one's, if an agent has the private.

    Raises:
        BuildError: ssh-keygen is missing, or refuses the key.
    """
    signature = signature_of(path)
    signature.unlink(missing_ok=True)  # it asks before it overwrites
    arguments = ["-Y", "sign", "-q", "-f", str(key), "-n", NAMESPACE, str(path)]
    command.run([_program(), *arguments], f"{key} does not sign")
    return signature


def verify(path: Path, signers: Path) -> str:
    """Return the name of who has signed a file.

    Args:
        path: what is signed; the signature is beside it.
        signers: the keys that count, in the form of ssh-keygen's ALLOWED SIGNERS.

    Raises:
        BuildError: ssh-keygen is missing.
        ReleaseError: nobody of them has signed this content.
    """
    signature = signature_of(path)
    if not signature.exists():
        raise ReleaseError(f"{path.name} has no signature ({signature.name})")
    common = ("-f", str(signers), "-s", str(signature))
    name = _asked("find-principals", common, path).splitlines()
    if not name:
        raise ReleaseError(f"{signature.name}: the signer is not named by {signers}")
    _asked("verify", ("-I", name[0], "-n", NAMESPACE, *common), path)
    return name[0]


def _asked(verb: str, arguments: Sequence[str], path: Path) -> str:
    with path.open("rb") as content:
        done = subprocess.run(
            [_program(), "-Y", verb, *arguments],
            stdin=content,
            capture_output=True,
            text=True,
            check=False,
        )
    if done.returncode:
        reason = (done.stderr or done.stdout).strip()
        raise ReleaseError(f"{path.name} is not signed by a known key: {reason}")
    return done.stdout


def _program() -> str:
    found = shutil.which("ssh-keygen")
    if found is None:
        raise BuildError("ssh-keygen is missing: apt-get install openssh-client")
    return found
