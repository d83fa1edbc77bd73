"""The Helm chart beside kustomize: the same settings give the same objects."""

import json
import shutil
import tomllib
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
    Objects,
    Programs,
    RefusedError,
    objects,
    programs,
)

CONFIG_MAP = ("ConfigMap", NAMESPACE, "vcnd")
DAEMONS = ("DaemonSet", NAMESPACE, "vcnd")
DEFINITION = (
    *("CustomResourceDefinition", ""),
    "nativepodnetworks.oci.oraclecloud.com",
)
VALUES: dict[str, Any] = {
    "image": {"repository": "registry.example/vcnd"},
    "config": {"oci": {"cluster": "one"}},
}


@pytest.fixture(scope="module")
def tools(tmp_path_factory: pytest.TempPathFactory) -> Programs:
    try:
        return programs(Cache(Console(stderr=True)), tmp_path_factory.mktemp("helm"))
    except BuildError as error:
        pytest.skip(str(error))


def with_values(**more: Any) -> str:
    return json.dumps(VALUES | more)


def configured(**sections: Any) -> str:
    return with_values(config={**VALUES["config"], **sections})


def render(tools: Programs, values: str) -> Objects:
    """Return the chart's objects without what only Helm needs."""
    made = tools.render(values=values)
    if DEFINITION in made:
        kept = made[DEFINITION]["metadata"].pop("annotations")
        assert kept == {"helm.sh/resource-policy": "keep"}
    return _compared(made)


def kustomize(tools: Programs, folder: Path) -> Objects:
    """Return a kustomization's objects, those of the whole cluster as such."""
    made = objects(map(_placed, tools.kustomize(folder).values()))
    return _compared(made)


def _placed(body: dict[str, Any]) -> dict[str, Any]:
    # kustomize knows no admission policies, and gives them a namespace.
    if body["kind"].startswith("ValidatingAdmissionPolicy"):
        del body["metadata"]["namespace"]
    return body


def _compared(made: Objects) -> Objects:
    """Replace texts by what they mean: the configuration, and expressions in CEL."""
    data = made[CONFIG_MAP]["data"]
    data["vcnd.toml"] = tomllib.loads(data["vcnd.toml"])
    for (kind, _, _), body in made.items():
        if kind == "ValidatingAdmissionPolicy":
            spec = body["spec"]
            for part in (*spec["variables"], *spec["validations"]):
                # Where a folded text is broken into lines, the YAML writers differ.
                part["expression"] = part["expression"].split()
    return made


def overlay(folder: Path, toml: str, *components: str, **more: Any) -> Path:
    """Write an overlay beside a copy of ``deploy``, with the test's image."""
    shutil.copytree(CHART, folder / "deploy")
    made = folder / "overlay"
    made.mkdir()
    (made / "vcnd.toml").write_text(toml)
    name = {"disableNameSuffixHash": True}
    image = {"name": "vcnd", "newName": "registry.example/vcnd", "newTag": "0.1.0"}
    body = {
        "namespace": NAMESPACE,
        "resources": ["../deploy/base"],
        "components": [f"../deploy/components/{name}" for name in components],
        "configMapGenerator": [
            {"name": "vcnd", "files": ["vcnd.toml"], "options": name}
        ],
        "images": [image],
        **more,
    }
    (made / "kustomization.yaml").write_text(yaml.safe_dump(body))
    return made


@pytest.mark.parametrize("name", ["oci", "kind"])
def test_chart_makes_what_the_overlay_makes(tools: Programs, name: str) -> None:
    folder = CHART / "overlays" / name
    (image,) = yaml.safe_load((folder / "kustomization.yaml").read_text())["images"]
    config = tomllib.loads((folder / "vcnd.toml").read_text())
    if name == "kind":  # the component alone changes nothing in vcnd.toml
        config["policy"] = {"enforcement": "strict"}
    values = {
        "image": {"repository": image["newName"], "tag": image["newTag"]},
        "config": config,
    }
    made = render(tools, json.dumps(values))
    expected = kustomize(tools, folder)
    if name == "kind":
        there = expected[CONFIG_MAP]["data"]["vcnd.toml"]
        there["policy"] = {"enforcement": "strict"}
    assert made == expected


