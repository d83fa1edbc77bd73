"""Docker: the user's own if it can be used, else a daemon of ours.

Ours has its own data, sockets, process file and network namespace, so it does not
disturb a Docker that runs already.  Its programs are Debian's, unpacked into the
cache and not installed.
"""

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from integration.build.cache import Cache, key_of
from integration.build.command import BuildError

PACKAGES = (
    *("docker.io", "containerd", "runc", "iptables", "libdevmapper1.02.1"),
    *("libip4tc2", "libip6tc2", "libmnl0", "libnetfilter-conntrack3"),
    *("libnfnetlink0", "libnftnl11", "libseccomp2", "libxtables12"),
)
RUNTIME = Path(__file__).parent / "less_capable_runc.py"
LIBRARIES = "usr/lib/x86_64-linux-gnu"
CGROUP_PARENT = "vcnd-kind"
START_SECONDS = 60.0
STOP_SECONDS = 60.0


class DockerError(Exception):
    """Docker refused a command; the text has the command and its output."""


@dataclass(frozen=True, kw_only=True)
class Docker:
    """A Docker: its client, and the network namespace of its network."""

    client: str
    environment: Mapping[str, str] = field(default_factory=dict)
    pid: int | None = None
    """Our own daemon's; containers can be reached only from its network namespace."""

    def wrap(self, command: list[str]) -> list[str]:
        """Return a command that runs in the network namespace of Docker's network."""
        if self.pid is None:
            return command
        return ["/usr/bin/nsenter", "-t", str(self.pid), "-n", "--", *command]

    def run(self, *arguments: str, stdin: Path | None = None) -> str:
        """Run the command line client; return what it prints.

        Raises:
            DockerError: it failed.
        """
        command = [self.client, *arguments]
        with (stdin or Path(os.devnull)).open("rb") as given:
            done = subprocess.run(
                command,
                stdin=given,
                env={**os.environ, **self.environment},
                capture_output=True,
                text=True,
                check=False,
            )
        if done.returncode:
            shown = " ".join(command[:4])
            raise DockerError(f"{shown} …: {done.stderr.strip()[-2000:]}")
        return done.stdout


def users_own() -> Docker | None:
    """Return the Docker that the user has, if it answers."""
    client = shutil.which("docker")
    if client is None:
        return None
    done = subprocess.run([client, "info"], capture_output=True, check=False)
    return Docker(client=client) if done.returncode == 0 else None


class OwnDocker:
    """A Docker daemon of ours, with all its state under one folder."""

    def __init__(self, state: Path) -> None:
        self._state = state
        self._pid_file = state / "docker.pid"

    def running(self, cache: Cache) -> Docker | None:
        """Return the running daemon, or None."""
        try:
            pid = int(self._pid_file.read_text())
            name = Path(f"/proc/{pid}/comm").read_text().strip()
        except (OSError, ValueError):
            return None
        return self._at(cache, pid) if name == "dockerd" else None

    def _at(self, cache: Cache, pid: int) -> Docker:
        return Docker(
            client=str(programs(cache) / "usr/bin/docker"),
            environment={"DOCKER_HOST": f"unix://{self._state / 'docker.sock'}"},
            pid=pid,
        )

    def start(self, cache: Cache) -> Docker:
        """Start it, or return the one that runs.

        Raises:
            DockerError: it did not start; the text has the path of its log.
        """
        found = self.running(cache)
        if found is not None:
            return found
        if os.geteuid() != 0:
            raise DockerError(
                "no Docker answers, and one of our own needs root: start yours, or"
                " run this as root"
            )
        self._state.mkdir(parents=True, exist_ok=True)
        log = self._state / "dockerd.log"
        with log.open("ab") as output:
            process = subprocess.Popen(
                ["/usr/bin/unshare", "--net", "--", *self._command()],
                env=self._environment(programs(cache)),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
            )
        give_up_at = time.monotonic() + START_SECONDS
        while time.monotonic() < give_up_at and process.poll() is None:
            found = self.running(cache)
            if found is not None and _answers(found):
                subprocess.run(
                    found.wrap(["/sbin/ip", "link", "set", "lo", "up"]), check=True
                )
                return found
            time.sleep(0.1)
        raise DockerError(f"dockerd did not come up; its log is {log}")

    def _command(self) -> list[str]:
        state = self._state
        # dockerd executes the runtime: give it an interpreter that certainly exists.
        wrapper = state / "runc-nocap"
        wrapper.write_text(f'#!/bin/sh\nexec {sys.executable} {RUNTIME} "$@"\n')
        wrapper.chmod(0o755)
        return [
            *("dockerd", "--data-root", str(state / "data")),
            *("--exec-root", str(state / "exec"), "--pidfile", str(self._pid_file)),
            *("--host", f"unix://{state / 'docker.sock'}", "--bridge", "none"),
            *("--cgroup-parent", CGROUP_PARENT, "--add-runtime", f"nocap={wrapper}"),
            *("--default-runtime", "nocap"),
        ]

    @staticmethod
    def _environment(root: Path) -> dict[str, str]:
        places = [root / p for p in ("alternatives", "usr/bin", "usr/sbin", "sbin")]
        path = ":".join([*map(str, places), os.environ.get("PATH", ""), "/usr/sbin"])
        return {
            **os.environ,
            "PATH": path,
            "LD_LIBRARY_PATH": f"{root / LIBRARIES}:{root / 'lib/x86_64-linux-gnu'}",
            "XTABLES_LIBDIR": str(root / LIBRARIES / "xtables"),
        }

    def stop(self, cache: Cache) -> None:
        """Stop the daemon, if it runs, and remove all its state."""
        found = self.running(cache)
        if found is not None and found.pid is not None:
            os.kill(found.pid, signal.SIGTERM)
            give_up_at = time.monotonic() + STOP_SECONDS
            while Path(f"/proc/{found.pid}").exists():
                _reap(found.pid)
                if time.monotonic() > give_up_at:
                    raise DockerError(f"dockerd (pid {found.pid}) does not stop")
                time.sleep(0.1)
        self._unmount()
        shutil.rmtree(self._state, ignore_errors=True)
        _remove_cgroups()

    def _unmount(self) -> None:
        inside = str(self._state)
        mounts = [
            x.split()[4] for x in Path("/proc/self/mountinfo").read_text().splitlines()
        ]
        for target in sorted((m for m in mounts if m.startswith(inside)), reverse=True):
            subprocess.run(["/bin/umount", "-l", target], check=False)


