"""kind's configuration, as kind reads it."""

from typing import Any

import msgspec

from integration.kind.cluster import kind_config
from integration.kind.settings import STARTUP_TAINT


def patches(configuration: dict[str, Any]) -> dict[str, dict[str, Any]]:
    texts = configuration["kubeadmConfigPatches"]
    found = [msgspec.yaml.decode(t, type=dict[str, Any]) for t in texts]
    return {p["kind"]: p for p in found}


def test_one_control_plane_and_workers() -> None:
    configuration = msgspec.yaml.decode(kind_config(3), type=dict[str, Any])
    assert [n["role"] for n in configuration["nodes"]] == [
        "control-plane",
        "worker",
        "worker",
    ]
    assert configuration["networking"]["disableDefaultCNI"] is True


def test_kubernetes_gives_nodes_no_pod_range() -> None:
    found = patches(msgspec.yaml.decode(kind_config(2), type=dict[str, Any]))
    arguments = found["ClusterConfiguration"]["controllerManager"]["extraArgs"]
    assert arguments["allocate-node-cidrs"] == "false"
    proxy = found["KubeProxyConfiguration"]
    assert proxy["detectLocalMode"] == "InterfaceNamePrefix"
    assert proxy["detectLocal"]["interfaceNamePrefix"] == "oci"


def test_nodes_join_with_the_startup_taint() -> None:
    found = patches(msgspec.yaml.decode(kind_config(2), type=dict[str, Any]))
    for kind in ("InitConfiguration", "JoinConfiguration"):
        taints = found[kind]["nodeRegistration"]["taints"]
        assert STARTUP_TAINT in {t["key"] for t in taints}
