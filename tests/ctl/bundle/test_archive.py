"""A bundle's file: whole or refused, in one sentence."""

import gzip
import io
import tarfile
from pathlib import Path

import msgspec
import pytest
from msgspec.structs import replace

from vcnd.ctl.bundle import archive
from vcnd.ctl.bundle.archive import Bundle, BundleError, Manifest, Note, pack, unpack

MEMBERS = {"status.json": b"{}" * 500, "log": bytes(range(256)) * 40}
MANIFEST = Manifest(
    vcnd_bundle=1,
    least_reader=1,
    vcnd="9.9",
    made_at=1e9,
    booted_seconds=50.0,
    steady=True,
    members={
        **{name: Note(size=len(data)) for name, data in MEMBERS.items()},
        "journal": Note(missing="Permission denied"),
    },
)
BUNDLE = Bundle(manifest=MANIFEST, members=MEMBERS)


def tar(members: dict[str, bytes]) -> bytes:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as file:
        for name, data in members.items():
            member = tarfile.TarInfo(name)
            member.size = len(data)
            file.addfile(member, io.BytesIO(data))
    return packed.getvalue()


def test_bundle_is_read_as_it_was_written(tmp_path: Path) -> None:
    path = tmp_path / "b.tar.gz"
    archive.write(path, pack(BUNDLE))
    assert archive.read(path) == BUNDLE
    assert path.stat().st_mode & 0o777 == 0o600
    assert list(tmp_path.iterdir()) == [path]


def test_file_that_is_there_is_not_replaced(tmp_path: Path) -> None:
    path = tmp_path / "b.tar.gz"
    path.write_text("mine")
    with pytest.raises(BundleError, match="is there already"):
        archive.write(path, pack(BUNDLE))
    assert path.read_text() == "mine"
    assert list(tmp_path.iterdir()) == [path]


def test_folder_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(BundleError, match="cannot be written: No such file"):
        archive.write(tmp_path / "no" / "b", b"")
    with pytest.raises(BundleError, match="cannot be read: No such file"):
        archive.read(tmp_path / "no")


def packed(*members: tarfile.TarInfo) -> bytes:
    """Return a tar whose members have these headers, behind a manifest."""
    first = tarfile.TarInfo("manifest.json")
    content = msgspec.json.encode(MANIFEST)
    first.size = len(content)
    head = first.tobuf() + content + bytes(-len(content) % tarfile.BLOCKSIZE)
    rest = b"".join(member.tobuf(tarfile.PAX_FORMAT) for member in members)
    return gzip.compress(head + rest + bytes(2 * tarfile.BLOCKSIZE))


def member(
    pax: dict[str, str] | None = None, kind: bytes = tarfile.REGTYPE
) -> tarfile.TarInfo:
    found = tarfile.TarInfo("log")
    found.type, found.linkname = kind, "nowhere"
    found.pax_headers = pax or {}
    return found


@pytest.mark.parametrize(
    "odd",
    [
        member(kind=tarfile.SYMTYPE),
        member(kind=tarfile.LNKTYPE),
        member(kind=tarfile.FIFOTYPE),
        member(kind=tarfile.DIRTYPE),
        # Of no byte, it would unpack to a TiB of zeros.
        member({"GNU.sparse.map": "0,0", "GNU.sparse.size": str(1 << 40)}),
    ],
    ids=["symbolic link", "link", "fifo", "folder", "sparse"],
)
def test_member_that_is_no_plain_file_is_refused(odd: tarfile.TarInfo) -> None:
    with pytest.raises(BundleError, match="'log' in it is no plain file"):
        unpack(packed(odd), "b")


@pytest.mark.parametrize(
    "odd",
    [member({"size": "x"}), member({"GNU.sparse.map": "x"})],
    ids=["size", "map"],
)
def test_header_that_makes_no_sense_is_damage(odd: tarfile.TarInfo) -> None:
    with pytest.raises(BundleError, match="is cut or damaged"):
        unpack(packed(odd), "b")


def test_headers_nested_too_deep_are_damage() -> None:
    nested = member({"comment": "x"}).tobuf(tarfile.PAX_FORMAT)[: 2 * tarfile.BLOCKSIZE]
    whole = gzip.decompress(packed())
    tar = gzip.compress(whole[: -2 * tarfile.BLOCKSIZE] + nested * 5000)
    with pytest.raises(BundleError, match="is cut or damaged"):
        unpack(tar, "b")


