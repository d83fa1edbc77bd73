"""A folder of files as one compressed archive, the same bytes each time."""

import gzip
import os
import tarfile
from collections.abc import Mapping
from pathlib import Path


def write(
    path: Path, content: Mapping[str, Path], *, seconds: int, top: str = ""
) -> None:
    """Write an archive of files and folders.

    Args:
        path: the archive.
        content: path inside → file or folder.
        seconds: the time of all files, since 1970.
        top: the folder inside; the archive's name without ``.tar.gz`` if left out.
    """
    top = top or path.name.removesuffix(".tar.gz")
    with (
        path.open("wb") as raw,
        gzip.GzipFile("", "wb", 9, raw, mtime=seconds) as packed,
        tarfile.open(fileobj=packed, mode="w", format=tarfile.GNU_FORMAT) as archive,
    ):
        for inside, source in sorted(content.items()):
            for file in _files(source):
                name = Path(top, inside, file.relative_to(source))
                _add(archive, str(name), file, seconds)


def _files(source: Path) -> list[Path]:
    if source.is_file():
        return [source]
    return sorted(p for p in source.rglob("*") if p.is_file())


def _add(archive: tarfile.TarFile, name: str, file: Path, seconds: int) -> None:
    info = tarfile.TarInfo(name)
    info.size, info.mtime = file.stat().st_size, seconds
    info.mode = 0o755 if os.access(file, os.X_OK) else 0o644
    with file.open("rb") as content:
        archive.addfile(info, content)
