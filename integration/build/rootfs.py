"""Root file systems of Debian, made by debootstrap, for nodes and for our own image."""

import shutil
import subprocess
from pathlib import Path

from integration.build import command
from integration.build.cache import Cache, key_of
from integration.build.command import BuildError

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
NOT_NEEDED = (
    *("usr/share/doc", "usr/share/man", "usr/share/locale", "usr/share/info"),
    *("var/cache/apt", "var/lib/apt/lists", "usr/lib/udev/hwdb.d", "debootstrap"),
)


def node(cache: Cache) -> Path:
    """Return a node's root file system, with systemd and without Kubernetes."""
    return _debian(cache, "rootfs-node", NODE_PACKAGES)


def python(cache: Cache) -> Path:
    """Return the root file system that our own image is based on."""
    return _debian(cache, "rootfs-python", PYTHON_PACKAGES)


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


def _debian(cache: Cache, name: str, packages: tuple[str, ...]) -> Path:
    program = shutil.which("debootstrap")
    if program is None:
        raise BuildError("debootstrap is missing: apt-get install debootstrap")
    include = f"--include={','.join(packages)}"
    debootstrap = [program, "--variant=minbase", include, SUITE]

    def make(folder: Path) -> None:
        command.run(
            [*debootstrap, str(folder), *filter(None, [_mirror()])],
            f"{name}: debootstrap failed (it needs root)",
        )
        for path in NOT_NEEDED:
            shutil.rmtree(folder / path, ignore_errors=True)

    return cache.artifact(name, key_of(SUITE, packages, NOT_NEEDED), make)
