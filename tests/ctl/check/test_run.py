"""A check of a simulated cluster, whose kubelet answers for the probes."""

from collections.abc import Mapping
from pathlib import Path
from random import Random
from typing import Any

import pytest
import trio
from click.testing import CliRunner

from sim.kubernetes.control_plane import ControlPlane, path_of
from sim.kubernetes.resources import NAMESPACES, PODS
from sim.kubernetes.server import ApiServer
from tests.kubeconfig import client_of
from vcnd import ctl
from vcnd.ctl.check.command import describe
from vcnd.ctl.check.probes import ROLE, WALKER
from vcnd.ctl.check.run import Check, Checked, CheckError, Options
from vcnd.kubeapi.errors import KubeError
from vcnd.model.check_report import PathName, Verdict

Clock = trio.testing.MockClock
WALKERS = "10.1.0.9"
GOOD: dict[str, str] = {
    PathName.SAME_NODE: f"0 {WALKERS}:1",
    PathName.CROSS_NODE: f"0 {WALKERS}:2",
    PathName.SERVICE: f"0 {WALKERS}:3",
    PathName.LARGE_PACKETS: "0 16000",
    PathName.DNS: "0 far",
    PathName.API_SERVER: "0 connected",
    PathName.TO_OWN_NODE: "0 connected",
    PathName.TO_OTHER_NODE: "0 connected",
    PathName.OUTSIDE: "0 200",
    PathName.POLICY_ALLOWS: f"0 {WALKERS}:4",
    PathName.POLICY_DENIES: "28 timed out",
}


class Sim:
    """A cluster of some nodes; its kubelet lets probes walk as a test says."""

    def __init__(self, folder: Path, nodes: int) -> None:
        self.server = ApiServer(random=Random(1))
        self.plane = ControlPlane(self.server)
        for number in range(nodes):
            self.add_node(f"node{number}")
        self.walked: dict[str, str] = dict(GOOD)
        self.unready: Mapping[str, str] = {}
        self.client = client_of(self.server, folder)

    def add_node(self, name: str) -> None:
        self.plane.add_node(name, address="10.0.0.2")
        # The daemon serves, so its taint is gone.
        self.server.patch(f"/api/v1/nodes/{name}", {"spec": {"taints": []}})

    async def kubelet(self) -> None:
        while True:
            await trio.sleep(0.5)
            for stored in list(self.server.objects(PODS)):
                role = stored.body["metadata"]["labels"][ROLE]
                if role == WALKER:
                    self.tell(stored.body, self.ended())
                elif role in self.unready:
                    self.tell(stored.body, self.waiting(self.unready[role]))
                else:
                    self.tell(stored.body, self.ready())

    def tell(self, pod: Any, status: dict[str, Any]) -> None:
        self.server.patch(f"{path_of(pod)}/status", {"status": status})

    def ready(self) -> dict[str, Any]:
        condition = {"type": "Ready", "status": "True"}
        return {"phase": "Running", "podIP": "10.1.0.4", "conditions": [condition]}

    def waiting(self, why: str) -> dict[str, Any]:
        state = {"waiting": {"reason": "ErrImagePull", "message": why}}
        return {"phase": "Pending", "containerStatuses": [{"state": state}]}

    def ended(self) -> dict[str, Any]:
        message = "".join(f"{path} {line}\n" for path, line in self.walked.items())
        state = {"terminated": {"exitCode": 0, "message": message}}
        return {
            "phase": "Succeeded",
            "podIPs": [{"ip": WALKERS}],
            "containerStatuses": [{"state": state}],
        }

    async def check(self, **options: Any) -> Checked:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self.kubelet)
            checked = await Check(self.client, Options(**options)).run()
            nursery.cancel_scope.cancel()
        await self.client.aclose()
        return checked

    @property
    def is_clean(self) -> bool:
        """Return True if each namespace of a check is being deleted, or gone."""
        return all(
            stored.body["metadata"].get("deletionTimestamp")
            for stored in self.server.objects(NAMESPACES)
            if stored.key.startswith("vcnd-check-")
        )


def verdicts(checked: Checked) -> dict[PathName, Verdict]:
    return {r.path: r.verdict for r in checked.report.results}


