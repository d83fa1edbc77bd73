"""kube-router 2.1.0 as a firewall only, on a measured node.

It gets what its documentation asks for: the API server, iptables and ipset.  The pods'
network stays vcnd's.
"""

import shutil
import subprocess
import time
from pathlib import Path

from fakeoci.fabric import netns
from integration.build.cache import Cache
from integration.build.command import BuildError
from integration.build.components import KUBE_ROUTER, build

NAME = "kube-router"
NEEDED = ("iptables", "iptables-save", "iptables-restore", "ip6tables", "ipset")
SYNCED = "sync iptables took"
"""What it logs after it has written its rules."""
SYNC_SECONDS = 300.0
CLUSTER_IPS = "10.96.0.0/24"
TABLES = ("ip filter", "ip6 filter")


def program(cache: Cache) -> Path:
    """Return the program, building it if need be.

    Raises:
        BuildError: it cannot be built, or what it calls is not on this machine.
    """
    path = "/usr/sbin:/sbin:/usr/bin:/bin"
    lacking = [name for name in NEEDED if not shutil.which(name, path=path)]
    if lacking:
        raise BuildError(
            f"kube-router needs {', '.join(lacking)}: apt-get install iptables ipset"
        )
    return build(cache, KUBE_ROUTER)


def found(cache: Cache, missing: dict[str, str]) -> Path | None:
    """Return the program; None where it cannot be had, and note why."""
    try:
        return program(cache)
    except BuildError as error:
        missing[NAME] = str(error)
        return None


class KubeRouter:
    """The process of one node; its rules outlive it."""

    def __init__(
        self, program: Path, node: str, kubeconfig: Path, directory: Path
    ) -> None:
        """Make it; ``start`` starts it.

        Args:
            program: what ``program`` returned.
            node: the node's network namespace, and its name in the API.
            kubeconfig: the way to the API server.
            directory: takes its log.
        """
        self.node = node
        self.log_path = directory / f"kube-router-{node}.log"
        self._command = [
            *("/usr/bin/nsenter", f"--net={netns.DIRECTORY / node}"),
            *(str(program), "--run-router=false", "--run-service-proxy=false"),
            *("--run-firewall=true", "--kubeconfig", str(kubeconfig)),
            *("--hostname-override", node, "--service-cluster-ip-range", CLUSTER_IPS),
            *("--health-port", "0", "-v", "1"),
        ]
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int:
        """Return its process id."""
        if self._process is None:
            raise RuntimeError(f"{self.node}: kube-router does not run")
        return self._process.pid

    def start(self) -> None:
        """Start it; it says nowhere when its rules are in force."""
        with self.log_path.open("ab") as log:
            self._process = subprocess.Popen(self._command, stdout=log, stderr=log)

    def until_synced(self, seconds: float = SYNC_SECONDS) -> None:
        """Return when it has written its rules; it knows the cluster before.

        Raises:
            RuntimeError: it has not in this time, or has ended.
        """
        give_up_at = time.monotonic() + seconds
        while SYNCED not in self.log_path.read_text():
            ended = self._process is None or self._process.poll() is not None
            if ended or time.monotonic() > give_up_at:
                raise RuntimeError(
                    f"kube-router writes no rules: {self.log_path.read_text()[-2000:]}"
                )
            time.sleep(0.1)

    def kill(self) -> None:
        """Kill it; its rules stay."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def remove_rules(self) -> None:
        """Delete its tables and sets."""
        for table in TABLES:
            netns.nft(self.node, f"add table {table}\ndelete table {table}\n")
        netns.inside(
            self.node,
            lambda: subprocess.run(["/usr/sbin/ipset", "destroy"], check=True),
        )
