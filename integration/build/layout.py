"""One image for several machines: an archive of OCI's image layout.

https://github.com/opencontainers/image-spec/blob/v1.1.1/image-layout.md has the form.
The index names a manifest for each machine; who pulls or imports it takes its own.
"""

import gzip
import hashlib
import io
import json
import shutil
import tarfile
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from integration.build.archive import Image, configuration, write_layer

TYPE = "application/vnd.oci.image."
LEVEL = 6
"""Of the layers' compression: the base is 150 MB."""
CHUNK = 1 << 20


class _Blobs:
    """A folder of contents under their digests."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def add(self, content: bytes, kind: str) -> dict[str, Any]:
        """Keep a content; return its descriptor."""
        digest = hashlib.sha256(content).hexdigest()
        (self._folder / digest).write_bytes(content)
        return _descriptor(kind, digest, len(content))

    def add_json(self, content: Any, kind: str) -> dict[str, Any]:
        """Keep a value as JSON; return its descriptor."""
        return self.add(json.dumps(content, sort_keys=True).encode(), kind)

    def add_layer(self, layer: Path) -> dict[str, Any]:
        """Keep a layer, compressed; return its descriptor."""
        fresh = self._folder / "fresh"
        with (
            layer.open("rb") as content,
            fresh.open("wb") as raw,
            gzip.GzipFile("", "wb", LEVEL, raw, mtime=0) as packed,
        ):
            shutil.copyfileobj(content, packed, CHUNK)
        with fresh.open("rb") as content:
            digest = hashlib.file_digest(content, "sha256").hexdigest()
        size = fresh.stat().st_size
        fresh.rename(self._folder / digest)
        return _descriptor("layer.v1.tar+gzip", digest, size)


def _descriptor(kind: str, digest: str, size: int) -> dict[str, Any]:
    return {"mediaType": TYPE + kind, "digest": f"sha256:{digest}", "size": size}


def write(images: Sequence[Image], archive: Path) -> None:
    """Write an archive of images that are the same but for their machines."""
    name = images[0].name
    with tempfile.TemporaryDirectory(dir=archive.parent) as scratch:
        layer, folder = Path(scratch, "layer"), Path(scratch, "blobs")
        folder.mkdir()
        blobs = _Blobs(folder)
        manifests = [_manifest(image, blobs, layer) for image in images]
        index = blobs.add_json(
            {
                "schemaVersion": 2,
                "mediaType": f"{TYPE}index.v1+json",
                "manifests": manifests,
            },
            "index.v1+json",
        )
        index["annotations"] = {
            "io.containerd.image.name": name,  # ctr has the whole name from this one
            "org.opencontainers.image.ref.name": name.rpartition(":")[2],
        }
        listing = {"schemaVersion": 2, "manifests": [index]}
        _pack(archive, folder, listing)


def _manifest(image: Image, blobs: _Blobs, scratch: Path) -> dict[str, Any]:
    """Keep an image's parts; return the descriptor of its manifest."""
    layers, digests = list[Any](), list[str]()
    for number in range(len(image.layers)):
        digests.append(write_layer(image, number, scratch))
        layers.append(blobs.add_layer(scratch))
    body = {
        "schemaVersion": 2,
        "mediaType": f"{TYPE}manifest.v1+json",
        "config": blobs.add(configuration(image, digests), "config.v1+json"),
        "layers": layers,
    }
    platform = {"architecture": image.machine.debian, "os": "linux"}
    return {**blobs.add_json(body, "manifest.v1+json"), "platform": platform}


def _pack(archive: Path, blobs: Path, listing: Any) -> None:
    with tarfile.open(archive, "w", format=tarfile.GNU_FORMAT) as t:
        heads = {"oci-layout": {"imageLayoutVersion": "1.0.0"}, "index.json": listing}
        for name, value in heads.items():
            content = json.dumps(value, sort_keys=True).encode()
            t.addfile(_info(name, len(content)), io.BytesIO(content))
        for path in sorted(blobs.iterdir()):
            with path.open("rb") as blob:
                t.addfile(_info(f"blobs/sha256/{path.name}", path.stat().st_size), blob)


def _info(name: str, size: int) -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.size = size
    return info
