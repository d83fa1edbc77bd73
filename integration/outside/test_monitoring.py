"""promtool's opinion of the rules, and whether their tests notice a lost alert."""

import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml  # type: ignore[import-untyped]
from rich.console import Console

from integration.build.cache import Cache
from integration.build.command import BuildError
from integration.build.prometheus import programs

FOLDER = Path(__file__).parents[2] / "deploy" / "monitoring"
RULES = FOLDER / "rules.yaml"
SICK, WELL = 0, 1
"""The two worlds of the tests."""
COMPONENT = "../deploy/components/monitoring"
ALERTS = [
    rule["alert"]
    for group in yaml.safe_load(RULES.read_text())["groups"]
    for rule in group["rules"]
    if "alert" in rule
]


@pytest.fixture(scope="module")
def promtool() -> Path:
    try:
        return programs(Cache(Console(stderr=True))).promtool
    except BuildError as error:
        pytest.skip(str(error))


def run(promtool: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [promtool, *arguments], capture_output=True, text=True, check=False
    )


def test_rules_are_well_formed(promtool: Path) -> None:
    done = run(promtool, "check", "rules", "--lint-fatal", str(RULES))
    assert done.returncode == 0, done.stdout + done.stderr


def test_each_alert_fires_where_it_should_and_nowhere_else(promtool: Path) -> None:
    done = run(promtool, "test", "rules", str(FOLDER / "rules_test.yaml"))
    assert done.returncode == 0, done.stdout + done.stderr


def changed(tmp_path: Path, world: int, alert: str, **changes: Any) -> Path:
    """Return the tests of a world, beside rules one of which is changed."""
    tests = yaml.safe_load((FOLDER / "rules_test.yaml").read_text())
    tests["tests"] = [tests["tests"][world]]
    (tmp_path / "rules_test.yaml").write_text(yaml.safe_dump(tests))
    rules = yaml.safe_load(RULES.read_text())
    for group in rules["groups"]:
        for rule in group["rules"]:
            if rule.get("alert") == alert:
                rule.update(changes)
    (tmp_path / "rules.yaml").write_text(yaml.safe_dump(rules))
    return tmp_path / "rules_test.yaml"


@pytest.mark.parametrize("alert", ALERTS)
def test_an_alert_that_never_fires_is_noticed(
    promtool: Path, tmp_path: Path, alert: str
) -> None:
    tests = changed(tmp_path, SICK, alert, expr="vector(1) > 2")
    assert run(promtool, "test", "rules", str(tests)).returncode != 0


@pytest.mark.parametrize("alert", ALERTS)
def test_an_alert_that_always_fires_is_noticed(
    promtool: Path, tmp_path: Path, alert: str
) -> None:
    tests = changed(tmp_path, WELL, alert, expr="vector(1)", **{"for": "0s"})
    assert run(promtool, "test", "rules", str(tests)).returncode != 0


def test_component_names_the_ports_and_has_monitors(tmp_path: Path) -> None:
    kubectl = shutil.which("kubectl")
    if kubectl is None:
        pytest.skip("no kubectl here to render the component")
    shutil.copytree(FOLDER.parent, tmp_path / "deploy")
    overlay = tmp_path / "overlay"
    overlay.mkdir()
    chosen = {"resources": ["../deploy/base"], "components": [COMPONENT]}
    (overlay / "kustomization.yaml").write_text(yaml.safe_dump(chosen))
    done = subprocess.run(
        [kubectl, "kustomize", str(overlay)], capture_output=True, text=True, check=True
    )
    made = {
        (x["kind"], x["metadata"]["name"]): x for x in yaml.safe_load_all(done.stdout)
    }
    pod = made["DaemonSet", "vcnd"]["spec"]["template"]
    ports = {p["name"] for p in pod["spec"]["containers"][0]["ports"]}
    asked = set[str]()
    for name in ("vcnd", "vcnd-policy"):
        spec = made["PodMonitor", name]["spec"]
        assert (
            spec["selector"]["matchLabels"].items() <= pod["metadata"]["labels"].items()
        )
        asked |= {endpoint["port"] for endpoint in spec["podMetricsEndpoints"]}
    assert asked == ports
    assert pod["spec"]["hostNetwork"]
