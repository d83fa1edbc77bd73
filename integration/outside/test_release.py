"""A release of this commit: the same bytes from two builds, signed and verified."""

import json
import os
import shutil
import subprocess
import sys
import tarfile
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml  # type: ignore[import-untyped]
from rich.console import Console

import vcnd
from integration.build.cache import Cache
from integration.build.command import BuildError
from integration.build.machines import BPF, MACHINES, Machine, elf_machine
from integration.chart.programs import CHART, programs
from integration.outside.wheels import ROOT, run
from integration.release import build as builds
from integration.release import provenance, signing, source, sums
from integration.release.build import Plan, build

SIGNER = "releases@example.org"


def made(folder: Path) -> Path:
    plan = Plan(root=ROOT, commit=source.current(ROOT))
    build(plan, folder, Cache(Console(stderr=True)))
    return folder


@pytest.fixture(scope="module")
def release(tmp_path_factory: pytest.TempPathFactory) -> Path:
    if not (ROOT / ".git").exists():
        pytest.skip("no git checkout")
    return made(tmp_path_factory.mktemp("release") / "one")


def test_second_build_gives_the_same_bytes(release: Path, tmp_path: Path) -> None:
    again = made(tmp_path / "two")
    first, second = (f / sums.NAME for f in (release, again))
    assert first.read_text() == second.read_text()


def test_release_has_each_kind_of_file(release: Path) -> None:
    names = {p.name for p in release.iterdir()}
    for kind in (
        *("vcnd-[0-9]*.tar.gz", "fakeoci-*.whl", "fakeoci-*.tar.gz"),
        *("vcnd_*_amd64.deb", "vcnd_*_arm64.deb"),
        *("vcnd-*_x86_64.whl", "vcnd-*_aarch64.whl"),
        *("vcnd-cni-*-linux-amd64", "vcnd-cni-*-linux-arm64"),
        *("vcnd-deploy-*.tar.gz", "vcnd.cdx.json", "fakeoci.cdx.json"),
        *("vcnd-chart-*.tgz", provenance.NAME, sums.NAME),
    ):
        found = {path.name for path in release.glob(kind)}
        assert len(found) == 1, kind
        names -= found
    assert names == set()


@pytest.mark.parametrize("machine", MACHINES, ids=lambda m: m.name)
def test_plugin_of_each_machine_tells_its_versions(
    release: Path, machine: Machine
) -> None:
    (plugin,) = release.glob(f"vcnd-cni-*-linux-{machine.debian}")
    assert elf_machine(plugin.read_bytes()) == machine.elf
    (wheel,) = release.glob(f"vcnd-*_{machine.name}.whl")
    held = dict(contents(wheel))
    assert held["vcnd/_shim/vcnd-cni"] == plugin.read_bytes()
    assert elf_machine(held["vcnd/_bpf/express.o"]) == BPF
    if missing := machine.lacks():
        pytest.skip(missing)
    done = subprocess.run(
        [*machine.runs(), str(plugin)],
        env={"CNI_COMMAND": "VERSION"},
        input=b'{"cniVersion":"1.1.0"}',
        capture_output=True,
        check=True,
    )
    assert json.loads(done.stdout)["cniVersion"] == "1.1.0"


def contents(path: Path) -> Iterator[tuple[str, bytes]]:
    """Yield what is in a file of a release: the members of an archive, or itself."""
    if path.suffix == ".whl":
        with zipfile.ZipFile(path) as archive:
            yield from ((name, archive.read(name)) for name in archive.namelist())
    elif path.name.endswith((".tar.gz", ".tgz")):
        with tarfile.open(path) as packed:
            for member in packed:
                file = packed.extractfile(member)
                if file is not None:
                    yield member.name, file.read()
    else:
        yield path.name, path.read_bytes()


def test_no_file_names_the_machine_that_built_it(release: Path) -> None:
    # The folder of the release is made beside itself, under another name.
    traces = [str(ROOT).encode(), str(release.parent).encode()]
    held = [(p, name, data) for p in release.iterdir() for name, data in contents(p)]
    assert len(held) > 1000
    where = source.__file__.removeprefix(f"{ROOT}/")
    assert any(name.endswith(where) for _, name, _ in held)
    named = [(p.name, name) for p, name, data in held if any(t in data for t in traces)]
    assert named == []


