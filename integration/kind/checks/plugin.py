"""``kubectl vcnd`` from outside: vcndctl of a node, and of a pod's node."""

import json

from integration.checking import require
from integration.kind.checks.stage import NAMESPACE, Stage


def kubectl_vcnd(stage: Stage) -> str:
    """Status of a named node, and explain of a pod on whichever node it is."""
    node = stage.workers[0]
    state = json.loads(stage.cluster.plugin("--node", node, "status", "--json"))
    direct = stage.status(node)
    require(
        {v["id"] for v in state["vnics"]} == {v.id for v in direct.vnics},
        f"kubectl vcnd shows other VNICs than vcndctl on {node}: {state['vnics']}",
    )
    text = stage.cluster.plugin("-n", NAMESPACE, "explain", "far", "--json")
    (pod,) = json.loads(text)["pods"]
    found = pod["node"]
    require(
        found["pod"] == f"{NAMESPACE}/far" and found["addresses"] == [stage.ip("far")],
        f"kubectl vcnd explains {found['pod']} with {found['addresses']}",
    )
    verdicts = {step["stage"]: step["verdict"] for step in found["steps"]}
    require(verdicts["lease"] == verdicts["link"] == "ok", f"the way is {verdicts}")
    return f"status of {node}, and far's way from outside: {', '.join(verdicts)}"
