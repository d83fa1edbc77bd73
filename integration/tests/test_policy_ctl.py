"""vcndctl asks the real process about policies, and it looks at the real kernel."""

import json
import signal
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import closing
from pathlib import Path
from random import Random
from typing import Never

import pytest
import trio

from fakeoci.fabric import netns
from integration.lab import streams
from integration.lab.apiserver import ApiServer
from integration.tests.policy_process import Process
from integration.tests.policy_stage import (
    DENY_ALL,
    FRIENDS,
    PORT,
    Stage,
    policy_stage,
    until,
)
from vcnd.kube.policy.proposals import proposals
from vcnd.kube.policy.source import PolicySource
from vcnd.kubeapi.client import KubeClient
from vcnd.kubeapi.credentials import Credentials
from vcnd.linux.layout import Layout
from vcnd.linux.policy.host import PolicyHost
from vcnd.linux.policy.look import PolicyLook
from vcnd.policy.answers import Answers
from vcnd.serve.policy_verbs import PolicyVerbs
from vcnd.serve.server import Server

TABLE = "inet vcnd-policy"


@pytest.fixture
def stage(server: ApiServer) -> Iterator[Stage]:
    with policy_stage(server) as made:
        yield made


@pytest.fixture
async def process(stage: Stage, process: Process) -> Process:
    """Only a is a friend of web."""
    stage.pod("web", app="web")
    stage.pod("a", role="friend")
    stage.pod("b")
    stage.policy("deny-all", **DENY_ALL)
    stage.policy("friends", **FRIENDS)
    process.start()
    await until(process.has_put)
    return process


async def test_kernel_agrees_with_what_policies_say(process: Process) -> None:
    for source, verdict, code in (("a", "ALLOWED", 0), ("b", "DENIED", 4)):
        asked = ("explain", f"default/{source}", "web", str(PORT), "--exit-code")
        done, text = process.ctl(*asked)
        assert (done, text.split()[0]) == (code, verdict), text
        assert "the kernel agrees" in text


def not_asked(*_: object) -> Never:
    raise AssertionError("nobody asks this here")


@pytest.fixture
async def looking(
    stage: Stage, process: Process, tmp_path: Path
) -> AsyncIterator[Process]:
    """Stop the process; another one answers that does not mend what others change."""
    process.kill()
    source = PolicySource(
        KubeClient(
            Credentials(stage.server.write_kubeconfig(stage.server.admin_token))
        ),
        random=Random(1),
    )
    made = Process(tmp_path, tmp_path)
    made.socket = str(tmp_path / "looking.sock")
    with closing(PolicyHost(Layout())) as host, socket.socket(socket.AF_UNIX) as sock:
        sock.bind(made.socket)
        sock.listen()
        sock.settimeout(0.0)
        answers = Answers(source, host, PolicyLook(), proposals)
        verbs = PolicyVerbs(
            report=not_asked,
            admit=not_asked,
            show=answers.show,
            explain=answers.explain,
            dry_run=answers.dry_run,
            take_gate=host.take_gate,
            metrics=not_asked,
        )
        async with trio.open_nursery() as rooms:
            await rooms.start(source.run)
            server = Server(verbs, allowed_uids={0})
            rooms.start_soon(server.serve, sock, rooms)
            yield made
            rooms.cancel_scope.cancel()


async def explained(asking: Process, *words: str) -> tuple[int, str]:
    return await trio.to_thread.run_sync(asking.ctl, "explain", *words)


async def test_a_rule_by_hand_differs(looking: Process) -> None:
    while (await explained(looking, "a", "web", str(PORT)))[0] == 1:
        await trio.sleep(0.1)  # not all is known yet
    done, text = await explained(looking, "a", "web", str(PORT))
    assert done == 0, text
    netns.nft("node", f"insert rule {TABLE} always tcp dport {PORT} drop\n")
    done, text = await explained(looking, "a", "web", str(PORT))
    assert done == 3, text
    assert "THE KERNEL DIFFERS" in text
    assert "Policies allow ingress of pod default/web, and the kernel drops it" in text
    # A rule of another port changes nothing for this one.
    assert (await explained(looking, "a", "web", str(PORT + 1)))[0] == 0
    netns.nft("node", f"insert rule {TABLE} ingress_side ip ttl 63 accept\n")
    done, text = await explained(looking, "b", "web", "80/udp")
    assert done == 3, text
    assert "ip ttl" in text
    netns.nft("node", f"delete table {TABLE}\n")
    done, text = await explained(looking, "a", "web", str(PORT))
    assert done == 3, text
    assert "The chain ingress_side is not there." in text


async def test_a_rule_by_hand_is_taken_away_before_it_is_told(process: Process) -> None:
    netns.nft("node", f"insert rule {TABLE} always tcp dport {PORT} drop\n")
    assert process.ctl("explain", "a", "web", str(PORT))[0] == 0


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
    assert (out["isolated"], out["in_force"]["chain"]) == (False, "open_out")
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


async def test_an_unknown_pod_is_told_as_open_where_it_is(
    stage: Stage, process: Process
) -> None:
    process.end(signal.SIGTERM)
    process.start("standard")
    await until(process.has_put)
    stage.plug("stray", told=False)
    await until(lambda: process.ctl("explain", "stray", "a", "80")[0] == 0)
    assert "all its packets are accepted" in process.ctl("stray")[1]
    (found,) = process.ctl_json("explain", "b", "stray", "80")["connections"]
    assert (found["allowed"], found["kernel"]["agrees"]) == (True, True)
    assert [side["ground"] for side in found["sides"]] == ["nothing", "ajar"]


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


async def test_dry_run_tells_the_pod_behind_a_service(
    stage: Stage, process: Process, tmp_path: Path
) -> None:
    (web,) = stage.pods["web"].addresses
    netns.nft(
        "node",
        "table ip services { chain at_first { type nat hook prerouting priority -100;"
        f" ip daddr 10.96.0.1 udp dport 53 dnat to {web}:{PORT}; }}\n}}\n",
    )
    with netns.inside("a", lambda: socket.socket(type=socket.SOCK_DGRAM)) as client:
        client.sendto(b"?", ("10.96.0.1", 53))
    file = tmp_path / "policies.json"
    policy = {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "NetworkPolicy",
        "metadata": {"name": "quiet"},
        "spec": {"podSelector": {}, "policyTypes": ["Egress"]},
    }
    file.write_text(json.dumps(policy))
    answer = process.ctl_json("dry-run", str(file))
    assert answer["added"] == ["NetworkPolicy default/quiet"]
    # Connections of earlier tests may still be tracked.
    (group,) = [
        x for x in answer["groups"] if (x["port"], x["protocol"]) == (PORT, "UDP")
    ]
    assert (group["source"], group["destination"]) == ("default/a", "default/web")


async def test_status_says_that_all_is_known(process: Process) -> None:
    done, text = process.ctl("status")
    assert done == 0
    assert "in force for" in text
