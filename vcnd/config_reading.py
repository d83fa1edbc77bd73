"""Reads the configuration, and says in one line what is wrong with it."""

import re
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec

from vcnd.config import Config
from vcnd.foreign import UNDECODABLE
from vcnd.linux.layout import POLICY_MARKS
from vcnd.model.endpoint import split

CONTROL = re.compile(r"[\x00-\x1f\x7f]")
"""Text goes into paths, lines of a log and headers of HTTP."""


class ConfigError(Exception):
    """The configuration cannot be used; the message names file, key and reason."""


def load(path: Path, node_name: str = "", policy_kubeconfig: str = "") -> Config:
    """Read and check a configuration.

    Args:
        path: the file.
        node_name: the node's name in Kubernetes, unless the file has it.
        policy_kubeconfig: that of vcnd-policy, unless the file has it.

    Raises:
        ConfigError: it cannot be read, has unknown keys, or values out of range.
    """
    return parse(content(path), str(path), node_name, policy_kubeconfig)


def content(path: Path) -> bytes:
    """Return a file's bytes.

    Raises:
        ConfigError: it cannot be read.
    """
    try:
        return path.read_bytes()
    except OSError as error:
        raise ConfigError(f"{path}: {error.strerror}") from error


def parse(
    text: bytes, name: str, node_name: str = "", policy_kubeconfig: str = ""
) -> Config:
    """Return the configuration of a file's bytes; as ``load``, but for the file.

    Args:
        text: the bytes.
        name: the file's, for errors.
        node_name: likewise.
        policy_kubeconfig: likewise.

    Raises:
        ConfigError: it has unknown keys, or values out of range.
    """
    try:
        config = msgspec.convert(tomllib.loads(text.decode()), Config)
        config.pool_policy()
        if not config.kubernetes.node_name:
            kubernetes = msgspec.structs.replace(config.kubernetes, node_name=node_name)
            config = msgspec.structs.replace(config, kubernetes=kubernetes)
        if not config.policy.kubeconfig:
            policy = msgspec.structs.replace(
                config.policy, kubeconfig=policy_kubeconfig
            )
            config = msgspec.structs.replace(config, policy=policy)
    except UNDECODABLE as error:
        raise ConfigError(f"{name}: {error}") from error
    for mistake in mistakes(config):
        raise ConfigError(f"{name}: {mistake}")
    return config


def mistakes(config: Config) -> Iterator[str]:
    """Yield what makes no sense; each number alone is in its range."""
    for key, text in _texts(msgspec.to_builtins(config)):
        if CONTROL.search(text):
            yield f"{key} has a control character: {text!r}"
    node, kubernetes, policy = config.node, config.kubernetes, config.policy
    if not config.oci.subnet_id and not kubernetes.kubeconfig:
        yield "[oci] subnet_id is required: the pods' subnet"
    if kubernetes.kubeconfig and not kubernetes.node_name:
        yield "[kubernetes] node_name is required, here or as VCND_NODE_NAME"
    if not config.oci.ip_families:
        yield "[oci] ip_families is empty: IPv4, IPv6 or both"
    yield from (f"[node] {mistake}" for mistake in config.layout().mistakes())
    if policy.enforcement != "off" and not (kubernetes.kubeconfig or policy.manifests):
        yield (
            "[policy] enforcement needs [kubernetes] kubeconfig or [policy] manifests:"
            " policies come from there"
        )
    if policy.enforcement != "off" and node.mark_mask & POLICY_MARKS:
        yield (
            f"[node] mark_mask {node.mark_mask:#x} has bits of {POLICY_MARKS:#x}, which"
            ' [policy] needs; choose others, or enforcement = "off"'
        )
    for section, endpoint in (("node", node.metrics), ("policy", policy.metrics)):
        try:
            split(endpoint or "localhost:1")
        except ValueError as error:
            yield f"[{section}] metrics: {error}"


def _texts(value: Any, key: str = "") -> Iterator[tuple[str, str]]:
    """Yield all texts, with their keys."""
    match value:
        case str():
            yield key, value
        case dict():
            for name, part in value.items():
                yield from _texts(part, f"{key} {name}" if key else f"[{name}]")
        case list() | tuple():
            for part in value:
                yield from _texts(part, key)
        case _:
            return
