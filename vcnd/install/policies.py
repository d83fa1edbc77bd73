"""The process of network policies on the node: it runs where policies are on."""

from vcnd.install import identity, layout
from vcnd.install.host import Host, InstallError
from vcnd.linux import nft
from vcnd.linux.layout import POLICY_TABLES
from vcnd.log import log

UNITS = ("vcnd-policy.socket", "vcnd-policy.service")


def start(host: Host, server: str, ids: tuple[int, int], *, changed: bool) -> None:
    """Let systemd run the process; rules of an earlier life stay in force meanwhile.

    Args:
        host: the node.
        server: the API server's address.
        ids: the user and group of the process.
        changed: whether it has to start anew.
    """
    changed |= identity.lay(host, identity.POLICY, server, ids)
    host.run("systemctl", "enable", "--quiet", *UNITS)
    host.run("systemctl", "start", "vcnd-policy.socket")
    verb = "restart" if changed else "start"
    try:
        host.run("systemctl", verb, "vcnd-policy.service")
    except InstallError as error:
        # systemd tries again; rules of an earlier life are in force.
        log.warning("policies_not_started", reason=str(error))


def stop(host: Host) -> bool:
    """Stop the process and take its identity away; return True if it was on."""
    if host.read(layout.POLICY_KUBECONFIG) is None:
        return False
    host.run("systemctl", "disable", "--quiet", *UNITS)
    host.run("systemctl", "stop", *UNITS)
    host.remove(identity.POLICY.folder)
    return True


def remove(host: Host) -> None:
    """Stop the process, and remove everything of it but its rules."""
    if host.read(layout.POLICY_SERVICE) is not None:
        host.run("systemctl", "disable", "--quiet", *UNITS)
        host.run("systemctl", "stop", *UNITS)
    for path in (
        *(layout.POLICY_SERVICE, layout.POLICY_SOCKET_UNIT, layout.POLICY_DROP_INS),
        layout.POLICY_CONFIGURATION,
    ):
        host.remove(path)


def remove_rules() -> None:
    """Delete the tables; marks of connections may stay, for nothing reads them."""
    for table in reversed(POLICY_TABLES):  # the guard first: it needs the other one
        try:
            nft.remove(table)
        except (OSError, nft.KernelRefusedError) as error:
            log.warning("policies_not_removed", reason=str(error))
