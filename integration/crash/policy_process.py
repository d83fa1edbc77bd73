"""vcnd-policy of the node: it can be killed as the daemon can."""

import json
import socket
from collections.abc import Mapping
from typing import Any

import trio

from fakeoci.fabric import netns
from integration.checking import CheckError
from integration.crash.forked import Stem
from integration.lab.node import Daemon, Node, Start, until_ready
from integration.lab.pods import Pod
from integration.lab.policies import Policies, status
from vcnd.serve.ask import AskError

PROGRAM = "vcnd-policy"
POLL_SECONDS = 0.02
IN_FORCE_SECONDS = 15.0
ISOLATED = {"isolated": "yes"}
"""The labels of a pod that the policy is about."""
ISOLATION = {
    "apiVersion": "networking.k8s.io/v1",
    "kind": "NetworkPolicy",
    "metadata": {"name": "isolation"},
    "spec": {
        "podSelector": {"matchLabels": ISOLATED},
        "policyTypes": ["Ingress", "Egress"],
    },
}


class PolicyProcess:
    """vcnd-policy with its socket, as the units have it, and its policies in files."""

    def __init__(self, node: Node, stem: Stem) -> None:
        self.log_path = node.directory / "policy.log"
        self.policies = Policies(node.directory / "policies")
        self._node, self._stem = node, stem
        self._plain_config = node.config_path.read_text()
        self._path = node.directory / "policy.sock"
        self._process: Daemon | None = None
        self._listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._listener.bind(str(self._path))
        self._listener.listen(512)

    def configure(self, enforcement: str) -> None:
        """Write the configuration of both processes; they read it when they start."""
        section = {
            "enforcement": enforcement,
            "manifests": str(self._node.directory / "policies"),
            "socket": str(self._path),
            # The log of denied packets would never be quiet.
            "denied_per_second": 0,
        }
        lines = ["[policy]", *(f"{k} = {json.dumps(v)}" for k, v in section.items())]
        self._node.config_path.write_text(self._plain_config + "\n".join(lines) + "\n")

    def write(self, pods: list[Pod], isolated: Pod | None, *, policy: bool) -> None:
        """Write what Kubernetes would say.

        Args:
            pods: all of them.
            isolated: the one that the policy is about.
            policy: whether there is a policy.
        """
        labels: Mapping[str, Any] = {isolated.name: ISOLATED} if isolated else {}
        self.policies.write_pods(pods, labels)
        self.policies.write("policy", [ISOLATION] if policy else [])

    @property
    def runs(self) -> bool:
        """Return True if it was started, and its end was not awaited."""
        return self._process is not None

    @property
    def pid(self) -> int:
        """Return its process id."""
        if self._process is None:
            raise RuntimeError("vcnd-policy does not run")
        return self._process.pid

    async def start(self) -> None:
        """Start it with its socket passed; return at READY=1.

        Raises:
            RuntimeError: it has ended, or takes too long.
        """
        notify_path = self._node.directory / "policy-notify.sock"
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as plain:
            plain.bind(str(notify_path))
            try:
                ready = await self._launch_and_wait(plain)
            finally:
                notify_path.unlink()
        if not ready:
            await self.kill()
            raise RuntimeError(f"vcnd-policy: {self.log_path.read_text()[-400:]}")

    async def _launch_and_wait(self, notify: socket.socket) -> bool:
        with self.log_path.open("ab") as log:
            start = Start(
                netns=netns.DIRECTORY / self._node.name,
                listener=self._listener,
                config=self._node.config_path,
                log=log,
                notify=self._node.directory / "policy-notify.sock",
            )
            self._process = await self._stem.launch(start, PROGRAM)
        return await until_ready(
            self._process, trio.socket.from_stdlib_socket(notify.dup())
        )

    async def kill(self) -> None:
        """Kill it by SIGKILL, if it runs."""
        if self._process is not None:
            self._process.kill()
            await self.ended()

    async def ended(self) -> int:
        """Return its exit status when it has ended; 0 if it does not run."""
        code = 0
        if self._process is not None:
            code = await self._process.wait()
            self._process = None
        return code

    async def until_in_force(self) -> None:
        """Return when rules of this life are in force.

        Raises:
            CheckError: that takes too long.
        """
        with trio.move_on_after(IN_FORCE_SECONDS):
            while True:
                if await self._is_in_force():
                    return
                await trio.sleep(POLL_SECONDS)
        raise CheckError("vcnd-policy has put no rules in force")

    async def _is_in_force(self) -> bool:
        try:
            found = await trio.to_thread.run_sync(
                status, str(self._path), abandon_on_cancel=True
            )
        except AskError:
            return False
        return found.rules.in_force_seconds is not None and not found.rules.held

    async def switch_off(self) -> None:
        """Let it take its tables away, and close its socket."""
        await self.kill()
        self.configure("off")
        try:
            await self.start()
        except RuntimeError as error:
            if self.runs:
                raise CheckError("vcnd-policy does not end") from error
        self._node.config_path.write_text(self._plain_config)
        self._listener.close()
        self._path.unlink()
        self.policies.clear()