def test_manifests_are_whole(release: Path) -> None:
    """Each file that a kustomization names is in the archive too."""
    (archive,) = release.glob("vcnd-deploy-*.tar.gz")
    held = {Path(name): data for name, data in contents(archive)}
    folders = {folder for path in held for folder in path.parents}
    found = [path for path in held if path.name == "kustomization.yaml"]
    assert len(found) >= 5
    for path in found:
        body = yaml.safe_load(held[path])
        named = [*body.get("resources", ()), *body.get("components", ())]
        for maker in body.get("configMapGenerator", ()):
            named += maker["files"]
        for name in named:
            there = Path(os.path.normpath(path.parent / name))
            assert there in held or there in folders, (path, name)


def test_chart_is_what_helm_makes_of_the_folder(release: Path, tmp_path: Path) -> None:
    try:
        tools = programs(Cache(Console(stderr=True)), tmp_path / "helm")
    except BuildError as error:
        pytest.skip(str(error))
    (archive,) = release.glob("vcnd-chart-*.tgz")
    tools.run_helm("package", str(CHART), "-d", str(tmp_path))
    (packed,) = tmp_path.glob("*.tgz")
    ours, theirs = (dict(contents(path)) for path in (archive, packed))
    assert ours.pop("vcnd/LICENSE") == (ROOT / "LICENSE").read_bytes()
    assert {*ours} == {*theirs}
    values = '{"image": {"repository": "r"}, "config": {"oci": {"cluster": "c"}}}'
    made, expected = (tools.render(values=values, chart=c) for c in (archive, CHART))
    assert made == expected
    told = yaml.safe_load(tools.run_helm("show", "chart", str(archive)))
    assert (told["name"], told["version"]) == ("vcnd", vcnd.__version__)


def test_wheel_of_a_source_archive_is_the_released_wheel(
    release: Path, tmp_path: Path
) -> None:
    for archive in release.glob("*[0-9].tar.gz"):
        name = archive.name.removesuffix(".tar.gz")
        if "deploy" in name:
            continue
        run("tar", "-x", "-f", str(archive), "-C", str(tmp_path))
        epoch = f"SOURCE_DATE_EPOCH={source.current(ROOT).seconds}"
        command = ("/usr/bin/env", epoch, sys.executable, "-m", "hatchling", "build")
        into = ("-t", "wheel", "-d", str(tmp_path / "wheels"))
        run(*command, *into, cwd=tmp_path / name)
        (wheel,) = (tmp_path / "wheels").glob(f"{name}-*.whl")
        assert wheel.read_bytes() == (release / wheel.name).read_bytes()


def test_signed_release_is_verified_and_a_changed_byte_refused(
    release: Path, tmp_path: Path
) -> None:
    copy = shutil.copytree(release, tmp_path / "copy")
    key = tmp_path / "key"
    keygen = ["/usr/bin/ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(key)]
    subprocess.run(keygen, check=True)
    signers = tmp_path / "signers"
    signers.write_text(f"{SIGNER} {key.with_suffix('.pub').read_text()}")
    signing.sign(copy / sums.NAME, key)
    assert builds.verify(copy, signers) == (SIGNER, len([*release.iterdir()]) - 1)
    wheel = min(copy.glob("vcnd-*.whl"))
    content = bytearray(wheel.read_bytes())
    content[-1] ^= 1
    wheel.write_bytes(content)
    with pytest.raises(sums.ReleaseError, match=f"{wheel.name} has other content"):
        builds.verify(copy, signers)


def test_provenance_names_commit_and_locks(release: Path) -> None:
    body = json.loads((release / provenance.NAME).read_text())
    definition = body["predicate"]["buildDefinition"]
    checkout, *locks = definition["resolvedDependencies"]
    assert checkout["digest"]["gitCommit"] == source.current(ROOT).digest
    assert {lock["name"] for lock in locks} == {*builds.LOCKS}
