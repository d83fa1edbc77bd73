"""One version stands in all places that a release has."""

import re
import tomllib
from pathlib import Path

import pytest
import yaml  # type: ignore[import-untyped]

import vcnd

ROOT = Path(__file__).parents[2]
TAG = re.compile(r'newName: registry\.example/vcnd\n *newTag: "([^"]+)"')


@pytest.mark.parametrize("project", [".", "fakeoci"])
def test_distribution_has_the_version(project: str) -> None:
    body = tomllib.loads((ROOT / project / "pyproject.toml").read_text())
    assert body["project"]["version"] == vcnd.__version__


@pytest.mark.parametrize("folder", ["overlays/oci", "uninstall"])
def test_manifests_name_the_image_of_the_version(folder: str) -> None:
    text = (ROOT / "deploy" / folder / "kustomization.yaml").read_text()
    assert TAG.findall(text) == [vcnd.__version__]


def test_chart_has_the_version_and_names_the_image_of_it() -> None:
    body = yaml.safe_load((ROOT / "deploy/Chart.yaml").read_text())
    assert {body["version"], body["appVersion"]} == {vcnd.__version__}