@pytest.mark.parametrize("made_at", [-1.0, 1e300])
def test_time_that_has_no_date_is_refused(made_at: float) -> None:
    body = msgspec.to_builtins(MANIFEST) | {"made_at": made_at}
    data = tar({"manifest.json": msgspec.json.encode(body)})
    with pytest.raises(BundleError, match="is no bundle"):
        unpack(data, "b")


def test_every_cut_is_refused() -> None:
    whole = pack(BUNDLE)
    for size in range(0, len(whole), 7):
        with pytest.raises(BundleError, match=r"is cut or damaged|is no bundle"):
            unpack(whole[:size], "b")


def test_every_flipped_byte_is_refused_or_harmless() -> None:
    whole = pack(BUNDLE)
    for at in range(10, len(whole), 5):
        flipped = whole[:at] + bytes([whole[at] ^ 0x40]) + whole[at + 1 :]
        with pytest.raises(BundleError, match=r"is cut or damaged|is no bundle"):
            unpack(flipped, "b")


@pytest.mark.parametrize(
    "data",
    # Named: gzip writes the time into its head, and each worker must find one name.
    [
        pytest.param(b"", id="nothing"),
        pytest.param(b"hello", id="no gzip"),
        pytest.param(gzip.compress(b"hello"), id="no tar"),
        pytest.param(tar({}), id="no members"),
        pytest.param(tar({"manifest.json": b"[1]"}), id="no object"),
        pytest.param(
            tar({"manifest.json": b'{"vcnd_bundle":1,"least_reader":1,"vcnd":"1"}'}),
            id="no time",
        ),
        pytest.param(tar({"a": b"", "manifest.json": b"{}"}), id="manifest second"),
        pytest.param(tar({"manifest.json": b"[" * 100_000}), id="too deep"),
    ],
)
def test_alien_file_is_refused(data: bytes) -> None:
    with pytest.raises(BundleError, match="b is no bundle of vcndctl"):
        unpack(data, "b")


def test_bundle_of_a_newer_format_names_the_version() -> None:
    newer = replace(MANIFEST, vcnd_bundle=3, least_reader=2)
    with pytest.raises(BundleError, match=r"vcndctl 9\.9.*use that version"):
        unpack(pack(Bundle(manifest=newer, members={})), "b")


def test_later_format_that_this_one_can_read_is_read() -> None:
    later = Bundle(manifest=replace(MANIFEST, vcnd_bundle=2), members=MEMBERS)
    assert unpack(pack(later), "b") == later


def test_file_that_unpacks_to_too_much_is_refused(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(archive, "MOST_TOTAL_BYTES", 1 << 17)
    bomb = {"manifest.json": b"", "log": bytes(1 << 20)}
    with pytest.raises(BundleError, match=r"is no bundle|is cut"):
        unpack(tar(bomb), "b")


def with_size(size: int, *, pax: bool) -> bytes:
    """Return a bundle whose second member has an odd size."""
    first = gzip.decompress(tar({"manifest.json": msgspec.json.encode(MANIFEST)}))
    first = first.rstrip(b"\0")
    first += bytes(-len(first) % tarfile.BLOCKSIZE)
    member = tarfile.TarInfo("x")
    member.size = size
    if pax:
        header = member.tobuf(tarfile.PAX_FORMAT)
    else:
        header = member.tobuf(tarfile.GNU_FORMAT)
    return gzip.compress(first + header + bytes(2 * tarfile.BLOCKSIZE))


@pytest.mark.parametrize("size", [-1, -512, -1024, -1536, -(1 << 40)])
@pytest.mark.parametrize("pax", [False, True])
def test_member_of_less_than_nothing_is_refused(size: int, *, pax: bool) -> None:
    """Behind it a reader would find the same member, without end."""
    with pytest.raises(BundleError, match="no plain file"):
        unpack(with_size(size, pax=pax), "b")


def test_a_file_of_many_members_is_refused() -> None:
    some = {"manifest.json": msgspec.json.encode(MANIFEST)}
    many = some | {str(n): b"" for n in range(1000)}
    with pytest.raises(BundleError, match="too many files"):
        unpack(tar(many), "b")