@pytest.mark.parametrize("enforcement", ["standard", "strict"])
def test_policy_and_monitoring_bring_what_their_components_bring(
    tools: Programs, tmp_path: Path, enforcement: str
) -> None:
    toml = f"""
        [kubernetes]
        kubeconfig = "/etc/vcnd/kubeconfig"
        [oci]
        cluster = "one"
        [node]
        metrics = "0.0.0.0:9464"
        [policy]
        enforcement = "{enforcement}"
        metrics = "0.0.0.0:9465"
    """
    folder = overlay(tmp_path, toml, "policy", "monitoring")
    sections = {"oci": {"cluster": "one"}, "policy": {"enforcement": enforcement}}
    values = with_values(monitoring=True, config=sections)
    assert render(tools, values) == kustomize(tools, folder)


def test_each_pod_setting_changes_what_a_patch_changes(
    tools: Programs, tmp_path: Path
) -> None:
    given = {
        "tolerations": [{"key": "only", "operator": "Exists"}],
        "nodeSelector": {"pool": "pods"},
        "affinity": {"nodeAffinity": {}},
        "imagePullSecrets": [{"name": "registry"}],
    }
    container = {"resources": {"requests": {"cpu": "20m"}}, "imagePullPolicy": "Always"}
    template, rolling = "/spec/template", "/spec/updateStrategy/rollingUpdate"
    paths = {f"{template}/spec/{key}": value for key, value in given.items()}
    paths |= {f"{template}/spec/containers/0/{k}": v for k, v in container.items()}
    paths[f"{template}/metadata/annotations"] = {"a": "b"}
    paths[f"{rolling}/maxUnavailable"] = "10%"
    operations = [{"op": "add", "path": p, "value": v} for p, v in paths.items()]
    patch = {"target": {"kind": "DaemonSet"}, "patch": json.dumps(operations)}
    toml = "oci.cluster = 'one'\nkubernetes.kubeconfig = '/etc/vcnd/kubeconfig'"
    values = with_values(
        **given,
        image={"repository": "registry.example/vcnd", "pullPolicy": "Always"},
        resources=container["resources"],
        podAnnotations={"a": "b"},
        maxUnavailable="10%",
    )
    folder = overlay(tmp_path, toml, patches=[patch])
    assert render(tools, values) == kustomize(tools, folder)


def test_every_kind_of_value_keeps_its_meaning_in_the_file(tools: Programs) -> None:
    sections = {
        "oci": {"cluster": 'a "b" \\ <c> é\n', "blocks": False, "nsg_ids": ["a", "b"]},
        "pool": {"lean_at": 0.95, "maximum": 250, "cooling_seconds": 30},
        "node": {"mark_mask": 0xFF0000},
        "allow": [
            {"namespace": "a", "fixed_addresses": True},
            {"namespace": "*", "nsg_ids": ["*"]},
        ],
    }
    made = render(tools, with_values(config=sections))
    kubernetes = {"kubeconfig": "/etc/vcnd/kubeconfig"}
    told = made[CONFIG_MAP]["data"]["vcnd.toml"]
    assert told == {**sections, "kubernetes": kubernetes}


def test_definition_is_left_out_if_others_bring_it(tools: Programs) -> None:
    whole, without = (render(tools, with_values(crd=crd)) for crd in (True, False))
    assert whole.keys() - without.keys() == {DEFINITION}


def test_another_startup_taint_is_named_in_the_admission_policy(
    tools: Programs,
) -> None:
    made = render(tools, configured(kubernetes={"startup_taint": "example.org/new"}))
    policy = made["ValidatingAdmissionPolicy", "", "vcnd-own-node"]
    told = {v["name"]: v["expression"] for v in policy["spec"]["variables"]}
    assert told["startupTaint"] == ["'example.org/new'"]
    usual = render(tools, with_values())[
        "ValidatingAdmissionPolicy", "", "vcnd-own-node"
    ]
    told = {v["name"]: v["expression"] for v in usual["spec"]["variables"]}
    assert told["startupTaint"] == ["'vcnd.io/not-ready'"]


