"""The bills of materials have what the images' lock files pin, and nothing else."""

import json
import re
from pathlib import Path

import pytest

from integration.sbom.__main__ import IMAGES, write

PIN = re.compile(r"^([a-z0-9._-]+)==([^ ;\\]+)", re.MULTILINE)


@pytest.fixture(scope="module")
def bills(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    made = write(tmp_path_factory.mktemp("sbom"))
    return dict(zip(IMAGES, made, strict=True))


@pytest.mark.parametrize("name", IMAGES)
def test_each_pinned_package_is_listed_with_its_hashes(
    bills: dict[str, Path], name: str
) -> None:
    bill = json.loads(bills[name].read_text())
    listed = {(c["name"], c["version"]) for c in bill["components"]}
    pinned = set(PIN.findall(IMAGES[name][0].read_text()))
    assert listed == pinned
    assert len(pinned) > 10
    assert bill["metadata"]["component"]["name"] == name
    for component in bill["components"]:
        assert component["purl"].startswith("pkg:pypi/")
        references = component["externalReferences"]
        assert any(r.get("hashes") for r in references), component["name"]
