"""The rule that lets packets prove that they may enter the express lane.  Pure.

Packets that are forwarded get a mark (``Layout.proof_mark``) if connection tracking
knows their connection as established and translates neither address.  What bears the
mark when it leaves, at a link's egress, has also passed every hook behind this rule.
So the BPF programs there know of each single packet that all rules let it pass, that
both directions were seen, and that it has the addresses with which it arrived.
"""

from vcnd.linux.layout import Layout
from vcnd.linux.nft_text import chain

CHANGED = 0x2070
"""Bits of ``ct status``: source or destination translated (0x30), sequence numbers
adjusted (0x40), a helper reads the payload (0x2000)."""


def proof_rule(layout: Layout) -> str:
    """Return the rule, for a chain at the forward hook: routing is over there."""
    return (
        f"ct state established ct status & {CHANGED:#x} == 0"
        f" meta mark set meta mark | {layout.proof_mark:#x}"
    )


def proof_chain(layout: Layout) -> list[str]:
    """Return the lines of that chain; nothing else is at the hook."""
    hook = "type filter hook forward priority filter;"
    return chain("forward", hook, proof_rule(layout))
