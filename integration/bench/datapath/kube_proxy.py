"""kube-proxy's rules, as kube-proxy itself writes them.

A real API server gets some hundred Services with endpoints, and a real kube-proxy
writes its rules in a namespace.  Then both end; the rules are kept for later runs,
and each node of the bench loads them.
"""

import subprocess
import time
from collections.abc import Iterable
from ipaddress import IPv4Address
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from fakeoci.fabric import netns
from integration.build import components
from integration.build.cache import Cache, key_of
from integration.lab import apiserver
from integration.lab.apiserver import ApiServer
from integration.lab.children import logged

SERVICES = 200
ENDPOINTS = 3
SYNC_SECONDS = 60.0
FIRST_ENDPOINT = IPv4Address("10.244.128.1")
"""No endpoint is a pod of the bench: its connections go to pods, not to Services."""
TABLE = "table ip kube-proxy"


class RulesError(Exception):
    """kube-proxy did not write its rules, or they cannot be loaded."""


def programs(cache: Cache) -> tuple[apiserver.Programs, Path]:
    """Return the API server's programs and kube-proxy, building them if need be."""
    return apiserver.programs(cache), components.build(cache, components.PROXY)


def rules(cache: Cache) -> str:
    """Return kube-proxy's nftables rules; let it write them if they are not kept."""
    key = key_of(Path(__file__), components.FOLDER / "kubernetes" / "go.mod")

    def write(folder: Path) -> None:
        servers, proxy = programs(cache)
        with (
            TemporaryDirectory(prefix="vcnd-bench-") as scratch,
            apiserver.running(servers, Path(scratch)) as server,
        ):
            for number in range(SERVICES):
                _make_service(server, number)
            text = _written(server, proxy, Path(scratch))
        (folder / "rules.nft").write_text(text)

    return (cache.artifact("kube-proxy-rules", key, write) / "rules.nft").read_text()


def _make_service(server: ApiServer, number: int) -> None:
    name, space = f"s{number}", "/api/v1/namespaces/default"
    server.make(
        f"{space}/services",
        {"metadata": {"name": name}, "spec": {"ports": [{"port": 80}]}},
    )
    addresses = [str(FIRST_ENDPOINT + number * ENDPOINTS + n) for n in range(ENDPOINTS)]
    body: dict[str, Any] = {
        "metadata": {"name": name, "labels": {"kubernetes.io/service-name": name}},
        "addressType": "IPv4",
        "ports": [{"port": 8080, "protocol": "TCP", "name": ""}],
        "endpoints": [{"addresses": [address]} for address in addresses],
    }
    server.make("/apis/discovery.k8s.io/v1/namespaces/default/endpointslices", body)


def _written(server: ApiServer, proxy: Path, folder: Path) -> str:
    """Run kube-proxy until all Services are in its table; return the table."""
    server.make("/api/v1/nodes", {"metadata": {"name": "one"}})
    kubeconfig = server.write_kubeconfig(server.admin_token)
    command = [
        *(str(proxy), "--kubeconfig", str(kubeconfig), "--proxy-mode", "nftables"),
        *("--hostname-override", "one", "--cluster-cidr", "10.0.0.0/8"),
        # These settings are the machine's, not the namespace's.
        *("--conntrack-max-per-core", "0", "--conntrack-min", "0"),
        *("--conntrack-tcp-timeout-established", "0"),
        *("--conntrack-tcp-timeout-close-wait", "0"),
    ]
    log = folder / "kube-proxy.log"
    with logged(command, log) as process:
        give_up_at = time.monotonic() + SYNC_SECONDS
        while time.monotonic() < give_up_at and process.poll() is None:
            text = _table()
            if text.count("/tcp/") and all(
                f"default/s{n}/" in text for n in range(SERVICES)
            ):
                return text
            time.sleep(0.5)
    raise RulesError(f"kube-proxy wrote no rules: {log.read_text()[-2000:]}")


def _table() -> str:
    done = subprocess.run(
        ["/usr/sbin/nft", "list", *TABLE.split()],
        capture_output=True,
        text=True,
        check=False,
    )
    return done.stdout


def load(nodes: Iterable[str], text: str) -> None:
    """Load the rules on nodes.

    Raises:
        RulesError: the kernel refuses them: a plain user's netlink messages are short.
    """
    for node in nodes:
        try:
            netns.nft(node, text)
        except netns.FabricError as error:
            first = str(error).partition("\n")[0]
            raise RulesError(
                f"the kernel refuses kube-proxy's rules: {first}"
            ) from None
