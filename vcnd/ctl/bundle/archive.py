"""A bundle's file: a gzipped tar whose first member says what the others are.

    manifest.json, then the members that it names

A later format that this version can read raises ``FORMAT`` alone; one that it cannot
read raises ``least_reader`` too.
"""

import gzip
import io
import os
import secrets
import tarfile
import zlib
from contextlib import suppress
from pathlib import Path

import msgspec

from vcnd.ctl import caller
from vcnd.foreign import UNDECODABLE

FORMAT = 1
MANIFEST = "manifest.json"
MOST_BYTES = 16 << 20
"""Of one member."""
MOST_TOTAL_BYTES = 128 << 20
"""Of all members; a file that unpacks to more is refused."""
MOST_MEMBERS = 256
END_OF_YEARS = 253402300800.0
"""Unix time: the year 10000 begins."""


class BundleError(Exception):
    """A bundle cannot be written or read; says why, and what to do."""


class Note(msgspec.Struct, frozen=True, kw_only=True):
    """What became of one member."""

    size: int = 0
    """In bytes, as it is in the bundle."""
    cut: bool = False
    """True if its source has more."""
    removed: int = 0
    """How many secrets were removed from it."""
    missing: str = ""
    """Why it could not be had; empty: it is there."""


class Manifest(msgspec.Struct, frozen=True, kw_only=True):
    """What a bundle is; its names are an interface."""

    vcnd_bundle: int
    """The format."""
    least_reader: int
    """The least format that a reader must know."""
    vcnd: str
    """The version of the vcndctl that made it."""
    made_at: float
    """Unix time, in seconds."""
    booted_seconds: float
    """The node's time since its boot then."""
    steady: bool
    """True if the journal did not change while the daemon told its state."""
    members: dict[str, Note]

    def __post_init__(self) -> None:
        if not 0 <= self.made_at < END_OF_YEARS:
            raise ValueError(f"made_at is {self.made_at}: no time that has a date")


class Bundle(msgspec.Struct, frozen=True, kw_only=True):
    """An unpacked bundle."""

    manifest: Manifest
    members: dict[str, bytes]


def pack(bundle: Bundle) -> bytes:
    """Return a bundle's file."""
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz", compresslevel=6) as tar:
        text = msgspec.json.format(msgspec.json.encode(bundle.manifest), indent=2)
        for name, data in {MANIFEST: text, **bundle.members}.items():
            member = tarfile.TarInfo(name)
            member.size, member.mode = len(data), 0o600
            member.mtime = int(bundle.manifest.made_at)
            tar.addfile(member, io.BytesIO(data))
    return packed.getvalue()


def write(path: Path, data: bytes) -> None:
    """Write a bundle's file, whole or not at all, readable by its owner alone.

    Raises:
        BundleError: the file is there already, or cannot be written.
    """
    name, directory = caller.locate(path)
    fresh = f"{name}.{secrets.token_hex(4)}.new"
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
    try:
        descriptor = os.open(fresh, flags, 0o600, dir_fd=directory)
        try:
            with open(descriptor, "wb") as file:
                file.write(data)
                file.flush()
                os.fsync(descriptor)
            # Unlike a rename, a link replaces nothing.
            os.link(fresh, name, src_dir_fd=directory, dst_dir_fd=directory)
        finally:
            with suppress(OSError):
                os.unlink(fresh, dir_fd=directory)
    except FileExistsError as error:
        raise BundleError(f"{path} is there already: name another file") from error
    except OSError as error:
        raise BundleError(f"{path} cannot be written: {error.strerror}") from error


def read(path: Path) -> Bundle:
    """Return the bundle of a file.

    Raises:
        BundleError: it cannot be read, is cut, is no bundle, or a newer vcnd made it.
    """
    try:
        return unpack(caller.read_bytes(path, MOST_TOTAL_BYTES), str(path))
    except OSError as error:
        raise BundleError(f"{path} cannot be read: {error.strerror}") from error


def unpack(data: bytes, name: str) -> Bundle:
    """Return the bundle of a file's bytes.

    Args:
        data: the bytes.
        name: the file's, for errors.

    Raises:
        BundleError: it is cut, is no bundle, or a newer vcnd made it.
    """
    unpacked, whole = _decompress(data)
    manifest, members = None, dict[str, bytes]()
    try:
        with tarfile.open(fileobj=io.BytesIO(unpacked), mode="r:") as tar:
            for number, member in enumerate(tar):
                if number > MOST_MEMBERS:
                    raise BundleError(
                        f"{name} is no bundle of vcndctl: it has too many files"
                    )
                if not _is_plain(member):
                    raise BundleError(
                        f"{name} is no bundle of vcndctl: {member.name[:64]!r} in it is"
                        " no plain file"
                    )
                file = tar.extractfile(member)
                content = b"" if file is None else file.read()
                if manifest is None:
                    manifest = _manifest(member.name, content, name)
                members[member.name] = content
    except (tarfile.TarError, *UNDECODABLE):  # the latter of odd pax headers
        whole = False
    if manifest is None:
        raise BundleError(f"{name} is no bundle of vcndctl, or only its beginning")
    members.pop(MANIFEST)
    wanted = {n: note.size for n, note in manifest.members.items() if not note.missing}
    short = [n for n, size in wanted.items() if len(members.get(n, b"")) != size]
    if short or not whole:
        what = f"{short[0]} is not whole" if short else "its end is missing"
        raise BundleError(f"{name} is cut or damaged: {what}; copy it again")
    return Bundle(manifest=manifest, members={n: members[n] for n in wanted})


def _is_plain(member: tarfile.TarInfo) -> bool:
    """Return True if a member is only bytes.

    A link leads elsewhere, a sparse file unpacks to any size, and behind a size below 0
    comes the same member again.
    """
    return member.isreg() and not member.issparse() and member.size >= 0


def _decompress(data: bytes) -> tuple[bytes, bool]:
    """Return what can be decompressed, and True if that is all, and whole."""
    unpacked, whole = io.BytesIO(), False
    with suppress(OSError, EOFError, zlib.error):
        with gzip.GzipFile(fileobj=io.BytesIO(data)) as file:
            while chunk := file.read(1 << 16):
                unpacked.write(chunk)
                if unpacked.tell() > MOST_TOTAL_BYTES:
                    return unpacked.getvalue(), False
        whole = True
    return unpacked.getvalue(), whole


def _manifest(member: str, content: bytes, name: str) -> Manifest:
    try:
        if member != MANIFEST:
            raise ValueError(member)
        raw = msgspec.json.decode(content)
        least, version = int(raw["least_reader"]), str(raw["vcnd"])
        if least > FORMAT:
            raise BundleError(
                f"{name} was made by vcndctl {version}, in a format that this one"
                f" cannot read ({least}, newer than {FORMAT}): use that version"
            )
        return msgspec.convert(raw, Manifest)
    except (*UNDECODABLE, KeyError, TypeError) as error:
        raise BundleError(f"{name} is no bundle of vcndctl") from error
