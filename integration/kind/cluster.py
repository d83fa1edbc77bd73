"""The cluster: Docker, the fake cloud, kind's nodes as its instances."""

import json
import os
import shutil
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.console import Console

from integration.build import components
from integration.build.cache import Cache
from integration.build.components import build
from integration.chart.programs import own_files
from integration.kind.docker import Docker, DockerError, OwnDocker, thaw, users_own
from integration.kind.images import node, ours
from integration.kind.settings import (
    CLOUD,
    CLOUD_ADDRESS,
    CLOUD_PORT,
    CLUSTER,
    GATEWAY,
    LABEL,
    MTU,
    NETWORK,
    NODE_ADDRESSES,
    NODES_CIDR,
    RESOLV_CONF,
    STARTUP_TAINT,
    state,
)

PUBLISHED_NODE = f"kindest/node:{components.KUBERNETES}"
DOCKERFILE = ours.ROOT / "deploy/image/Dockerfile"
CREATE_SECONDS = 600
DELETE_TRIES = 4
KIND_CONFIG = """\
kind: Cluster
apiVersion: kind.x-k8s.io/v1alpha4
name: {name}
networking:
  disableDefaultCNI: true
  kubeProxyMode: iptables
  serviceSubnet: 10.96.0.0/16
kubeadmConfigPatches:
- |
  kind: ClusterConfiguration
  controllerManager:
    extraArgs:
      # Pods have no range per node: their addresses are the VCN's.
      allocate-node-cidrs: "false"
- |
  kind: InitConfiguration
  nodeRegistration:
    taints:
    - {{key: node-role.kubernetes.io/control-plane, effect: NoSchedule}}
    - {{key: {taint}, effect: NoSchedule}}
- |
  kind: JoinConfiguration
  nodeRegistration:
    taints:
    - {{key: {taint}, effect: NoSchedule}}
- |
  kind: KubeletConfiguration
  oomScoreAdj: 0
  failCgroupV1: false
  resolvConf: /kind/vcn-resolv.conf
  protectKernelDefaults: false
- |
  kind: KubeProxyConfiguration
  oomScoreAdj: 0
  detectLocalMode: InterfaceNamePrefix
  detectLocal:
    interfaceNamePrefix: oci
nodes:
"""
NODE = """\
- role: {role}
  extraMounts:
  - {{hostPath: {resolv_conf}, containerPath: /kind/vcn-resolv.conf, readOnly: true}}
"""


