"""vcnd on the two nodes between which packets go: there in some turns, away in others.

A node's rules cost every packet something, whosever it is: with vcnd's table there,
Flannel's requests took a tenth longer.  So others' turns go without it.  Flannel's
rules stay: they made no difference to ours.
"""

from integration.kind.checks.stage import Stage

OUT = "systemctl stop vcnd && { nft delete table inet vcnd 2>/dev/null || true; }"
"""The daemon first: it would restore its table."""


def put_in(stage: Stage, *, lane: bool) -> None:
    """Run vcnd, with the express lane on where it can be on."""
    nodes = stage.workers[:2]
    for node in nodes:
        stage.on_node(node, "systemctl", "start", "vcnd")

    def serve() -> bool:
        tables = (stage.on_node(node, "nft", "list", "tables") for node in nodes)
        return all("table inet vcnd\n" in text for text in tables)

    stage.wait("vcnd's table is there", serve)
    if lane:
        switch(stage, "on")
        stage.wait("the pods are in the express lane", lambda: _in_lane(stage))


def take_out(stage: Stage) -> None:
    """Stop vcnd and remove its table; its pods have no network meanwhile."""
    for node in stage.workers[:2]:
        stage.on_node(node, "/bin/sh", "-c", OUT)


def switch(stage: Stage, word: str) -> None:
    """Switch the express lane ``on`` or ``off``."""
    for node in stage.workers[:2]:
        stage.vcndctl(node, "express", word)


def why_no_lane(stage: Stage) -> str:
    """Return why the express lane is off on a node; empty if it is on on both."""
    states = [stage.status(node).express for node in stage.workers[:2]]
    return ", ".join(sorted({state.reason for state in states if not state.on}))


def _in_lane(stage: Stage) -> bool:
    return all(stage.status(node).express.pods for node in stage.workers[:2])
