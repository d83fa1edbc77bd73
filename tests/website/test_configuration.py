"""The page of the configuration keeps up with the code."""

import re

import msgspec

from integration.website import configuration
from integration.website.build import ROOT
from vcnd.config import Config, OciSection


def test_the_page_of_the_configuration_is_current() -> None:
    written = (ROOT / configuration.PAGE).read_text()
    assert written == configuration.render(), "run: ./vcn docs --write"


def test_each_key_has_a_row_of_its_own() -> None:
    page = configuration.render()
    for section, value in msgspec.to_builtins(Config()).items():
        if isinstance(value, dict):
            part = page.split(f"## [{section}]")[1].split("\n## ")[0]
            assert re.findall(r"^\| `(\w+)` \|", part, re.MULTILINE) == [*value]


def test_meanings_are_the_docstrings_of_fields() -> None:
    told = configuration.meanings(OciSection)
    assert told["nsg_ids"] == "OCIDs of the NSGs of pod VNICs, at most 5."
    assert "cluster" in told
