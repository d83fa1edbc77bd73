"""Installs vcnd, then keeps the token fresh and follows the configuration."""

from pathlib import Path

import trio

from vcnd.install import cni, identity, layout, neighbours, tree, units
from vcnd.install.host import Host, InstallError
from vcnd.kubeapi.client import KubeClient
from vcnd.kubeapi.credentials import Credentials
from vcnd.log import log
from vcnd.serve.ask import AskError, ask, ask_status

INTERVAL_SECONDS = 5.0
RENEW_SECONDS = 3600.0
READY_FILE = Path("/run/vcnd-install.ready")
"""The readiness probe looks for it."""


class Keeper:
    """The installer pod of one node."""

    def __init__(
        self, host: Host, *, node_name: str, configuration: Path, api_server: str
    ) -> None:
        self._host = host
        self._node_name = node_name
        self._configuration = configuration
        self._api_server = api_server
        self._said = ""

    async def run(self) -> None:
        """Install, then reconcile for ever.

        Raises:
            InstallError: a step failed; the pod is started again and tries again.
        """
        host = self._host
        ids = await trio.to_thread.run_sync(self._user)
        server = identity.api_server(host, self._api_server)
        client = KubeClient(Credentials(identity.of_pod(server)))
        kind = await identity.renew(host, client, self._node_name, ids)
        renewed = trio.current_time()
        await trio.to_thread.run_sync(self._install, server, ids)
        log.info("installed", version=tree.version(), token=kind)
        while True:
            await trio.to_thread.run_sync(self._reconcile)
            await trio.sleep(INTERVAL_SECONDS)
            if trio.current_time() - renewed > RENEW_SECONDS:
                await identity.renew(host, client, self._node_name, ids)
                renewed = trio.current_time()

    def _user(self) -> tuple[int, int]:
        found = self._host.user(layout.USER)
        if found is None:
            self._host.write(layout.SYSUSERS, layout.SYSUSERS_TEXT)
            self._host.run("systemd-sysusers", layout.SYSUSERS)
            found = self._host.user(layout.USER)
        if found is None:
            raise InstallError(f"there is no user {layout.USER}, and none can be made")
        return found

    def _install(self, server: str, ids: tuple[int, int]) -> None:
        host, version = self._host, tree.version()
        where = layout.CONFIGURATION
        changed = self._copy_configuration()
        # Seen from the daemon, whose root has the node's folder at the same place.
        text = identity.kubeconfig(server, ca="ca.crt", token="token")  # noqa: S106
        changed |= host.write(
            f"{where}/kubeconfig", text, mode=0o640, owner=(0, ids[1])
        )
        units.remember_settings(host)
        path = tree.lay(host, version, ids)
        changed |= units.lay(host, path, self._node_name)
        cni.lay_plugin(host)
        units.start(host, changed=changed)

    def _copy_configuration(self) -> bool:
        text = self._configuration.read_bytes()
        return self._host.write(f"{layout.CONFIGURATION}/vcnd.toml", text)

    def _reconcile(self) -> None:
        """Follow the configuration; announce the network when the daemon serves it."""
        if self._copy_configuration():
            log.info("configuration_changed")
            self._host.run("systemctl", "restart", "vcnd.service")
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
        if not READY_FILE.exists():
            self._said = ""
            tree.remove_others(self._host, tree.version())
            READY_FILE.touch()
            log.info("daemon_serves", version=tree.version())

    def _name_vnics(self) -> None:
        """Tell the node's network programs which VNICs belong to vcnd."""
        try:
            status = ask_status(str(self._host.path(layout.SOCKET)))
        except AskError:
            return  # asked again in a moment
        macs = [vnic.mac for vnic in status.pod_vnics]
        neighbours.name_vnics(self._host, macs)
