"""Namespaces around a run, so that it changes nothing on the machine.

For root and for a plain user alike, the run gets its own network, mount and process
namespaces (for a user also a user namespace), with an empty /run.  When its first
process ends, the kernel ends all processes in them and removes them.
"""

import os
import subprocess
import sys

from fakeoci.fabric import netns

MARK = "VCND_ENCLOSED"
UNSHARE = [
    *("/usr/bin/unshare", "--net", "--mount", "--propagation", "private"),
    *("--pid", "--fork", "--kill-child", "--mount-proc"),
]
AS_ROOT_INSIDE = ["--user", "--map-root-user"]


def inside() -> bool:
    """Return True if this process is inside."""
    return bool(os.environ.get(MARK))


def enter(module: str, arguments: list[str]) -> None:
    """Start a module anew inside; return where this process is inside already."""
    if inside():
        prepare()
        return
    command = list(UNSHARE)
    if os.geteuid() != 0:
        command[1:1] = AS_ROOT_INSIDE
        probe = subprocess.run([*command, "true"], capture_output=True, check=False)
        if probe.returncode:
            message = probe.stderr.decode().strip()
            sys.exit(
                "This kernel lets no plain user make a user namespace"
                f" ({message}); run it as root, or allow user namespaces"
                " (sysctl kernel.unprivileged_userns_clone=1,"
                " kernel.apparmor_restrict_unprivileged_userns=0)."
            )
    environment = {**os.environ, MARK: "1"}
    command += [sys.executable, "-m", module, *arguments]
    os.execve(command[0], command, environment)  # noqa: S606


def prepare() -> None:
    """Make /run the run's own, and set the loopback link up."""
    for command in (
        ["/bin/mount", "-t", "tmpfs", "-o", "mode=0755", "none", "/run"],
        ["/sbin/ip", "link", "set", "lo", "up"],
    ):
        subprocess.run(command, check=True)
    netns.DIRECTORY.mkdir()
