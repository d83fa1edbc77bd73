"""Container images without Docker: archives that Docker and containerd both load.

The form is `docker save`'s (one config, one manifest, layers as tar archives).
Owners are root, times are kept: Python trusts compiled files by their source's.
"""

import hashlib
import io
import json
import os
import tarfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from integration.build.machines import AMD64, Machine

CREATED = "2026-01-01T00:00:00Z"
PATH = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
STICKY = 0o1777


@dataclass(frozen=True, slots=True, kw_only=True)
class Image:
    """An image's content and command."""

    name: str
    """With its tag."""
    machine: Machine = AMD64
    """The one that runs it."""
    also: Sequence[str] = ()
    """Further names, with their tags."""
    layers: Sequence[Mapping[str, Path | None]]
    """Of each layer: path in the image → file or folder; None is an empty folder."""
    entrypoint: Sequence[str] = ()
    command: Sequence[str] = ()
    links: Mapping[str, str] = field(default_factory=dict)
    """Symbolic links of the last layer: path → target."""
    newest: int | None = None
    """No file is newer, in seconds since 1970: what was made by the build has this
    time, and the archive is the same each time."""


class _Layer:
    """A layer being written: hashes what it writes."""

    def __init__(self, path: Path, newest: int | None) -> None:
        self._seen: set[str] = set()
        self._path = path
        self._newest = newest

    def write(
        self, content: Mapping[str, Path | None], links: Mapping[str, str]
    ) -> str:
        """Write the layer; return its digest."""
        with self._path.open("wb") as raw:
            hashed = _Hashed(raw)
            with tarfile.open(fileobj=hashed, mode="w", format=tarfile.GNU_FORMAT) as t:
                for destination, source in content.items():
                    inside = destination.strip("/")
                    if source is None:
                        self._parents(t, f"{inside}/x")
                    else:
                        self._parents(t, inside)
                        self._add(t, source, inside)
                for destination, target in links.items():
                    self._parents(t, destination.strip("/"))
                    t.addfile(_link(destination.strip("/"), target))
        return f"sha256:{hashed.digest.hexdigest()}"

    def _parents(self, t: tarfile.TarFile, inside: str) -> None:
        parts = inside.split("/")[:-1]
        for i in range(1, len(parts) + 1):
            self._folder(t, "/".join(parts[:i]), 0o755)

    def _folder(self, t: tarfile.TarFile, inside: str, mode: int) -> None:
        if inside and inside not in self._seen:
            self._seen.add(inside)
            info = tarfile.TarInfo(inside)
            info.type = tarfile.DIRTYPE
            info.mode = STICKY if inside == "tmp" else mode
            t.addfile(info)

    def _add(self, t: tarfile.TarFile, source: Path, inside: str) -> None:
        if source.is_symlink():
            t.addfile(_link(inside, str(source.readlink())))
        elif source.is_dir():
            self._folder(t, inside, source.stat().st_mode & 0o7777)
            for name in sorted(os.listdir(source)):
                self._add(t, source / name, f"{inside}/{name}".strip("/"))
        elif source.is_file():
            state = source.stat()
            info = tarfile.TarInfo(inside)
            info.size, info.mode = state.st_size, state.st_mode & 0o7777
            info.mtime = int(state.st_mtime)
            if self._newest is not None:
                info.mtime = min(info.mtime, self._newest)
            with source.open("rb") as content:
                t.addfile(info, content)


def _link(inside: str, target: str) -> tarfile.TarInfo:
    info = tarfile.TarInfo(inside)
    info.type, info.linkname = tarfile.SYMTYPE, target
    return info


class _Hashed(io.RawIOBase):
    """A file that hashes what goes into it."""

    def __init__(self, raw: io.BufferedWriter) -> None:
        super().__init__()
        self._raw = raw
        self.digest = hashlib.sha256()

    def write(self, data: Any) -> int:
        self.digest.update(data)
        return self._raw.write(data)

    def tell(self) -> int:
        return self._raw.tell()


def write(image: Image, archive: Path) -> None:
    """Write an image's archive."""
    layers: list[Path] = []
    digests: list[str] = []
    try:
        for number in range(len(image.layers)):
            path = archive.with_suffix(f".layer{number}")
            layers.append(path)
            digests.append(write_layer(image, number, path))
        _assemble(image, archive, layers, digests)
    finally:
        for path in layers:
            path.unlink(missing_ok=True)


def write_layer(image: Image, number: int, path: Path) -> str:
    """Write one of an image's layers as a tar archive; return its digest."""
    last = number == len(image.layers) - 1
    layer = _Layer(path, image.newest)
    return layer.write(image.layers[number], image.links if last else {})


def configuration(image: Image, digests: Sequence[str]) -> bytes:
    """Return an image's configuration, which Docker and OCI have in common.

    Args:
        image: the image.
        digests: of its layers, as ``write_layer`` returns them.
    """
    config = {
        "architecture": image.machine.debian,
        "os": "linux",
        "created": CREATED,
        "config": {
            "Env": [PATH],
            "WorkingDir": "/",
            "Entrypoint": list(image.entrypoint) or None,
            "Cmd": list(image.command) or None,
        },
        "rootfs": {"type": "layers", "diff_ids": digests},
        "history": [{"created": CREATED} for _ in digests],
    }
    return json.dumps(config, sort_keys=True).encode()


def _assemble(
    image: Image, archive: Path, layers: list[Path], digests: list[str]
) -> None:
    content = configuration(image, digests)
    name = f"{hashlib.sha256(content).hexdigest()}.json"
    names = [f"{d.removeprefix('sha256:')}/layer.tar" for d in digests]
    manifest = [
        {"Config": name, "RepoTags": [image.name, *image.also], "Layers": names}
    ]
    with tarfile.open(archive, "w", format=tarfile.GNU_FORMAT) as t:
        listing = json.dumps(manifest).encode()
        for inside, data in ((name, content), ("manifest.json", listing)):
            info = tarfile.TarInfo(inside)
            info.size = len(data)
            t.addfile(info, io.BytesIO(data))
        for inside, path in zip(names, layers, strict=True):
            info = tarfile.TarInfo(inside)
            info.size = path.stat().st_size
            with path.open("rb") as layer:
                t.addfile(info, layer)
