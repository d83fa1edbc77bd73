"""vcndctl asks the real process about policies, and it looks at the real kernel."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from fakeoci.fabric import netns
from integration.lab import streams
from integration.lab.apiserver import ApiServer
from integration.tests.policy_process import Process
from integration.tests.policy_stage import PORT, Stage, policy_stage, until

DENY_ALL = {"podSelector": {}, "policyTypes": ["Ingress"]}
FRIENDS = {
    "podSelector": {"matchLabels": {"app": "web"}},
    "ingress": [{"from": [{"podSelector": {"matchLabels": {"role": "friend"}}}]}],
}
TABLE = "inet vcnd-policy"


@pytest.fixture
def stage(server: ApiServer) -> Iterator[Stage]:
    with policy_stage(server) as made:
        yield made


@pytest.fixture
async def process(stage: Stage, tmp_path: Path) -> AsyncIterator[Process]:
    """Only a is a friend of web."""
    kubeconfig = stage.server.write_kubeconfig(stage.server.admin_token)
    made = Process(tmp_path, kubeconfig)
    stage.pod("web", app="web")
    stage.pod("a", role="friend")
    stage.pod("b")
    stage.policy("deny-all", **DENY_ALL)
    stage.policy("friends", **FRIENDS)
    made.start()
    await until(made.has_put)
    yield made
    made.kill()


async def test_kernel_agrees_and_a_rule_by_hand_differs(process: Process) -> None:
    for source, verdict, code in (("a", "ALLOWED", 0), ("b", "DENIED", 4)):
        asked = ("explain", f"default/{source}", "web", str(PORT), "--exit-code")
        done, text = process.ctl(*asked)
        assert (done, text.split()[0]) == (code, verdict), text
        assert "the kernel agrees" in text
    netns.nft("node", f"insert rule {TABLE} always tcp dport {PORT} drop\n")
    done, text = process.ctl("explain", "a", "web", str(PORT))
    assert done == 3, text
    assert "THE KERNEL DIFFERS" in text
    assert "Policies allow ingress of pod default/web, and the kernel drops it" in text
    # A rule of another port changes nothing for this one.
    assert process.ctl("explain", "a", "web", str(PORT + 1))[0] == 0


async def test_a_rule_by_hand_that_nobody_can_read_differs(process: Process) -> None:
    netns.nft("node", f"insert rule {TABLE} ingress_side ip ttl 63 accept\n")
    done, text = process.ctl("explain", "b", "web", "80/udp")
    assert done == 3, text
    assert "ip ttl" in text


async def test_show_counts_what_was_accepted_and_denied(
    stage: Stage, process: Process
) -> None:
    assert stage.reaches("a", "web")
    assert not stage.reaches("b", "web")
    shown = process.ctl_json("web")
    assert (shown["pod"], shown["held"]) == ("default/web", "")
    assert shown["link"] == stage.pods["web"].host_ifname
    into, out = shown["ingress"], shown["egress"]
    assert [x["policy"] for x in into["policies"]] == [
        "default/deny-all",
        "default/friends",
    ]
    assert into["policies"][1]["rules"] == [
        "allows everything from pods role=friend of namespace default"
    ]
    assert into["in_force"]["counts"]["accepted"] == 1
    assert into["in_force"]["counts"]["denied"] >= 1
    assert (out["isolated"], out["in_force"]["chain"]) == (False, "open")
    done, text = process.ctl("web")
    assert done == 0
    assert "1 connection accepted" in text


async def test_a_pod_that_the_cluster_does_not_know_is_told_as_held(
    stage: Stage, process: Process
) -> None:
    stage.plug("stray", told=False)
    await until(lambda: process.ctl("explain", "stray", "web", "80")[0] == 0)
    assert "HELD" in process.ctl("default/stray")[1]
    (found,) = process.ctl_json("explain", "stray", "web", "80")["connections"]
    assert (found["allowed"], found["kernel"]["agrees"]) == (False, True)


async def test_dry_run_finds_connections_that_there_are_now(
    stage: Stage, process: Process, tmp_path: Path
) -> None:
    file = tmp_path / "policies.yaml"
    file.write_text("""
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: friends, namespace: default}
spec:
  podSelector: {matchLabels: {app: web}}
  ingress: [{from: [{podSelector: {matchLabels: {role: nobody}}}]}]
""")
    (mine,), (theirs,) = (stage.pods[x].addresses for x in ("a", "web"))
    with streams.talk(("a", (mine, PORT)), ("web", (theirs, PORT + 1))) as flow:
        assert flow.arrives()
        answer = process.ctl_json("dry-run", str(file))
        done, text = process.ctl("dry-run", str(file))
    assert answer["replaced"] == ["NetworkPolicy default/friends"]
    groups = [x for x in answer["groups"] if x["port"] == PORT + 1]
    assert [(x["source"], x["destination"], x["protocol"]) for x in groups] == [
        ("default/a", "default/web", "UDP")
    ]
    assert done == 0
    assert f"{PORT + 1}/UDP" in text
    # Nothing has changed.
    assert stage.reaches("a", "web")


async def test_status_says_that_all_is_known(process: Process) -> None:
    done, text = process.ctl("status")
    assert done == 0
    assert "in force for" in text
