"""kube-proxy's ConfigMap as the API server sends it: decoding and judgement."""

import json
from pathlib import Path

import pytest

from tests.doubles.apiserver import MemoryApiServer
from tests.odd_yaml import NO_VALUES
from vcnd.kube import proxy


def config_map(**data: str) -> str:
    return json.dumps({"metadata": {"name": "kube-proxy"}, "data": data})


def config(text: str) -> str:
    return config_map(**{"config.conf": text})


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (config("detectLocalMode: InterfaceNamePrefix"), "''"),
        (
            config(
                "apiVersion: kubeproxy.config.k8s.io/v1alpha1\nmode: nftables\n"
                "detectLocalMode: InterfaceNamePrefix\n"
                "detectLocal: {interfaceNamePrefix: oci}\nclusterCIDR: 10.244.0.0/16\n"
            ),
            "",
        ),
        (config("clusterCIDR: 10.1.0.0/16"), ""),
        (config("clusterCIDR: 10.1.0.0/16\nmode: ipvs"), "mode ipvs"),
        (config("clusterCIDR: 10.244.0.0/16"), "clusterCIDR 10.244.0.0/16, and pods"),
        (config("{}"), "clusterCIDR empty"),
        (config_map(), "clusterCIDR empty"),
        (config("clusterCIDR: pods"), "cannot be read: 'pods' does not appear"),
        (config("clusterCIDR: [1]"), "cannot be read: Expected `str`"),
        (config("a: b: c"), "cannot be read"),
        *[(config(f"mode: {odd}"), "cannot be read") for odd in NO_VALUES],
        ("[]", "cannot be read"),
        ("{", "cannot be read"),
    ],
)
async def test_configuration_is_read_and_judged(
    tmp_path: Path, body: str, words: str
) -> None:
    server = MemoryApiServer()
    server.list_text = body
    client = server.client(tmp_path)
    found = await proxy.problem(
        client, link_prefix="oci", subnets=["10.1.0.0/20"], policies=True
    )
    assert words in (found.reason if found else "")
    assert (found is None) == (not words)
    (asked,) = server.asked
    assert asked.url.path == "/api/v1/namespaces/kube-system/configmaps/kube-proxy"
