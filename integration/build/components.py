"""The programs of a cluster, built at pinned versions from the Go module proxy.

Each component is a module of its own in ``integration/components``: its
dependencies are those that its authors tested, not the newest that any of the
others asks for.
"""

import json
import os
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from integration.build import command
from integration.build.cache import Cache, key_of
from integration.build.command import BuildError

FOLDER = Path(__file__).parents[1] / "components"
KUBERNETES = "v1.34.4"
LEAST_GO = (1, 24)


@dataclass(frozen=True, slots=True, kw_only=True)
class Program:
    """One binary."""

    name: str
    module: str
    """Folder under ``integration/components``."""
    package: str
    tags: str = ""
    is_test: bool = False
    """Built with ``go test -c``."""
    has_c: bool = False
    """Parts of it are C: the build needs a C compiler, and links statically."""


def _kubernetes(name: str) -> Program:
    return Program(
        name=name, module="kubernetes", package=f"k8s.io/kubernetes/cmd/{name}"
    )


def _containerd(name: str) -> Program:
    return Program(
        name=name,
        module="containerd",
        package=f"github.com/containerd/containerd/v2/cmd/{name}",
        tags="no_btrfs,no_devmapper,no_zfs,no_aufs",
    )


def _plugin(path: str) -> Program:
    return Program(
        name=path.rpartition("/")[2],
        module="plugins",
        package=f"github.com/containernetworking/plugins/plugins/{path}",
    )


API_SERVER = _kubernetes("kube-apiserver")
CONTROL_PLANE = (
    API_SERVER,
    _kubernetes("kube-controller-manager"),
    _kubernetes("kube-scheduler"),
)
ETCD = Program(name="etcd", module="etcd", package="go.etcd.io/etcd/server/v3")
PROXY = _kubernetes("kube-proxy")
COREDNS = Program(
    name="coredns", module="coredns", package="github.com/coredns/coredns"
)
KUBECTL = _kubernetes("kubectl")
ON_NODE = (
    *(_kubernetes(name) for name in ("kubelet", "kubeadm")),
    KUBECTL,
    *(_containerd(n) for n in ("containerd", "containerd-shim-runc-v2", "ctr")),
)
PLUGINS = tuple(
    _plugin(path)
    for path in ("ipam/host-local", "main/loopback", "main/ptp", "meta/portmap")
)
BRIDGE = _plugin("main/bridge")
FLANNELD = Program(
    name="flanneld",
    module="flannel",
    package="github.com/flannel-io/flannel",
    tags="netgo,osusergo",
    has_c=True,
)
KUBE_ROUTER = Program(
    name="kube-router",
    module="kube-router",
    package="github.com/cloudnativelabs/kube-router/v2/cmd/kube-router",
)
HELM = Program(name="helm", module="helm", package="helm.sh/helm/v4/cmd/helm")
KIND = Program(name="kind", module="kind", package="sigs.k8s.io/kind")
AGNHOST = Program(
    name="agnhost",
    module="kubernetes",
    package="k8s.io/kubernetes/test/images/agnhost",
)
GINKGO = Program(
    name="ginkgo", module="kubernetes", package="github.com/onsi/ginkgo/v2/ginkgo"
)
E2E = Program(
    name="e2e.test",
    module="kubernetes",
    package="k8s.io/kubernetes/test/e2e",
    is_test=True,
)

CYCLONUS = Program(
    name="cyclonus", module="cyclonus", package="vcnd.invalid/components/cyclonus/batch"
)
POLICY_API = "sigs.k8s.io/network-policy-api"
"""The module of ClusterNetworkPolicy: its CRDs and its conformance tests."""
POLICY_CONFORMANCE = Program(
    name="conformance.test",
    module="network-policy-api",
    package=f"{POLICY_API}/conformance",
    is_test=True,
)
CONNECT = Program(
    name="connect", module="connect", package="vcnd.invalid/components/connect"
)


