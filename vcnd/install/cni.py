"""The plugin and, last of all, the network configuration that names it."""

import json
from pathlib import Path
from typing import Any

import vcnd
from vcnd.install import layout
from vcnd.install.host import Host

SHIM = Path(vcnd.__file__).parent / "_shim" / "vcnd-cni"


def conflist(host: Host) -> dict[str, Any]:
    """Return the configuration with the chained plugins that the node has."""
    network: dict[str, Any] = json.loads(
        Path(layout.IMAGE, "10-vcnd.conflist").read_text()
    )
    there = [
        plugin
        for plugin in network["plugins"]
        if host.path(f"{layout.PLUGINS}/{plugin['type']}").exists()
    ]
    return {**network, "plugins": there}


def lay_plugin(host: Host) -> None:
    """Copy the plugin to the runtime's folder; no configuration names it yet."""
    host.write(layout.PLUGIN, SHIM.read_bytes(), mode=0o755)


def announce(host: Host) -> bool:
    """Write the configuration: the runtime reports the node's network ready."""
    return host.write(layout.CONFLIST, json.dumps(conflist(host), indent=2) + "\n")
