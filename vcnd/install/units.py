"""The daemon's units on the node, and the settings that they make."""

import json
from pathlib import Path

from vcnd.install import layout, neighbours, policies
from vcnd.install.host import Host, InstallError
from vcnd.log import log

SOURCE = Path(layout.IMAGE, "systemd")
SYSCTL = "/usr/lib/systemd/systemd-sysctl"
SETTINGS = SOURCE / "90-vcnd.conf"


def drop_in(tree: str, node_name: str) -> str:
    """Return the drop-in that names the version and the node."""
    return f"""\
[Service]
# The real folder: systemd takes no symbolic link here.
RootDirectory={tree}
Environment=VCND_NODE_NAME={node_name}
"""


def lay(host: Host, tree: str, node_name: str) -> bool:
    """Write the units; return True if anything changed."""
    changed = [
        host.write(f"{layout.UNITS}/{name}", (SOURCE / name).read_bytes())
        for name in ("vcnd.service", "vcnd.socket", *policies.UNITS)
    ]
    text = drop_in(tree, node_name)
    changed.append(host.write(layout.VERSION_DROP_IN, text))
    text += f"Environment=VCND_POLICY_KUBECONFIG={layout.POLICY_KUBECONFIG}\n"
    changed.append(host.write(layout.POLICY_VERSION_DROP_IN, text))
    host.write(layout.CONTROL, layout.CONTROL_TEXT, mode=0o755)
    changed.append(host.write(layout.SYSCTLS, SETTINGS.read_bytes()))
    neighbours.lay(host)
    return any(changed)


def remember_settings(host: Host) -> None:
    """Save the settings before the unit changes them for the first time.

    A later version may make more settings: those are added, the saved ones stay.
    """
    before = json.loads(host.read(layout.BEFORE) or b"{}")
    fresh = [name for name in _settings() if name not in before]
    # The unit loads the module: what the kernel sets then is the value before.
    host.run("sh", "-c", "modprobe --quiet nf_conntrack || true")
    current = {name: _value(host, name) for name in fresh}
    before |= {name: value for name, value in current.items() if value}
    host.write(layout.BEFORE, json.dumps(before, indent=2) + "\n")


def _value(host: Host, setting: str) -> str:
    """Return a setting's value, or an empty text if the kernel lacks it."""
    return host.run("sh", "-c", f"cat {_path(setting)} 2>/dev/null || true").strip()


def put_settings_back(host: Host) -> None:
    """Restore the saved settings; skip those that the kernel lacks by now."""
    before = json.loads(host.read(layout.BEFORE) or b"{}")
    for name, value in before.items():
        path = _path(name)
        host.run("sh", "-c", f"[ ! -e {path} ] || echo {int(value)} > {path}")


def _settings() -> list[str]:
    lines = SETTINGS.read_text().splitlines()
    return [x.split("=")[0].strip("- ") for x in lines if "=" in x and x[0] != "#"]


def _path(setting: str) -> str:
    return "/proc/sys/" + setting.replace(".", "/")


def start(host: Host, *, changed: bool) -> None:
    """Let systemd run the installed version; calls wait in the socket meanwhile."""
    host.run("systemctl", "enable", "--quiet", "vcnd.socket", "vcnd.service")
    host.run("systemctl", "start", "vcnd.socket")
    _open_folder(host)
    if changed:
        # The socket may have been started by a version that made fewer settings.
        host.run(SYSCTL, layout.SYSCTLS)
    # Returns when it is ready: from now on this version answers.
    try:
        host.run("systemctl", "restart" if changed else "start", "vcnd.service")
    except InstallError as error:
        # systemd tries again; somebody may correct the cause meanwhile.
        log.warning("daemon_not_started", reason=str(error))


def _open_folder(host: Host) -> None:
    """Let the daemon reach sockets; an earlier version made the folder for root alone.

    Each socket has a mode of its own.
    """
    path = host.path(layout.SOCKETS)
    if path.is_dir():
        path.chmod(0o711)


def remove(host: Host) -> None:
    """Stop the daemon and remove its units."""
    if host.read(layout.SERVICE) is not None:
        host.run("systemctl", "disable", "--quiet", "vcnd.socket", "vcnd.service")
        host.run("systemctl", "stop", "vcnd.socket", "vcnd.service")
    for path in (layout.SERVICE, layout.SOCKET_UNIT, layout.DROP_INS, layout.CONTROL):
        host.remove(path)
    host.remove(layout.SYSCTLS)
    neighbours.remove(host)
    host.run("systemctl", "daemon-reload")
    host.run("systemctl", "reset-failed")
