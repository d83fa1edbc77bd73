"""Archives that are the same bytes each time."""

import tarfile
from pathlib import Path

from integration.release import bundle


def write(folder: Path, name: str = "vcnd-deploy-1.0.tar.gz") -> Path:
    folder.mkdir(parents=True)
    tree = folder / "tree"
    (tree / "base").mkdir(parents=True)
    (tree / "base/b.yaml").write_text("b: 1\n")
    (tree / "base/run").write_text("#!/bin/sh\n")
    (tree / "base/run").chmod(0o700)
    path = folder / name
    bundle.write(path, {"deploy": tree, "LICENSE": tree / "base/b.yaml"}, seconds=9)
    return path


def test_two_archives_of_the_same_files_are_equal(tmp_path: Path) -> None:
    one, two = write(tmp_path / "one"), write(tmp_path / "two")
    assert one.read_bytes() == two.read_bytes()


def test_archive_has_one_folder_with_plain_owners_and_modes(tmp_path: Path) -> None:
    with tarfile.open(write(tmp_path / "one")) as archive:
        members = {m.name: (m.mode, m.uid, m.mtime) for m in archive}
    assert members == {
        "vcnd-deploy-1.0/LICENSE": (0o644, 0, 9),
        "vcnd-deploy-1.0/deploy/base/b.yaml": (0o644, 0, 9),
        "vcnd-deploy-1.0/deploy/base/run": (0o755, 0, 9),
    }
