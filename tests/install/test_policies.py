"""The units of the policy process: they run where policies are on."""

from pathlib import Path

import pytest

from tests.doubles.node_root import NodeRoot
from vcnd.install import layout, policies, units
from vcnd.log import log

IDS = (997, 996)
SERVER = "https://10.0.0.10:6443"
START = ("systemctl", "start", "vcnd-policy.service")
RESTART = ("systemctl", "restart", "vcnd-policy.service")
SYSTEMD = Path(__file__).parents[2] / "systemd"


@pytest.fixture
def node(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> NodeRoot:
    monkeypatch.setattr(units, "SOURCE", SYSTEMD)  # the image has them elsewhere
    monkeypatch.setattr(units, "SETTINGS", SYSTEMD / "90-vcnd.conf")
    return NodeRoot(tmp_path)


def test_the_units_are_laid_with_the_root_of_their_version(node: NodeRoot) -> None:
    assert units.lay(node, "/opt/vcnd/0.2.0", "worker")
    for name in ("vcnd", "vcnd-policy"):
        assert node.read(f"{layout.UNITS}/{name}.socket") is not None
        drop_in = node.read(f"{layout.UNITS}/{name}.service.d/version.conf") or b""
        assert b"RootDirectory=/opt/vcnd/0.2.0\n" in drop_in
        assert (b"_KUBECONFIG=/etc/vcnd-policy/" in drop_in) is (name != "vcnd")
    assert not units.lay(node, "/opt/vcnd/0.2.0", "worker")


def test_the_socket_is_there_before_the_process(node: NodeRoot) -> None:
    policies.start(node, SERVER, IDS, changed=True)
    assert node.ran.index(("systemctl", "start", "vcnd-policy.socket")) < (
        node.ran.index(RESTART)
    )
    enabled = ("systemctl", "enable", "--quiet", *policies.UNITS)
    assert enabled in node.ran
    text = (node.read("/etc/vcnd-policy/kubeconfig") or b"").decode()
    assert SERVER in text


def test_a_process_that_is_as_it_should_be_runs_on(node: NodeRoot) -> None:
    policies.start(node, SERVER, IDS, changed=True)
    node.ran.clear()
    policies.start(node, SERVER, IDS, changed=False)
    assert START in node.ran
    assert RESTART not in node.ran


def test_another_api_server_starts_the_process_anew(node: NodeRoot) -> None:
    policies.start(node, SERVER, IDS, changed=True)
    node.ran.clear()
    policies.start(node, "https://10.0.0.11:6443", IDS, changed=False)
    assert RESTART in node.ran


def test_a_process_that_does_not_start_stops_no_installation(
    tmp_path: Path,
) -> None:
    class Node(NodeRoot):
        def run(self, *command: str) -> str:
            self._runs = command not in (START, RESTART)
            return super().run(*command)

    with log.collected() as events:
        policies.start(Node(tmp_path), SERVER, IDS, changed=True)
    assert [e["event"] for e in events] == ["policies_not_started"]


def test_policies_that_were_never_on_are_not_switched_off(node: NodeRoot) -> None:
    units.lay(node, "/opt/vcnd/0.2.0", "worker")
    assert not policies.stop(node)
    assert node.ran == []


def test_the_process_is_stopped_when_policies_go_off(node: NodeRoot) -> None:
    units.lay(node, "/opt/vcnd/0.2.0", "worker")
    policies.start(node, SERVER, IDS, changed=True)
    node.ran.clear()
    assert policies.stop(node)
    assert node.ran == [
        ("systemctl", "disable", "--quiet", *policies.UNITS),
        ("systemctl", "stop", *policies.UNITS),
    ]
    assert node.read("/etc/vcnd-policy/kubeconfig") is None
    assert not policies.stop(node)


def test_removal_leaves_no_file(node: NodeRoot) -> None:
    before = {p for p in node.path("/").rglob("*") if p.is_file()}
    units.lay(node, "/opt/vcnd/0.2.0", "worker")
    policies.start(node, SERVER, IDS, changed=True)
    policies.remove(node)
    units.remove(node)
    after = {p for p in node.path("/").rglob("*") if p.is_file()}
    assert after == before


def test_the_process_has_the_right_to_change_the_network_and_no_other() -> None:
    text = (SYSTEMD / "vcnd-policy.service").read_text()
    for name in ("CapabilityBoundingSet", "AmbientCapabilities"):
        assert f"\n{name}=CAP_NET_ADMIN\n" in text
    assert f"\nUser={layout.POLICY_USER}\n" in text
    socket = (SYSTEMD / "vcnd-policy.socket").read_text()
    assert f"\nSocketUser={layout.USER}\nSocketMode=0600\n" in socket
