"""Pods' requests from the cluster, with annotations and resources apart."""

from pathlib import Path

import trio

from tests.doubles.apiserver import MemoryApiServer
from tests.kube.test_cluster import (
    NAMESPACES,
    NETWORKS,
    OURS,
    PODS,
    following,
    namespace,
    network_of,
    pod_of,
)
from vcnd.core.requests import RESOURCE_PREFIX

Clock = trio.testing.MockClock


async def test_an_annotation_never_passes_for_a_resource(
    autojump_clock: Clock, tmp_path: Path
) -> None:
    """The scheduler counts resources, but any author of a pod sets its annotations."""
    name = f"{RESOURCE_PREFIX}web"
    faked, limits = {name: "1", **OURS}, {"limits": {name: "1"}}
    server = MemoryApiServer()
    server.items[NAMESPACES] = [namespace("shop", "3", **faked)]
    honest = {"containers": [{"resources": limits}]}
    details = {"subnetId": "s", "applicationResources": ["web"]}
    network = network_of()
    network["spec"]["secondaryVnics"] = [{"createVnicDetails": details}]
    server.items[NETWORKS] = [network]
    server.items[PODS] = [
        pod_of("shop", "5", metadata={"name": "sly", "uid": "s", "annotations": faked}),
        pod_of("shop", "6", metadata={"name": "web", "uid": "w"}, spec=honest),
    ]
    async with following(server, tmp_path) as cluster:
        await trio.sleep(5)
        requests = {b.pod: b.request for b in cluster.pods() or []}
        sly, web = sorted(requests, key=lambda known: known.name)
        for told in (None, faked):
            for known, resources in ((sly, {}), (web, {name: "1"})):
                request = cluster.request(known, told)
                assert request is not None
                assert request.resources == resources
        assert (requests[sly].resources, requests[web].resources) == ({}, {name: "1"})
