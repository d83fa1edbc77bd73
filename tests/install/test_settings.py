"""Settings that the units make: written down before, made again by an upgrade."""

import json
import os
from pathlib import Path

import pytest

from vcnd.install import layout, units
from vcnd.install.host import Host


class Node(Host):
    """A folder as the node's root; its programs are noted, settings are ``0``."""

    def __init__(self, root: Path) -> None:
        super().__init__(root)
        self.ran: list[tuple[str, ...]] = []

    def write(
        self,
        absolute: str,
        content: bytes | str,
        *,
        mode: int = 0o644,
        owner: tuple[int, int] = (0, 0),
    ) -> bool:
        ids = (os.getuid(), os.getgid())
        return super().write(absolute, content, mode=mode, owner=ids)

    def run(self, *command: str) -> str:
        self.ran.append(command)
        return "0\n"


@pytest.fixture
def node(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Node:
    settings = Path(__file__).parents[2] / "systemd" / "90-vcnd.conf"
    monkeypatch.setattr(units, "SETTINGS", settings)  # in the image it is elsewhere
    return Node(tmp_path)


def test_a_setting_of_a_later_version_is_written_down_too(node: Node) -> None:
    node.write(layout.BEFORE, json.dumps({"net.ipv4.ip_forward": "1"}))
    units.remember_settings(node)
    before = json.loads(node.read(layout.BEFORE) or b"")
    assert before["net.ipv4.ip_forward"] == "1"
    assert before["net.ipv4.conf.all.src_valid_mark"] == "0"


def test_an_upgrade_makes_settings_though_the_socket_runs(node: Node) -> None:
    units.start(node, changed=True)
    made = (units.SYSCTL, layout.SYSCTLS)
    assert made in node.ran
    assert node.ran.index(made) < node.ran.index(
        ("systemctl", "restart", "vcnd.service")
    )
    node.ran.clear()
    units.start(node, changed=False)
    assert made not in node.ran
