"""The images of a release: one index, and in it an image for each machine."""

import gzip
import hashlib
import json
import tarfile
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

import pytest

from integration.build import foreign, layout, rootfs
from integration.build.machines import BPF, MACHINES, Machine, elf_machine
from integration.kind.images import ours
from integration.outside.arm64 import CACHE, skip_unless_roots_can_be_made

FOREIGN = [machine for machine in MACHINES if not machine.is_here]
IN_IMAGE = """
mount -t overlay none -o "lowerdir=$1:$2" "$3"
chroot "$3" /usr/bin/vcnd --version
echo '{"cniVersion":"1.1.0"}' |
    CNI_COMMAND=VERSION chroot "$3" "/usr/lib/python3/dist-packages/vcnd/_shim/vcnd-cni"
"""


def archive(path: Path) -> Path:
    skip_unless_roots_can_be_made()
    made = [
        ours.image(CACHE, "vcnd", ours.RELEASE, newest=1_700_000_000, machine=machine)
        for machine in MACHINES
    ]
    layout.write(made, path)
    return path


@pytest.fixture(scope="module")
def image(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return archive(tmp_path_factory.mktemp("image") / "vcnd.tar")


def blob(held: tarfile.TarFile, descriptor: Any) -> IO[bytes]:
    file = held.extractfile(f"blobs/{descriptor['digest'].replace(':', '/')}")
    assert file is not None
    return file


def manifests(held: tarfile.TarFile) -> Iterator[tuple[Machine, Any]]:
    """Yield each machine with its manifest."""
    file = held.extractfile("index.json")
    assert file is not None
    (top,) = json.load(file)["manifests"]
    for listed in json.load(blob(held, top))["manifests"]:
        debian = listed["platform"]["architecture"]
        (machine,) = (m for m in MACHINES if m.debian == debian)
        yield machine, json.load(blob(held, listed))


def test_layers_hold_programs_of_their_machine_alone(image: Path) -> None:
    seen = dict[str, int]()
    with tarfile.open(image) as held:
        for machine, manifest in manifests(held):
            seen[machine.debian] = 0
            for layer in manifest["layers"]:
                with (
                    gzip.GzipFile(fileobj=blob(held, layer)) as plain,
                    tarfile.open(fileobj=plain, mode="r|") as files,
                ):
                    for member in files:
                        file = files.extractfile(member) if member.isfile() else None
                        found = file and elf_machine(file.read(20))
                        assert found in (None, machine.elf, BPF), member.name
                        seen[machine.debian] += found == machine.elf
    assert set(seen) == {machine.debian for machine in MACHINES}
    assert min(seen.values()) > 200


def test_second_archive_of_an_image_has_the_same_bytes(
    image: Path, tmp_path: Path
) -> None:
    def digest(path: Path) -> str:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()

    assert digest(archive(tmp_path / "again.tar")) == digest(image)


@pytest.mark.parametrize("machine", FOREIGN, ids=lambda m: m.name)
def test_programs_of_a_foreign_image_start(machine: Machine, tmp_path: Path) -> None:
    skip_unless_roots_can_be_made()
    layer, root = ours.packages(CACHE, "vcnd", machine), rootfs.python(CACHE, machine)
    command = ["/bin/sh", "-ec", IN_IMAGE, "image", str(layer), str(root)]
    told = foreign.run(machine, [*command, str(tmp_path)], "the image does not run")
    version, answer = told.strip().splitlines()
    assert version.startswith("vcnd")
    assert json.loads(answer)["cniVersion"] == "1.1.0"
