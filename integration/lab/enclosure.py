"""Namespaces around a run, so that it changes nothing on the machine.

For root and for a plain user alike, the run gets its own network, mount and process
namespaces (for a user also a user namespace), with an empty /run.  When its first
process ends, the kernel ends all processes in them and removes them.
"""

import ctypes
import os
import signal
import subprocess
import sys
from contextlib import suppress

from fakeoci.fabric import netns

MARK = "VCND_ENCLOSED"
UNSHARE = [
    *("/usr/bin/unshare", "--net", "--mount", "--propagation", "private"),
    *("--pid", "--fork", "--kill-child", "--mount-proc"),
]
ENDS_WITH_US = ["/usr/bin/setpriv", "--pdeathsig", "KILL"]
AS_ROOT_INSIDE = ["--user", "--map-root-user"]


SET_CHILD_SUBREAPER = 36
"""Of prctl(2)."""


def inside() -> bool:
    """Return True if this process is inside."""
    return bool(os.environ.get(MARK))


def enter(module: str, arguments: list[str]) -> None:
    """Run a module anew inside, and exit; return where this process is inside already.

    A SIGTERM or SIGHUP ends all that runs inside.
    """
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
    sys.exit(_run([*ENDS_WITH_US, *command], environment))


def _run(command: list[str], environment: dict[str, str]) -> int:
    """Run the first process inside; return its exit status when all have ended."""
    # Else the processes inside outlive unshare for a moment.
    ctypes.CDLL(None).prctl(SET_CHILD_SUBREAPER, 1)
    told: list[int] = []
    process = subprocess.Popen(command, env=environment)

    def end(number: int, _: object) -> None:
        told.append(number)
        process.kill()  # unshare ignores what is less

    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, end)
    # A terminal tells those inside, too, and they end in their order.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    code = process.wait()
    with suppress(ChildProcessError):
        while True:
            os.wait()
    return 128 + (told[0] if told else -code) if told or code < 0 else code


def prepare() -> None:
    """Make /run the run's own, and set the loopback link up."""
    for command in (
        ["/bin/mount", "-t", "tmpfs", "-o", "mode=0755", "none", "/run"],
        ["/sbin/ip", "link", "set", "lo", "up"],
    ):
        subprocess.run(command, check=True)
    netns.DIRECTORY.mkdir()
