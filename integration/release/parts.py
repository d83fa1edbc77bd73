"""The files of a release, each made of the commit's own files."""

import re
import shutil
import sys
import zipfile
from pathlib import Path

import vcnd
from integration.build import command, layout, wheels
from integration.build.cache import Cache
from integration.build.command import BuildError
from integration.build.machines import MACHINES
from integration.kind.images import ours
from integration.release import bundle, debian
from integration.release.source import Commit
from integration.sbom import __main__ as sbom

PROJECTS = (".", "fakeoci")
"""The folders of the two distributions."""
SHIM, LANE = "vcnd/_shim/vcnd-cni", "vcnd/_bpf/express.o"
"""In the wheel of vcnd: what is compiled."""
MANIFESTS = ("base", "components", "overlays", "uninstall")
"""Of ``deploy``, what a user applies or changes."""
CHART_IGNORES = ".helmignore"
"""In ``deploy``: names the folders that are no part of the chart, and comments."""
VERSION = re.compile(r"\d+\.\d+\.\d+")
"""The form of a compiler's version."""
IMAGES = ("vcnd", "fakeoci")


def distributions(tree: Path, folder: Path, commit: Commit) -> None:
    """Build the source archives and wheels, and the plugins as files of their own.

    Raises:
        BuildError: something does not build, or is missing in a wheel.
    """
    made = ["-d", str(folder)]
    for project in PROJECTS:
        wheels.build(tree / project, "-t", "sdist", *made, seconds=commit.seconds)
    wheels.build(tree / "fakeoci", "-t", "wheel", *made, seconds=commit.seconds)
    for machine in MACHINES:
        wheels.build(
            tree, "-t", "wheel", *made, seconds=commit.seconds, machine=machine
        )
        (wheel,) = folder.glob(f"vcnd-*_{machine.name}.whl")
        with zipfile.ZipFile(wheel) as archive:
            if LANE not in archive.namelist():
                raise BuildError(f"{wheel.name} has no {LANE}: apt-get install clang")
            name = f"vcnd-cni-{vcnd.__version__}-linux-{machine.debian}"
            (folder / name).write_bytes(archive.read(SHIM))
        (folder / name).chmod(0o755)


def debian_packages(cache: Cache, tree: Path, folder: Path, commit: Commit) -> None:
    """Build the Debian packages, of the wheels that are there.

    Raises:
        BuildError: dpkg-deb is missing, or refuses.
    """
    for machine in MACHINES:
        (wheel,) = folder.glob(f"vcnd-*_{machine.name}.whl")
        debian.build(cache, tree, wheel, machine=machine, seconds=commit.seconds)


def manifests(tree: Path, folder: Path, commit: Commit) -> None:
    """Write the archive of what an installation applies to the API server."""
    content = {f"deploy/{name}": tree / "deploy" / name for name in MANIFESTS}
    content |= {name: tree / name for name in ("LICENSE", "CHANGELOG.md")}
    path = folder / f"vcnd-deploy-{vcnd.__version__}.tar.gz"
    bundle.write(path, content, seconds=commit.seconds)


def chart(tree: Path, folder: Path, commit: Commit) -> None:
    """Write the Helm chart, as ``helm package`` does, but the same bytes each time."""
    deploy = tree / "deploy"
    ignored = (deploy / CHART_IGNORES).read_text().split()
    content = {p.name: p for p in deploy.iterdir() if f"/{p.name}/" not in ignored}
    path = folder / f"vcnd-chart-{vcnd.__version__}.tgz"
    content |= {"LICENSE": tree / "LICENSE"}
    bundle.write(path, content, seconds=commit.seconds, top="vcnd")


def bills(folder: Path) -> None:
    """Write the images' bills of materials.

    Raises:
        BuildError: cyclonedx-py cannot be installed, or fails.
    """
    try:
        sbom.write(folder)
    except RuntimeError as error:
        raise BuildError(f"no bill of materials: {error}") from error


def images(cache: Cache, folder: Path, commit: Commit) -> None:
    """Write the images' archives, each with an image for each machine.

    They need root, and Debian's packages.

    Raises:
        BuildError: one cannot be built here.
    """
    for what in IMAGES:
        made = [
            ours.image(cache, what, ours.RELEASE, newest=commit.seconds, machine=one)
            for one in MACHINES
        ]
        layout.write(made, folder / f"{what}-image-{vcnd.__version__}.tar")


def tools() -> dict[str, str]:
    """Return the versions of the programs that decide what is built.

    Raises:
        BuildError: one is missing.
    """
    clang = shutil.which("clang")
    if clang is None:
        raise BuildError("clang is missing: apt-get install clang")
    versions = {"python": ".".join(map(str, sys.version_info[:3]))}
    for program in (clang, *(machine.compiler() for machine in MACHINES)):
        name = Path(program).name
        told = command.run([program, "--version"], f"{name} tells no version")
        found = VERSION.search(told)
        versions[name] = found[0] if found else told.splitlines()[0]
    return versions
