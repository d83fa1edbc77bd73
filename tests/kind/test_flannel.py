"""What the bench makes of Flannel's manifest, and of what flanneld finds."""

from integration.kind.flannel import manifest
from integration.kind.flannel.node import conflist

FOUND = """\
FLANNEL_NETWORK=10.244.0.0/16
FLANNEL_SUBNET=10.244.1.1/24
FLANNEL_MTU=8950
FLANNEL_IPMASQ=true
"""
MANIFEST = """\
---
kind: Namespace
metadata: {name: kube-flannel}
---
kind: DaemonSet
spec:
  template:
    spec:
      initContainers:
      - name: install-cni-plugin
        image: ghcr.io/flannel-io/flannel-cni-plugin:v1.9.1-flannel1
      containers:
      - name: kube-flannel
        image: ghcr.io/flannel-io/flannel:v0.28.4
"""


def test_bridge_gets_range_and_mtu_that_flanneld_found() -> None:
    bridge, portmap = conflist(FOUND)["plugins"]
    assert bridge["type"] == "bridge"
    assert bridge["mtu"] == 8950
    assert bridge["ipam"]["ranges"] == [[{"subnet": "10.244.1.0/24"}]]
    assert bridge["ipam"]["routes"] == [{"dst": "10.244.0.0/16"}]
    assert portmap["type"] == "portmap"


def test_manifest_keeps_all_but_its_init_containers() -> None:
    namespace, daemons = manifest.objects(MANIFEST)
    assert namespace["kind"] == "Namespace"
    spec = daemons["spec"]["template"]["spec"]
    assert list(spec) == ["containers"]


def test_image_has_the_name_that_the_manifest_has() -> None:
    assert (
        manifest.image(manifest.objects(MANIFEST))
        == "ghcr.io/flannel-io/flannel:v0.28.4"
    )
