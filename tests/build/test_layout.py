"""Archives of OCI's image layout: an index of one image for several machines."""

import gzip
import hashlib
import json
import os
import tarfile
from pathlib import Path
from typing import Any

from integration.build import layout
from integration.build.archive import Image
from integration.build.machines import MACHINES, Machine


def image(folder: Path, machine: Machine) -> Image:
    tool = folder / machine.name
    tool.write_text(machine.name)
    os.utime(tool, (2000, 2000))
    same = folder / "same"
    same.write_text("the same")
    os.utime(same, (2000, 2000))
    return Image(
        name="localhost/x:1",
        machine=machine,
        layers=[{"/usr/bin/tool": tool}, {"/etc/same": same}],
        entrypoint=["/usr/bin/tool"],
    )


def written(folder: Path) -> Path:
    folder.mkdir()
    archive = folder / "image.tar"
    layout.write([image(folder, machine) for machine in MACHINES], archive)
    return archive


def members(archive: Path) -> dict[str, bytes]:
    found = dict[str, bytes]()
    with tarfile.open(archive) as t:
        for member in t:
            file = t.extractfile(member)
            assert file is not None
            found[member.name] = file.read()
    return found


def test_each_descriptor_leads_to_a_blob_of_its_digest(tmp_path: Path) -> None:
    held = members(written(tmp_path / "a"))
    blobs = {n: d for n, d in held.items() if n.startswith("blobs/sha256/")}
    for name, data in blobs.items():
        assert hashlib.sha256(data).hexdigest() == Path(name).name

    def blob(descriptor: Any) -> bytes:
        data = blobs[f"blobs/{descriptor['digest'].replace(':', '/')}"]
        assert descriptor["size"] == len(data)
        return data

    assert json.loads(held["oci-layout"]) == {"imageLayoutVersion": "1.0.0"}
    (index,) = json.loads(held["index.json"])["manifests"]
    assert index["annotations"]["io.containerd.image.name"] == "localhost/x:1"
    for one, machine in zip(
        json.loads(blob(index))["manifests"], MACHINES, strict=True
    ):
        platform = {"architecture": machine.debian, "os": "linux"}
        assert one["platform"] == platform
        manifest = json.loads(blob(one))
        config = json.loads(blob(manifest["config"]))
        assert config["architecture"] == machine.debian
        plain = [gzip.decompress(blob(layer)) for layer in manifest["layers"]]
        digests = [f"sha256:{hashlib.sha256(data).hexdigest()}" for data in plain]
        assert config["rootfs"]["diff_ids"] == digests
        assert machine.name.encode() in plain[0]


def test_layers_that_are_the_same_are_kept_once(tmp_path: Path) -> None:
    # An index; of each machine a manifest, a configuration and a layer; one for both.
    names = [n for n in members(written(tmp_path / "a")) if n.startswith("blobs/")]
    assert len(names) == 1 + 3 * len(MACHINES) + 1


def test_second_archive_has_the_same_bytes(tmp_path: Path) -> None:
    first, second = (written(tmp_path / name) for name in "ab")
    assert first.read_bytes() == second.read_bytes()
