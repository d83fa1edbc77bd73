"""The configuration that the node is to have: one that the daemon takes."""

from pathlib import Path

import pytest

from vcnd.config_reading import ConfigError
from vcnd.install import wanted

BASE = '[kubernetes]\nkubeconfig = "k"\n'


@pytest.mark.parametrize(
    ("section", "on"),
    [
        ("", False),
        ('[policy]\nenforcement = "off"', False),
        ('[policy]\nenforcement = "standard"', True),
        ('[policy]\nenforcement = "strict"', True),
    ],
)
def test_configuration_says_whether_policies_are_on(
    tmp_path: Path, section: str, on: bool
) -> None:
    path = tmp_path / "vcnd.toml"
    path.write_text(f"{BASE}{section}\n")
    found = wanted.read(path, "worker")
    assert found.enforces is on
    assert found.text == path.read_bytes()


@pytest.mark.parametrize("text", ['[policy]\nenforcement = "harsh"', "[", "\xff"])
def test_what_the_daemon_refuses_is_wanted_by_nobody(tmp_path: Path, text: str) -> None:
    path = tmp_path / "vcnd.toml"
    with pytest.raises(ConfigError, match="No such file"):
        wanted.read(path, "worker")
    path.write_bytes(BASE.encode() + text.encode("latin-1"))
    with pytest.raises(ConfigError, match=str(path)):
        wanted.read(path, "worker")
