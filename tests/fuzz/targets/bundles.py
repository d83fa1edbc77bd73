"""Bundles of other machines: what differs, or ``BundleError``.

Members are damaged before they are packed, and the tar before it is compressed: no
search gets through the checksums of either.
"""

import gzip
import json
from collections.abc import Iterable
from tarfile import BLOCKSIZE, PAX_FORMAT, TarInfo
from typing import Any

import msgspec
from msgspec.structs import replace

from tests.calling import STATUS as TOLD
from tests.ctl.bundle.test_archive import MANIFEST as WHOLE
from tests.fuzz.choices import Choices, damaged, torn
from tests.fuzz.targets.journal import FILES
from vcnd.ctl.bundle import archive, comparison
from vcnd.ctl.bundle.archive import MANIFEST, BundleError, Manifest, Note
from vcnd.ctl.bundle.command import describe_replay
from vcnd.ctl.bundle.sources import AUDIT, CONFIGURATION, JOURNAL, STATUS
from vcnd.ctl.telling import plain
from vcnd.model.audit import AuditReport, Difference, Witness
from vcnd.model.drift import DriftKind

LOST = Difference(
    kind=DriftKind.CLOUD_ADDRESS, witness=Witness.CLOUD, what="a", repair=""
)
AUDITED = AuditReport(
    differences=(LOST,),
    repaired=(),
    unread={Witness.CLOUD: "no answer"},
    refused="",
    past=(),
    repairs={},
)
CONFIG = b'[oci]\nsubnet_id = "ocid1.subnet.a"\n[node]\npool_min_free = 2\n'
ANY_FILE, ANY_TAR, TORN_CONFIG, TORN_JOURNAL, ODD_MEMBERS, KINDS = range(6)
SIZES = (0, 1, 1 << 20, 1 << 40, (1 << 63) - 1, -1, -512, -1024, -1536)
PAX = (
    *("path", "size", "mtime", "uid", "linkpath", "hdrcharset", "GNU.sparse.map"),
    *("GNU.sparse.size", "GNU.sparse.realsize", "GNU.sparse.major", "GNU.sparse.name"),
)
VALUES = (
    *("", "x", "0", "-1", "nan", "1", "0,1", "99999999999999", "BINARY", "..", "\0"),
    *("-512", "-1024", "-1536"),
)


def run(data: bytes) -> None:
    """Unpack a bundle, and run its journal."""
    try:
        replayed = comparison.replay(archive.unpack(_file(Choices(data)), "b"))
    except BundleError as error:
        plain(str(error)).encode()
        return
    plain(describe_replay(replayed)).encode()
    msgspec.json.encode(replayed)


def _file(choices: Choices) -> bytes:
    kind = choices.below(KINDS)
    if kind == ANY_FILE:
        return choices.rest()
    if kind == ANY_TAR:
        return gzip.compress(choices.rest(), 1)
    members = {
        JOURNAL: choices.pick(FILES),
        CONFIGURATION: CONFIG,
        STATUS: _json(damaged(msgspec.to_builtins(TOLD), _few(choices))),
        AUDIT: _json(damaged(msgspec.to_builtins(AUDITED), _few(choices))),
    }
    if kind == TORN_CONFIG:
        members[CONFIGURATION] = torn(CONFIG, choices)
    if kind == TORN_JOURNAL:
        members[JOURNAL] = torn(members[JOURNAL], choices)
    manifest = damaged(msgspec.to_builtins(_manifest(members)), _few(choices))
    tar = b"".join(
        _member(name, part, choices if kind == ODD_MEMBERS else Choices(b""))
        for name, part in {MANIFEST: _json(manifest), **members}.items()
    )
    return gzip.compress(tar + bytes(2 * BLOCKSIZE), 1)


def _few(choices: Choices) -> Choices:
    """Return some of the next choices, so that some are left."""
    return Choices(choices.take(choices.below(16)))


def _json(body: Any) -> bytes:
    return json.dumps(body).encode()


def _manifest(members: dict[str, bytes]) -> Manifest:
    notes = {name: Note(size=len(part)) for name, part in members.items()}
    return replace(WHOLE, members=notes)


def _member(name: str, part: bytes, choices: Choices) -> bytes:
    """Return a member's header and bytes; one choice in three makes the header odd."""
    member = TarInfo(name)
    member.size = len(part)
    match choices.below(12):
        case 1:
            member.type, member.linkname = choices.take(1) or b"0", choices.pick(PAX)
        case 2:
            member.size = choices.pick(SIZES)
        case 3:
            names = [choices.pick(PAX) for _ in range(choices.below(4))]
            member.pax_headers = {pax: choices.pick(VALUES) for pax in names}
        case _:
            pass
    padding = bytes(-len(part) % BLOCKSIZE)
    return member.tobuf(PAX_FORMAT) + part + padding


def seeds() -> Iterable[bytes]:
    """Return bundles: whole ones, and one of each odd member."""
    for number in range(len(FILES)):
        yield bytes([TORN_CONFIG, number])
    for member in range(5):
        before = bytes([ODD_MEMBERS, 0, 0, 0, 0]) + bytes(member)
        for kind in b"12KLSg":
            yield before + bytes([1, kind, 0])
        for size in range(3, len(SIZES)):
            yield before + bytes([2, size])
        yield before + bytes([3, 2, 6, 6, 7, 7])