@dataclass(kw_only=True)
class Cluster:
    """A cluster that is up, or can be."""

    cache: Cache
    docker: Docker
    offline: bool
    """True if it runs on our own Docker and our own builds."""

    @property
    def kubeconfig(self) -> Path:
        """Return the administrator's kubeconfig."""
        return state() / "kubeconfig"

    @property
    def environment(self) -> dict[str, str]:
        """Return the environment with which kind, kubectl and helm find it."""
        path = f"{Path(self.docker.client).parent}:{os.environ.get('PATH', '')}"
        return {
            **os.environ,
            **self.docker.environment,
            "PATH": path,
            "KUBECONFIG": str(self.kubeconfig),
            "KIND_EXPERIMENTAL_DOCKER_NETWORK": NETWORK,
            **own_files(state() / "helm"),
        }

    def kubectl_command(self, *arguments: str) -> list[str]:
        """Return a kubectl command that reaches the cluster."""
        kubectl = str(build(self.cache, components.KUBECTL))
        return self.docker.wrap([kubectl, *arguments])

    def kubectl(self, *arguments: str, given: str = "") -> str:
        """Run kubectl; return what it prints."""
        return self._run(self.kubectl_command(*arguments), given)

    def helm(self, *arguments: str) -> str:
        """Run helm; return what it prints."""
        helm = str(build(self.cache, components.HELM))
        return self._run(self.docker.wrap([helm, *arguments]))

    def plugin(self, *arguments: str) -> str:
        """Run ``kubectl vcnd``; return what it prints."""
        kubectl = build(self.cache, components.KUBECTL)
        path = f"PATH={kubectl.parent}:{os.environ['PATH']}"
        command = ["/usr/bin/env", path, sys.executable, "-m", "vcnd.ctl.kubectl"]
        return self._run(self.docker.wrap([*command, *arguments]))

    def kind(self, *arguments: str, seconds: float = CREATE_SECONDS) -> str:
        """Run kind; return what it prints."""
        kind = str(build(self.cache, components.KIND))
        return self._run(self.docker.wrap([kind, *arguments]), seconds=seconds)

    def _run(self, command: list[str], given: str = "", seconds: float = 600) -> str:
        done = subprocess.run(
            command,
            input=given,
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=seconds,
            check=False,
        )
        if done.returncode:
            shown = " ".join(command[-6:])
            message = (done.stderr or done.stdout).strip()[-3000:]
            raise DockerError(f"{shown}: {message}")
        return done.stdout

    # Up

    def create(self, nodes: int, console: Console) -> None:
        """Start the cloud and the nodes; the nodes have no pod network yet."""
        began = time.monotonic()

        def say(what: str) -> None:
            took = time.monotonic() - began
            console.print(f"  {what} [dim]{took:.0f} s[/]", highlight=False)

        image = self._node_image(console)
        self._own_images()
        say("images are there")
        self._network()
        self.start_cloud()
        say("the fake cloud serves, with its packets")
        (state() / "vcn-resolv.conf").write_text(RESOLV_CONF)
        config = state() / "kind.yaml"
        config.write_text(kind_config(nodes))
        create = ["create", "cluster", "--name", CLUSTER, "--image", image]
        create += ["--config", str(config), "--kubeconfig", str(self.kubeconfig)]
        with console.status("kind creates the nodes"):
            self.kind(*create, "--retain", "--wait", "0s")
        say(f"{nodes} nodes are up, as instances of the VCN")

    def _node_image(self, console: Console) -> str:
        if not self.offline:
            with console.status(f"pulling {PUBLISHED_NODE}"):
                self.docker.run("pull", "-q", PUBLISHED_NODE)
            return PUBLISHED_NODE
        if not self.docker.run("images", "-q", node.NAME).strip():
            change = 'ENTRYPOINT ["/usr/local/bin/entrypoint","/sbin/init"]'
            archive = node.archive(self.cache)
            with console.status("loading the node image"):
                self.docker.run(
                    *("import", "--change", change, "--change", "ENV container=docker"),
                    *("-", node.NAME),
                    stdin=archive,
                )
        return node.NAME

    def _own_images(self) -> None:
        if not self.offline:
            self._docker_build("vcnd", ours.vcnd_name())
            self._docker_build("fakeoci", ours.fakeoci_name())
            return
        archive = ours.fakeoci_archive(self.cache)
        self.docker.run("load", "-q", "-i", str(archive))

    def _docker_build(self, target: str, name: str) -> None:
        root = str(ours.ROOT)
        version = ours.version()
        self.docker.run(
            *("build", "-q", "-f", str(DOCKERFILE), "--target", target, "-t", name),
            *("--build-arg", f"VERSION={version}", root),
        )

    def _network(self) -> None:
        listed = self.docker.run("network", "ls", "-q", "--filter", f"name=^{NETWORK}$")
        if listed.strip():
            return
        mtu = f"com.docker.network.driver.mtu={MTU}"
        self.docker.run(
            *("network", "create", "--subnet", NODES_CIDR, "--gateway", GATEWAY),
            *("--ip-range", NODE_ADDRESSES, "-o", mtu, NETWORK),
        )

    def start_cloud(self) -> None:
        """Run the fake cloud as a container on the nodes' network."""
        host = self.docker.environment.get("DOCKER_HOST", "unix:///var/run/docker.sock")
        socket = host.removeprefix("unix://")
        self.docker.run(
            *("run", "-d", "--name", CLOUD, "--privileged", "--pid", "host"),
            *("--network", NETWORK, "--ip", CLOUD_ADDRESS, "--init"),
            *("--tmpfs", "/run", "-v", f"{socket}:/var/run/docker.sock"),
            *(ours.fakeoci_name(), "serve", "--world", "kind", "--fabric"),
            *("--host", CLOUD_ADDRESS, "--port", str(CLOUD_PORT)),
            *("--containers", LABEL),
        )
        give_up_at = time.monotonic() + 30
        while "20160918" not in self.docker.run("logs", CLOUD):
            if time.monotonic() > give_up_at:
                raise DockerError("the fake cloud did not start: docker logs " + CLOUD)
            time.sleep(0.1)

    def load(self, archive: Path) -> None:
        """Put an image's archive on every node."""
        self.kind("load", "image-archive", str(archive), "--name", CLUSTER)

    def load_own(self, number: int = 1) -> None:
        """Put the image of vcnd on every node."""
        if self.offline:
            self.load(ours.vcnd_archive(self.cache, number))
        else:
            name = ours.vcnd_name(number)
            self.kind("load", "docker-image", name, "--name", CLUSTER)

    # State

    def nodes(self) -> list[str]:
        """Return the names of the nodes' containers, the control plane's first."""
        names = self.docker.run(
            "ps", "-a", "--filter", f"label={LABEL}", "--format", "{{.Names}}"
        )
        return sorted(names.split(), key=lambda n: ("control" not in n, len(n), n))

    def is_up(self) -> bool:
        """Return True if there is a cluster."""
        return self.kubeconfig.exists() and bool(self.nodes())

    def pod_list(self) -> list[dict[str, Any]]:
        """Return all pods."""
        pods = json.loads(self.kubectl("get", "pods", "-A", "-o", "json"))
        items: list[dict[str, Any]] = pods["items"]
        return items

    # Down

    def delete(self) -> None:
        """Remove nodes, cloud and network."""
        self._delete_nodes()
        for remove in (("rm", "-f", "-v", CLOUD), ("network", "rm", NETWORK)):
            try:
                self.docker.run(*remove)
            except DockerError as error:
                if "o such" not in str(error) and "not found" not in str(error):
                    raise

    def _delete_nodes(self) -> None:
        """Remove the nodes; try again if a busy machine did not end one in time."""
        for left in reversed(range(DELETE_TRIES)):
            thaw()
            try:
                self.kind("delete", "cluster", "--name", CLUSTER)
            except DockerError:
                if not left:
                    raise
                time.sleep(5)
            else:
                return


