"""Policies and what lives already: connections, and the process that enforces."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial

from integration.checking import require
from integration.kind import install
from integration.kind.checks.basics import scaled
from integration.kind.checks.demand import no_failed_sandboxes
from integration.kind.checks.policies import applied, connects, pods, policy
from integration.kind.checks.stage import (
    NAMESPACE,
    SERVICE_PORT,
    Stage,
    container,
    pod,
)

UNIT = "vcnd-policy.service"
CUT_SECONDS = 2.0
QUIET_SECONDS = 3
PORTS = {"cut": 9001, "kept": 9002}
"""The ports of the sink, by what is to become of the flow to each."""
SINK = "".join(f"nc -lk {port} > /tmp/{name} & " for name, port in PORTS.items())
SEND = """
exec 3<>/dev/tcp/$TARGET/$PORT || exit 1
while echo . >&3; do sleep 0.02; done
"""
"""Fifty packets a second on one connection, until it breaks."""
EXPRESS_SHARE = 50
"""Packets in the lane, at least, while both flows send two hundred."""


@contextmanager
def _flows(stage: Stage) -> Iterator[None]:
    """Let two pods send to one on another node, each on a connection of its own."""
    shell = ["/bin/bash", "-c"]
    sink = container("sink", command=[*shell, f"{SINK} wait"], args=[])
    stage.apply(pod("sink", stage.workers[1], sink, labels={"app": "sink"}))
    stage.wait_ready("sink")
    target = stage.ip("sink")
    try:
        for name, port in PORTS.items():
            given = {"TARGET": target, "PORT": str(port)}
            environment = [{"name": k, "value": v} for k, v in given.items()]
            send = container("send", command=[*shell, SEND], args=[], env=environment)
            labels = {"flow": name}
            stage.apply(
                pod(name, stage.workers[0], send, labels=labels, restartPolicy="Never")
            )
        stage.wait_ready(*PORTS)
        for name in PORTS:
            stage.wait(f"{name} flows", partial(_arrived, stage, name), 20)
        yield
    finally:
        stage.delete("pod", "sink", *PORTS)


def _arrived(stage: Stage, flow: str) -> int:
    """Return how many bytes of a flow have arrived."""
    return int(stage.exec("sink", "wc", "-c", f"/tmp/{flow}").split()[0])  # noqa: S108


def _allow(flow: str) -> dict[str, object]:
    """Return the policy that allows one flow."""
    rule = {"from": [pods(flow=flow)], "ports": [{"port": PORTS[flow]}]}
    return policy(f"allow-{flow}", {"app": "sink"}, ingress=[rule])


def _goes_on(stage: Stage, flow: str, why: str) -> None:
    """Raise unless a flow's bytes arrive, on the connection that it began with."""
    before = _arrived(stage, flow)
    stage.wait(f"{flow} goes on {why}", lambda: _arrived(stage, flow) > before, 2)
    phase = stage.get("pod", flow)["status"]["phase"]
    require(phase == "Running", f"{why} the connection of {flow} broke")


def policy_change_cuts_flow(stage: Stage) -> str:
    """A withdrawn policy cuts its connection, in the lane too, and no other one."""
    node = stage.workers[0]
    with _flows(stage), applied(stage, *map(_allow, PORTS)):
        # Both were there before any policy: they are judged again, and go on.
        time.sleep(1)
        before = stage.status(node).express.express_packets
        time.sleep(2)
        for flow in PORTS:
            _goes_on(stage, flow, "under the policy that allows it")
        carried = stage.status(node).express.express_packets - before
        if install.express() and stage.status(node).express.on:
            require(carried > EXPRESS_SHARE, f"{carried} packets in the lane")
        stage.delete("networkpolicy", "allow-cut")
        time.sleep(CUT_SECONDS)
        last = _arrived(stage, "cut")
        for _ in range(QUIET_SECONDS):
            _goes_on(stage, "kept", "while the other is cut")
            time.sleep(1)
        more = _arrived(stage, "cut") - last
        require(not more, f"{more} bytes arrived {CUT_SECONDS} s after the withdrawal")
    return f"{carried} packets were in the lane; then one stopped, the other went on"


def policy_process_killed(stage: Stage) -> str:
    """While the process is dead its rules hold, no flow is cut, and pods start."""
    node, began = stage.workers[0], time.time()
    other = stage.workers[1]
    far = stage.ip("far")
    deny = policy("deny-far", {"app": "far"}, ingress=[])

    def shut() -> bool:
        return not connects(stage, "near", far, SERVICE_PORT)

    with applied(stage, deny), _flows(stage), applied(stage, _allow("kept")):
        stage.wait("the policy is in force", shut, 10)
        kills = 0
        for round_ in range(3):
            for each in (node, other):
                stage.on_node(each, "systemctl", "kill", "-s", "KILL", UNIT)
                kills += 1
            require(shut(), "killed: what a policy denies passes")
            _goes_on(stage, "kept", "while the process is dead")
            scaled(stage, "killed", 4 * (round_ + 1), node=node)
        no_failed_sandboxes(stage, began)
        for each in (node, other):
            stage.wait(f"{UNIT} is back on {each}", partial(_active, stage, each), 30)
        require(shut(), "back again: what a policy denies passes")
    stage.wait("its change is brought in force", lambda: not shut(), 30)
    stage.delete("deploy", "killed")
    # Old pods go before the next check counts addresses.
    stage.kubectl("-n", NAMESPACE, "wait", "--for=delete", "pod", "-l", "app=killed")
    return f"{kills} kills on two nodes: rules held, a flow and 12 starts went on"


def _active(stage: Stage, node: str) -> bool:
    state = stage.on_node(node, "systemctl", "show", "-p", "ActiveState", UNIT)
    return state.strip() == "ActiveState=active"
