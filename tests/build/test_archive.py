"""Archives that Docker and containerd can load, made without either."""

import hashlib
import json
import tarfile
from pathlib import Path

from integration.build.archive import Image, write


def made(tmp_path: Path) -> Path:
    tree = tmp_path / "tree"
    (tree / "bin").mkdir(parents=True)
    (tree / "bin/tool").write_text("tool")
    (tree / "bin/tool").chmod(0o755)
    (tree / "link").symlink_to("bin/tool")
    image = Image(
        name="localhost/x:1",
        layers=[{"/": tree}, {"/opt/x/tool": tree / "bin/tool", "/tmp": None}],
        links={"/usr/bin/tool": "/opt/x/tool"},
        entrypoint=["/opt/x/tool"],
    )
    archive = tmp_path / "image.tar"
    write(image, archive)
    return archive


def test_manifest_names_config_and_layers_by_their_digests(tmp_path: Path) -> None:
    archive = made(tmp_path)
    with tarfile.open(archive) as t:

        def content(name: str) -> bytes:
            file = t.extractfile(name)
            assert file is not None
            return file.read()

        (manifest,) = json.loads(content("manifest.json"))
        config = json.loads(content(manifest["Config"]))
        layers = [content(name) for name in manifest["Layers"]]
    assert manifest["RepoTags"] == ["localhost/x:1"]
    digests = [f"sha256:{hashlib.sha256(x).hexdigest()}" for x in layers]
    assert config["rootfs"]["diff_ids"] == digests
    assert config["config"]["Entrypoint"] == ["/opt/x/tool"]
    assert not list(tmp_path.glob("*.layer*"))


def test_layers_hold_files_links_and_folders(tmp_path: Path) -> None:
    with tarfile.open(made(tmp_path)) as t:
        names = [m.name for m in t if m.name.endswith("layer.tar")]
        with (
            tarfile.open(fileobj=t.extractfile(names[0])) as first,
            tarfile.open(fileobj=t.extractfile(names[1])) as second,
        ):
            assert first.getmember("bin/tool").mode == 0o755
            assert first.getmember("link").linkname == "bin/tool"
            assert second.getmember("tmp").mode == 0o1777
            assert second.getmember("opt/x/tool").size == 4
            assert second.getmember("usr/bin/tool").linkname == "/opt/x/tool"


def test_no_file_is_newer_than_the_image_says(tmp_path: Path) -> None:
    for name, newest in (("free", None), ("fixed", 1000)):
        (tmp_path / name).mkdir()
        tool = tmp_path / name / "tool"
        tool.write_text("tool")
        image = Image(name="x:1", layers=[{"/tool": tool}], newest=newest)
        write(image, tmp_path / f"{name}.tar")
        with (
            tarfile.open(tmp_path / f"{name}.tar") as t,
            tarfile.open(fileobj=t.extractfile(t.getmembers()[-1])) as layer,
        ):
            (member,) = layer
            assert (member.mtime == 1000) == (newest == 1000)
