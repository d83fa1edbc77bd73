"""A pod's first packets: none that is denied arrives, none that is allowed is lost."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

from integration.checking import require
from integration.kind.checks.policies import applied, expect, pods, policy
from integration.kind.checks.stage import (
    NAMESPACE,
    SERVICE_PORT,
    Stage,
    container,
    pod,
    server,
)

STARTS, AT_ONCE = 60, 20
SYNS = 100
CONNECT_SECONDS = 5
"""TCP sends a lost SYN again after one second, and counts that."""
WATCHED_SECONDS = 3
START_SECONDS = 180.0
IP_LINE = re.compile(r"^Ip: \d.*", re.MULTILINE)
RECEIVED = 3
"""The field of all packets, which the kernel counts before it looks into them."""
RETRANSMITTED = 12
"""The field of TCP's segments that were sent again."""
COUNTERS = "cat /proc/net/snmp"
LOG_SECONDS = 20.0
RUSH = f"""
for n in $(seq 50); do
    echo first > /dev/udp/$TARGET/{SERVICE_PORT}
    (exec 3<>/dev/tcp/$TARGET/{SERVICE_PORT}) 2>/dev/null &
    sleep 0.02
done
echo done
"""
"""Datagrams and SYNs, from the container's first instruction."""
SPRAY = f"""
while :; do
    for a in $TARGETS; do echo x > /dev/udp/$a/{SERVICE_PORT}; done 2>/dev/null
    sleep 0.1
done
"""
"""Datagrams to all addresses that new pods may get."""
CONNECT = f"""
timeout {CONNECT_SECONDS} bash -c 'exec 3<>/dev/tcp/$0/{SERVICE_PORT}' $TARGET \
    && echo accepted || echo lost
{COUNTERS} | sed -n 's/^Tcp: \\([0-9-]\\)/retransmitted: \\1/p'
"""


def _script(text: str, **environment: str) -> dict[str, Any]:
    """Return a container that runs a script of bash."""
    variables = [{"name": k, "value": v} for k, v in environment.items()]
    return container("run", command=["/bin/bash", "-c", text], args=[], env=variables)


def received(snmp: str) -> int:
    """Return how many IPv4 packets a network namespace has received."""
    found = IP_LINE.search(snmp)
    require(found, f"no counters: {snmp[:200]}")
    return int(found[0].split()[RECEIVED]) if found else 0


@contextmanager
def _ended(
    stage: Stage, count: int, prefix: str, make: dict[str, Any]
) -> Iterator[dict[str, str]]:
    """Run pods to their end, some at once; yield what each printed."""
    logs: dict[str, str] = {}
    try:
        for first in range(0, count, AT_ONCE):
            names = [f"{prefix}-{n}" for n in range(first, min(count, first + AT_ONCE))]
            metadata = {"labels": make["metadata"]["labels"]}
            stage.apply(*({**make, "metadata": {"name": n, **metadata}} for n in names))
            chosen = f"run={prefix}"

            def over(names: list[str] = names, chosen: str = chosen) -> bool:
                phases = {
                    p["metadata"]["name"]: p["status"]["phase"]
                    for p in stage.pods(chosen)
                }
                return all(phases.get(n) in ("Succeeded", "Failed") for n in names)

            stage.wait(f"{prefix}: pods ran to their end", over, START_SECONDS)
            logs |= {name: _log(stage, name) for name in names}
            stage.delete("pod", *names)
        yield logs
    finally:
        stage.delete("pod", "-l", f"run={prefix}")


def _log(stage: Stage, name: str) -> str:
    """Return what a pod printed: kubelet may not find it at once."""
    read = partial(stage.kubectl, "-n", NAMESPACE, "logs", name)
    text: str = stage.wait(f"the log of {name}", read, LOG_SECONDS)
    return text


def _runner(
    stage: Stage, prefix: str, script: dict[str, Any], **labels: str
) -> dict[str, Any]:
    return pod(
        prefix,
        stage.workers[0],
        script,
        labels={"run": prefix, **labels},
        restartPolicy="Never",
    )


