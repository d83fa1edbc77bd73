"""The schema of the chart's values keeps up with the code."""

import json

import msgspec

from integration.chart import schema
from integration.website.build import ROOT
from integration.website.made import renewed
from vcnd.config import Config


def test_the_schema_is_current() -> None:
    assert (ROOT / schema.FILE).read_text() == schema.render(), "./vcn docs --write"


def test_the_table_of_values_is_current() -> None:
    page = (ROOT / schema.PAGE).read_text()
    assert "<!-- made: values -->" in page
    assert page == renewed(page, schema.TABLES), "run: ./vcn docs --write"


def test_schema_has_each_key_of_the_configuration() -> None:
    config = json.loads(schema.render())["properties"]["config"]
    sections = msgspec.to_builtins(Config())
    assert [*config["properties"]] == [*sections]
    for name, keys in sections.items():
        if isinstance(keys, dict):
            section = config["properties"][name]
            assert [*section["properties"]] == [*keys]
            assert section["additionalProperties"] is False
