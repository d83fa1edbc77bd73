"""The Helm chart on a real API server: install, upgrade, rollback, uninstall."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml  # type: ignore[import-untyped]
from rich.console import Console

from integration.build.cache import Cache
from integration.build.command import BuildError
from integration.chart.programs import (
    CHART,
    NAMESPACE,
    RELEASE,
    Objects,
    Programs,
    RefusedError,
    programs,
)
from integration.lab import apiserver
from integration.lab.apiserver import ApiServer

ADDRESS = "127.0.0.2"
"""The other tests' API server is at 127.0.0.1."""
VALUES: dict[str, Any] = {
    "image": {"repository": "registry.example/vcnd"},
    "config": {"oci": {"cluster": "one"}, "policy": {"enforcement": "strict"}},
}
GIVEN = json.dumps(VALUES)
NETWORKS = "/apis/oci.oraclecloud.com/v1beta1/nativepodnetworks"
DAEMONS = f"/apis/apps/v1/namespaces/{NAMESPACE}/daemonsets/vcnd"
CONFIG_MAP = f"/api/v1/namespaces/{NAMESPACE}/configmaps/vcnd"


class Place:
    """Helm, and the API server that it acts on."""

    def __init__(self, tools: Programs, server: ApiServer) -> None:
        self.tools = tools
        self.server = server
        self._kubeconfig = str(server.write_kubeconfig(server.admin_token))

    def helm(self, *arguments: str, given: str = "") -> str:
        there = ("-n", NAMESPACE)
        return self.tools.run_helm(
            *arguments, *there, given=given, kubeconfig=self._kubeconfig
        )

    def install(self, *options: str, values: str = GIVEN) -> None:
        self.helm("install", RELEASE, str(CHART), "-f", "-", *options, given=values)

    def upgrade(self, *options: str) -> None:
        self.helm("upgrade", RELEASE, str(CHART), "-f", "-", *options, given=GIVEN)

    def uninstall(self) -> None:
        self.helm("uninstall", RELEASE)

    def apply(self, made: Objects, *options: str) -> str:
        """Let the API server take objects, by kubectl."""
        return self.tools.run_kubectl(
            *("--kubeconfig", self._kubeconfig, "apply", "--server-side", *options),
            *("-f", "-"),
            given=yaml.safe_dump_all(made.values()),
        )

    def get(self, path: str) -> Any:
        answer = self.server.admin("GET", path)
        assert answer.is_success, answer.text
        return answer.json()

    def is_there(self, path: str) -> bool:
        return self.server.admin("GET", path).is_success

    def revisions(self) -> list[str]:
        told = json.loads(self.helm("history", RELEASE, "-o", "json"))
        return [revision["status"] for revision in told]


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    cache = Cache(Console(stderr=True))
    try:
        tools = programs(cache, tmp_path_factory.mktemp("helm"))
        found = apiserver.programs(cache)
    except BuildError as error:
        pytest.skip(str(error))
    folder: Path = tmp_path_factory.mktemp("chart")
    with apiserver.running(found, folder, address=ADDRESS) as server:
        yield Place(tools, server)


@pytest.fixture
def installed(place: Place) -> Iterator[Place]:
    place.install()
    yield place
    place.uninstall()


@pytest.mark.parametrize(
    "more",
    [
        {},
        {"monitoring": True},
        {"uninstall": {"enabled": True, "force": False}},
        {"maxUnavailable": "10%", "nodeSelector": {"a": "b"}, "podAnnotations": {}},
    ],
)
def test_api_server_takes_all_that_the_chart_makes(
    place: Place, more: dict[str, Any]
) -> None:
    """With field validation: it refuses fields that it does not know."""
    made = place.tools.render(values=json.dumps(VALUES | more))
    monitors = {key: made.pop(key) for key in list(made) if key[0] == "PodMonitor"}
    assert bool(monitors) == ("monitoring" in more)
    told = place.apply(made, "--dry-run=server", "--validate=strict")
    assert told.count("serverside-applied") == len(made)


