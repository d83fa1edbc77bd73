"""What Flannel's CNI plugin hands over to the bridge plugin."""

from typing import Any

LIST = {"cniVersion": "0.3.1", "name": "cbr0"}
"""What Flannel's manifest has around it."""


def bridge(found: str) -> dict[str, Any]:
    """Return the configuration of the bridge plugin.

    Args:
        found: what flanneld wrote to its ``subnet.env``.
    """
    pairs = (line.partition("=") for line in found.splitlines())
    values = {name: value for name, _, value in pairs}
    first, _, length = values["FLANNEL_SUBNET"].partition("/")
    return {
        "type": "bridge",
        "hairpinMode": True,
        "isDefaultGateway": True,
        "isGateway": True,
        "ipMasq": False,  # flanneld does it
        "mtu": int(values["FLANNEL_MTU"]),
        "ipam": {
            "type": "host-local",
            "ranges": [[{"subnet": f"{first.rpartition('.')[0]}.0/{length}"}]],
            "routes": [{"dst": values["FLANNEL_NETWORK"]}],
        },
    }
