"""The fake's names of operations that it lacks are those of the Python SDK."""

from pathlib import Path

import fakeoci.api
from integration.contract import sdk, sdk_names

NAMES = Path(fakeoci.api.__file__).with_name("names.toml")


def test_names_are_the_sdks() -> None:
    assert NAMES.read_text(encoding="utf-8") == sdk_names.document(sdk.place())
