"""The chain that lets packets prove that they may enter the express lane.  Pure.

The last hook before a packet leaves gives it a mark (``Layout.proof_mark``) if
connection tracking knows its connection as established and neither address is
translated.  So the BPF programs at the links' egress know of each single packet that
every hook let it pass, that both directions were seen, and that its addresses are
those that it arrived with.
"""

from vcnd.linux.layout import Layout

PRIORITY = 300
"""After all others at this hook: netfilter's own confirmation is the last, at the
highest number that there is."""
CHANGED = 0x2070
"""Bits of ``ct status``: source or destination translated (0x30), sequence numbers
adjusted (0x40), a helper reads the payload (0x2000)."""


def proof_chain(layout: Layout) -> list[str]:
    """Return the chain's lines."""
    return [
        "  chain express {",
        f"    type filter hook postrouting priority {PRIORITY};",
        f"    ct state established ct status & {CHANGED:#x} == 0"
        f" meta mark set meta mark | {layout.proof_mark:#x}",
        "  }",
    ]
