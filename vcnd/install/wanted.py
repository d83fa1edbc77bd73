"""The configuration that the node is to have."""

from pathlib import Path

import msgspec

from vcnd.config_reading import content, parse


class Wanted(msgspec.Struct, frozen=True):
    """A configuration that the daemon takes."""

    text: bytes
    enforces: bool
    """True if network policies are on."""


def read(path: Path, node_name: str) -> Wanted:
    """Return the ConfigMap's configuration.

    Args:
        path: the file.
        node_name: the node's name in Kubernetes.

    Raises:
        ConfigError: the daemon would refuse it.
    """
    text = content(path)
    config = parse(text, str(path), node_name)
    return Wanted(text=text, enforces=config.policy.enforcement != "off")
