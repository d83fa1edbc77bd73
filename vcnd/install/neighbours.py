"""Files that keep the node's own network programs off pods' links and pod VNICs.

Each is written only where its program is, and removed by the uninstaller.
"""

from collections.abc import Iterable, Sequence

import msgspec

from vcnd.install.host import Host, InstallError
from vcnd.log import log

NETWORK_MANAGER = "/etc/NetworkManager/conf.d/90-vcnd.conf"
NETWORKD_VNICS = "/etc/systemd/network/05-vcnd-vnics.network"
UNMANAGED = """
[Link]
Unmanaged=yes
"""


class File(msgspec.Struct, frozen=True, kw_only=True):
    """A file for one program."""

    path: str
    present: str
    """A folder that exists where the program is installed."""
    text: str = ""
    """Empty if the text names VNICs, which come and go."""
    own_folder: bool = False
    """True if only vcnd makes its folder."""


FILES = (
    File(
        path="/etc/systemd/networkd.conf.d/vcnd.conf",
        present="/etc/systemd",
        own_folder=True,
        text="""\
# vcnd: its routes and rules are not networkd's to remove.
[Network]
ManageForeignRoutes=no
ManageForeignRoutingPolicyRules=no
""",
    ),
    File(
        path="/etc/systemd/network/05-vcnd-pods.network",
        present="/etc/systemd/network",
        text=f"# vcnd: pods' links.\n[Match]\nName=oci*\n{UNMANAGED}",
    ),
    File(path=NETWORKD_VNICS, present="/etc/systemd/network"),
    File(path=NETWORK_MANAGER, present="/etc/NetworkManager"),
    File(
        path="/etc/systemd/system/nm-cloud-setup.service.d/90-vcnd.conf",
        present="/etc/NetworkManager",
        own_folder=True,
        text="""\
# vcnd: else it gives secondary VNICs addresses, routes and rules.
[Service]
Environment=NM_CLOUD_SETUP_OCI=no
""",
    ),
    File(
        path="/etc/cloud/cloud.cfg.d/99-vcnd.cfg",
        present="/etc/cloud/cloud.cfg.d",
        text="""\
# vcnd: pod VNICs are attached while the node runs, and are not cloud-init's.
updates:
  network:
    when: [boot-new-instance, boot]
datasource:
  Oracle:
    configure_secondary_nics: false
""",
    ),
    File(
        path="/etc/oci-utils.conf.d/90-vcnd.conf",
        present="/etc/oci-utils.conf.d",
        text="""\
; vcnd: else ocid sets secondary VNICs up.
[vnic]
enabled = false
""",
    ),
)


def lay(host: Host) -> None:
    """Write the files for the programs that this node has."""
    for file in FILES:
        if file.text and host.path(file.present).is_dir():
            host.write(file.path, file.text)
    if host.read(NETWORK_MANAGER) is None:
        name_vnics(host, [])


def name_vnics(host: Host, macs: Iterable[str]) -> None:
    """Keep NetworkManager and networkd off pods' links and these VNICs."""
    named = sorted(macs)
    devices = ";".join(["interface-name:oci*", *(f"mac:{mac}" for mac in named)])
    if host.path("/etc/NetworkManager").is_dir():
        text = f"""\
# vcnd: pods' links, and the VNICs that it attached.
[keyfile]
unmanaged-devices+={devices}
"""
        _write(host, NETWORK_MANAGER, text, "nmcli", "general", "reload", "conf")
    if host.path("/etc/systemd/network").is_dir():
        # Without an address it would match every link.
        match = (
            f"# vcnd: its VNICs.\n[Match]\nMACAddress={' '.join(named)}\n{UNMANAGED}"
        )
        _write(host, NETWORKD_VNICS, match if named else "", "networkctl", "reload")


def _write(host: Host, path: str, text: str, *reload: str) -> None:
    """Write a file, or remove it if the text is empty, and reload its program."""
    if text:
        changed = host.write(path, text)
    else:
        changed = host.read(path) is not None
        host.remove(path)
    if changed:
        _reload(host, reload)


def _reload(host: Host, command: Sequence[str]) -> None:
    try:
        host.run(*command)
    except InstallError as error:
        # Most likely it does not run; it reads its files when it starts.
        log.info(
            "network_service_not_reloaded", command=" ".join(command), reason=str(error)
        )


def remove(host: Host) -> None:
    """Remove the files, and the folders that only vcnd has used."""
    for file in FILES:
        host.remove(file.path)
        if file.own_folder:
            host.remove_if_empty(file.path.rpartition("/")[0])
    for program in (["nmcli", "general", "reload", "conf"], ["networkctl", "reload"]):
        _reload(host, program)
