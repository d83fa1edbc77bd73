"""``SHA256SUMS``: the files of a release with their digests, as sha256sum writes it."""

import hashlib
import re
from collections.abc import Mapping
from pathlib import Path

NAME = "SHA256SUMS"
SIGNATURE = f"{NAME}.sig"
LINE = re.compile(r"([0-9a-f]{64})  ([\w.+-]+)")
"""A name is one file's, in the same folder: no path."""


class ReleaseError(Exception):
    """A release is not what its signer published; the text says what differs."""


def digest(path: Path) -> str:
    """Return a file's SHA-256 in hexadecimal digits."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def digests(folder: Path) -> dict[str, str]:
    """Return the digests of a folder's files by name, but not those of the sums."""
    files = (p for p in folder.iterdir() if p.name not in (NAME, SIGNATURE))
    return {p.name: digest(p) if p.is_file() else "no file" for p in sorted(files)}


def text_of(listed: Mapping[str, str]) -> str:
    """Return the text of a list."""
    return "".join(f"{listed[name]}  {name}\n" for name in sorted(listed))


def parse(text: str) -> dict[str, str]:
    """Return digests by name.

    Raises:
        ReleaseError: a line has another form, or a name stands twice.
    """
    listed = dict[str, str]()
    for line in text.splitlines():
        match = LINE.fullmatch(line)
        if match is None or match[2] in listed:
            raise ReleaseError(f"{NAME} has a line that is not valid: {line[:100]!r}")
        listed[match[2]] = match[1]
    return listed


def differences(listed: Mapping[str, str], there: Mapping[str, str]) -> list[str]:
    """Return how the files that are there differ from a list, in words."""
    return [
        *(f"{name} is missing" for name in sorted(listed.keys() - there.keys())),
        *(f"{name} is not listed" for name in sorted(there.keys() - listed.keys())),
        *(
            f"{name} has other content"
            for name in sorted(listed.keys() & there.keys())
            if listed[name] != there[name]
        ),
    ]
