"""Check of a cloud that answers with garbage: no daemon ends, no pod notices."""

import trio

from integration.checking import require
from integration.demo.stage import Stage, connect, sees

GARBAGE = (
    ("IMDS /instance/", "page"),
    ("IMDS /instance/", "invalid-utf-8"),
    ("IMDS /vnics/", "null-fields"),
    ("IMDS /identity/cert.pem", "words"),
    ("Federate", "token-without-end"),
    ("ListVnicAttachments", "empty"),
    ("ListVnicAttachments", "nested-deep-inside"),
    ("GetVnic", "gzip-bomb"),
    ("ListPrivateIps", "block-of-half-the-internet"),
    ("ListPrivateIps", "banana"),
)
"""Bad answers that a starting daemon gets one after another."""
LEAST_TOLD = 6
"""At least this many of them are in the logs; a refusal is logged again."""
PATIENCE_SECONDS = 60.0


async def bad_answer_survived(stage: Stage) -> str:
    """Start a daemon before a cloud that answers with garbage, ten times over."""
    node, pod, other = stage.nodes[0], stage.pod(0), stage.pod(1)
    conversation = await connect(pod, other.address)
    for operation, how in GARBAGE:
        await stage.lab.cloud.fault(operation=operation, kind="garbled", how=how)
    await node.kill()
    before = {n.name: len(n.log_events()) for n in stage.nodes}
    await stage.start_daemon(node)
    pids = [n.pid for n in stage.nodes]
    told = list[str]()
    with trio.move_on_after(PATIENCE_SECONDS):
        while len(told) < LEAST_TOLD or not (await node.status()).cloud_observed:
            await trio.sleep(0.3)
            told = [
                reason
                for n in stage.nodes  # audits of the other nodes may meet some
                for event in n.log_events()[before[n.name] :]
                if "makes no sense" in (reason := event.get("reason", ""))
            ]
    await stage.lab.cloud.clear_faults()
    require(len(told) >= LEAST_TOLD, f"bad answers in the logs: {told}")
    require((await node.status()).cloud_observed, "the cloud was not observed")
    for n in stage.nodes:
        await n.status()  # a daemon that has ended does not answer
    require(pids == [n.pid for n in stage.nodes], "a daemon was started anew")
    afterwards = await conversation.ask()
    conversation.close()
    require(afterwards == pod.address, f"the running pod: {afterwards!r}")
    fresh = await stage.start_pod(node)
    await stage.lab.cloud.settled()
    seen = await sees(fresh.netns, other.address)
    require(seen == fresh.address, f"the new pod is seen as {seen!r}")
    await stage.stop_pod(fresh)
    return f"{len(told)} answers made no sense; no daemon ended, pods serve, ADD works"
