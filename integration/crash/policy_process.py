"""vcnd-policy of the node: it can be killed as the daemon can."""

import json
from collections.abc import Mapping
from functools import partial
from typing import Any

import trio

from integration.checking import CheckError
from integration.crash.forked import Stem
from integration.lab.node import Node
from integration.lab.pods import Pod
from integration.lab.policies import Policies, status
from integration.lab.service import Service
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


class PolicyProcess(Service):
    """vcnd-policy with its socket, as the units have it, and its policies in files."""

    def __init__(self, node: Node, stem: Stem) -> None:
        self.policies = Policies(node.directory / "policies")
        self._node = node
        self._plain_config = node.config_path.read_text()
        super().__init__(
            PROGRAM,
            node=node.name,
            directory=node.directory,
            socket_path=node.directory / "policy.sock",
            config_path=node.config_path,
            log_path=node.directory / "policy.log",
            launch=partial(stem.launch, program=PROGRAM),
        )

    def configure(self, enforcement: str) -> None:
        """Write the configuration of both processes; they read it when they start."""
        section = {
            "enforcement": enforcement,
            "manifests": str(self._node.directory / "policies"),
            "socket": str(self.socket_path),
            # The log of denied packets would never be quiet.
            "denied_per_second": 0,
        }
        lines = ["[policy]", *(f"{k} = {json.dumps(v)}" for k, v in section.items())]
        self.config_path.write_text(self._plain_config + "\n".join(lines) + "\n")

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
                status, str(self.socket_path), abandon_on_cancel=True
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
        self.config_path.write_text(self._plain_config)
        self.close()
        self.policies.clear()
