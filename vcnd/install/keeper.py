"""Installs vcnd, then keeps the token fresh and follows the configuration."""

from collections.abc import Mapping
from pathlib import Path
from typing import Never

import trio

from vcnd.config_reading import ConfigError
from vcnd.install import (
    cni,
    identity,
    layout,
    neighbours,
    policies,
    tree,
    units,
    wanted,
)
from vcnd.install.host import Host, InstallError
from vcnd.install.wanted import Wanted
from vcnd.kubeapi.client import KubeClient
from vcnd.kubeapi.credentials import Credentials
from vcnd.log import log
from vcnd.serve.ask import AskError, ask, ask_for
from vcnd.serve.verbs import STATUS

INTERVAL_SECONDS = 5.0
RENEW_SECONDS = 3600.0
CONFIGURATION = f"{layout.CONFIGURATION}/vcnd.toml"
READY_FILE = Path("/run/vcnd-install.ready")
"""The readiness probe looks for it."""


class Keeper:
    """The installer pod of one node."""

    def __init__(
        self,
        host: Host,
        *,
        node_name: str,
        configuration: Path,
        api_server: str,
        pod: Path = identity.POD,
    ) -> None:
        """Make it; ``run`` installs.

        Args:
            host: the node.
            node_name: its name in Kubernetes.
            configuration: the file that the daemon is to have.
            api_server: the API server's address; empty: the kubelet's.
            pod: the folder with this pod's own identity.
        """
        self._host = host
        self._node_name = node_name
        self._configuration = configuration
        self._api_server = api_server
        self._pod = pod
        self._wanted: Wanted | None = None
        """The configuration that the node gets; None before one could be read."""
        self._refused = ""
        """Why the configuration of now cannot be used; empty if it can."""
        self._said = ""
        self._server = ""
        self._users: Mapping[str, tuple[int, int]] = {}

    async def run(self) -> None:
        """Install, then reconcile for ever.

        Raises:
            InstallError: a step failed; the pod is started again and tries again.
        """
        host = self._host
        self._users = await trio.to_thread.run_sync(self._make_users)
        self._server = identity.api_server(host, self._api_server)
        client = KubeClient(Credentials(identity.of_pod(self._server, self._pod)))
        try:
            await self._keep(client)
        finally:
            with trio.CancelScope(shield=True, deadline=trio.current_time() + 1):
                await client.aclose()

    async def _keep(self, client: KubeClient) -> Never:
        taken = self._take()
        if taken is None:
            if self._host.read(f"{identity.DAEMON.folder}/token") is not None:
                await self._renew(client)  # what runs on the node goes on meanwhile
            raise InstallError(f"the configuration cannot be used: {self._refused}")
        kind = await self._renew(client)
        renewed = trio.current_time()
        await trio.to_thread.run_sync(self._install, taken)
        log.info("installed", version=tree.version(), token=kind)
        while True:
            if not self._differs():
                self._refused = ""
            elif taken := self._take():
                await self._renew(client)
                await trio.to_thread.run_sync(self._reconfigure, taken)
            await trio.to_thread.run_sync(self._announce)
            await trio.sleep(INTERVAL_SECONDS)
            if trio.current_time() - renewed > RENEW_SECONDS:
                await self._renew(client)
                renewed = trio.current_time()

    def _make_users(self) -> dict[str, tuple[int, int]]:
        names = (layout.USER, layout.POLICY_USER)
        if None in map(self._host.user, names):
            self._host.write(layout.SYSUSERS, layout.SYSUSERS_TEXT)
            self._host.run("systemd-sysusers", layout.SYSUSERS)
        users = {}
        for name in names:
            found = self._host.user(name)
            if found is None:
                raise InstallError(f"there is no user {name}, and none can be made")
            users[name] = found
        return users

    async def _renew(self, client: KubeClient) -> str:
        """Renew the tokens; return the kind of the daemon's."""
        host, node = self._host, self._node_name
        daemon, policy = (self._users[x] for x in (layout.USER, layout.POLICY_USER))
        # The daemon's first: a missing right of the other must not end it.
        kind = await identity.renew(host, client, node, daemon, pod=self._pod)
        if self._enforces():
            account = identity.POLICY
            await identity.renew(host, client, node, policy, account, pod=self._pod)
        return kind

    def _take(self) -> Wanted | None:
        """Take the ConfigMap's configuration; return None if it cannot be used."""
        try:
            self._wanted = wanted.read(self._configuration, self._node_name)
        except ConfigError as error:
            if str(error) != self._refused:
                log.error("configuration_refused", reason=str(error))
            self._refused = str(error)
            READY_FILE.unlink(missing_ok=True)
            return None
        self._refused = ""
        return self._wanted

    def _enforces(self) -> bool:
        """Return True if network policies are on in the node's configuration."""
        if self._wanted is None:
            return self._host.read(layout.POLICY_KUBECONFIG) is not None
        return self._wanted.enforces

    def _install(self, taken: Wanted) -> None:
        host = self._host
        changed = host.write(CONFIGURATION, taken.text)
        changed |= identity.lay(
            host, identity.DAEMON, self._server, self._users[layout.USER]
        )
        units.remember_settings(host)
        path = tree.lay(host, tree.version(), self._users)
        changed |= units.lay(host, path, self._node_name)
        cni.lay_plugin(host)
        if changed:
            host.run("systemctl", "daemon-reload")
        self._run_policies(changed=changed)
        units.start(host, changed=changed)

    def _run_policies(self, *, changed: bool) -> None:
        """Start or stop their process, before the daemon asks it."""
        if self._enforces():
            ids = self._users[layout.POLICY_USER]
            policies.start(self._host, self._server, ids, changed=changed)
        elif policies.stop(self._host):
            policies.remove_rules()

    def _differs(self) -> bool:
        there = self._host.read(CONFIGURATION)
        try:
            return there != self._configuration.read_bytes()
        except OSError:
            return True

    def _reconfigure(self, taken: Wanted) -> None:
        """Follow the configuration."""
        self._host.write(CONFIGURATION, taken.text)
        log.info("configuration_changed")
        self._run_policies(changed=True)
        self._host.run("systemctl", "restart", "vcnd.service")

    def _announce(self) -> None:
        """Announce the network when the daemon serves it."""
        try:
            ask(
                str(self._host.path(layout.SOCKET)),
                "STATUS",
                {"cniVersion": "1.1.0", "name": "vcnd", "type": "vcnd-cni"},
            )
        except AskError as error:
            READY_FILE.unlink(missing_ok=True)
            if str(error) != self._said:
                self._said = str(error)
                log.warning("daemon_not_ready", reason=self._said)
            return
        self._name_vnics()
        if cni.announce(self._host):
            log.info("network_announced", path=layout.CONFLIST)
        if not READY_FILE.exists() and not self._refused:
            self._said = ""
            tree.remove_others(self._host, tree.version())
            READY_FILE.touch()
            log.info("daemon_serves", version=tree.version())

    def _name_vnics(self) -> None:
        """Tell the node's network programs which VNICs belong to vcnd."""
        try:
            status = ask_for(str(self._host.path(layout.SOCKET)), STATUS)
        except AskError:
            return  # asked again in a moment
        macs = [vnic.mac for vnic in status.pod_vnics]
        neighbours.name_vnics(self._host, macs)
