"""Root file systems of Debian, made by debootstrap, for nodes and for our own image."""

import shutil
import subprocess
from contextlib import suppress
from pathlib import Path

from integration.build import command, foreign
from integration.build.cache import Cache, key_of
from integration.build.command import BuildError
from integration.build.machines import AMD64, Machine, here

# Not newer: systemd 256 and up refuse cgroup version 1, which some machines have.
SUITE = "bookworm"
NODE_PACKAGES = (
    *("bash", "bind9-dnsutils", "busybox", "ca-certificates", "conntrack", "curl"),
    *("dbus", "ebtables", "ethtool", "gzip", "hostname", "ipset", "iperf"),
    *("iproute2", "iptables", "iputils-ping", "jq", "kmod", "less", "libseccomp2"),
    *("mount", "netcat-openbsd", "nftables", "procps", "runc", "socat"),
    *("systemd", "systemd-sysv", "tar", "tcpdump", "util-linux"),
)
PYTHON_PACKAGES = (
    *("ca-certificates", "curl", "iproute2", "nftables", "procps", "python3-minimal"),
    *("python3-venv", "tcpdump", "util-linux"),
)
SERVICE_PACKAGES = (
    *("iproute2", "nftables", "python3-minimal", "python3", "systemd", "procps"),
)
"""What the package depends on."""
NOT_NEEDED = (
    *("usr/share/doc", "usr/share/man", "usr/share/locale", "usr/share/info"),
    *("var/cache/apt", "var/lib/apt/lists", "usr/lib/udev/hwdb.d", "debootstrap"),
    # Of the machine that builds: its name, its mirror, and when it did what.
    *("etc/apt/sources.list", "etc/hostname", "etc/resolv.conf"),
    *("var/cache/ldconfig", "var/log/alternatives.log"),
    *("var/log/apt", "var/log/bootstrap.log", "var/log/dpkg.log"),
)


def node(cache: Cache) -> Path:
    """Return a node's root file system, with systemd and without Kubernetes."""
    return _debian(cache, "rootfs-node", NODE_PACKAGES)


def python(cache: Cache, machine: Machine = AMD64) -> Path:
    """Return the root file system that our own image is based on."""
    return _debian(cache, "rootfs-python", PYTHON_PACKAGES, machine)


def service(cache: Cache) -> Path:
    """Return the root file system of a node that runs our Debian package."""
    return _debian(cache, "rootfs-service", SERVICE_PACKAGES, here())


def _mirror() -> str:
    """Return the Debian mirror that this machine's apt uses."""
    done = subprocess.run(
        ["/usr/bin/apt-get", "indextargets", "--format", "$(SITE) $(CREATED_BY)"],
        capture_output=True,
        text=True,
        check=False,
    )
    for line in done.stdout.splitlines():
        site, _, kind = line.partition(" ")
        if kind == "Packages" and "security" not in site:
            return site
    return ""


def _debian(
    cache: Cache, name: str, packages: tuple[str, ...], machine: Machine = AMD64
) -> Path:
    program = shutil.which("debootstrap")
    if program is None:
        raise BuildError("debootstrap is missing: apt-get install debootstrap")
    include = f"--include={','.join(packages)}"
    debootstrap = [program, "--variant=minbase", include, SUITE]

    def make(folder: Path) -> None:
        words = [*debootstrap, str(folder), *filter(None, [_mirror()])]
        failure = f"{name}: debootstrap failed (it needs root)"
        if machine.is_here:
            command.run(words, failure)
        else:
            words.insert(1, f"--arch={machine.debian}")
            # Without the word it makes device files, which takes full rights.
            foreign.run(machine, ["/usr/bin/env", "container=lxc", *words], failure)
            _remove_devices(folder)
        for path in NOT_NEEDED:
            shutil.rmtree(folder / path, ignore_errors=True)
            with suppress(FileNotFoundError, IsADirectoryError):
                (folder / path).unlink()

    if not machine.is_here:
        name = f"{name}-{machine.debian}"
    return cache.artifact(name, key_of(SUITE, packages, NOT_NEEDED), make)


def _remove_devices(root: Path) -> None:
    """Remove the files over which debootstrap has mounted this machine's devices."""
    for path in (root / "dev").iterdir():
        if path.is_file() and not path.is_symlink():
            path.unlink()
