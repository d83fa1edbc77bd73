"""Our own images: vcnd with its installer, and the fake cloud.

They have the same content as those of ``deploy/image/Dockerfile``, but need no
registry: Debian's Python, the locked requirements, this repository's packages.
"""

import shutil
import sys
from pathlib import Path

import vcnd
from integration.build import command, rootfs
from integration.build.archive import Image, write
from integration.build.cache import Cache, key_of

ROOT = Path(__file__).parents[3]
PACKAGES = "usr/lib/python3/dist-packages"
PLATFORMS = ("manylinux_2_28_x86_64", "manylinux_2_17_x86_64", "manylinux2014_x86_64")
PROJECTS = {"vcnd": ROOT, "fakeoci": ROOT / "fakeoci"}
SCRIPTS = {
    "vcnd": {
        "vcnd": "vcnd.__main__",
        "vcnd-policy": "vcnd.policy_main",
        "vcndctl": "vcnd.ctl",
        "vcnd-install": "vcnd.install.__main__",
    },
    "fakeoci": {"fakeoci": "fakeoci.__main__"},
}
COMPILE = """
mount -t overlay none -o "lowerdir=$1,upperdir=$2,workdir=$3" "$4"
exec chroot "$4" /usr/bin/python3 -m compileall -q \
    --invalidation-mode unchecked-hash /usr/lib/python3/dist-packages
"""
"""Compiles with the image's own interpreter; by hash: archives may lose times."""


def source_key() -> str:
    """Return a hash of the sources of our images."""
    return key_of(
        *(ROOT / p for p in ("vcnd", "fakeoci", "bpf", "cni", "systemd")),
        *(ROOT / p for p in ("deploy/image", "pyproject.toml")),
        SCRIPTS,
        COMPILE,
    )


def version(number: int = 1) -> str:
    """Return the version of this tree's image: the package's, and a hash of content.

    Args:
        number: tells images of the same content apart, for upgrades.
    """
    return f"{vcnd.__version__}-{source_key()[:8]}.{number}"


def vcnd_name(number: int = 1) -> str:
    """Return the name of the image of vcnd."""
    return f"localhost/vcnd:{version(number)}"


def vcnd_archive(cache: Cache, number: int = 1) -> Path:
    """Return the archive of the image of vcnd."""
    packages = _packages(cache, "vcnd")

    def make(folder: Path) -> None:
        laid = folder / "laid"
        laid.mkdir()
        (laid / "version").write_text(version(number) + "\n")
        image = Image(
            name=vcnd_name(number),
            layers=[
                {"/": rootfs.python(cache)},
                {"/": packages},
                {
                    "/usr/lib/vcnd/version": laid / "version",
                    "/usr/lib/vcnd/systemd": ROOT / "systemd",
                    "/usr/lib/vcnd/10-vcnd.conflist": ROOT / "cni/10-vcnd.conflist",
                },
            ],
            entrypoint=["/usr/bin/vcnd-install"],
            command=["run"],
        )
        write(image, folder / "image.tar")

    key = key_of(vcnd_name(number), packages.name)
    return cache.artifact("image-vcnd", key, make) / "image.tar"


def fakeoci_name() -> str:
    """Return the name of the image of the fake cloud."""
    return f"localhost/fakeoci:{version()}"


def fakeoci_archive(cache: Cache) -> Path:
    """Return the archive of the image of the fake cloud."""
    packages = _packages(cache, "fakeoci")

    def make(folder: Path) -> None:
        image = Image(
            name=fakeoci_name(),
            layers=[{"/": rootfs.python(cache)}, {"/": packages}],
            entrypoint=["/usr/bin/fakeoci"],
        )
        write(image, folder / "image.tar")

    key = key_of(fakeoci_name(), packages.name)
    return cache.artifact("image-fakeoci", key, make) / "image.tar"


def _packages(cache: Cache, what: str) -> Path:
    """Return a layer: the requirements and the packages, compiled."""
    system = rootfs.python(cache)
    third_party = _third_party(cache, what)

    def make(folder: Path) -> None:
        target = folder / "layer" / PACKAGES
        shutil.copytree(third_party, target)
        project = str(PROJECTS[what])
        _pip("--no-deps", "--no-build-isolation", project, target=target)
        shutil.rmtree(target / "bin", ignore_errors=True)
        scripts = folder / "layer/usr/bin"
        scripts.mkdir()
        for name, module in SCRIPTS[what].items():
            text = f"#!/usr/bin/python3 -I\nfrom {module} import main\n\nmain()\n"
            (scripts / name).write_text(text)
            (scripts / name).chmod(0o755)
        _compile(system, folder)

    key = key_of(source_key(), system.name, what)
    return cache.artifact(f"layer-{what}", key, make) / "layer"


def _third_party(cache: Cache, what: str) -> Path:
    lock = ROOT / "deploy/image" / f"{what}.txt"

    def make(folder: Path) -> None:
        platforms = [x for p in PLATFORMS for x in ("--platform", p)]
        _pip(
            *("--require-hashes", "--no-deps", "--only-binary=:all:"),
            *("--python-version", "3.11", "--implementation", "cp", *platforms),
            *("-r", str(lock)),
            target=folder / "packages",
        )

    key = key_of(lock, PLATFORMS)
    return cache.artifact(f"packages-{what}", key, make) / "packages"


def _pip(*arguments: str, target: Path) -> None:
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "install", "-q"]
    into = ["--no-compile", "--target", str(target)]
    command.run([*pip, *into, *arguments], "pip refused")


def _compile(system: Path, folder: Path) -> None:
    work, merged = folder / "work", folder / "merged"
    work.mkdir()
    merged.mkdir()
    inside = ["/usr/bin/unshare", "--mount", "/bin/sh", "-ec", COMPILE, "compile"]
    folders = map(str, (system, folder / "layer", work, merged))
    command.run([*inside, *folders], "our packages do not compile")
    shutil.rmtree(work)
    merged.rmdir()
