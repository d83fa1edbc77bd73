"""The nft table that stands guard over that of network policies, as text.  Pure.

Another program may delete our table, or all tables.  Until the table is restored, the
guard drops what no chain of it has accepted: each chain that accepts gives a number to
the connection (``policy_table``).  So live connections go on, and new ones are closed.

While the table is in force the guard drops nothing that the table accepts: what has no
entry in connection tracking carries no mark, and passes both checks.
"""

from collections.abc import Iterator, Sequence

from vcnd.linux.layout import POLICY_TABLES
from vcnd.linux.nft_text import chain, quoted
from vcnd.linux.policy.marks import Marks
from vcnd.linux.policy.table import INGRESS_PRIORITY, RELATED
from vcnd.model.policy import Direction

TABLE = POLICY_TABLES[1]
PRIORITY = INGRESS_PRIORITY + 1
ENDS = {Direction.EGRESS: "iifname", Direction.INGRESS: "oifname"}
"""The end of a packet's way where a pod's link is."""


def render(*, marks: Marks, link_prefix: str, strangers: Sequence[str] = ()) -> str:
    """Return the table.

    Args:
        marks: where connections carry the numbers.
        link_prefix: pods' links begin so.
        strangers: others' links whose names look like pods'.
    """
    lines = [
        f"table inet {TABLE} {{",
        *_unaccepted(strangers),
        *chain(
            "guard",
            f"type filter hook forward priority {PRIORITY};",
            "ct direction reply accept",
            *(
                f'{end} "{link_prefix}*" ct mark & {marks.mask(direction):#010x} == 0'
                f" jump {_name(direction)}"
                for direction, end in ENDS.items()
            ),
        ),
        "}",
    ]
    return "\n".join(lines) + "\n"


def _unaccepted(strangers: Sequence[str]) -> Iterator[str]:
    for direction, end in ENDS.items():
        yield from chain(
            _name(direction),
            *(f"{end} {stranger} return" for stranger in quoted(strangers)),
            *RELATED,
            "counter drop",
        )


def _name(direction: Direction) -> str:
    return f"unaccepted_{direction.lower()}"