def policy_first_packet(stage: Stage) -> str:
    """Of and to pods that a policy isolates no packet arrives, from the very first."""
    sink = pod("sink", stage.workers[1], labels={"app": "sink"})
    stage.apply(sink)
    stage.wait_ready("sink")
    try:
        sent = _nothing_leaves(stage)
        spared = _nothing_enters(stage)
    finally:
        stage.delete("pod", "sink", "sprayer")
    return f"{sent}; {spared}"


def _nothing_leaves(stage: Stage) -> str:
    target = stage.ip("sink")

    def arrived() -> int:
        return received(stage.exec("sink", "sh", "-c", COUNTERS))

    rush = _runner(stage, "rush", _script(RUSH, TARGET=target), rush="yes")
    with applied(stage, policy("rush", {"rush": "yes"}, egress=[])):
        before = arrived()
        with _ended(stage, STARTS, "rush", rush):
            leaked = arrived() - before
    require(not leaked, f"{leaked} packets of {STARTS} pods that may send none arrived")
    with _ended(stage, 1, "rush", rush):
        counted = arrived() - before
    require(counted, "without the policy no packet arrived either: nothing is shown")
    return (
        f"{STARTS} starts under an egress deny: 0 packets arrived ({counted} without)"
    )


def _nothing_enters(stage: Stage) -> str:
    node = stage.workers[0]
    targets = " ".join(sorted(stage.private_ips(node)))
    spray = _script(SPRAY, TARGETS=targets)
    stage.apply(pod("sprayer", stage.workers[1], spray))
    stage.wait_ready("sprayer")
    listen = _script(f"sleep {WATCHED_SECONDS}; ip -4 -o addr; {COUNTERS}")
    quiet = _runner(stage, "quiet", listen, quiet="yes")
    with (
        applied(stage, policy("quiet", {"quiet": "yes"}, ingress=[])),
        _ended(stage, AT_ONCE, "quiet", quiet) as logs,
    ):
        heard = {name: received(text) for name, text in logs.items()}
        aimed = sum(_is_target(text, targets.split()) for text in logs.values())
    require(aimed > AT_ONCE / 2, f"only {aimed} pods got an address that is sprayed")
    wrong = {k: v for k, v in heard.items() if v}
    require(not wrong, f"packets received through an ingress deny: {wrong}")
    with _ended(stage, 1, "quiet", quiet) as logs:
        counted = received(next(iter(logs.values())))
    require(counted, "without the policy no packet arrived either: nothing is shown")
    return f"{aimed} under an ingress deny received 0 packets ({counted} without)"


def _is_target(text: str, targets: list[str]) -> bool:
    return any(f" {a}/" in text for a in targets)


def policy_first_syn(stage: Stage) -> str:
    """A policy on another node that allows a new pod accepts its first SYN."""
    stage.apply(server("strict", stage.workers[1]))
    stage.wait_ready("strict")
    target = stage.ip("strict")
    allowed = [{"from": [pods(first="yes")]}]
    client = _runner(stage, "first", _script(CONNECT, TARGET=target), first="yes")
    with applied(stage, policy("strict", {"app": "strict"}, ingress=allowed)):
        expect(
            *(stage, "others"),
            passes=False,
            pod="near",
            target=target,
            port=SERVICE_PORT,
        )
        with _ended(stage, SYNS, "first", client) as logs:
            refused = [name for name, text in logs.items() if "accepted" not in text]
            again = [name for name, text in logs.items() if _retransmitted(text)]
    stage.delete("pod", "strict")
    lost = sorted({*refused, *again})
    require(
        not lost,
        f"{len(lost)} of {SYNS} pods lost their first SYN, {len(refused)} never"
        f" connected: {', '.join(lost[:3])}",
    )
    return f"{SYNS} of {SYNS} first SYNs were accepted; none was sent again"


def _retransmitted(text: str) -> int:
    """Return how many segments a pod sent again, by what it printed."""
    _, found, fields = text.partition("retransmitted: ")
    require(found, f"a pod printed no counters: {text[:200]!r}")
    return int(fields.split()[RETRANSMITTED - 1])
