"""Tables of the figures."""

from io import StringIO
from typing import Any

import msgspec
from rich.console import Console
from rich.table import Table

from integration.bench.aims import Judged
from integration.bench.text import show_aims

WAYS = ("ours_blocks", "ours_singles", "block_mode", "classic")


def text(figures: dict[str, Any]) -> str:
    """Return the figures for a terminal."""
    out = StringIO()
    console = Console(file=out, width=100)
    columns = "way", "calls", "metadata reads", "seconds", "first address", "429s"
    table = Table("cold node to", *columns)
    for addresses, row in figures["cold"].items():
        for way in WAYS:
            if way in row:
                cell = row[way]
                table.add_row(
                    addresses,
                    way.replace("_", " "),
                    str(cell["calls"]),
                    str(cell["metadata_reads"]),
                    str(cell["seconds"]),
                    str(cell["first_address_seconds"]),
                    str(cell["refused_429"]),
                )
    console.print(table)
    show_aims(console, msgspec.convert(figures["aims"], list[Judged]))
    for name in ("late_metadata", "burst", "churn", "herd"):
        if name in figures:
            row = "  ".join(f"{k} {v}" for k, v in figures[name].items())
            console.print(f"{name}: {row}", soft_wrap=True)
    console.print(f"throttle: {figures['throttle']}", soft_wrap=True)
    console.print(f"timing: {figures['timing']}", soft_wrap=True)
    return out.getvalue()
