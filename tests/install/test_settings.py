"""Settings of the units: recorded before the install, applied again by an upgrade."""

import json
from pathlib import Path

import pytest

from tests.doubles.node_root import NodeRoot
from vcnd.install import layout, units


@pytest.fixture
def node(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> NodeRoot:
    settings = Path(__file__).parents[2] / "systemd" / "90-vcnd.conf"
    monkeypatch.setattr(units, "SETTINGS", settings)  # the image has it elsewhere
    return NodeRoot(tmp_path, output="0\n")


def test_a_setting_of_a_later_version_is_written_down_too(node: NodeRoot) -> None:
    node.write(layout.BEFORE, json.dumps({"net.ipv4.ip_forward": "1"}))
    units.remember_settings(node)
    before = json.loads(node.read(layout.BEFORE) or b"")
    assert before["net.ipv4.ip_forward"] == "1"
    assert before["net.ipv4.conf.all.src_valid_mark"] == "0"


def test_settings_that_a_kernel_may_lack_are_no_error() -> None:
    """systemd-sysctl: a dash before the name; nf_conntrack may not be loaded."""
    lines = (Path(__file__).parents[2] / "systemd/90-vcnd.conf").read_text().split("\n")
    found = [x for x in lines if "net.ipv6." in x or "net.netfilter." in x]
    assert len(found) == 3
    assert all(line.startswith("-") for line in found)


def test_settings_of_a_module_are_saved_once_it_is_loaded(node: NodeRoot) -> None:
    units.remember_settings(node)
    commands = [command[-1] for command in node.ran]
    (load,) = [i for i, c in enumerate(commands) if c.startswith("modprobe")]
    (read,) = [i for i, c in enumerate(commands) if "tcp_be_liberal" in c]
    assert load < read
    before = json.loads(node.read(layout.BEFORE) or b"")
    assert before["net.netfilter.nf_conntrack_tcp_be_liberal"] == "0"
    assert before["net.netfilter.nf_conntrack_tcp_ignore_invalid_rst"] == "0"


def test_restoring_skips_settings_that_the_kernel_lacks(node: NodeRoot) -> None:
    saved = {"net.netfilter.nf_conntrack_tcp_be_liberal": "0"}
    node.write(layout.BEFORE, json.dumps(saved))
    units.put_settings_back(node)
    path = "/proc/sys/net/netfilter/nf_conntrack_tcp_be_liberal"
    assert node.ran == [("sh", "-c", f"[ ! -e {path} ] || echo 0 > {path}")]


def test_an_upgrade_makes_settings_though_the_socket_runs(node: NodeRoot) -> None:
    units.start(node, changed=True)
    made = (units.SYSCTL, layout.SYSCTLS)
    assert made in node.ran
    assert node.ran.index(made) < node.ran.index(
        ("systemctl", "restart", "vcnd.service")
    )
    node.ran.clear()
    units.start(node, changed=False)
    assert made not in node.ran
