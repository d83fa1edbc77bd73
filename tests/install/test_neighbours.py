"""Files that keep the node's network programs off vcnd's links."""

import configparser
from pathlib import Path

import pytest
import yaml  # type: ignore[import-untyped]

from tests.doubles.node_root import NodeRoot
from vcnd.install import neighbours

PROGRAMS = (
    "etc/systemd/network",
    "etc/NetworkManager/conf.d",
    "etc/cloud/cloud.cfg.d",
    "etc/oci-utils.conf.d",
)


@pytest.fixture
def node(tmp_path: Path) -> NodeRoot:
    for folder in PROGRAMS:
        (tmp_path / folder).mkdir(parents=True)
    return NodeRoot(tmp_path)


def _ini(node: NodeRoot, path: str) -> configparser.ConfigParser:
    parser = configparser.ConfigParser(strict=False, delimiters=("=",))
    parser.read_string((node.read(path) or b"").decode())
    return parser


def test_each_program_is_configured_in_its_own_format(node: NodeRoot) -> None:
    neighbours.lay(node)
    manager = _ini(node, "/etc/NetworkManager/conf.d/90-vcnd.conf")
    assert manager["keyfile"]["unmanaged-devices+"] == "interface-name:oci*"
    pods = _ini(node, "/etc/systemd/network/05-vcnd-pods.network")
    assert (pods["Match"]["Name"], pods["Link"]["Unmanaged"]) == ("oci*", "yes")
    networkd = _ini(node, "/etc/systemd/networkd.conf.d/vcnd.conf")["Network"]
    assert set(networkd.values()) == {"no"}
    cloud = yaml.safe_load(node.read("/etc/cloud/cloud.cfg.d/99-vcnd.cfg") or b"")
    assert "hotplug" not in cloud["updates"]["network"]["when"]
    assert cloud["datasource"]["Oracle"]["configure_secondary_nics"] is False
    assert (
        _ini(node, "/etc/oci-utils.conf.d/90-vcnd.conf")["vnic"]["enabled"] == "false"
    )
    setup = "/etc/systemd/system/nm-cloud-setup.service.d/90-vcnd.conf"
    assert b"NM_CLOUD_SETUP_OCI=no" in (node.read(setup) or b"")


def test_absent_program_gets_no_configuration(tmp_path: Path) -> None:
    node = NodeRoot(tmp_path)
    neighbours.lay(node)
    neighbours.name_vnics(node, ["02:00:17:00:00:01"])
    assert [p for p in tmp_path.rglob("*") if p.is_file()] == []


def test_vnics_are_named_as_they_come_and_go(node: NodeRoot) -> None:
    neighbours.lay(node)
    node.ran.clear()
    neighbours.name_vnics(node, ["02:00:17:00:00:02", "02:00:17:00:00:01"])
    manager = _ini(node, "/etc/NetworkManager/conf.d/90-vcnd.conf")
    assert manager["keyfile"]["unmanaged-devices+"] == (
        "interface-name:oci*;mac:02:00:17:00:00:01;mac:02:00:17:00:00:02"
    )
    vnics = _ini(node, "/etc/systemd/network/05-vcnd-vnics.network")
    assert vnics["Match"]["MACAddress"] == "02:00:17:00:00:01 02:00:17:00:00:02"
    reloads = [("nmcli", "general", "reload", "conf"), ("networkctl", "reload")]
    assert node.ran == reloads
    neighbours.name_vnics(node, ["02:00:17:00:00:01", "02:00:17:00:00:02"])
    neighbours.lay(node)  # an upgrade
    assert node.ran == reloads  # nothing has changed
    neighbours.name_vnics(node, [])
    assert node.read("/etc/systemd/network/05-vcnd-vnics.network") is None


def test_all_of_it_is_removed_and_others_files_stay(node: NodeRoot) -> None:
    theirs = node.path("/etc/NetworkManager/conf.d/10-theirs.conf")
    theirs.touch()
    before = set(node.path("/").rglob("*"))
    neighbours.lay(node)
    neighbours.name_vnics(node, ["02:00:17:00:00:01"])
    neighbours.remove(node)
    left = [p for p in node.path("/").rglob("*") if p.is_file()]
    assert left == [theirs]
    made = set(node.path("/").rglob("*")) - before
    assert made == {node.path("/etc/systemd/system")}  # exists on every node


def test_a_program_that_does_not_run_is_no_error(tmp_path: Path) -> None:
    (tmp_path / "etc/NetworkManager").mkdir(parents=True)
    node = NodeRoot(tmp_path, runs=False)
    neighbours.lay(node)
    assert node.read("/etc/NetworkManager/conf.d/90-vcnd.conf") is not None
