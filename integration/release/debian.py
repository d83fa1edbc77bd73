"""The Debian package of vcnd, for nodes on which no DaemonSet installs it.

Files are where the installer puts them in a cluster (``vcnd.install.layout``), but the
daemons run with the node's own Python: what they import lies in a folder of theirs.
https://www.debian.org/doc/debian-policy/ has the form of the package.
"""

import gzip
import hashlib
import os
import shutil
import tempfile
import zipfile
from datetime import UTC, datetime
from email.utils import format_datetime
from pathlib import Path

import vcnd
from integration.build import command, third_party
from integration.build.cache import Cache
from integration.build.command import BuildError
from integration.build.machines import Machine
from integration.kind.images.ours import SCRIPTS
from vcnd.install import layout, policies

NAME = "vcnd"
PYTHONS = ("3.11", "3.12", "3.13")
"""Of Debian 12, Ubuntu 24.04 and Debian 13."""
PACKAGES = "/usr/lib/vcnd/python"
"""What the daemons import."""
DOCUMENTS = "/usr/share/doc/vcnd"
CONFIGURATION = f"{layout.CONFIGURATION}/vcnd.toml"
CONFFILES = (CONFIGURATION, layout.SYSCTLS)
"""An upgrade keeps what the administrator has changed in them."""
SETTINGS = "90-vcnd.conf"
UNITS = ("vcnd.service", "vcnd.socket", *policies.UNITS)
SCRIPT = """\
#!/usr/bin/python3 -I
import sys

sys.path.insert(0, "{packages}")
from {module} import main

main()
"""
CHANGES = """\
vcnd ({version}) stable; urgency=medium

  * Release {version}: changelog.gz has its changes.

 -- vcnd maintainers <vcnd@vcnd.invalid>  {date}
"""


def build(
    cache: Cache, tree: Path, wheel: Path, *, machine: Machine, seconds: int
) -> Path:
    """Build the package beside its wheel; return its file.

    Args:
        cache: keeps others' packages.
        tree: the commit's files.
        wheel: of vcnd, for the machine.
        machine: the one that runs it.
        seconds: the time of all files, since 1970.

    Raises:
        BuildError: dpkg-deb is missing, or a package has no wheel for a Python.
    """
    program = shutil.which("dpkg-deb")
    if program is None:
        raise BuildError("dpkg-deb is missing: it is a part of Debian and Ubuntu")
    path = wheel.parent / f"{NAME}_{vcnd.__version__}_{machine.debian}.deb"
    with tempfile.TemporaryDirectory() as scratch:
        root = Path(scratch, "root")
        _lay_packages(cache, root, tree, wheel, machine)
        _lay_files(root, tree, seconds)
        _lay_control(root, tree, machine)
        for there in (root, *root.rglob("*")):
            is_program = there.is_dir() or os.access(there, os.X_OK)
            there.chmod(0o755 if is_program else 0o644)
            os.utime(there, (seconds, seconds))
        options = ["--root-owner-group", "-Zxz", "--threads-max=1", "--build"]
        command.run(
            [program, *options, str(root), str(path)],
            f"{path.name} cannot be built",
            env={**os.environ, "SOURCE_DATE_EPOCH": str(seconds)},
        )
    return path


def _lay_packages(
    cache: Cache, root: Path, tree: Path, wheel: Path, machine: Machine
) -> None:
    """Copy the packages that the daemons import, and the plugin, into the root."""
    target = _at(root, PACKAGES)
    lock = (tree / "deploy/image/vcnd.txt").read_text()
    for version in PYTHONS:
        others = third_party.packages(cache, NAME, lock, machine, version=version)
        for source in sorted(p for p in others.rglob("*") if p.is_file()):
            if source.relative_to(others).parts[0] != "bin":
                _merge(source, target / source.relative_to(others))
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(target)
    plugin = _at(root, layout.PLUGIN)
    plugin.parent.mkdir(parents=True)
    shutil.move(target / "vcnd/_shim/vcnd-cni", plugin)
    plugin.chmod(0o755)
    (target / "vcnd/_shim").rmdir()


def _merge(source: Path, target: Path) -> None:
    """Copy a file that the wheels of several Pythons have.

    Compiled modules have the Python's version in their names; metadata name it, too.

    Raises:
        BuildError: the same module differs.
    """
    if not target.exists():
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source, target)
    elif source.suffix in (".py", ".so") and (
        source.read_bytes() != target.read_bytes()
    ):
        raise BuildError(f"{target.name} differs between the wheels of two Pythons")


def _lay_files(root: Path, tree: Path, seconds: int) -> None:
    """Lay down everything else that the node gets."""
    debian = tree / "deploy/debian"
    files = {
        CONFIGURATION: debian / "vcnd.toml",
        layout.SYSCTLS: tree / "systemd" / SETTINGS,
        f"{layout.IMAGE}/10-vcnd.conflist": tree / "cni/10-vcnd.conflist",
        f"{DOCUMENTS}/copyright": debian / "copyright",
        f"{DOCUMENTS}/configuration.md": tree / "docs/configuration.md",
        "/usr/share/lintian/overrides/vcnd": debian / "lintian-overrides",
    }
    files |= {f"/lib/systemd/system/{u}": tree / "systemd" / u for u in UNITS}
    for inside, source in files.items():
        _write(root, inside, source.read_bytes())
    _write(root, "/usr/lib/sysusers.d/vcnd.conf", layout.SYSUSERS_TEXT.encode())
    for name, module in SCRIPTS["vcnd"].items():
        if module.startswith("vcnd.install"):
            continue
        text = SCRIPT.format(packages=PACKAGES, module=module)
        _write(root, f"/usr/bin/{name}", text.encode(), mode=0o755)
    date = format_datetime(datetime.fromtimestamp(seconds, UTC))
    changes = CHANGES.format(version=vcnd.__version__, date=date)
    for name, data in {
        "changelog.gz": (tree / "CHANGELOG.md").read_bytes(),
        "changelog.Debian.gz": changes.encode(),
    }.items():
        _write(root, f"{DOCUMENTS}/{name}", gzip.compress(data, mtime=0))


def _lay_control(root: Path, tree: Path, machine: Machine) -> None:
    """Write what dpkg itself reads."""
    files = sorted(p for p in root.rglob("*") if p.is_file())
    size = sum(p.stat().st_size for p in files)
    # The form wants this very digest.
    sums = "".join(
        f"{hashlib.md5(p.read_bytes(), usedforsecurity=False).hexdigest()}"
        f"  {p.relative_to(root)}\n"
        for p in files
        if f"/{p.relative_to(root)}" not in CONFFILES
    )
    control = (tree / "deploy/debian/control").read_text()
    control = control.replace("@VERSION@", vcnd.__version__)
    control = control.replace("@ARCHITECTURE@", machine.debian)
    control = control.replace("Depends:", f"Installed-Size: {size >> 10}\nDepends:")
    _write(root, "/DEBIAN/control", control.encode())
    _write(root, "/DEBIAN/md5sums", sums.encode())
    _write(root, "/DEBIAN/conffiles", "".join(f"{x}\n" for x in CONFFILES).encode())
    for script in ("postinst", "prerm", "postrm"):
        data = (tree / "deploy/debian" / script).read_bytes()
        _write(root, f"/DEBIAN/{script}", data, mode=0o755)


def _write(root: Path, inside: str, data: bytes, *, mode: int = 0o644) -> None:
    path = _at(root, inside)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    path.chmod(mode)


def _at(root: Path, inside: str) -> Path:
    return root / inside.lstrip("/")
