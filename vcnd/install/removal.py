"""Removes vcnd from the node."""

from contextlib import closing

from vcnd.install import layout, policies, units
from vcnd.install.host import Host, InstallError
from vcnd.linux import forwarding
from vcnd.linux.lane import hooks
from vcnd.linux.lane.kernel import sweep
from vcnd.linux.layout import Layout
from vcnd.log import log
from vcnd.serve.ask import AskError, ask_for
from vcnd.serve.verbs import RELEASE, STATUS


def uninstall(host: Host, *, force: bool) -> None:
    """Remove everything that ``keeper`` installed; a clean node stays as it is.

    Addresses and VNICs go back to the cloud first.

    Raises:
        InstallError: pods hold addresses, or the cloud refuses the release, and
            ``force`` is off.  The node is left as it is.
    """
    tombstone = False
    if host.read(layout.SERVICE) is not None:
        socket = str(host.path(layout.SOCKET))
        conflist = host.read(layout.CONFLIST)
        # No new pods during the removal.
        host.remove(layout.CONFLIST)
        try:
            ask_for(socket, RELEASE)
        except AskError as error:
            if not force:
                if conflist is not None:
                    host.write(layout.CONFLIST, conflist)
                raise InstallError(
                    f"not uninstalled: {error} (--force does it all the same)"
                ) from error
            tombstone = _holds_leases(socket)
            log.warning("uninstall_forced", reason=str(error), tombstone=tombstone)
    policies.remove(host)
    units.remove(host)
    policies.remove_rules()
    _remove_lane()
    if is_installed(host):
        # The express lane needs them to its end.
        units.put_settings_back(host)
    _close_firewalls()
    if tombstone:
        host.write(layout.PLUGIN, layout.TOMBSTONE, mode=0o755)
    else:
        host.remove(layout.PLUGIN)
    for path in (layout.CONFIGURATION, layout.STATE, layout.TREES, layout.SYSUSERS):
        host.remove(path)
    host.remove(layout.SOCKETS)
    host.remove_if_empty("/etc/sysusers.d")
    for user in (layout.USER, layout.POLICY_USER):
        if host.user(user) is not None:
            host.run("userdel", user)
    log.info("uninstalled")


def is_installed(host: Host) -> bool:
    """Return True if an installation has begun here."""
    return host.read(layout.BEFORE) is not None


def _holds_leases(socket: str) -> bool:
    try:
        return bool(ask_for(socket, STATUS).leases)
    except AskError:
        return True  # unknown: one tombstone too many is better than one too few


def _remove_lane() -> None:
    """Remove the express lane's programs if the daemon could not."""
    try:
        with closing(hooks.hooks(Layout().link_prefix)) as found:
            sweep(found)
    except OSError as error:
        log.warning("express_refused", link="", reason=str(error))


def _close_firewalls() -> None:
    """Delete pods' accepts if the daemon could not."""
    try:
        forwarding.remove(Layout().link_prefix)
    except (forwarding.FirewallError, *forwarding.UNREADABLE) as error:
        log.warning("firewall_not_read", reason=repr(error))