def test_install_brings_what_is_rendered(installed: Place) -> None:
    made = installed.tools.render(values=GIVEN)
    (container,) = installed.get(DAEMONS)["spec"]["template"]["spec"]["containers"]
    assert container["image"] == "registry.example/vcnd:0.1.0"
    told = made["ConfigMap", NAMESPACE, "vcnd"]["data"]
    assert installed.get(CONFIG_MAP)["data"] == told
    manifest = installed.helm("get", "manifest", RELEASE)
    kinds = [body["kind"] for body in yaml.safe_load_all(manifest) if body]
    assert len(kinds) == len(made)
    assert installed.revisions() == ["deployed"]


def test_upgrade_and_rollback_change_the_objects(installed: Place) -> None:
    before = installed.get(DAEMONS)
    installed.upgrade("--set", "image.tag=0.2.0,config.pool.batch=4")
    after = installed.get(DAEMONS)
    assert after["metadata"]["generation"] == before["metadata"]["generation"] + 1
    (container,) = after["spec"]["template"]["spec"]["containers"]
    assert container["image"] == "registry.example/vcnd:0.2.0"
    assert "batch = 4" in installed.get(CONFIG_MAP)["data"]["vcnd.toml"]
    installed.helm("rollback", RELEASE, "1")
    assert installed.get(DAEMONS)["spec"] == before["spec"]
    assert "batch" not in installed.get(CONFIG_MAP)["data"]["vcnd.toml"]


def test_upgrade_takes_away_what_a_value_no_longer_asks_for(installed: Place) -> None:
    account = f"/api/v1/namespaces/{NAMESPACE}/serviceaccounts/vcnd-policy"
    assert installed.is_there(account)
    installed.upgrade("--set", "config.policy.enforcement=off")
    assert not installed.is_there(account)


def test_wrong_value_changes_nothing(installed: Place) -> None:
    before = installed.get(DAEMONS)
    with pytest.raises(RefusedError, match="'bach' not allowed"):
        installed.upgrade("--set", "image.tag=0.2.0,config.pool.bach=4")
    assert installed.get(DAEMONS) == before
    assert installed.revisions() == ["deployed"]


def test_upgrade_brings_a_changed_definition(installed: Place) -> None:
    path = (
        "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
        "/nativepodnetworks.oci.oraclecloud.com"
    )
    older = {"spec": {"names": {"shortNames": ["npn"]}}}
    assert installed.server.admin("PATCH", path, older).is_success
    installed.upgrade("--force-conflicts")
    assert installed.get(path)["spec"]["names"]["shortNames"] == ["npn", "npns"]


def test_networks_survive_uninstall_and_are_there_after_install(place: Place) -> None:
    place.install()
    network = {
        "apiVersion": "oci.oraclecloud.com/v1beta1",
        "kind": "NativePodNetwork",
        "metadata": {"name": "kept"},
        "spec": {"id": "ocid1.instance.kept"},
    }
    place.server.make(NETWORKS, network)
    place.uninstall()
    assert not place.is_there(DAEMONS)
    assert not place.is_there(CONFIG_MAP)
    assert place.is_there(f"{NETWORKS}/kept")
    place.install()
    assert place.is_there(f"{NETWORKS}/kept")
    place.uninstall()


def test_helm_takes_over_what_kustomize_installed(place: Place) -> None:
    overlay = place.tools.kustomize(CHART / "overlays" / "oci")
    place.apply(overlay)
    with pytest.raises(RefusedError, match="cannot be imported"):
        place.install()
    place.install("--take-ownership", "--force-conflicts")
    (container,) = place.get(DAEMONS)["spec"]["template"]["spec"]["containers"]
    assert container["image"] == "registry.example/vcnd:0.1.0"
    assert 'cluster = "one"' in place.get(CONFIG_MAP)["data"]["vcnd.toml"]
    place.uninstall()
    assert not place.is_there(DAEMONS)