def kind_config(nodes: int) -> str:
    """Return kind's configuration: one control plane, the others workers."""
    text = KIND_CONFIG.format(name=CLUSTER, taint=STARTUP_TAINT)
    resolv_conf = state() / "vcn-resolv.conf"
    for number in range(nodes):
        role = "worker" if number else "control-plane"
        text += NODE.format(role=role, resolv_conf=resolv_conf)
    return text


def own_docker() -> OwnDocker:
    """Return our own Docker daemon, running or not."""
    return OwnDocker(state() / "docker")


def _docker(cache: Cache) -> Docker | None:
    """Return the Docker for the cluster, or None if it does not answer."""
    if (state() / "offline").exists():
        return own_docker().running(cache)
    return users_own()


def running(cache: Cache) -> Cluster | None:
    """Return the cluster that is up, if one is."""
    docker = _docker(cache) if state().exists() else None
    if docker is None:
        return None
    cluster = Cluster(cache=cache, docker=docker, offline=docker.pid is not None)
    return cluster if cluster.is_up() else None


def prepare(cache: Cache, *, offline: bool) -> Cluster:
    """Return a cluster that is not up yet, on the user's Docker or on ours."""
    tear_down(cache)  # a killed run leaves its cluster
    docker = None if offline else users_own()
    state().mkdir(parents=True)
    if docker is None:
        (state() / "offline").touch()
        return Cluster(cache=cache, docker=own_docker().start(cache), offline=True)
    return Cluster(cache=cache, docker=docker, offline=False)


def tear_down(cache: Cache) -> None:
    """Remove the cluster and everything made for it, whatever its state."""
    if not state().exists():
        return
    docker = _docker(cache)
    if docker is not None:
        Cluster(cache=cache, docker=docker, offline=docker.pid is not None).delete()
    own_docker().stop(cache)
    shutil.rmtree(state(), ignore_errors=True)