def _ldflags(program: Program) -> str:
    flags = "-s -w"
    if program.module == "kubernetes":
        # kubeadm's image tags and the version skew checks read it.
        version = "k8s.io/component-base/version"
        values = {
            "gitVersion": KUBERNETES,
            "gitMajor": "1",
            "gitMinor": "34",
            "gitTreeState": "clean",
            "buildDate": "2026-01-01T00:00:00Z",
        }
        flags += "".join(f" -X {version}.{k}={v}" for k, v in values.items())
    if program.has_c:
        flags += " -extldflags=-static"
    return flags


def go() -> str:
    """Return the path of a Go that is new enough.

    Raises:
        BuildError: there is none.
    """
    found = shutil.which("go")
    if found is not None:
        done = subprocess.run(
            [found, "env", "GOVERSION"], capture_output=True, text=True, check=False
        ).stdout.strip()
        numbers = done.removeprefix("go").split("-")[0].split(".")
        if tuple(int(n) for n in numbers[:2] if n.isdigit()) >= LEAST_GO:
            return found
    least = ".".join(str(n) for n in LEAST_GO)
    raise BuildError(
        f"no Go {least} or newer on this machine, and the cluster's programs are built"
        " from the Go module proxy here: install Go (https://go.dev/doc/install), or"
        " run where Docker and its registries are reachable"
    )


def source(module: str, path: str) -> Path:
    """Return the folder of a Go module's source, as a component pins it.

    Args:
        module: the component's folder under ``integration/components``.
        path: the module's path.

    Raises:
        BuildError: Go refused.
    """
    download = [go(), "mod", "download", "-json", path]
    failure = f"the source of {path} cannot be had"
    return Path(json.loads(command.run(download, failure, FOLDER / module))["Dir"])


def _packages(compiler: str, module: Path, program: Program) -> int:
    """Return how many packages a program is made of."""
    done = subprocess.run(
        [compiler, "list", "-mod=readonly", "-deps", program.package],
        cwd=module,
        capture_output=True,
        check=False,
    )
    return len(done.stdout.splitlines())


def _follow(cache: Cache, process: "subprocess.Popen[str]", packages: int) -> list[str]:
    """Show how many packages are compiled; return what the compiler printed."""
    lines: list[str] = []
    for line in process.stderr or []:
        lines.append(line.rstrip())
        cache.progress(min(len(lines), packages), packages)
    return lines


def sources(module: Path) -> list[Path]:
    """Return the files and folders of a component that decide what is built."""
    pins = [module / "go.mod", module / "go.sum"]
    # tools.go is compiled into nothing: it keeps the pins of what is built.
    own = (p for p in module.iterdir() if p not in pins and p.name != "tools.go")
    return [*pins, *sorted(own)]


def build(cache: Cache, program: Program) -> Path:
    """Return the path of a program, building it if need be.

    Raises:
        BuildError: Go refused.
    """
    module = FOLDER / program.module
    compiler = go()
    key = key_of(
        *sources(module),
        program.package,
        program.tags,
        program.is_test,
        _ldflags(program),
    )

    def compile_into(folder: Path) -> None:
        verb = ["test", "-c"] if program.is_test else ["build"]
        arguments = [compiler, *verb, "-mod=readonly", "-trimpath", "-buildvcs=false"]
        if program.tags:
            arguments += ["-tags", program.tags]
        arguments += ["-ldflags", _ldflags(program), "-o", str(folder / program.name)]
        environment = {
            **os.environ,
            "CGO_ENABLED": str(int(program.has_c)),
            "GOFLAGS": "",
        }
        with subprocess.Popen(
            [*arguments, "-v", program.package],
            cwd=module,
            env=environment,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        ) as process:
            lines = _follow(cache, process, _packages(compiler, module, program))
        if process.returncode:
            last = "\n".join(lines[-5:])
            raise BuildError(f"{program.name} cannot be built: {last}")

    return cache.artifact(program.name, key, compile_into) / program.name
