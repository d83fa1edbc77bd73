"""Our own images: vcnd with its installer, and the fake cloud.

They have the same content as those of ``deploy/image/Dockerfile``, but need no
registry: Debian's Python, the locked requirements, this repository's packages.
"""

import os
import shutil
from collections.abc import Mapping
from pathlib import Path

import vcnd
from integration.build import command, rootfs, third_party
from integration.build.archive import Image, write
from integration.build.cache import Cache, key_of
from integration.build.machines import AMD64, Machine, here
from integration.build.wheels import for_machine

ROOT = Path(__file__).parents[3]
PACKAGES = "usr/lib/python3/dist-packages"
RELEASE = 0
"""The number of a release's images."""
PROJECTS = {"vcnd": ROOT, "fakeoci": ROOT / "fakeoci"}
SOURCES = {
    "vcnd": ("pyproject.toml", "README.md", "LICENSE", "vcnd", "cni", "bpf"),
    "fakeoci": (".",),
}
"""Of each project, what its wheel is built from."""
OFFLINE = ("--no-deps", "--no-build-isolation")
SCRIPTS = {
    "vcnd": {
        "vcnd": "vcnd.__main__",
        "vcnd-policy": "vcnd.policy_main",
        "vcndctl": "vcnd.ctl",
        "vcnd-install": "vcnd.install.__main__",
    },
    "fakeoci": {"fakeoci": "fakeoci.__main__"},
}
COMMANDS = {
    "vcnd": ("/usr/bin/vcnd-install", "run"),
    "fakeoci": ("/usr/bin/fakeoci",),
}
"""Of each image, the program and its arguments."""
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
        number: tells images of the same content apart, for upgrades; that of a
            release has the package's version alone.
    """
    if number == RELEASE:
        return vcnd.__version__
    return f"{vcnd.__version__}-{source_key()[:8]}.{number}"


def vcnd_name(number: int = 1) -> str:
    """Return the name of the image of vcnd."""
    return _name("vcnd", number)


def fakeoci_name(number: int = 1) -> str:
    """Return the name of the image of the fake cloud."""
    return _name("fakeoci", number)


def _name(what: str, number: int) -> str:
    return f"localhost/{what}:{version(number)}"


def vcnd_archive(cache: Cache, number: int = 1) -> Path:
    """Return the archive of the image of vcnd for this cluster.

    Args:
        cache: keeps it, and what it is made of.
        number: the image's number.
    """
    return _archive(cache, "vcnd", number)


def fakeoci_archive(cache: Cache, number: int = 1) -> Path:
    """Return the archive of the image of the fake cloud (as ``vcnd_archive``)."""
    return _archive(cache, "fakeoci", number)


def _archive(cache: Cache, what: str, number: int) -> Path:
    made = image(cache, what, number)
    folder = cache.artifact(
        f"image-{what}",
        key_of(made.name, packages(cache, what).parent.name),
        lambda folder: write(made, folder / "image.tar"),
    )
    return folder / "image.tar"


def image(
    cache: Cache,
    what: str,
    number: int,
    *,
    newest: int | None = None,
    machine: Machine = AMD64,
) -> Image:
    """Return an image of ours.

    Args:
        cache: keeps what it is made of.
        what: ``vcnd`` or ``fakeoci``.
        number: the image's number.
        newest: no file in it is newer, in seconds since 1970.
        machine: the one that runs it.
    """
    layers: list[Mapping[str, Path | None]] = [
        {"/": rootfs.python(cache, machine)},
        {"/": packages(cache, what, machine)},
    ]
    if what == "vcnd":
        layers.append(
            {
                "/usr/lib/vcnd/version": _version_file(cache, number),
                "/usr/lib/vcnd/systemd": ROOT / "systemd",
                "/usr/lib/vcnd/10-vcnd.conflist": ROOT / "cni/10-vcnd.conflist",
            }
        )
    program, *arguments = COMMANDS[what]
    return Image(
        name=_name(what, number),
        machine=machine,
        layers=layers,
        entrypoint=[program],
        command=arguments,
        newest=newest,
    )


def _version_file(cache: Cache, number: int) -> Path:
    text = version(number) + "\n"
    key = key_of(text)
    made = cache.artifact(
        "image-version", key, lambda folder: (folder / "version").write_text(text)
    )
    return made / "version"


def packages(cache: Cache, what: str, machine: Machine = AMD64) -> Path:
    """Return a layer: the requirements and the packages, compiled.

    Args:
        cache: keeps it.
        what: ``vcnd`` or ``fakeoci``.
        machine: the one that runs it.
    """
    system = rootfs.python(cache, here())
    lock = (ROOT / "deploy/image" / f"{what}.txt").read_text()
    others = third_party.packages(cache, what, lock, machine)

    def make(folder: Path) -> None:
        target = folder / "layer" / PACKAGES
        shutil.copytree(others, target)
        # What is compiled lies among the sources: those of this checkout stay its own.
        project = folder / "project"
        for name in SOURCES[what]:
            _copy(PROJECTS[what] / name, project / name)
        # By name: pip notes the path of a project that it installs by its path.
        wheels = folder / "wheels"
        variables = {**os.environ, **for_machine(machine)}
        third_party.pip(
            "wheel", *OFFLINE, "-w", str(wheels), str(project), env=variables
        )
        third_party.install(
            *(*OFFLINE, "--no-index", "-f", str(wheels), "--only-binary=:all:"),
            *("--platform", f"linux_{machine.name}", what),
            target=target,
        )
        for path in (project, wheels, target / "bin"):
            shutil.rmtree(path, ignore_errors=True)
        scripts = folder / "layer/usr/bin"
        scripts.mkdir()
        for name, module in SCRIPTS[what].items():
            text = f"#!/usr/bin/python3 -I\nfrom {module} import main\n\nmain()\n"
            (scripts / name).write_text(text)
            (scripts / name).chmod(0o755)
        _compile(system, folder)

    key = key_of(source_key(), system.name, what, machine.name)
    return cache.artifact(f"layer-{what}", key, make) / "layer"


def _copy(source: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    if source.is_dir():
        ignored = shutil.ignore_patterns("__pycache__", "_shim", "_bpf")
        shutil.copytree(source, target, ignore=ignored, dirs_exist_ok=True)
    else:
        shutil.copy(source, target)


def _compile(system: Path, folder: Path) -> None:
    work, merged = folder / "work", folder / "merged"
    work.mkdir()
    merged.mkdir()
    inside = ["/usr/bin/unshare", "--mount", "/bin/sh", "-ec", COMPILE, "compile"]
    folders = map(str, (system, folder / "layer", work, merged))
    command.run([*inside, *folders], "our packages do not compile")
    shutil.rmtree(work)
    merged.rmdir()