def test_off_without_quotes_means_off(tools: Programs) -> None:
    config = "config: {oci: {cluster: a}, policy: {enforcement: off}}"
    made = tools.render(values=f"image: {{repository: a}}\n{config}")
    assert not [key for key in made if key[2].startswith("vcnd-policy")]
    assert 'enforcement = "off"' in made[CONFIG_MAP]["data"]["vcnd.toml"]


def test_monitoring_without_policies_asks_the_daemon_alone(tools: Programs) -> None:
    made = tools.render(values=with_values(monitoring=True))
    monitors = {name for kind, _, name in made if kind == "PodMonitor"}
    assert monitors == {"vcnd"}


@pytest.mark.parametrize("arguments", [[], ["--force"]])
def test_uninstaller_takes_the_installers_place(
    tools: Programs, arguments: list[str]
) -> None:
    values = with_values(uninstall={"enabled": True, "force": bool(arguments)})
    made, usual = render(tools, values), render(tools, with_values())
    assert made.keys() == usual.keys()
    different = {key for key in made if made[key] != usual[key]}
    assert different == {DAEMONS}
    (body,) = tools.kustomize(CHART / "uninstall").values()
    labels = {"app.kubernetes.io/name": "vcnd"}
    body["metadata"] |= {"name": "vcnd", "labels": labels}
    body["spec"]["selector"]["matchLabels"] = labels
    body["spec"]["template"]["metadata"]["labels"] = labels
    body["spec"]["template"]["spec"]["containers"][0]["args"] += arguments
    assert made[DAEMONS] == body


def test_digest_counts_instead_of_the_tag(tools: Programs) -> None:
    digest = f"sha256:{'a' * 64}"
    image = {"repository": "r/vcnd", "tag": "1", "digest": digest}
    made = tools.render(values=with_values(image=image))
    (container,) = made[DAEMONS]["spec"]["template"]["spec"]["containers"]
    assert container["image"] == f"r/vcnd@{digest}"


@pytest.mark.parametrize(
    ("values", "told"),
    [
        (with_values(tolerance=[]), "additional properties 'tolerance' not allowed"),
        (with_values(monitoring="yes"), "at '/monitoring': got string, want boolean"),
        (
            with_values(image={"repository": "a", "tag": 0.1}),
            "at '/image/tag': got number, want string",
        ),
        (
            with_values(image={"repository": "a", "digest": "latest"}),
            "at '/image/digest': 'latest' does not match pattern",
        ),
        (with_values(maxUnavailable=0), "at '/maxUnavailable': minimum: got 0, want 1"),
        (
            configured(pool={"bach": 8}),
            "at '/config/pool': additional properties 'bach' not allowed",
        ),
        (
            configured(cni={"patience_seconds": 60}),
            "at '/config/cni/patience_seconds': maximum: got 60, want 45",
        ),
        (
            configured(policy={"enforcement": "hard"}),
            "value must be one of 'off', 'standard', 'strict', false",
        ),
        (
            configured(allow=[{"nsg_ids": ["*"]}]),
            "at '/config/allow/0': missing property 'namespace'",
        ),
        (
            configured(kubernetes={"startup_taint": "a' || 'b"}),
            "at '/config/kubernetes/startup_taint': ",
        ),
        (with_values(image={}), "image.repository is missing"),
        (with_values(config={}), "config.oci.cluster is missing"),
        (
            with_values(
                monitoring=True,
                config={"oci": {"cluster": "a"}, "node": {"metrics": "[::]:80"}},
            ),
            "monitoring asks for metrics at 0.0.0.0:9464, config.node.metrics says",
        ),
    ],
)
def test_wrong_value_is_refused_in_words(
    tools: Programs, values: str, told: str
) -> None:
    with pytest.raises(RefusedError) as refused:
        tools.render(values=values)
    assert told in str(refused.value)


def test_another_namespace_is_refused(tools: Programs) -> None:
    with pytest.raises(RefusedError, match="vcnd runs in kube-system, not in else"):
        tools.render("-n", "else", values=with_values())


@pytest.mark.parametrize("values", [with_values(), with_values(monitoring=True)])
def test_helm_finds_no_fault_in_the_chart(tools: Programs, values: str) -> None:
    lint = ("lint", "--strict", str(CHART), "-n", NAMESPACE, "-f", "-")
    assert "0 chart(s) failed" in tools.run_helm(*lint, given=values)