async def test_all_paths_of_a_sound_cluster_work(
    autojump_clock: Clock, tmp_path: Path
) -> None:
    sim = Sim(tmp_path, 3)
    checked = await sim.check(policies=True, outside="http://example.com")
    assert verdicts(checked) == dict.fromkeys(PathName, Verdict.OK)
    assert checked.report.nodes == ("node0", "node1")
    assert checked.evidence == {}
    assert sim.is_clean


@pytest.mark.parametrize("path", GOOD)
async def test_broken_path_is_named_and_explained(
    autojump_clock: Clock, tmp_path: Path, path: str
) -> None:
    sim = Sim(tmp_path, 2)
    passes = path == PathName.POLICY_DENIES
    sim.walked[path] = "0 10.1.0.9:1" if passes else "28 it timed out"
    checked = await sim.check(policies=True, outside="http://example.com")
    failed = [p for p, v in verdicts(checked).items() if v is Verdict.FAILED]
    assert failed == [path]
    assert set(checked.evidence) == {
        *("pods.json", "events.json", "networks.json", "nodes.json"),
    }
    assert sim.is_clean


async def test_server_that_does_not_start_is_told(
    autojump_clock: Clock, tmp_path: Path
) -> None:
    sim = Sim(tmp_path, 2)
    sim.unready = {"far": "no such image"}
    checked = await sim.check()
    found = verdicts(checked)
    assert found[PathName.NODE_TO_POD] is Verdict.FAILED
    assert found[PathName.CROSS_NODE] is Verdict.SKIPPED
    assert found[PathName.SAME_NODE] is Verdict.OK
    assert "far is not ready: ErrImagePull no such image" in describe(checked.report)


async def test_walker_that_does_not_start_fails_all_its_paths(
    autojump_clock: Clock, tmp_path: Path
) -> None:
    sim = Sim(tmp_path, 2)
    sim.walked = {}
    sim.ended = lambda: sim.waiting("it has no address")  # type: ignore[method-assign]
    checked = await sim.check(ready_seconds=20.0)
    same = next(r for r in checked.report.results if r.path is PathName.SAME_NODE)
    assert same.verdict is Verdict.FAILED
    assert same.detail.endswith("ErrImagePull it has no address")


async def test_one_node_is_enough(autojump_clock: Clock, tmp_path: Path) -> None:
    sim = Sim(tmp_path, 1)
    sim.walked[PathName.DNS] = "0 near"
    checked = await sim.check()
    assert not checked.report.failed
    assert verdicts(checked)[PathName.CROSS_NODE] is Verdict.SKIPPED


async def test_node_that_takes_no_pods_is_left_out(
    autojump_clock: Clock, tmp_path: Path
) -> None:
    sim = Sim(tmp_path, 2)
    sim.plane.cordon("node0")
    sim.walked[PathName.DNS] = "0 near"
    checked = await sim.check()
    assert checked.report.nodes == ("node1",)


@pytest.mark.parametrize(
    ("nodes", "options", "why"),
    [(0, {}, "no node takes pods"), (1, {"nodes": ("x",)}, "has no node x")],
)
async def test_cluster_without_a_node_for_it_is_refused(
    autojump_clock: Clock,
    tmp_path: Path,
    nodes: int,
    options: dict[str, Any],
    why: str,
) -> None:
    sim = Sim(tmp_path, nodes)
    with pytest.RaisesGroup(pytest.RaisesExc(CheckError, match=why)):
        await sim.check(**options)


async def test_namespace_goes_where_the_check_is_broken_off(
    autojump_clock: Clock, tmp_path: Path
) -> None:
    sim = Sim(tmp_path, 2)
    sim.unready = {"near": "slow"}
    with trio.move_on_after(5.0) as scope:
        await sim.check()
    assert scope.cancelled_caught
    assert sim.is_clean


async def test_api_server_that_is_away_is_an_error(
    autojump_clock: Clock, tmp_path: Path
) -> None:
    sim = Sim(tmp_path, 2)
    with sim.server.away(), pytest.RaisesGroup(KubeError):
        await sim.check()


def test_unreachable_cluster_is_one_sentence(tmp_path: Path) -> None:
    done = CliRunner().invoke(ctl.main, ["check", f"--kubeconfig={tmp_path / 'no'}"])
    assert done.exit_code == 1
    assert len(done.output.splitlines()) == 1