def _reap(pid: int) -> None:
    """Wait for an ended child, else it stays a zombie; ignore others' processes."""
    with suppress(ChildProcessError):
        os.waitpid(pid, os.WNOHANG)


def _answers(docker: Docker) -> bool:
    try:
        docker.run("version")
    except DockerError:
        return False
    return True


def thaw() -> None:
    """Thaw our frozen cgroups: their processes cannot be killed before.

    runc freezes a cgroup (version 1) while it sets device rules.  On a busy machine its
    caller may give up and kill it meanwhile; then the cgroup stays frozen.
    """
    for state in Path("/sys/fs/cgroup/freezer").glob(
        f"{CGROUP_PARENT}/**/freezer.state"
    ):
        if state.read_text().strip() != "THAWED":
            state.write_text("THAWED")


def _remove_cgroups() -> None:
    for parent in Path("/sys/fs/cgroup").glob(f"*/{CGROUP_PARENT}"):
        for folder in sorted(parent.rglob("*"), reverse=True):
            if folder.is_dir():
                folder.rmdir()
        parent.rmdir()
    unified = Path("/sys/fs/cgroup") / CGROUP_PARENT
    if unified.is_dir():
        for folder in sorted(unified.rglob("*"), reverse=True):
            if folder.is_dir():
                folder.rmdir()
        unified.rmdir()


def _apt_get(folder: Path, *arguments: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        ["/usr/bin/apt-get", *arguments],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )


def programs(cache: Cache) -> Path:
    """Return the folder into which Docker's packages are unpacked."""

    def unpack(folder: Path) -> None:
        download = folder / "packages"
        download.mkdir()
        done = _apt_get(download, "download", *PACKAGES)
        if done.returncode:  # the machine has old lists, or none
            _apt_get(download, "update", "-q")
            done = _apt_get(download, "download", *PACKAGES)
        if done.returncode:
            raise BuildError(f"Docker's packages cannot be had: {done.stderr.strip()}")
        for package in download.iterdir():
            subprocess.run(
                ["/usr/bin/dpkg", "-x", str(package), str(folder)], check=True
            )
        shutil.rmtree(download)
        # The link that Debian's alternatives would make.
        links = folder / "alternatives"
        links.mkdir()
        for table in ("iptables", "ip6tables"):
            for suffix in ("", "-save", "-restore"):
                target = "../usr/sbin/xtables-nft-multi"
                (links / f"{table}{suffix}").symlink_to(target)

    return cache.artifact("docker", key_of(PACKAGES), unpack)
