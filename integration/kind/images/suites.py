"""The image under whose names the suites of network policies run their pods."""

from pathlib import Path

from integration.build import components, rootfs
from integration.build.archive import Image
from integration.build.cache import Cache, key_of
from integration.build.components import build
from integration.kind.images.kubernetes import (
    REGISTRY,
    agnhost_key,
    archive,
    lay_agnhost,
)

CONFORMANCE = f"{REGISTRY}/e2e-test-images/agnhost:2.45"
CYCLONUS = "docker.io/mfenwick100/cyclonus-worker:latest"


def suites(cache: Cache) -> Path:
    """Return the archive of the image, which has both suites' names.

    It is agnhost's, but connections are of our own
    (``integration/components/connect``), for agnhost's and for cyclonus' worker: the
    kernel of a machine may have no SCTP sockets, and agnhost starts slowly.
    """
    system = rootfs.node(cache)
    agnhost = build(cache, components.AGNHOST)
    connect = build(cache, components.CONNECT)

    def image(scratch: Path) -> Image:
        lay_agnhost(system, scratch)
        layer = {
            "/": scratch,
            "/agnhost": connect,
            "/agnhost.real": agnhost,
            "/worker": connect,
        }
        return Image(
            name=CONFORMANCE,
            also=(CYCLONUS,),
            layers=[layer],
            entrypoint=["/agnhost"],
            command=["pause"],
        )

    key = key_of(
        *(agnhost_key(cache, system), connect.parent.name),
        *(CONFORMANCE, CYCLONUS),
    )
    return archive(cache, "suites", key, image)
